/*
 * Options: one table says what a verb takes. getopt_long(3), --help, completion and the check of
 * the manual pages read it.
 *
 *     struct wish { bool all; const char *output; };
 *
 *     static const struct option_spec options[] = {
 *             { 'a', "all", NULL, "all of them", OPTION(struct wish, all) },
 *             { 'o', "output", "FILE", "write to FILE", OPTION(struct wish, output) },
 *             OPTIONS_END,
 *     };
 */
#ifndef TOOLS_CLI_OPTIONS_H
#define TOOLS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum option_kind {
	OPTION_END,
	OPTION_IGNORED, /* accepted without effect */
	OPTION_REFUSED, /* docker's, and impossible here */
	OPTION_BOOL,	/* into a bool */
	OPTION_TEXT,	/* into a const char *, borrowed from argv; the last one counts */
	OPTION_LIST,	/* into a struct option_list */
	OPTION_TAKEN,	/* by a function */
};

/* The arguments of an option that can be given several times, borrowed from argv. */
struct option_list {
	const char **v;
	size_t n;
};

struct option_spec {
	char letter;	  /* 0: none */
	const char *name; /* NULL: a letter only */
	const char *arg;  /* its argument in --help; NULL: a switch; "[=X]": optional */
	const char *help; /* wrapped by --help, which keeps its newlines; NULL: not shown */
	enum option_kind kind;
	size_t offset; /* of the member that is set */
	/*
	 * OPTION_TAKEN: 0; 1: read no further options; -errno with *err set. value may be changed,
	 * and is NULL where none was given.
	 */
	int (*take)(void *member, char *value, struct err *err);
	/*
	 * Completion: values between '|'; one in capitals at the end, as in "before=IMAGE", is a
	 * kind. NULL: arg tells.
	 */
	const char *values;
	bool commas;	 /* the argument is a list of values */
	const char *why; /* OPTION_REFUSED */
};

/* The member of a struct that an option sets. Its type tells the kind. */
#define OPTION(type, member) \
	.kind = _Generic(&((type *)0)->member,                                                     \
			 bool *: OPTION_BOOL,                                                      \
			 const char **: OPTION_TEXT,                                               \
			 struct option_list *: OPTION_LIST),                                       \
	.offset = offsetof(type, member)

/* The same, set by a function. */
#define OPTION_TAKE(type, member, function) \
	.kind = OPTION_TAKEN, .take = (function), .offset = offsetof(type, member)

#define OPTION_IGNORE .kind = OPTION_IGNORED
#define OPTION_REFUSE(reason) .kind = OPTION_REFUSED, .why = (reason)
#define OPTIONS_END                \
	{                          \
		.kind = OPTION_END \
	}

/* Values that several verbs complete. */
#define FORMAT_VALUES "json|table"
#define PLATFORM_VALUES \
	"linux/amd64|linux/arm64|linux/arm/v7|linux/riscv64|linux/ppc64le|linux/s390x"

/* What may be typed: a verb's options, NULL for none, and those of every verb. */
struct options {
	const struct option_spec *own, *global;
	void *own_to, *global_to; /* the structs whose members are set */
	bool in_order;		  /* the first argument ends the options */
};

/*
 * options_read - read the options of a command line; argv[0] is the verb's name. An option that
 * both tables have sets both members.
 * argc, argv  receive what follows the options, which argv is sorted for
 * returns     0; 1: an OPTION_TAKEN function ended it; -EINVAL wrong usage; -ENOMEM
 */
int options_read(const struct options *o, int *argc, char ***argv, struct err *err) MUST_CHECK;

/* options_print - the lines of --help, to standard output. True: there were any. */
bool options_print(const struct option_spec *table);

/* options_find - the option of a letter, or of the first len bytes of a name; NULL. */
const struct option_spec *options_find_letter(const struct option_spec *table, char letter);
const struct option_spec *options_find(const struct option_spec *table, const char *name,
				       size_t len);

void option_list_fini(struct option_list *l);

#define _cleanup_option_list_ __attribute__((cleanup(option_list_fini)))

#endif
