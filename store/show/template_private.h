/* Shared by the template modules: tokens, the parse tree, values, and execution. */
#ifndef STORE_SHOW_TEMPLATE_PRIVATE_H
#define STORE_SHOW_TEMPLATE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "store/show/template.h"

enum token_type {
	TOKEN_END,   /* end of the template */
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
	TOKEN_FIELD,	/* .Name; the text excludes the dot */
	TOKEN_VARIABLE, /* $ or $name, with the dollar */
	TOKEN_WORD,	/* a keyword or a function */
	TOKEN_STRING,	/* "..." or `...`, with the quotes */
	TOKEN_CHAR,
	TOKEN_NUMBER,
};

struct token {
	enum token_type type;
	size_t pos, len; /* position in the template's text */
};

struct lexer {
	const char *text;
	size_t len, pos;
	bool inside;	/* inside an action */
	bool trim_next; /* the previous action ended with a trim marker */
};

/* template_lex - read the next token; on -EINVAL, the message lacks the position. */
int template_lex(struct lexer *l, struct token *out, struct err *err) MUST_CHECK;

/*
 * template_unquote - the value of a string, raw string or character constant. New reference;
 * -EINVAL.
 */
int template_unquote(const char *text, const struct token *t, json_t **out,
		     struct err *err) MUST_CHECK;

/* template_number - the value of an integer or real number. New reference; -EINVAL. */
int template_number(const char *text, const struct token *t, json_t **out,
		    struct err *err) MUST_CHECK;

enum node_type {
	NODE_LIST,     /* children in sequence */
	NODE_TEXT,     /* value */
	NODE_ACTION,   /* pipe */
	NODE_IF,       /* pipe, body, otherwise */
	NODE_RANGE,    /* the same */
	NODE_WITH,     /* the same */
	NODE_PIPE,     /* children are commands; names are the variables set */
	NODE_COMMAND,  /* children are its words */
	NODE_CONSTANT, /* value; NULL: nil */
	NODE_DOT,
	NODE_FIELD,    /* names */
	NODE_VARIABLE, /* names; the first includes the dollar */
	NODE_FUNCTION, /* function */
	NODE_CHAIN,    /* pipe or one child, then names */
};

struct node {
	struct node *next; /* list of all nodes, for freeing */
	enum node_type type;
	size_t pos;	   /* position in Go's convention, for messages */
	size_t start, end; /* range of its text */
	json_t *value;
	char **names;
	size_t n_names;
	bool assign; /* of a pipe: = instead of := */
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

/*
 * The Go type of docker's key, which determines how an empty value prints and whether the key may
 * be missing.
 */
enum value_kind {
	KIND_ANY,
	KIND_LIST,    /* null is an empty list */
	KIND_STRINGS, /* a map of strings: null is empty; indexing a missing key returns "" */
	KIND_MAP,     /* any other map */
	KIND_STRING,
	KIND_BOOL,
	KIND_NUMBER,
	KIND_POINTER, /* null is <nil> */
	KIND_FIELD,   /* a row's string, always printed on one line */
};

/* A value owns a reference; json NULL: no value. */
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

/* template_kind - the type of docker's key, if known; *optional: docker may omit it. */
enum value_kind template_kind(const char *key, bool *optional);

enum run_mode { RUN_DATA, RUN_ROW, RUN_HEADS };

#define VARIABLES_MAX 256

struct variable {
	const char *name; /* borrowed from the node */
	struct value value;
};

struct run {
	const struct template *t;
	enum run_mode mode;
	const json_t *labels; /* of a row */
	json_t *root;
	struct buf *out;
	uint64_t work; /* bytes and steps so far, limited */
	unsigned depth;
	struct variable variables[VARIABLES_MAX];
	size_t n_variables;
	struct err *err;
};

/* template_work - account for n bytes or steps; -E2BIG. */
int template_work(struct run *r, uint64_t n) MUST_CHECK;

/* A function of n values with one result. On -EINVAL, the message lacks the position. */
struct template_function {
	const char *name;
	int min, max; /* arguments; max -1: any number */
	int (*call)(struct run *r, const struct value *args, size_t n, struct value *out,
		    struct err *err);
	bool heads; /* returns its first argument in RUN_HEADS */
	bool lazy;  /* and, or: evaluates arguments until one decides; call is unused */
};

/* template_function - find a function; NULL: not found. */
const struct template_function *template_function(const char *name, size_t len);

bool template_truth(const struct value *v);

/* template_type_name - Go's name of the type, for messages. */
const char *template_type_name(const struct value *v);

/* template_index - index a list, a map or a string. */
int template_index(struct run *r, const struct value *v, const struct value *key, struct value *out,
		   struct err *err) MUST_CHECK;

/*
 * template_keys - the sorted keys of an object; the caller frees only the array. NULL: out of
 * memory.
 */
const char **template_keys(const json_t *object, size_t *n);

/* template_printf - append the result of Go's Sprintf. */
int template_printf(struct run *r, const struct value *args, size_t n, struct buf *out,
		    struct err *err) MUST_CHECK;

/* template_print - append as Go's %v. top: not nested in another value. 0, -ENOMEM or -E2BIG. */
int template_print(struct run *r, const struct value *v, bool top, struct buf *out) MUST_CHECK;

/* template_json - append as docker's json function: sorted for a map, without HTML escapes. */
int template_json(struct run *r, const json_t *j, bool sorted, struct buf *out) MUST_CHECK;

#endif
