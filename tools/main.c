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
/* One per line, so that branches that each add a verb merge. */
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
	&cmd_info,
	&cmd_verify,
	&cmd_complete,
	&cmd_options,
	NULL,
};
/* clang-format on */

const struct verb *const *const verb_table = verbs;

static struct globals globals;

/* --- options of every verb --- */

/* Of a switch; options_read() checked it. */
static bool is_on(const char *value)
{
	return !value || text_bool(value) == 1;
}

static void set_level(bool *flag, const char *value, enum log_level level)
{
	bool on = is_on(value);

	if (on || *flag)
		log_init("imagefs", on ? level : LOG_LEVEL_WARN, false);
	*flag = on;
}

static int take_quiet(void *quiet, char *value, struct err *err)
{
	(void)err;
	set_level(quiet, value, LOG_LEVEL_QUIET);
	return 0;
}

static int take_debug(void *debug, char *value, struct err *err)
{
	(void)err;
	set_level(debug, value, LOG_LEVEL_DEBUG);
	return 0;
}

/* Nothing behind it is read. */
static int take_help(void *help, char *value, struct err *err)
{
	(void)err;
	*(bool *)help = is_on(value);
	return *(bool *)help;
}

static int take_version(void *nothing, char *value, struct err *err)
{
	(void)nothing;
	(void)err;
	if (!is_on(value))
		return 0;
	puts("imagefs " PACKAGE_VERSION);
	exit(0);
}

static const struct option_spec global_options[] = {
	{ 0, "store", "DIR",
	  "directory of the store (default: $IMAGEFS_STORE, else /var/lib/imagefs for root, else "
	  "${XDG_DATA_HOME:-~/.local/share}/imagefs)",
	  OPTION(struct globals, store_path) },
	{ 'q', "quiet", NULL, "print no progress and no remarks",
	  OPTION_TAKE(struct globals, quiet, take_quiet) },
	{ 0, "debug", NULL, "report what is decided and why",
	  OPTION_TAKE(struct globals, debug, take_debug) },
	{ 0, "help", NULL, "print this help, or that of a verb",
	  OPTION_TAKE(struct globals, help, take_help) },
	{ 0, "version", NULL, "print the version",
	  OPTION_TAKE(struct globals, help, take_version) },
	OPTIONS_END,
};

const struct option_spec *const verb_global_options = global_options;

static void print_help(void)
{
	size_t i;

	printf("Usage: imagefs [OPTIONS] VERB [ARG...]\n\n"
	       "Container images as directories: load an image, mount it, browse it,\n"
	       "change it in a container, commit, save.\n\n"
	       "Verbs:\n");
	for (i = 0; verbs[i]; i++)
		if (verbs[i]->summary)
			printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\nOptions, before or after the verb:\n");
	options_print(global_options);
	printf("\nExample:\n"
	       "  imagefs load -i debian.tar && imagefs mount /mnt && ls /mnt/images\n");
}

static void print_usage(const struct verb *v, FILE *f)
{
	fprintf(f, "Usage: imagefs %s%s%s%s\n", v->name, v->options ? " [OPTIONS]" : "",
		v->arguments[0] ? " " : "", v->arguments);
}

static void print_verb_help(const struct verb *v)
{
	print_usage(v, stdout);
	printf("\n%s.\n", v->summary);
	if (v->options) {
		printf("\nOptions:\n");
		options_print(v->options);
	}
	printf("\n%s", v->help);
}

void verb_options(const struct verb *v, int *argc, char ***argv, void *to)
{
	const struct options o = { v->options, global_options, to, &globals, v->in_order };
	struct err err = ERR_INIT;
	int r = options_read(&o, argc, argv, &err);

	if (globals.help) {
		print_verb_help(v);
		exit(0);
	}
	if (r < 0)
		exit(r == -ENOMEM ? verb_fail(v, &err) : verb_usage(v, "%s", err.msg));
}

int verb_usage(const struct verb *v, const char *fmt, ...)
{
	char why[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	/* The argument may contain control characters. */
	text_neutralise(why);
	fflush(stdout);
	fprintf(stderr, "imagefs %s: %s\n", v->name, why);
	print_usage(v, stderr);
	fprintf(stderr, "See 'imagefs %s --help'.\n", v->name);
	return 2;
}

/* The reader of standard output has ended: "imagefs images | head". */
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
	/* Keep the order if stdout and stderr are one pipe. */
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
 * What was printed must have arrived: a full disk under stdout is an error too. Where the reader
 * has gone, the work is done all the same, and only then this ends as by the signal, silently:
 * nothing is left half done.
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

/* Handle the options before the verb. Returns the exit status, or -1: run the verb. */
static int read_globals(int *argc, char ***argv)
{
	static const struct option_spec only_here[] = {
		{ 'h', NULL, NULL, NULL, OPTION_TAKE(struct globals, help, take_help) },
		OPTIONS_END,
	};
	const struct options o = { only_here, global_options, &globals, &globals, true };
	struct err err = ERR_INIT;
	int r = options_read(&o, argc, argv, &err);

	if (globals.help) {
		print_help();
		return finish("--help", 0);
	}
	if (r == 0 && *argc > 0)
		return -1;
	if (r == -ENOMEM) {
		fprintf(stderr, "imagefs: %s\n", err.msg);
		return 1;
	}
	text_neutralise(err.msg);
	fprintf(stderr, "imagefs: %s\nSee 'imagefs --help'.\n", r < 0 ? err.msg : "which verb?");
	return 2;
}

int main(int argc, char **argv)
{
	const struct verb *v;
	int status;

	/* Patterns match characters of UTF-8. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	file_open_std(globals.closed);
	status = read_globals(&argc, &argv);
	if (status >= 0)
		return status;
	v = find_verb(argv[0]);
	if (v)
		return finish(v->name, v->run(v, &globals, argc, argv));
	if (strcmp(argv[0], "help") == 0) {
		v = argc > 1 ? find_verb(argv[1]) : NULL;
		v && v->summary ? print_verb_help(v) : print_help();
		return finish("help", 0);
	}
	text_neutralise(argv[0]);
	fprintf(stderr, "imagefs: '%s' is not an imagefs verb\nSee 'imagefs --help'.\n", argv[0]);
	return 2;
}
