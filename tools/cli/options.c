/* getopt_long(3) reads command lines; its tables are made of ours. */
#include "tools/cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"

#define LIST_MAX 1024
#define HELP_COLUMNS 80
#define NAMES_COLUMNS 26 /* longer names have a line of their own */

/* Values of struct option's val: letters are themselves. */
#define FIRST_OWN 1000
#define FIRST_GLOBAL 2000

void option_list_fini(struct option_list *l)
{
	free(l->v);
	l->v = NULL;
	l->n = 0;
}

static size_t count(const struct option_spec *t)
{
	size_t n = 0;

	while (t && t[n].kind != OPTION_END)
		n++;
	return n;
}

const struct option_spec *options_find_letter(const struct option_spec *t, char letter)
{
	for (; t && t->kind != OPTION_END; t++)
		if (letter && t->letter == letter)
			return t;
	return NULL;
}

const struct option_spec *options_find(const struct option_spec *t, const char *name, size_t len)
{
	for (; t && t->kind != OPTION_END; t++)
		if (t->name && strlen(t->name) == len && memcmp(t->name, name, len) == 0)
			return t;
	return NULL;
}

/* --- values --- */

static const char *dashed(const struct option_spec *o, char out[static 64])
{
	if (o->name)
		snprintf(out, 64, "--%s", o->name);
	else
		snprintf(out, 64, "-%c", o->letter);
	return out;
}

static int add_to_list(const struct option_spec *o, struct option_list *l, const char *value,
		       struct err *err)
{
	char name[64];
	const char **v;

	if (l->n == LIST_MAX)
		return err_set(err, EINVAL, "at most %d %s", LIST_MAX, dashed(o, name));
	v = realloc(l->v, (l->n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(err);
	l->v = v;
	v[l->n++] = value;
	return 0;
}

/* A switch's value; --NAME is --NAME=true. 1, 0, -EINVAL. */
static int read_switch(const struct option_spec *o, const char *value, struct err *err)
{
	char name[64];
	int on = value ? text_bool(value) : 1;

	return on < 0 ? err_set(err, EINVAL, "invalid argument \"%s\" for \"%s\"", value,
				dashed(o, name))
		      : on;
}

/* One option; as option_spec's take. */
static int set(const struct option_spec *o, void *to, char *value, struct err *err)
{
	void *member = (char *)to + o->offset;
	int on = o->arg ? 1 : read_switch(o, value, err);
	char name[64];

	if (on < 0)
		return on;
	switch (o->kind) {
	case OPTION_REFUSED:
		return on ? err_set(err, ENOTSUP, "unsupported %s: %s", dashed(o, name), o->why)
			  : 0;
	case OPTION_BOOL:
		*(bool *)member = on;
		return 0;
	case OPTION_TEXT:
		*(const char **)member = value;
		return 0;
	case OPTION_LIST:
		return add_to_list(o, member, value, err);
	case OPTION_TAKEN:
		return o->take(member, value, err);
	default:
		return 0;
	}
}

/* --- getopt_long(3) --- */

/* What getopt_long() is given, made of both tables. */
struct getopt_tables {
	struct buf shorts;
	struct option *longs;
};

static void getopt_tables_fini(struct getopt_tables *g)
{
	buf_fini(&g->shorts);
	free(g->longs);
}

static int add_letter(struct buf *shorts, const struct option_spec *o)
{
	const char *colons = !o->arg ? "" : o->arg[0] == '[' ? "::" : ":";

	/* The verb's come first and win. */
	if (!o->letter || (shorts->data && strchr(shorts->data, o->letter)))
		return 0;
	return buf_printf(shorts, "%c%s", o->letter, colons);
}

/* Switches have an optional argument: --all=false. */
static void add_name(struct option **next, const struct option_spec *o, int val)
{
	bool needed = o->arg && o->arg[0] != '[';

	if (o->name)
		*(*next)++ =
			(struct option){ o->name, needed ? required_argument : optional_argument,
					 NULL, val };
}

static int make_tables(const struct options *o, struct getopt_tables *g)
{
	size_t n = count(o->own), m = count(o->global), i;
	struct option *next;
	int r;

	/* ':' so that a missing argument is told apart. */
	r = buf_puts(&g->shorts, o->in_order ? "+:" : ":");
	g->longs = next = calloc(n + m + 1, sizeof(*next));
	if (!next)
		return -ENOMEM;
	for (i = 0; r == 0 && i < n; i++) {
		r = add_letter(&g->shorts, &o->own[i]);
		add_name(&next, &o->own[i], FIRST_OWN + (int)i);
	}
	for (i = 0; r == 0 && i < m; i++) {
		r = add_letter(&g->shorts, &o->global[i]);
		if (!o->global[i].name ||
		    !options_find(o->own, o->global[i].name, strlen(o->global[i].name)))
			add_name(&next, &o->global[i], FIRST_GLOBAL + (int)i);
	}
	return r;
}

/* "-f=VALUE" is "-f VALUE", as docker takes it: in one word, behind a letter. */
static char *short_value(int opt, char *arg, const char *word)
{
	bool same =
		arg && word[0] == '-' && word[1] != '-' && arg > word && arg <= word + strlen(word);

	return same && opt < FIRST_OWN && arg[0] == '=' && arg[1] ? arg + 1 : arg;
}

/* What getopt_long() did not take: a letter of a cluster, or a whole word. */
static int wrong_option(int opt, const char *word, struct err *err)
{
	const char *why = opt == ':' ? "needs an argument" : "is not known";

	if (optopt > ' ' && optopt < 0x7f)
		return err_set(err, EINVAL, "option -%c %s", optopt, why);
	return err_set(err, EINVAL, "option %s %s", word, why);
}

/* The option that getopt_long() found, in the verb's table and in the global one. */
static int take(const struct options *o, int opt, char *value, struct err *err)
{
	const struct option_spec *own = NULL, *global;
	int r = 0;

	if (opt >= FIRST_GLOBAL) {
		global = &o->global[opt - FIRST_GLOBAL];
	} else if (opt >= FIRST_OWN) {
		own = &o->own[opt - FIRST_OWN];
		global = options_find(o->global, own->name, strlen(own->name));
	} else {
		own = options_find_letter(o->own, (char)opt);
		global = options_find_letter(o->global, (char)opt);
	}
	if (own)
		r = set(own, o->own_to, value, err);
	if (r == 0 && global && (!own || own->arg == global->arg))
		r = set(global, o->global_to, value, err);
	return r;
}

int options_read(const struct options *o, int *argc, char ***argv, struct err *err)
{
	struct getopt_tables g __attribute__((cleanup(getopt_tables_fini))) = { BUF_INIT, NULL };
	int opt, r = make_tables(o, &g) < 0 ? err_nomem(err) : 0;

	/* 0, not 1: getopt_long() begins anew, as glibc has it. */
	optind = 0;
	opterr = 0;
	while (r == 0 && (opt = getopt_long(*argc, *argv, g.shorts.data, g.longs, NULL)) != -1) {
		const char *word = (*argv)[optind - 1];

		if (opt == ':' || opt == '?')
			r = wrong_option(opt, word, err);
		else
			r = take(o, opt, short_value(opt, optarg, word), err);
	}
	*argc -= optind;
	*argv += optind;
	return r;
}

/* --- --help --- */

/* Words of text, in lines of HELP_COLUMNS that begin at a column; the cursor is there already. */
static void print_wrapped(const char *text, int column)
{
	int at = column, n;

	while (*text) {
		n = (int)strcspn(text + strspn(text, " "), " \n") + (int)strspn(text, " ");
		if (at > column && at + n > HELP_COLUMNS) {
			text += strspn(text, " ");
			printf("\n%*s", at = column, "");
			continue;
		}
		at += printf("%.*s", n, text);
		text += n;
		if (*text == '\n') {
			printf("\n%*s", at = column, "");
			text++;
		}
	}
	putchar('\n');
}

/* "-o, --output FILE" */
static void names(const struct option_spec *o, char out[static 80])
{
	char letter[4] = "  ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c", o->letter);
	snprintf(out, 80, "%s%s%s%s%s%s", letter, o->name ? (o->letter ? ", " : "  ") : "",
		 o->name ? "--" : "", o->name ? o->name : "", o->arg && o->arg[0] != '[' ? " " : "",
		 o->arg ? o->arg : "");
}

bool options_print(const struct option_spec *table)
{
	const struct option_spec *o;
	size_t width = 0;
	char text[80];
	bool any = false;

	for (o = table; o && o->kind != OPTION_END; o++) {
		names(o, text);
		if (o->help && strlen(text) <= NAMES_COLUMNS && strlen(text) > width)
			width = strlen(text);
	}
	for (o = table; o && o->kind != OPTION_END; o++) {
		if (!o->help)
			continue;
		names(o, text);
		if (strlen(text) > width)
			printf("  %s\n%*s", text, (int)width + 5, "");
		else
			printf("  %-*s   ", (int)width, text);
		print_wrapped(o->help, (int)width + 5);
		any = true;
	}
	return any;
}
