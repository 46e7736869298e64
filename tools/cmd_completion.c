/*
 * imagefs completion: scripts for shells, made from the table of verbs and from what
 * their --help says, so that there is nothing to keep in step.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tools/verb.h"

#define ALPHABET "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/*
 * What may stand somewhere, for the scripts: "files", "dirs", "images",
 * "containers", "both" (an image or a container), "none" that is known, or
 * the words themselves with '|' between.
 */
static const char *kind_of(const char *meta, size_t len, char out[static 64])
{
	static const struct {
		const char *part, *kind;
	} parts[] = {
		{ "CONTAINER|IMAGE", "both" }, { "IMAGE|CONTAINER", "both" },
		{ "FILE", "files" },	       { "DIR", "dirs" },
		{ "CONTAINER", "containers" }, { "IMAGE", "images" },
		{ "REPO", "images" },
	};
	char text[64];
	size_t i;

	snprintf(text, sizeof(text), "%.*s", (int)len, meta);
	snprintf(out, 64, "none");
	if (strchr(text, '|') && strspn(text, ALPHABET DIGITS "|-") == strlen(text))
		snprintf(out, 64, "%s", text);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (strstr(text, parts[i].part)) {
			snprintf(out, 64, "%s", parts[i].kind);
			break;
		}
	}
	return out;
}

/* An option as a line of help has it: "  -o, --output FILE   what it does". */
struct line {
	char letter;
	char name[32];
	char kind[64];	  /* "": it takes no argument */
	const char *text; /* what it does, up to the end of the line */
	int text_len;
};

/* True, and *out, where the line is an option's. */
static bool read_line(const char *p, struct line *out)
{
	const char *end = p + strcspn(p, "\n");
	size_t indent = strspn(p, " "), n;

	memset(out, 0, sizeof(*out));
	p += indent;
	if (indent < 2 || *p != '-')
		return false;
	if (p[1] != '-') {
		out->letter = p[1];
		p += 2;
		if (strncmp(p, ", --", 4) == 0)
			p += 2;
	}
	if (strncmp(p, "--", 2) == 0) {
		n = strspn(p + 2, ALPHABET DIGITS "-");
		snprintf(out->name, sizeof(out->name), "%.*s", (int)n, p + 2);
		p += 2 + n;
	}
	/* One blank and a word: its argument. More of them: the text. */
	if (p[0] == ' ' && p[1] != ' ' && p[1] != '\n' && p[1]) {
		n = strcspn(p + 1, " \n");
		kind_of(p + 1, n, out->kind);
		p += 1 + n;
	}
	p += strspn(p, " ");
	out->text = p;
	out->text_len = (int)(end > p ? end - p : 0);
	return out->letter || out->name[0];
}

/*
 * The choices that the usage gives for an option: "[--format docker-archive|oci-dir]".
 */
static void read_choices(const char *usage, struct line *l)
{
	char option[40];
	const char *p;

	if (!l->kind[0] || !l->name[0])
		return;
	snprintf(option, sizeof(option), "--%s ", l->name);
	p = strstr(usage, option);
	if (p)
		kind_of(p + strlen(option), strcspn(p + strlen(option), " ]"), l->kind);
}

/* Calls each(l, arg) with every option of a text of help. */
static int each_option(const char *usage, const char *help,
		       int (*each)(const struct line *l, void *arg), void *arg)
{
	struct line l;
	int r = 0;

	while (r == 0 && *help) {
		if (read_line(help, &l)) {
			read_choices(usage, &l);
			r = each(&l, arg);
		}
		help += strcspn(help, "\n");
		help += *help == '\n';
	}
	return r;
}

/*
 * What stands after the options, in order, with blanks between; a last "*"
 * says that the one before it may come again. "[-o FILE] IMAGE..." gives "images *".
 */
static int arguments(const char *usage, struct buf *out)
{
	const char *p = usage;
	int r = 0;

	while (r == 0 && *p) {
		size_t n = strcspn(p, " ");
		char kind[64];

		if (strncmp(p, "[-", 2) == 0) {
			p += strcspn(p, "]");
			p += *p == ']';
		} else if (strncmp(p, "[OPTIONS]", 9) == 0) {
			p += 9;
		} else {
			/* "NAME..." is whatever can be named. */
			if (strncmp(p, "NAME", 4) == 0)
				snprintf(kind, sizeof(kind), "both");
			else
				kind_of(p, n, kind);
			r = buf_printf(out, "%s%s", out->len ? " " : "", kind);
			if (r == 0 && n > 3 && memmem(p, n, "...", 3))
				r = buf_puts(out, " *");
			p += n;
		}
		p += strspn(p, " ");
	}
	return r;
}

/* --- bash and zsh: a function that says what a verb takes, the same text for both ----------- */

struct lists {
	struct buf options, kinds;
};

static int list_option(const struct line *l, void *arg)
{
	struct lists *lists = arg;
	char names[2][40] = { "", "" };
	size_t i;

	if (l->letter)
		snprintf(names[0], sizeof(names[0]), "-%c", l->letter);
	if (l->name[0])
		snprintf(names[1], sizeof(names[1]), "--%s", l->name);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!names[i][0])
			continue;
		if (buf_printf(&lists->options, "%s%s", lists->options.len ? " " : "", names[i]) <
		    0)
			return -ENOMEM;
		if (l->kind[0] && buf_printf(&lists->kinds, "%s%s=%s", lists->kinds.len ? " " : "",
					     names[i], l->kind) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int print_case(const char *name, const char *usage, const char *help)
{
	struct buf args _cleanup_buf_ = BUF_INIT;
	struct lists lists = { BUF_INIT, BUF_INIT };
	int r = each_option(usage, help, list_option, &lists);

	if (r == 0)
		r = arguments(usage, &args);
	if (r == 0)
		printf("\t%s)\n\t\toptions='%s'\n\t\tkinds='%s'\n\t\targs='%s'\n\t\t;;\n", name,
		       buf_str(&lists.options), buf_str(&lists.kinds), buf_str(&args));
	buf_fini(&lists.options);
	buf_fini(&lists.kinds);
	return r;
}

static int print_table(void)
{
	const struct verb *const *v;
	int r;

	printf("_imagefs_takes()\n{\n\tcase $1 in\n");
	for (v = verb_table; *v; v++) {
		r = print_case((*v)->name, (*v)->usage, (*v)->help);
		if (r < 0)
			return r;
	}
	r = print_case("''", "", verb_global_help);
	if (r < 0)
		return r;
	printf("\t*)\n\t\toptions= kinds= args=\n\t\t;;\n\tesac\n}\n\n_imagefs_verbs='");
	for (v = verb_table; *v; v++)
		printf("%s ", (*v)->name);
	printf("help'\n\n");
	return 0;
}

/* Which of a verb's arguments is meant, and what can stand there; sh that both shells read. */
static const char common[] =
	"# The names that the store has; $store: --store and its argument, if they were given.\n"
	"_imagefs_list()\n"
	"{\n"
	"\tcase $1 in\n"
	"\timages | both)\n"
	"\t\tcommand imagefs \"${store[@]}\" images --format '{{.Repository}}:{{.Tag}}' "
	"2>/dev/null |\n"
	"\t\t\tcommand sed '/<none>/d'\n"
	"\t\t;;\n"
	"\tesac\n"
	"\tcase $1 in\n"
	"\tcontainers | both) command imagefs \"${store[@]}\" ps -q 2>/dev/null ;;\n"
	"\tesac\n"
	"}\n\n";

static const char bash_main[] =
	"_imagefs()\n"
	"{\n"
	"\tlocal IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} cur='' prev='' verb='' kind='' word "
	"i n=0\n"
	"\tlocal -a words store found\n"
	"\tlocal options kinds args\n"
	"\t# Words as they are between blanks: readline would cut a name at its colon.\n"
	"\tread -ra words <<<\"$line\"\n"
	"\tif [[ $line != *[[:space:]] ]]; then\n"
	"\t\tcur=${words[-1]}\n"
	"\t\tunset 'words[-1]'\n"
	"\tfi\n"
	"\t_imagefs_takes ''\n"
	"\tlocal global_options=$options global_kinds=$kinds\n"
	"\tfor ((i = 1; i < ${#words[@]}; i++)); do\n"
	"\t\tword=${words[i]}\n"
	"\t\tcase $word in\n"
	"\t\t--store=*) store=(--store \"${word#*=}\") ;;\n"
	"\t\t--store) store=(--store \"${words[i + 1]-}\") ;;\n"
	"\t\tesac\n"
	"\t\tif [[ \" $kinds $global_kinds\" == *\" $word=\"* ]]; then\n"
	"\t\t\tprev=$word\n"
	"\t\t\ti=$((i + 1))\n"
	"\t\t\t[[ $i -ge ${#words[@]} ]] || prev=\n"
	"\t\telif [[ $word == -?* ]]; then\n"
	"\t\t\t:\n"
	"\t\telif [[ -z $verb ]]; then\n"
	"\t\t\tverb=$word\n"
	"\t\t\t_imagefs_takes \"$verb\"\n"
	"\t\telse\n"
	"\t\t\tn=$((n + 1))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tstore=(\"${store[@]/#\\~\\//$HOME/}\")\n"
	"\tif [[ -z $prev && $cur == --*=* ]]; then\n"
	"\t\tprev=${cur%%=*}\n"
	"\t\tcur=${cur#*=}\n"
	"\tfi\n"
	"\tif [[ -n $prev ]]; then\n"
	"\t\tkind=none\n"
	"\t\tfor word in $kinds $global_kinds; do\n"
	"\t\t\tif [[ $word == \"$prev=\"* ]]; then\n"
	"\t\t\t\tkind=${word#*=}\n"
	"\t\t\t\tbreak\n"
	"\t\t\tfi\n"
	"\t\tdone\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\tkind=\"${options// /|}|${global_options// /|}\"\n"
	"\telif [[ -z $verb || ( $verb == help && $n -eq 0 ) ]]; then\n"
	"\t\tkind=${_imagefs_verbs// /|}\n"
	"\telse\n"
	"\t\tset -f\n"
	"\t\twords=($args)\n"
	"\t\tset +f\n"
	"\t\tkind=${words[n]-}\n"
	"\t\tif [[ ${#words[@]} -ge 2 && ${words[-1]} == '*' && $n -ge $((${#words[@]} - 1)) ]]; "
	"then\n"
	"\t\t\tkind=${words[-2]}\n"
	"\t\tfi\n"
	"\tfi\n"
	"\tCOMPREPLY=()\n"
	"\tcase $kind in\n"
	"\t'' | none) return ;;\n"
	"\tfiles | dirs)\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tword=-f\n"
	"\t\t[[ $kind == files ]] || word=-d\n"
	"\t\tmapfile -t COMPREPLY < <(compgen \"$word\" -- \"$cur\")\n"
	"\t\treturn\n"
	"\t\t;;\n"
	"\timages | containers | both) mapfile -t found < <(_imagefs_list \"$kind\") ;;\n"
	"\t*) IFS='|' read -ra found <<<\"$kind\" ;;\n"
	"\tesac\n"
	"\tfor word in \"${found[@]}\"; do\n"
	"\t\t[[ -n $word && $word == \"$cur\"* ]] || continue\n"
	"\t\t# Readline puts it behind the last colon only.\n"
	"\t\tif [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
	"\t\t\tword=${word#\"${cur%:*}:\"}\n"
	"\t\tfi\n"
	"\t\tCOMPREPLY+=(\"$word\")\n"
	"\tdone\n"
	"}\n"
	"complete -F _imagefs imagefs\n";

static const char zsh_main[] =
	"_imagefs()\n"
	"{\n"
	"\temulate -L zsh\n"
	"\tlocal cur=$PREFIX prev='' verb='' kind='' word options kinds args global_options "
	"global_kinds\n"
	"\tlocal -i i n=0\n"
	"\tlocal -a store found\n"
	"\t_imagefs_takes ''\n"
	"\tglobal_options=$options global_kinds=$kinds\n"
	"\tfor ((i = 2; i < CURRENT; i++)); do\n"
	"\t\tword=${(Q)words[i]}\n"
	"\t\tcase $word in\n"
	"\t\t--store=*) store=(--store \"${word#*=}\") ;;\n"
	"\t\t--store) store=(--store \"${(Q)words[i + 1]}\") ;;\n"
	"\t\tesac\n"
	"\t\tif [[ \" $kinds $global_kinds\" == *\" $word=\"* ]]; then\n"
	"\t\t\tprev=$word\n"
	"\t\t\t((++i >= CURRENT)) || prev=\n"
	"\t\telif [[ $word == -?* ]]; then\n"
	"\t\t\t:\n"
	"\t\telif [[ -z $verb ]]; then\n"
	"\t\t\tverb=$word\n"
	"\t\t\t_imagefs_takes \"$verb\"\n"
	"\t\telse\n"
	"\t\t\tn+=1\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tstore=(\"${store[@]/#\\~\\//$HOME/}\")\n"
	"\tif [[ -z $prev && $cur == --*=* ]]; then\n"
	"\t\tprev=${cur%%=*}\n"
	"\t\tcompset -P '*='\n"
	"\t\tcur=${cur#*=}\n"
	"\tfi\n"
	"\tif [[ -n $prev ]]; then\n"
	"\t\tkind=none\n"
	"\t\tfor word in ${=kinds} ${=global_kinds}; do\n"
	"\t\t\tif [[ $word == \"$prev=\"* ]]; then\n"
	"\t\t\t\tkind=${word#*=}\n"
	"\t\t\t\tbreak\n"
	"\t\t\tfi\n"
	"\t\tdone\n"
	"\telif [[ $cur == -* ]]; then\n"
	"\t\tkind=\"${options// /|}|${global_options// /|}\"\n"
	"\telif [[ -z $verb || ( $verb == help && $n -eq 0 ) ]]; then\n"
	"\t\tkind=${_imagefs_verbs// /|}\n"
	"\telse\n"
	"\t\tfound=(${=args})\n"
	"\t\tkind=${found[n + 1]}\n"
	"\t\tif [[ ${#found} -ge 2 && ${found[-1]} == '*' && $n -ge $((${#found} - 1)) ]]; then\n"
	"\t\t\tkind=${found[-2]}\n"
	"\t\tfi\n"
	"\tfi\n"
	"\tcase $kind in\n"
	"\t'' | none) return 1 ;;\n"
	"\tfiles)\n"
	"\t\t_files\n"
	"\t\treturn\n"
	"\t\t;;\n"
	"\tdirs)\n"
	"\t\t_files -/\n"
	"\t\treturn\n"
	"\t\t;;\n"
	"\timages | containers | both) found=(${(f)\"$(_imagefs_list $kind)\"}) ;;\n"
	"\t*) found=(${(s:|:)kind}) ;;\n"
	"\tesac\n"
	"\tcompadd -a found\n"
	"}\n"
	"compdef _imagefs imagefs\n";

static int bash(void)
{
	int r;

	printf("# imagefs: completion for bash. source <(imagefs completion bash)\n\n");
	r = print_table();
	printf("%s%s", common, bash_main);
	return r;
}

static int zsh(void)
{
	int r;

	printf("#compdef imagefs\n# source <(imagefs completion zsh), after compinit\n\n");
	r = print_table();
	printf("%s%s", common, zsh_main);
	return r;
}

/* --- fish: a line for each thing ------------------------------------------------------------ */

static const char fish_start[] =
	"# imagefs: completion for fish. imagefs completion fish | source\n\n"
	"# What was typed: the verb and its arguments, a line each, without options.\n"
	"function __imagefs_words\n"
	"\tset -l with $argv\n"
	"\tset -l skip 0\n"
	"\tset -l words (commandline -opc)\n"
	"\tfor word in $words[2..-1]\n"
	"\t\tif test $skip = 1\n"
	"\t\t\tset skip 0\n"
	"\t\telse if contains -- $word $with\n"
	"\t\t\tset skip 1\n"
	"\t\telse if not string match -q -- '-?*' $word\n"
	"\t\t\techo $word\n"
	"\t\tend\n"
	"\tend\n"
	"end\n\n"
	"function __imagefs_no_verb\n"
	"\ttest (count (__imagefs_words --store)) = 0\n"
	"end\n\n"
	"function __imagefs_store\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l i (contains -i -- --store $words)\n"
	"\tand printf '%s\\n' --store $words[(math $i + 1)]\n"
	"\tset -l word (string match -- '--store=*' $words)\n"
	"\tand printf '%s\\n' $word[-1]\n"
	"\ttrue\n"
	"end\n\n"
	"function __imagefs_images\n"
	"\timagefs (__imagefs_store) images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null |\n"
	"\t\tcommand sed '/<none>/d'\n"
	"end\n\n"
	"function __imagefs_containers\n"
	"\timagefs (__imagefs_store) ps -q 2>/dev/null\n"
	"end\n\n"
	"# True where the verb is $argv[1] and argument number $argv[2] to $argv[3] comes next.\n"
	"function __imagefs_at\n"
	"\tset -l words (__imagefs_words $argv[4..-1])\n"
	"\tset -l n (count $words)\n"
	"\ttest \"$words[1]\" = $argv[1]; and test $n -ge $argv[2]; and test $n -le $argv[3]\n"
	"end\n\n"
	"complete -c imagefs -f\n";

/* Text between single quotes of fish, where only \\ and \' mean something. */
static void print_quoted(const char *text, int len)
{
	int i;

	putchar('\'');
	for (i = 0; i < len; i++) {
		if (text[i] == '\'' || text[i] == '\\')
			putchar('\\');
		putchar(text[i]);
	}
	putchar('\'');
}

static void print_kind(const char *kind)
{
	const char *p;

	if (strcmp(kind, "files") == 0)
		printf(" -F");
	else if (strcmp(kind, "dirs") == 0)
		printf(" -a '(__fish_complete_directories)'");
	else if (strcmp(kind, "both") == 0)
		printf(" -a '(__imagefs_images; __imagefs_containers)'");
	else if (strcmp(kind, "images") == 0 || strcmp(kind, "containers") == 0)
		printf(" -a '(__imagefs_%s)'", kind);
	else if (strcmp(kind, "none") != 0) {
		printf(" -a '");
		for (p = kind; *p; p++)
			putchar(*p == '|' ? ' ' : *p);
		putchar('\'');
	}
}

struct fish {
	const char *verb; /* NULL: the global options */
	/* options that take an argument, so that it is not taken for one of the verb's */
	struct buf with;
};

static int fish_with(const struct line *l, void *arg)
{
	struct fish *f = arg;

	if (!l->kind[0])
		return 0;
	if (l->letter && buf_printf(&f->with, " -%c", l->letter) < 0)
		return -ENOMEM;
	return l->name[0] ? buf_printf(&f->with, " --%s", l->name) : 0;
}

static int fish_option(const struct line *l, void *arg)
{
	const struct fish *f = arg;

	printf("complete -c imagefs");
	if (f->verb)
		printf(" -n '__imagefs_at %s 1 999%s'", f->verb, buf_str(&f->with));
	if (l->letter)
		printf(" -s %c", l->letter);
	if (l->name[0])
		printf(" -l %s", l->name);
	if (l->kind[0]) {
		printf(strcmp(l->kind, "files") == 0 ? " -r" : " -x");
		print_kind(l->kind);
	}
	printf(" -d ");
	print_quoted(l->text, l->text_len);
	putchar('\n');
	return 0;
}

/* One line for each argument of a verb; a last "*" stretches the one before it. */
static int fish_arguments(const struct fish *f, const char *usage)
{
	struct buf args _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *text = NULL;
	char *save = NULL, *kind, *next;
	int n = 1;

	if (arguments(usage, &args) < 0)
		return -ENOMEM;
	text = strdup(buf_str(&args));
	if (!text)
		return -ENOMEM;
	for (kind = strtok_r(text, " ", &save); kind; kind = next, n++) {
		next = strtok_r(NULL, " ", &save);
		if (strcmp(kind, "*") == 0 || strcmp(kind, "none") == 0)
			continue;
		printf("complete -c imagefs -n '__imagefs_at %s %d %d%s'", f->verb, n,
		       next && strcmp(next, "*") == 0 ? 999 : n, buf_str(&f->with));
		print_kind(kind);
		putchar('\n');
	}
	return 0;
}

static int fish_verb(const char *verb, const char *usage, const char *help, const char *summary)
{
	struct fish f = { .verb = verb, .with = BUF_INIT };
	int r = each_option("", verb_global_help, fish_with, &f);

	if (r == 0)
		r = each_option(usage, help, fish_with, &f);
	if (verb) {
		printf("\ncomplete -c imagefs -n __imagefs_no_verb -a %s -d ", verb);
		print_quoted(summary, (int)strlen(summary));
		putchar('\n');
	}
	if (r == 0)
		r = each_option(usage, help, fish_option, &f);
	if (r == 0 && verb)
		r = fish_arguments(&f, usage);
	buf_fini(&f.with);
	return r;
}

static int fish(void)
{
	const struct verb *const *v;
	int r;

	printf("%s", fish_start);
	r = fish_verb(NULL, "", verb_global_help, NULL);
	for (v = verb_table; *v && r == 0; v++)
		r = fish_verb((*v)->name, (*v)->usage, (*v)->help, (*v)->summary);
	if (r == 0)
		r = fish_verb("help", "", "", "Help on a verb");
	for (v = verb_table; *v && r == 0; v++)
		printf("complete -c imagefs -n '__imagefs_at help 1 1' -a %s\n", (*v)->name);
	return r;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*print)(void);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
	struct err err = ERR_INIT;
	size_t i;

	(void)g;
	while (verb_getopt(v, argc, argv, "", NULL) != -1)
		;
	if (argc - optind != 1)
		return verb_usage(v, "requires exactly 1 argument");
	for (i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(argv[optind], shells[i].name) != 0)
			continue;
		if (shells[i].print() == 0)
			return 0;
		err_nomem(&err);
		return verb_fail(v, &err);
	}
	return verb_usage(v, "only bash, zsh and fish are known");
}

const struct verb cmd_completion = {
	.name = "completion",
	.usage = "bash|zsh|fish",
	.summary = "Print a script that lets a shell complete what is typed",
	.help = "Verbs, options, images, containers and files are completed.\n\n"
		"Examples:\n"
		"  source <(imagefs completion bash)\n"
		"  imagefs completion bash >/etc/bash_completion.d/imagefs\n"
		"  imagefs completion zsh >\"${fpath[1]}/_imagefs\"\n"
		"  imagefs completion fish >~/.config/fish/completions/imagefs.fish\n",
	.run = run,
};
