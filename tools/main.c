/*
 * imagefs VERB: the table of verbs, and what they have in common.
 */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "store/disk/store.h"
#include "tools/verb.h"

/* Every verb, in the order of `imagefs --help`. */
/* One a line: two who add a verb do not meet. */
/* clang-format off */
static const struct verb *const verbs[] = {
	&cmd_load,
	&cmd_save,
	&cmd_import,
	&cmd_export,
	&cmd_mount,
	&cmd_umount,
	&cmd_pull,
	&cmd_push,
	&cmd_images,
	&cmd_inspect,
	&cmd_history,
	&cmd_tag,
	&cmd_login,
	&cmd_logout,
	&cmd_search,
	&cmd_create,
	&cmd_run,
	&cmd_ps,
	&cmd_rmi,
	&cmd_prune,
	&cmd_rm,
	&cmd_rename,
	&cmd_diff,
	&cmd_commit,
	&cmd_completion,
	&cmd_df,
	&cmd_verify,
	NULL,
};
/* clang-format on */

const struct verb *const *const verb_table = verbs;

const char verb_global_help[] =
	"  --store DIR   the store (else $IMAGEFS_STORE, else /var/lib/imagefs for root,\n"
	"                else ${XDG_DATA_HOME:-~/.local/share}/imagefs)\n"
	"  -q, --quiet   no progress, no remarks\n"
	"  --debug       report what is decided and why\n"
	"  --help        this, or a verb's own help\n"
	"  --version     print the version\n";

static struct globals globals;

static void print_help(void)
{
	size_t i;

	printf("Usage: imagefs [OPTIONS] VERB [ARG...]\n\n"
	       "Container images as directories: load an image, mount it, browse it,\n"
	       "change it in a container, commit, save.\n\n"
	       "Verbs:\n");
	for (i = 0; verbs[i]; i++)
		printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\nOptions, before or after the verb:\n%s\n"
	       "Example:\n"
	       "  imagefs load -i debian.tar && imagefs mount /mnt && ls /mnt/images\n",
	       verb_global_help);
}

static void print_verb_help(const struct verb *v)
{
	printf("Usage: imagefs %s %s\n\n%s.\n%s%s", v->name, v->usage, v->summary,
	       v->help[0] ? "\n" : "", v->help);
}

enum { OPT_STORE = 1000, OPT_DEBUG, OPT_HELP, OPT_VERSION, OPT_NOTHING };

/* An option that nobody types stands where a switch is off. */
#define NOTHING " "

static const struct option global_options[] = {
	{ "store", required_argument, NULL, OPT_STORE },
	{ "quiet", no_argument, NULL, 'q' },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NOTHING, no_argument, NULL, OPT_NOTHING },
	{ NULL, 0, NULL, 0 },
};

/* True where opt was a global option; only_main: --version means something before the verb only. */
static bool take_global(int opt)
{
	switch (opt) {
	case OPT_STORE:
		globals.store_path = optarg;
		return true;
	case OPT_DEBUG:
		globals.debug = true;
		log_init("imagefs", LOG_LEVEL_DEBUG, false);
		return true;
	case OPT_NOTHING:
		return true;
	case OPT_VERSION:
		puts("imagefs " PACKAGE_VERSION);
		exit(0);
	default:
		return false;
	}
}

/* The verb's own long options and the global ones in one table; the verb's come first and win. */
static const struct option *all_options(const struct option *longs)
{
	static struct option all[160];
	size_t n = 0, i;

	for (; longs && longs->name && n + ARRAY_SIZE(global_options) < ARRAY_SIZE(all); longs++)
		all[n++] = *longs;
	for (i = 0; i < ARRAY_SIZE(global_options); i++)
		all[n++] = global_options[i];
	return all;
}

/* What getopt_long() did not take: a letter of a cluster, or a whole word. */
static int wrong_option(const struct verb *v, int opt, char **argv)
{
	const char *why = opt == ':' ? "needs an argument" : "is not known or takes no argument";

	if (optopt > ' ' && optopt < 0x7f)
		return verb_usage(v, "option -%c %s", optopt, why);
	return verb_usage(v, "option %s %s", argv[optind - 1], why);
}

/* The switch that a word like --NAME=VALUE or --NAME is, where *value is set to what is behind the =; else NULL. */
static const struct option *switch_of(char *word, const struct option *longs, char **value)
{
	size_t len = strncmp(word, "--", 2) == 0 ? strcspn(word + 2, "=") : 0;

	*value = len && word[2 + len] ? word + 2 + len + 1 : NULL;
	for (; len && longs->name; longs++)
		if (longs->has_arg == no_argument && strlen(longs->name) == len &&
		    strncmp(longs->name, word + 2, len) == 0)
			return longs;
	return NULL;
}

/*
 * "--all=true" is "--all", as docker takes it, and "--all=false" is nothing. One that takes back what an
 * earlier word said is refused: it may be in the hands of the verb already.
 */
static void take_switch(const struct verb *v, char **argv, size_t at, const struct option *longs)
{
	static char nothing[] = "--" NOTHING;
	char *value;
	const struct option *o = switch_of(argv[at], longs, &value);
	int on = o && value ? text_bool(value) : -1;
	size_t i;

	if (on < 0)
		return;
	value[-1] = '\0';
	if (on)
		return;
	for (i = 1; i < at; i++)
		if (strcmp(argv[i], argv[at]) == 0)
			exit(verb_usage(v, "%s=%s after %s", argv[at], value, argv[at]));
	argv[at] = nothing;
}

/* Up to "--"; of a verb whose options end with its first argument, the word that is read next. */
static void take_switches(const struct verb *v, char **argv, const struct option *longs,
			  bool in_order)
{
	size_t i;

	if (in_order) {
		i = optind ? (size_t)optind : 1;
		if (argv[i])
			take_switch(v, argv, i, longs);
		return;
	}
	for (i = 1; optind == 0 && argv[i] && strcmp(argv[i], "--") != 0; i++)
		take_switch(v, argv, i, longs);
}

/* "-f=VALUE" is "-f VALUE", as docker takes it: in one word, behind a letter. */
static char *short_value(int opt, char *arg, const char *word)
{
	bool same =
		arg && word[0] == '-' && word[1] != '-' && arg > word && arg <= word + strlen(word);

	return same && opt > ' ' && opt < 0x7f && arg[0] == '=' && arg[1] ? arg + 1 : arg;
}

int verb_getopt(const struct verb *v, int argc, char **argv, const char *shorts,
		const struct option *longs)
{
	char all_shorts[64];
	const char *plain = shorts[0] == '+' ? shorts + 1 : shorts;
	int opt;

	/* A ':' first, so that a missing argument is told apart; -q is global unless the verb has
	 * it. */
	snprintf(all_shorts, sizeof(all_shorts), "%s:%s%s", shorts[0] == '+' ? "+" : "", plain,
		 strchr(plain, 'q') ? "" : "q");
	opterr = 0;
	for (;;) {
		take_switches(v, argv, all_options(longs), shorts[0] == '+');
		opt = getopt_long(argc, argv, all_shorts, all_options(longs), NULL);
		if (opt == OPT_HELP) {
			print_verb_help(v);
			exit(0);
		}
		if (opt == 'q') {
			globals.quiet = true;
			log_init("imagefs", LOG_LEVEL_QUIET, false);
			if (strchr(plain, 'q'))
				return opt;
			continue;
		}
		if (take_global(opt))
			continue;
		if (opt == ':' || opt == '?')
			exit(wrong_option(v, opt, argv));
		if (opt != -1)
			optarg = short_value(opt, optarg, argv[optind - 1]);
		return opt;
	}
}

int verb_usage(const struct verb *v, const char *fmt, ...)
{
	char why[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	/* What was typed may come from a file's name. */
	text_neutralise(why);
	fflush(stdout);
	fprintf(stderr, "imagefs %s: %s", v->name, why);
	fprintf(stderr, "\nUsage: imagefs %s %s\nSee 'imagefs %s --help'.\n", v->name, v->usage,
		v->name);
	return 2;
}

/* The reader of standard output went away: "imagefs images | head". */
static bool reader_is_gone(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) &&
	       poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP));
}

static bool failed_for_reader;

int verb_fail(const struct verb *v, const struct err *err)
{
	if (err->code == EPIPE && reader_is_gone()) {
		failed_for_reader = true;
		return 1;
	}
	/* Where both go into one pipe, what was said before stands before. */
	fflush(stdout);
	fprintf(stderr, "imagefs %s: %s\n", v->name, err->msg);
	return 1;
}

int verb_store(const struct globals *g, struct store **out, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	int r = 0;

	if (g->store_path)
		path = strdup(g->store_path);
	else
		r = store_default_path(&path, err);
	if (r == 0)
		r = path ? store_open(path, out, err) : err_nomem(err);
	if (r == 0)
		log_debug("store %s", (*out)->path);
	return r;
}

int verb_store_to_write(const struct globals *g, struct store **out, struct err *err)
{
	struct store *s;
	int r = verb_store(g, &s, err);

	if (r < 0)
		return r;
	r = store_writable(s, err);
	if (r < 0)
		store_close(s);
	else
		*out = s;
	return r;
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; verbs[i]; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

/*
 * What was printed must have arrived: a full disk under stdout is an error too. Where the reader has
 * gone, the work is done all the same, and only then this ends as by the signal, silently: nothing is left half done.
 */
static int finish(const char *verb, int status)
{
	int error = fflush(stdout) == 0 ? 0 : errno;

	if (globals.closed[STDOUT_FILENO] || (!error && !ferror(stdout) && !failed_for_reader))
		return status;
	if (error == EPIPE || reader_is_gone()) {
		sigset_t pipe;

		if (status && !failed_for_reader)
			return status;
		signal(SIGPIPE, SIG_DFL);
		sigemptyset(&pipe);
		sigaddset(&pipe, SIGPIPE);
		sigprocmask(SIG_UNBLOCK, &pipe, NULL);
		raise(SIGPIPE);
	}
	fprintf(stderr, "imagefs %s: cannot write to standard output: %s\n", verb,
		strerror(error ? error : EIO));
	return status ? status : 1;
}

int main(int argc, char **argv)
{
	const struct verb *v;
	int opt;

	/* What a pattern calls a character is one of UTF-8. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	file_open_std(globals.closed);
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:qh", global_options, NULL)) != -1) {
		if (opt == OPT_HELP || opt == 'h') {
			print_help();
			return finish("--help", 0);
		}
		if (opt == 'q') {
			globals.quiet = true;
			log_init("imagefs", LOG_LEVEL_QUIET, false);
		} else if (!take_global(opt)) {
			text_neutralise(argv[optind - 1]);
			fprintf(stderr,
				"imagefs: unknown or incomplete option %s\n"
				"See 'imagefs --help'.\n",
				argv[optind - 1]);
			return 2;
		}
	}
	if (optind >= argc) {
		fprintf(stderr, "imagefs: which verb?\nSee 'imagefs --help'.\n");
		return 2;
	}
	argc -= optind;
	argv += optind;
	optind = 0;
	v = find_verb(argv[0]);
	if (v)
		return finish(v->name, v->run(v, &globals, argc, argv));
	if (strcmp(argv[0], "help") == 0) {
		v = argc > 1 ? find_verb(argv[1]) : NULL;
		v ? print_verb_help(v) : print_help();
		return finish("help", 0);
	}
	text_neutralise(argv[0]);
	fprintf(stderr, "imagefs: '%s' is not an imagefs verb\nSee 'imagefs --help'.\n", argv[0]);
	return 2;
}
