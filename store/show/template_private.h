/*
 * What the template modules share: the parsed form, values, and a run.
 */
#ifndef STORE_SHOW_TEMPLATE_PRIVATE_H
#define STORE_SHOW_TEMPLATE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "store/show/template.h"

struct err;

/* --- tokens ------------------------------------------------------------- */

enum token_type {
	TOKEN_END,   /* of the template */
	TOKEN_TEXT,  /* between actions */
	TOKEN_LEFT,  /* {{ */
	TOKEN_RIGHT, /* }} */
	TOKEN_SPACE,
	TOKEN_PIPE,
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_COMMA,
	TOKEN_DECLARE, /* := */
	TOKEN_ASSIGN,  /* = */
	TOKEN_DOT,
	TOKEN_FIELD,	/* .Name; the text is without the dot */
	TOKEN_VARIABLE, /* $ or $name, with the dollar */
	TOKEN_WORD,	/* a keyword or a function */
	TOKEN_STRING,	/* "..." or `...`, with the quotes */
	TOKEN_CHAR,
	TOKEN_NUMBER,
};

struct token {
	enum token_type type;
	size_t pos, len; /* in the template's text */
};

struct lexer {
	const char *text;
	size_t len, pos;
	bool inside;	/* of an action */
	bool trim_next; /* the action before ended with a trim marker */
};

/* template_lex - the next token; -EINVAL and a message without its place. */
int template_lex(struct lexer *l, struct token *out, struct err *err);

/* template_unquote - a string, raw string or character constant. New reference; -EINVAL. */
int template_unquote(const char *text, const struct token *t, json_t **out, struct err *err);

/* template_number - an integer or a real. New reference; -EINVAL. */
int template_number(const char *text, const struct token *t, json_t **out, struct err *err);

/* --- the parsed form ---------------------------------------------------- */

enum node_type {
	NODE_LIST,     /* kids in a row */
	NODE_TEXT,     /* value */
	NODE_ACTION,   /* pipe */
	NODE_IF,       /* pipe, body, otherwise */
	NODE_RANGE,    /* the same */
	NODE_WITH,     /* the same */
	NODE_PIPE,     /* kids are commands; names are variables that are set */
	NODE_COMMAND,  /* kids are its words */
	NODE_CONSTANT, /* value; NULL: nil */
	NODE_DOT,
	NODE_FIELD,    /* names */
	NODE_VARIABLE, /* names, the first with its dollar */
	NODE_FUNCTION, /* function */
	NODE_CHAIN,    /* pipe or one kid, then names */
};

struct node {
	struct node *next; /* all of a template, for freeing */
	enum node_type type;
	size_t pos;	   /* as Go counts it, for messages */
	size_t start, end; /* its text */
	json_t *value;
	char **names;
	size_t n_names;
	bool assign; /* of a pipe: = and not := */
	struct node **children;
	size_t n_children;
	struct node *pipe, *body, *otherwise;
	const struct template_function *function;
};

struct template
{
	char *text;
	struct node *all;
	struct node *root;
};

/* template_where - "template: :LINE" or, with a column, "template: :LINE:COLUMN". */
void template_where(const char *text, size_t pos, bool column, char out[static 64]);

/* --- values ------------------------------------------------------------- */

/* Docker's key says the Go type, which decides how nothing prints and whether a key may be missing. */
enum value_kind {
	KIND_ANY,
	KIND_LIST,    /* null is an empty list */
	KIND_STRINGS, /* a map of strings: null is empty, a missing key "" to index */
	KIND_MAP,     /* any other map */
	KIND_STRING,
	KIND_BOOL,
	KIND_NUMBER,
	KIND_POINTER, /* null is <nil> */
	KIND_FIELD,   /* a string of a row, which is one line wherever it prints */
};

/* A value holds a reference; json NULL: no value at all. */
struct value {
	json_t *json;
	enum value_kind kind;
};

#define VALUE_INIT             \
	{                      \
		NULL, KIND_ANY \
	}
#define _cleanup_value_ __attribute__((cleanup(template_value_fini)))

static inline void template_value_fini(struct value *v)
{
	json_decref(v->json);
	v->json = NULL;
	v->kind = KIND_ANY;
}

/* template_kind - what docker's key is, if it is one; *optional: docker may leave it out. */
enum value_kind template_kind(const char *key, bool *optional);

/* --- running ------------------------------------------------------------ */

enum run_mode { RUN_DATA, RUN_ROW, RUN_HEADS };

#define VARIABLES_MAX 256

struct variable {
	const char *name; /* borrowed from the node that sets it */
	struct value value;
};

struct run {
	const struct template *t;
	enum run_mode mode;
	const json_t *labels; /* of a row */
	json_t *root;
	struct buf *out;
	uint64_t work; /* bytes made and steps taken, bounded */
	unsigned depth;
	struct variable variables[VARIABLES_MAX];
	size_t n_variables;
	struct err *err;
};

/* template_work - account for n bytes or steps; -E2BIG. */
int template_work(struct run *r, uint64_t n);

/* A function takes n values and makes one. Errors without their place: -EINVAL. */
struct template_function {
	const char *name;
	int min, max; /* arguments; max -1: any number */
	int (*call)(struct run *r, const struct value *args, size_t n, struct value *out,
		    struct err *err);
	bool heads; /* gives its first argument back in RUN_HEADS */
	bool lazy;  /* and, or: stops at the argument that decides; call is not used */
};

/* template_function - by name; NULL: there is none. */
const struct template_function *template_function(const char *name, size_t len);

bool template_truth(const struct value *v);

/* template_type_name - what Go would call it, for messages. */
const char *template_type_name(const struct value *v);

/* template_index - one step into a list, a map or a string. */
int template_index(struct run *r, const struct value *v, const struct value *key, struct value *out,
		   struct err *err);

/* template_keys - an object's keys, sorted; the caller frees the array, not the keys. NULL: no memory. */
const char **template_keys(const json_t *object, size_t *n);

/* template_printf - Go's Sprintf over values; appended to out. */
int template_printf(struct run *r, const struct value *args, size_t n, struct buf *out,
		    struct err *err);

/* template_print - as Go's %v; top: not inside of another value. 0, -ENOMEM or -E2BIG. */
int template_print(struct run *r, const struct value *v, bool top, struct buf *out);

/* template_json - as docker's json function: sorted where it is a map, no HTML escapes. */
int template_json(struct run *r, const json_t *j, bool sorted, struct buf *out);

#endif
