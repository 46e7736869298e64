/*
 * Verbs: the implementation of `imagefs VERB`. Each is one file, cmd_VERB.c, with
 * one object, cmd_VERB, that the table in main.c lists.
 */
#ifndef TOOLS_VERB_H
#define TOOLS_VERB_H

#include <stdbool.h>

#include "base/err.h"
#include "tools/cli/options.h"

struct store;

/* The options that stand before or after any verb. */
struct globals {
	const char *store_path;
	bool quiet, debug, help;
	bool closed[3]; /* standard input, output and error were not open */
};

struct verb {
	const char *name;
	const char *summary;   /* one line for `imagefs --help`; NULL: not listed */
	const char *arguments; /* "IMAGE...", "FILE|- [REPOSITORY[:TAG]]"; completion reads it */
	const struct option_spec *options; /* NULL: none but the global ones */
	bool in_order;			   /* the first argument ends the options */
	const char *help;		   /* behind the options: remarks and examples */
	int (*run)(const struct verb *v, const struct globals *g, int argc, char **argv);
};

/*
 * verb_options - read the verb's options, and the global ones after it.
 * argc, argv  receive the arguments behind the options
 * to          the struct whose members the verb's table names; NULL: it has no table
 * The program ends with 0 at --help, with 2 at wrong usage.
 */
void verb_options(const struct verb *v, int *argc, char ***argv, void *to);

/* verb_usage - report wrong usage and print the synopsis; returns 2. */
int verb_usage(const struct verb *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * verb_fail - print "imagefs VERB: MESSAGE" on stderr; returns 1. A closed pipe on standard output
 * is not reported.
 */
int verb_fail(const struct verb *v, const struct err *err);

/* verb_store - open the store that the globals name; -errno with *err set. */
int verb_store(const struct globals *g, struct store **out, struct err *err) MUST_CHECK;

/* verb_store_to_write - for a verb that must write: -EROFS if the store is read-only. */
int verb_store_to_write(const struct globals *g, struct store **out, struct err *err) MUST_CHECK;

/* Every verb, NULL after the last; and the options that all of them have. */
extern const struct verb *const *const verb_table;
extern const struct option_spec *const verb_global_options;

extern const struct verb cmd_commit;
extern const struct verb cmd_complete;
extern const struct verb cmd_completion;
extern const struct verb cmd_create;
extern const struct verb cmd_df;
extern const struct verb cmd_diff;
extern const struct verb cmd_history;
extern const struct verb cmd_export;
extern const struct verb cmd_images;
extern const struct verb cmd_import;
extern const struct verb cmd_info;
extern const struct verb cmd_inspect;
extern const struct verb cmd_load;
extern const struct verb cmd_login;
extern const struct verb cmd_logout;
extern const struct verb cmd_mount;
extern const struct verb cmd_ps;
extern const struct verb cmd_options;
extern const struct verb cmd_pull;
extern const struct verb cmd_push;
extern const struct verb cmd_rename;
extern const struct verb cmd_prune;
extern const struct verb cmd_rm;
extern const struct verb cmd_rmi;
extern const struct verb cmd_run;
extern const struct verb cmd_save;
extern const struct verb cmd_search;
extern const struct verb cmd_tag;
extern const struct verb cmd_umount;
extern const struct verb cmd_verify;

#endif
