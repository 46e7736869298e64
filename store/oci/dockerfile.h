/*
 * A Dockerfile's text taken apart into instructions, as docker's parser does it: comments, "# escape=",
 * lines that go on, flags, and arguments in the form that each instruction takes. Variables and
 * quotes in the arguments are left as they are (store/oci/shell_word.h).
 */
#ifndef STORE_OCI_DOCKERFILE_H
#define STORE_OCI_DOCKERFILE_H

#include <stdbool.h>

struct err;
struct json_t;

struct dockerfile {
	const char *at; /* what is not read yet */
	char escape;
	bool directives; /* "# escape=" may still come */
};

struct instruction {
	char *word;	      /* in capitals: "ENV" */
	char *line;	      /* all of it, its continuation lines joined */
	struct json_t *flags; /* array of strings: the words with "--" at the beginning */
	struct json_t *args;  /* array of strings; of ENV and LABEL names and values by turns */
	bool json;	      /* the arguments were a JSON array */
};

#define _cleanup_instruction_ __attribute__((cleanup(instruction_fini)))

void instruction_fini(struct instruction *i);

/* dockerfile_begin - text is UTF-8 and outlives d. */
void dockerfile_begin(struct dockerfile *d, const char *text);

/*
 * dockerfile_next - the next instruction, whatever its word is.
 * returns 1; 0 at the end; -EINVAL in docker's words
 */
int dockerfile_next(struct dockerfile *d, struct instruction *out, struct err *err);

#endif
