/*
 * imagefs completion: scripts for shells. They ask `imagefs __complete WORD...`, which is here too.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/disk/store.h"
#include "tools/cli/complete.h"
#include "tools/cli/options.h"
#include "tools/verb.h"

/* --- the scripts --- */

static const char bash[] =
	"# imagefs: completion for bash. source <(imagefs completion bash)\n"
	"\n"
	"_imagefs()\n"
	"{\n"
	"\tlocal IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} cur='' head word found\n"
	"\tlocal -a words\n"
	"\tCOMPREPLY=()\n"
	"\t# Words as they are between blanks: readline would cut a name at its colon.\n"
	"\tread -ra words <<<\"$line\"\n"
	"\tif [[ $line != *[[:space:]] ]]; then\n"
	"\t\tcur=${words[-1]}\n"
	"\t\tunset 'words[-1]'\n"
	"\tfi\n"
	"\twords=(\"${words[@]/#\\~\\//$HOME/}\")\n"
	"\t# Readline replaces what follows the last of these.\n"
	"\thead=${cur%\"${cur##*[=:]}\"}\n"
	"\t[[ $COMP_WORDBREAKS == *[=:]* ]] || head=\n"
	"\twhile IFS=$'\\t' read -r word _; do\n"
	"\t\tcase $word in\n"
	"\t\t':files '*)\n"
	"\t\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t\tmapfile -t found < <(compgen -f -- \"${cur:${word#:files }}\")\n"
	"\t\t\tCOMPREPLY+=(\"${found[@]}\")\n"
	"\t\t\t;;\n"
	"\t\t':dirs '*)\n"
	"\t\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t\tmapfile -t found < <(compgen -d -- \"${cur:${word#:dirs }}\")\n"
	"\t\t\tCOMPREPLY+=(\"${found[@]}\")\n"
	"\t\t\t;;\n"
	"\t\t*)\n"
	"\t\t\t[[ $word != *= ]] || compopt -o nospace 2>/dev/null\n"
	"\t\t\tCOMPREPLY+=(\"${word#\"$head\"}\")\n"
	"\t\t\t;;\n"
	"\t\tesac\n"
	"\tdone < <(command imagefs __complete \"${words[@]:1}\" \"$cur\" 2>/dev/null)\n"
	"}\n"
	"complete -F _imagefs imagefs\n";

static const char zsh[] = "#compdef imagefs\n"
			  "# source <(imagefs completion zsh), after compinit\n"
			  "\n"
			  "_imagefs()\n"
			  "{\n"
			  "\temulate -L zsh\n"
			  "\tlocal line word i\n"
			  "\tlocal -a typed found shown\n"
			  "\tfor ((i = 2; i < CURRENT; i++)); do\n"
			  "\t\ttyped+=(\"${${(Q)words[i]}/#\\~\\//$HOME/}\")\n"
			  "\tdone\n"
			  "\tfor line in \"${(@f)$(command imagefs __complete \"${typed[@]}\" "
			  "\"$PREFIX\" 2>/dev/null)}\"; do\n"
			  "\t\tword=${line%%$'\\t'*}\n"
			  "\t\tcase $line in\n"
			  "\t\t':files '*)\n"
			  "\t\t\tcompset -p ${line#:files }\n"
			  "\t\t\t_files\n"
			  "\t\t\t;;\n"
			  "\t\t':dirs '*)\n"
			  "\t\t\tcompset -p ${line#:dirs }\n"
			  "\t\t\t_files -/\n"
			  "\t\t\t;;\n"
			  "\t\t*=$'\\t'*) compadd -S '' -- \"$word\" ;;\n"
			  "\t\t?*)\n"
			  "\t\t\tfound+=(\"$word\")\n"
			  "\t\t\tshown+=(\"${line/$'\\t'/  }\")\n"
			  "\t\t\t;;\n"
			  "\t\tesac\n"
			  "\tdone\n"
			  "\tcompadd -l -d shown -a found\n"
			  "}\n"
			  "compdef _imagefs imagefs\n";

static const char fish[] =
	"# imagefs: completion for fish. imagefs completion fish | source\n"
	"\n"
	"function __imagefs_complete\n"
	"\tset -l typed (commandline -opc)\n"
	"\tset -l word (commandline -ct)\n"
	"\tfor line in (command imagefs __complete $typed[2..-1] \"$word\" 2>/dev/null)\n"
	"\t\tset -l n (string match -rg '^:(?:files|dirs) (\\d+)$' -- $line)\n"
	"\t\tif test -z \"$n\"\n"
	"\t\t\techo $line\n"
	"\t\t\tcontinue\n"
	"\t\tend\n"
	"\t\tset -l head (string sub -l $n -- \"$word\")\n"
	"\t\tset -l path (string sub -s (math $n + 1) -- \"$word\")\n"
	"\t\tif string match -q ':dirs *' -- $line\n"
	"\t\t\t__fish_complete_directories \"$path\" ''\n"
	"\t\telse\n"
	"\t\t\t__fish_complete_path \"$path\" ''\n"
	"\t\tend | string replace -r '^' -- \"$head\"\n"
	"\tend\n"
	"end\n"
	"\n"
	"complete -c imagefs -f -a '(__imagefs_complete)'\n";

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct {
		const char *name, *script;
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
	size_t i;

	(void)g;
	verb_options(v, &argc, &argv, NULL);
	if (argc != 1)
		return verb_usage(v, "requires exactly 1 argument");
	for (i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(argv[0], shells[i].name) == 0) {
			fputs(shells[i].script, stdout);
			return 0;
		}
	}
	return verb_usage(v, "only bash, zsh and fish are known");
}

const struct verb cmd_completion = {
	.name = "completion",
	.summary = "Print a completion script for a shell",
	.arguments = "bash|zsh|fish",
	.help = "Verbs, options and their values, images, containers, mounts and files are "
		"completed.\n\n"
		"Examples:\n"
		"  source <(imagefs completion bash)\n"
		"  imagefs completion bash >/etc/bash_completion.d/imagefs\n"
		"  imagefs completion zsh >\"${fpath[1]}/_imagefs\"\n"
		"  imagefs completion fish >~/.config/fish/completions/imagefs.fish\n",
	.run = run,
};

/* --- __complete: what the words before the last one mean --- */

struct line {
	const struct verb *verb;	   /* NULL: none yet, or an unknown one */
	bool verb_typed, help;		   /* help: of the verb "help" */
	bool ended;			   /* no option can follow */
	const struct option_spec *pending; /* its argument is next */
	const char *store;		   /* of --store */
	size_t n;			   /* arguments behind the verb */
};

static const struct option_spec *own_options(const struct line *l)
{
	return l->verb ? l->verb->options : NULL;
}

static const struct option_spec *find_letter(const struct line *l, char letter)
{
	const struct option_spec *o = options_find_letter(own_options(l), letter);

	return o ? o : options_find_letter(verb_global_options, letter);
}

/* Of "--NAME" or "--NAME=VALUE". */
static const struct option_spec *find_long(const struct line *l, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const struct option_spec *o = options_find(own_options(l), word + 2, len);

	return o ? o : options_find(verb_global_options, word + 2, len);
}

static bool needs_argument(const struct option_spec *o)
{
	return o && o->arg && o->arg[0] != '[';
}

static void read_option(struct line *l, const char *word)
{
	const struct option_spec *o;
	const char *p;

	if (word[1] == '-') {
		o = find_long(l, word);
		if (strncmp(word, "--store=", 8) == 0)
			l->store = word + 8;
		else if (needs_argument(o) && !strchr(word, '='))
			l->pending = o;
		l->ended = !word[2];
		return;
	}
	for (p = word + 1; *p; p++) {
		o = find_letter(l, *p);
		if (needs_argument(o)) {
			l->pending = p[1] ? NULL : o;
			return;
		}
	}
}

static void read_verb(struct line *l, const char *word)
{
	const struct verb *const *v;

	l->verb_typed = true;
	l->help = strcmp(word, "help") == 0;
	for (v = verb_table; *v; v++)
		if (strcmp((*v)->name, word) == 0)
			l->verb = *v;
}

static void read_word(struct line *l, const char *word)
{
	if (l->pending) {
		if (l->pending->name && strcmp(l->pending->name, "store") == 0)
			l->store = word;
		l->pending = NULL;
	} else if (word[0] == '-' && word[1] && !l->ended) {
		read_option(l, word);
	} else if (!l->verb_typed) {
		read_verb(l, word);
	} else {
		l->n++;
		l->ended = l->ended || (l->verb && l->verb->in_order);
	}
}

static void offer_verbs(const struct complete *c)
{
	const struct verb *const *v;

	for (v = verb_table; *v; v++)
		if ((*v)->summary)
			complete_offer(c, (*v)->name, (*v)->summary);
}

static void offer(const struct line *l, struct complete *c)
{
	const char *word = c->word, *equals = strchr(word, '=');

	if (l->pending) {
		complete_value(c, l->pending);
	} else if (word[0] == '-' && word[1] == '-' && equals && !l->ended) {
		c->at = (size_t)(equals + 1 - word);
		if (find_long(l, word))
			complete_value(c, find_long(l, word));
	} else if (word[0] == '-' && !l->ended) {
		complete_options(c, own_options(l), NULL);
		complete_options(c, verb_global_options, own_options(l));
	} else if (!l->verb_typed) {
		offer_verbs(c);
		complete_offer(c, "help", "Help on a verb");
	} else if (l->help && l->n == 0) {
		offer_verbs(c);
	} else if (l->verb) {
		complete_argument(c, l->verb->arguments, l->n);
	}
}

/* Completion makes no store. */
static struct store *open_store(const char *given)
{
	_cleanup_free_ char *path = given ? strdup(given) : NULL;
	struct store *s = NULL;

	if (!given && store_default_path(&path, NULL) < 0)
		return NULL;
	if (path && access(path, F_OK) == 0 && store_open(path, &s, NULL) < 0)
		return NULL;
	return s;
}

static int complete(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct line l = { .store = g->store_path };
	struct complete c = { .word = argc > 1 ? argv[argc - 1] : "" };
	int i;

	(void)v;
	for (i = 1; i < argc - 1; i++)
		read_word(&l, argv[i]);
	c.store = open_store(l.store);
	offer(&l, &c);
	if (c.store)
		store_close(c.store);
	return 0;
}

const struct verb cmd_complete = {
	.name = "__complete",
	.arguments = "WORD...",
	.run = complete,
};

/* --- __options: for the tests of the manual pages --- */

static int list_options(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct complete all = { .word = "" };
	struct line l = { .verb = NULL };

	(void)v;
	(void)g;
	if (argc > 1)
		read_verb(&l, argv[1]);
	complete_options(&all, l.verb ? l.verb->options : verb_global_options, NULL);
	return 0;
}

const struct verb cmd_options = {
	.name = "__options",
	.arguments = "[VERB]",
	.run = list_options,
};
