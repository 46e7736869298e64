/*
 * Parser for Dockerfiles, compatible with docker's: comments, "# escape=", continuation lines,
 * flags, and the argument form of each instruction. Variables and quotes in arguments are not
 * expanded (store/oci/shell_word.h does that).
 */
#ifndef STORE_OCI_DOCKERFILE_H
#define STORE_OCI_DOCKERFILE_H

#include <stdbool.h>

#include "base/err.h"

struct json_t;

struct dockerfile {
	const char *unread;
	char escape;
	bool directives; /* parser directives are still allowed */
};

struct instruction {
	char *word;	      /* upper case: "ENV" */
	char *line;	      /* the whole instruction, continuation lines joined */
	struct json_t *flags; /* array of strings: the leading words with "--" */
	struct json_t *args;  /* array of strings; for ENV and LABEL alternating names and values */
	bool json;	      /* the arguments were a JSON array */
};

#define _cleanup_instruction_ __attribute__((cleanup(instruction_fini)))

void instruction_fini(struct instruction *i);

/*
 * dockerfile_begin - start parsing.
 * text    UTF-8, borrowed; must outlive d
 */
void dockerfile_begin(struct dockerfile *d, const char *text);

/*
 * dockerfile_next - parse the next instruction. Unknown instructions are returned, too.
 * out     the caller calls instruction_fini()
 * returns 1; 0 at the end; -EINVAL with docker's messages
 */
int dockerfile_next(struct dockerfile *d, struct instruction *out, struct err *err) MUST_CHECK;

#endif
