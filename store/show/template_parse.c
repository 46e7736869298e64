/* Parsing tokens into a tree. The depth is bounded, so functions on the tree may recurse. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/show/template_private.h"

struct parser {
	struct template *t;
	struct lexer lex;
	struct token tok; /* the current token */
	unsigned depth;
	char **variables; /* names in scope, borrowed from nodes */
	size_t n_variables;
	struct err *err;
};

/* How a list of nodes ended. */
enum ending { END_OF_TEMPLATE, END_END, END_ELSE };

void template_where(const char *text, size_t pos, bool column, char out[static 64])
{
	size_t line = 1, start = 0, i;

	for (i = 0; i < pos && text[i]; i++) {
		if (text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	if (column)
		snprintf(out, 64, "template: :%zu:%zu", line, pos - start);
	else
		snprintf(out, 64, "template: :%zu", line);
}

/* Add the position to a message that lacks it, as docker does, on one line. */
static int located(struct parser *p, int r)
{
	struct buf b _cleanup_buf_ = BUF_INIT;
	char where[64];

	if (r == 0 || !p->err || r == -ENOMEM)
		return r;
	template_where(p->t->text, p->tok.pos, false, where);
	if (text_escape_line(&b, p->err->msg, strlen(p->err->msg)) < 0)
		return err_nomem(p->err);
	return err_set(p->err, -r, "template parsing error: %s: %s", where, buf_str(&b));
}

static int fail(struct parser *p, const char *what)
{
	return err_set(p->err, EINVAL, "%s", what);
}

static int unexpected(struct parser *p, const char *context)
{
	const struct token *t = &p->tok;

	if (t->type == TOKEN_END)
		return err_set(p->err, EINVAL, "unexpected EOF");
	if (t->type == TOKEN_RIGHT)
		return err_set(p->err, EINVAL, "unexpected \"}}\" in %s", context);
	return err_set(p->err, EINVAL, "unexpected \"%.*s\" in %s", (int)MIN(t->len, 40u),
		       p->t->text + t->pos, context);
}

static int next(struct parser *p)
{
	int r = template_lex(&p->lex, &p->tok, p->err);

	if (r < 0) {
		p->tok.pos = p->lex.pos;
		p->tok.len = 0;
	}
	return r;
}

static int next_word(struct parser *p)
{
	int r;

	do {
		r = next(p);
	} while (r == 0 && p->tok.type == TOKEN_SPACE);
	return r;
}

static int skip_space(struct parser *p)
{
	return p->tok.type == TOKEN_SPACE ? next_word(p) : 0;
}

static bool is_word(const struct parser *p, const char *word)
{
	return p->tok.type == TOKEN_WORD && p->tok.len == strlen(word) &&
	       memcmp(p->t->text + p->tok.pos, word, p->tok.len) == 0;
}

static struct node *node_new(struct parser *p, enum node_type type)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n) {
		err_nomem(p->err);
		return NULL;
	}
	n->type = type;
	n->pos = n->start = p->tok.pos;
	n->end = p->tok.pos + p->tok.len;
	n->next = p->t->all;
	p->t->all = n;
	return n;
}

static int add_child(struct parser *p, struct node *n, struct node *child)
{
	if ((n->n_children & (n->n_children - 1)) == 0) {
		struct node **children =
			realloc(n->children,
				(n->n_children ? 2 * n->n_children : 1) * sizeof(*children));

		if (!children)
			return err_nomem(p->err);
		n->children = children;
	}
	n->children[n->n_children++] = child;
	return 0;
}

static int add_name(struct parser *p, struct node *n, const char *s, size_t len)
{
	if ((n->n_names & (n->n_names - 1)) == 0) {
		char **names =
			realloc(n->names, (n->n_names ? 2 * n->n_names : 1) * sizeof(*names));

		if (!names)
			return err_nomem(p->err);
		n->names = names;
	}
	n->names[n->n_names] = strndup(s, len);
	if (!n->names[n->n_names])
		return err_nomem(p->err);
	n->n_names++;
	return 0;
}

static int deeper(struct parser *p)
{
	if (++p->depth > TEMPLATE_DEPTH_MAX)
		return fail(p, "nested too deep");
	return 0;
}

static int parse_pipe(struct parser *p, enum token_type end, const char *context,
		      struct node **out);

static int declare(struct parser *p, char *name)
{
	char **v;

	if (p->n_variables >= VARIABLES_MAX - 1)
		return fail(p, "too many variables");
	v = realloc(p->variables, (p->n_variables + 1) * sizeof(*v));
	if (!v)
		return err_nomem(p->err);
	p->variables = v;
	v[p->n_variables++] = name;
	return 0;
}

static int check_variable(struct parser *p, const struct node *n)
{
	size_t i;

	for (i = 0; i < p->n_variables; i++)
		if (strcmp(p->variables[i], n->names[0]) == 0)
			return 0;
	return err_set(p->err, EINVAL, "undefined variable \"%s\"", n->names[0]);
}

static int parse_constant(struct parser *p, struct node **out)
{
	struct node *n = node_new(p, NODE_CONSTANT);
	int r;

	if (!n)
		return -ENOMEM;
	if (p->tok.type == TOKEN_NUMBER)
		r = template_number(p->t->text, &p->tok, &n->value, p->err);
	else
		r = template_unquote(p->t->text, &p->tok, &n->value, p->err);
	*out = n;
	return r < 0 ? r : next(p);
}

static int parse_word(struct parser *p, struct node **out)
{
	static const char *const keywords[] = {
		"if",	 "else",   "end",      "range", "with",
		"block", "define", "template", "break", "continue"
	};
	struct node *n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keywords); i++)
		if (is_word(p, keywords[i]))
			return err_set(p->err, EINVAL, "unexpected <%s> in operand", keywords[i]);
	n = node_new(p, NODE_CONSTANT);
	if (!n)
		return -ENOMEM;
	if (is_word(p, "true") || is_word(p, "false")) {
		n->value = json_boolean(is_word(p, "true"));
	} else if (!is_word(p, "nil")) {
		n->type = NODE_FUNCTION;
		n->function = template_function(p->t->text + p->tok.pos, p->tok.len);
		if (!n->function)
			return err_set(p->err, EINVAL, "function \"%.*s\" not defined",
				       (int)MIN(p->tok.len, 100u), p->t->text + p->tok.pos);
	}
	*out = n;
	return next(p);
}

static int parse_parentheses(struct parser *p, struct node **out)
{
	struct node *n = node_new(p, NODE_CHAIN);
	int r;

	if (!n)
		return -ENOMEM;
	r = deeper(p);
	if (r == 0)
		r = next_word(p);
	if (r == 0)
		r = parse_pipe(p, TOKEN_RPAREN, "parenthesized pipeline", &n->pipe);
	if (r < 0)
		return r;
	p->depth--;
	n->end = p->tok.pos + p->tok.len;
	*out = n;
	return next(p);
}

/* Parse a term; *out is NULL if none begins here. */
static int parse_term(struct parser *p, struct node **out)
{
	const char *text = p->t->text + p->tok.pos;
	struct node *n;

	*out = NULL;
	switch (p->tok.type) {
	case TOKEN_WORD:
		return parse_word(p, out);
	case TOKEN_STRING:
	case TOKEN_CHAR:
	case TOKEN_NUMBER:
		return parse_constant(p, out);
	case TOKEN_LPAREN:
		return parse_parentheses(p, out);
	case TOKEN_DOT:
		n = node_new(p, NODE_DOT);
		break;
	case TOKEN_FIELD:
		n = node_new(p, NODE_FIELD);
		if (n && add_name(p, n, text + 1, p->tok.len - 1) < 0)
			return -ENOMEM;
		break;
	case TOKEN_VARIABLE:
		n = node_new(p, NODE_VARIABLE);
		if (n && add_name(p, n, text, p->tok.len) < 0)
			return -ENOMEM;
		if (n && check_variable(p, n) < 0)
			return -EINVAL;
		break;
	default:
		return 0;
	}
	if (!n)
		return -ENOMEM;
	*out = n;
	return next(p);
}

/* Parse a term and the fields that follow it without a space. */
static int parse_operand(struct parser *p, struct node **out)
{
	struct node *n, *chain;
	int r = parse_term(p, &n);

	*out = n;
	if (r < 0 || !n || p->tok.type != TOKEN_FIELD)
		return r;
	if (n->type == NODE_CONSTANT || n->type == NODE_DOT)
		return err_set(p->err, EINVAL, "unexpected . after term \"%.*s\"",
			       (int)MIN(n->end - n->start, 40u), p->t->text + n->start);
	/* Go's position of a path is its second part. */
	n->pos = p->tok.pos;
	if (n->type == NODE_FUNCTION) {
		chain = node_new(p, NODE_CHAIN);
		if (!chain)
			return -ENOMEM;
		chain->start = n->start;
		r = add_child(p, chain, n);
		*out = n = chain;
	}
	while (r == 0 && p->tok.type == TOKEN_FIELD) {
		r = add_name(p, n, p->t->text + p->tok.pos + 1, p->tok.len - 1);
		n->end = p->tok.pos + p->tok.len;
		if (r == 0)
			r = next(p);
	}
	return r;
}

static int parse_command(struct parser *p, struct node **out)
{
	struct node *c = node_new(p, NODE_COMMAND), *word = NULL;
	int r;

	if (!c)
		return -ENOMEM;
	for (;;) {
		r = skip_space(p);
		if (r == 0)
			r = parse_operand(p, &word);
		if (r < 0)
			return r;
		if (word) {
			r = add_child(p, c, word);
			if (r < 0)
				return r;
			c->end = word->end;
		}
		if (p->tok.type == TOKEN_SPACE)
			continue;
		if (p->tok.type == TOKEN_RIGHT || p->tok.type == TOKEN_RPAREN ||
		    p->tok.type == TOKEN_PIPE)
			break;
		return unexpected(p, "operand");
	}
	if (!c->n_children)
		return fail(p, "empty command");
	*out = c;
	return 0;
}

/*
 * Parse "$a :=", "$a =" or, in range, "$a, $b :=". Only look-ahead distinguishes them from a use
 * of the variable. The names are added to the pipe and, if they are new, to *news.
 */
static int parse_declaration(struct parser *p, struct node *pipe, bool range)
{
	struct lexer lex = p->lex;
	struct token tok = p->tok;
	int r = 0;

	while (p->tok.type == TOKEN_VARIABLE && pipe->n_names < (range ? 2u : 1u)) {
		r = add_name(p, pipe, p->t->text + p->tok.pos, p->tok.len);
		if (r == 0)
			r = next_word(p);
		if (r < 0)
			return r;
		if (p->tok.type == TOKEN_DECLARE || p->tok.type == TOKEN_ASSIGN) {
			pipe->assign = p->tok.type == TOKEN_ASSIGN;
			return next_word(p);
		}
		if (p->tok.type != TOKEN_COMMA)
			break;
		if (!range || pipe->n_names == 2)
			return fail(p, "too many declarations");
		r = next_word(p);
		if (r < 0)
			return r;
		if (p->tok.type != TOKEN_VARIABLE)
			return fail(p, "range can only initialize variables");
	}
	while (pipe->n_names)
		free(pipe->names[--pipe->n_names]);
	p->lex = lex;
	p->tok = tok;
	return 0;
}

/* Constants and dot take no argument, but later stages of a pipe receive one. */
static int check_stages(struct parser *p, const struct node *pipe)
{
	size_t i;

	for (i = 1; i < pipe->n_children; i++) {
		enum node_type type = pipe->children[i]->children[0]->type;

		if (type == NODE_CONSTANT || type == NODE_DOT)
			return err_set(p->err, EINVAL,
				       "non executable command in pipeline stage %zu", i + 1);
	}
	return 0;
}

static int parse_pipe(struct parser *p, enum token_type end, const char *context, struct node **out)
{
	struct node *pipe, *c = NULL;
	size_t i;
	int r = skip_space(p);

	if (r < 0)
		return r;
	pipe = node_new(p, NODE_PIPE);
	if (!pipe)
		return -ENOMEM;
	r = parse_declaration(p, pipe, strcmp(context, "range") == 0);
	if (r < 0)
		return r;
	if (p->tok.type == end)
		return err_set(p->err, EINVAL, "missing value for %s", context);
	for (;;) {
		r = parse_command(p, &c);
		if (r == 0)
			r = add_child(p, pipe, c);
		if (r < 0)
			return r;
		pipe->end = c->end;
		if (p->tok.type != TOKEN_PIPE)
			break;
		r = next_word(p);
		if (r < 0)
			return r;
		if (p->tok.type == end)
			return err_set(p->err, EINVAL, "missing value for %s", context);
	}
	if (p->tok.type != end)
		return end == TOKEN_RPAREN ? fail(p, "unclosed left paren")
					   : fail(p, "unexpected right paren");
	for (i = 0; i < pipe->n_names && r == 0; i++) {
		if (!pipe->assign)
			r = declare(p, pipe->names[i]);
		else
			r = check_variable(p, &(struct node){ .names = pipe->names + i });
	}
	*out = pipe;
	return r < 0 ? r : check_stages(p, pipe);
}

static int parse_list(struct parser *p, struct node **out, enum ending *ending);

static int parse_block(struct parser *p, enum node_type type, const char *context, struct node *n);

/* Parse what follows {{else: an end, or another block of the same kind with its own else. */
static int parse_else(struct parser *p, enum node_type type, const char *context, struct node *n)
{
	struct node *inner;
	enum ending ending;
	int r;

	if (p->tok.type == TOKEN_RIGHT) {
		r = parse_list(p, &n->otherwise, &ending);
		if (r < 0)
			return r;
		if (ending == END_END)
			return 0;
		return ending == END_ELSE ? fail(p, "expected end; found {{else}}")
					  : fail(p, "unexpected EOF");
	}
	if (type != NODE_IF || !is_word(p, "if"))
		return unexpected(p, "else");
	n->otherwise = node_new(p, NODE_LIST);
	inner = n->otherwise ? node_new(p, NODE_IF) : NULL;
	if (!inner || add_child(p, n->otherwise, inner) < 0)
		return -ENOMEM;
	/* The inner block consumes the common end. */
	r = deeper(p);
	if (r == 0)
		r = next_word(p);
	if (r == 0)
		r = parse_block(p, NODE_IF, context, inner);
	p->depth--;
	return r;
}

/* Parse a block after its keyword, up to its end. */
static int parse_block(struct parser *p, enum node_type type, const char *context, struct node *n)
{
	size_t scope = p->n_variables;
	enum ending ending = END_END;
	int r;

	n->type = type;
	r = parse_pipe(p, TOKEN_RIGHT, context, &n->pipe);
	if (r == 0)
		r = parse_list(p, &n->body, &ending);
	if (r == 0 && ending == END_OF_TEMPLATE)
		r = fail(p, "unexpected EOF");
	if (r == 0 && ending == END_ELSE)
		r = parse_else(p, type, context, n);
	p->n_variables = scope;
	return r;
}

static int refuse(struct parser *p)
{
	static const char *const words[] = { "block", "break", "continue", "define", "template" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (is_word(p, words[i]))
			return err_set(p->err, EINVAL, "{{%s}} is not supported", words[i]);
	return 0;
}

/* Parse an action after its "{{". *ending is set if it closes the list. */
static int parse_action(struct parser *p, struct node *list, bool *closed, enum ending *ending)
{
	static const struct {
		const char *word;
		enum node_type type;
	} blocks[] = { { "if", NODE_IF }, { "range", NODE_RANGE }, { "with", NODE_WITH } };
	struct node *n;
	size_t i;
	int r = refuse(p);

	if (r < 0)
		return r;
	if (is_word(p, "end")) {
		r = next_word(p);
		if (r == 0 && p->tok.type != TOKEN_RIGHT)
			r = unexpected(p, "end");
		*ending = END_END;
		*closed = true;
		return r;
	}
	if (is_word(p, "else")) {
		*ending = END_ELSE;
		*closed = true;
		return next_word(p);
	}
	n = node_new(p, NODE_ACTION);
	if (!n || add_child(p, list, n) < 0)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (!is_word(p, blocks[i].word))
			continue;
		r = deeper(p);
		if (r == 0)
			r = next_word(p);
		if (r == 0)
			r = parse_block(p, blocks[i].type, blocks[i].word, n);
		p->depth--;
		return r;
	}
	return parse_pipe(p, TOKEN_RIGHT, "command", &n->pipe);
}

static int parse_list(struct parser *p, struct node **out, enum ending *ending)
{
	struct node *list = node_new(p, NODE_LIST), *n;
	bool closed = false;
	int r;

	if (!list)
		return -ENOMEM;
	*out = list;
	while (!closed) {
		r = next(p);
		if (r < 0)
			return r;
		if (p->tok.type == TOKEN_END) {
			*ending = END_OF_TEMPLATE;
			return 0;
		}
		if (p->tok.type == TOKEN_TEXT) {
			n = node_new(p, NODE_TEXT);
			if (!n || add_child(p, list, n) < 0)
				return -ENOMEM;
			continue;
		}
		r = next_word(p);
		if (r == 0)
			r = parse_action(p, list, &closed, ending);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse(struct template *t, struct err *err)
{
	static char root[] = "$";
	struct err own = ERR_INIT;
	struct parser p = { .t = t, .err = err ? err : &own };
	enum ending ending = END_OF_TEMPLATE;
	int r;

	p.lex.text = t->text;
	p.lex.len = strlen(t->text);
	r = declare(&p, root);
	if (r == 0)
		r = parse_list(&p, &t->root, &ending);
	if (r == 0 && ending != END_OF_TEMPLATE)
		r = err_set(p.err, EINVAL, "unexpected {{%s}}", ending == END_END ? "end" : "else");
	free(p.variables);
	return located(&p, r);
}

int template_new(const char *text, struct template **out, struct err *err)
{
	struct template *t;
	int r;

	if (strlen(text) > TEMPLATE_TEXT_MAX)
		return err_set(err, EINVAL, "template parsing error: longer than %u bytes",
			       TEMPLATE_TEXT_MAX);
	t = calloc(1, sizeof(*t));
	if (!t || !(t->text = strdup(text))) {
		free(t);
		return err_nomem(err);
	}
	r = parse(t, err);
	if (r < 0) {
		template_free(t);
		return r;
	}
	*out = t;
	return 0;
}

void template_free(struct template *t)
{
	struct node *n, *next_one;

	if (!t)
		return;
	for (n = t->all; n; n = next_one) {
		next_one = n->next;
		json_decref(n->value);
		while (n->n_names)
			free(n->names[--n->n_names]);
		free(n->names);
		free(n->children);
		free(n);
	}
	free(t->text);
	free(t);
}
