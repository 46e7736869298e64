/* Executing a template. Steps and bytes are counted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/show/template_private.h"

/* Length of the template's text in messages. */
#define WHAT_MAX 200u
/* Limit of steps and bytes together. */
#define WORK_MAX (4 * (uint64_t)TEMPLATE_OUTPUT_MAX)

int template_work(struct run *r, uint64_t n)
{
	r->work += n;
	if (r->work > WORK_MAX || r->out->len > TEMPLATE_OUTPUT_MAX)
		return err_set(r->err, E2BIG, "the template makes too much of it");
	return 0;
}

/* Add the position to the message of a failed function or step, as docker does. */
static int located(struct run *r, const struct node *n, int error)
{
	struct buf what _cleanup_buf_ = BUF_INIT, why _cleanup_buf_ = BUF_INIT;
	size_t len = n->end - n->start;
	char where[64];

	if (error != -EINVAL || !r->err)
		return error;
	if (text_escape_line(&what, r->t->text + n->start, MIN(len, WHAT_MAX)) < 0 ||
	    (len > WHAT_MAX && buf_puts(&what, "...") < 0) ||
	    text_escape_line(&why, r->err->msg, strlen(r->err->msg)) < 0)
		return err_nomem(r->err);
	template_where(r->t->text, n->pos, true, where);
	return err_set(r->err, EINVAL, "template parsing error: %s: executing \"\" at <%s>: %s",
		       where, buf_str(&what), buf_str(&why));
}

static void value_copy(struct value *to, const struct value *from)
{
	json_t *old = to->json;

	to->json = json_incref(from->json);
	to->kind = from->kind;
	json_decref(old);
}

static struct variable *variable(struct run *r, const char *name)
{
	size_t i;

	for (i = r->n_variables; i-- > 0;)
		if (strcmp(r->variables[i].name, name) == 0)
			return &r->variables[i];
	return NULL;
}

static int push(struct run *r, const char *name, const struct value *v)
{
	struct variable *var;

	if (r->n_variables == VARIABLES_MAX)
		return err_set(r->err, EINVAL, "too many variables");
	var = &r->variables[r->n_variables++];
	var->name = name;
	var->value = (struct value)VALUE_INIT;
	value_copy(&var->value, v);
	return 0;
}

static void pop_to(struct run *r, size_t n)
{
	while (r->n_variables > n)
		template_value_fini(&r->variables[--r->n_variables].value);
}

/* A key that docker may omit has the zero value of its type. */
static int missing(struct run *r, const struct value *v, const char *name, struct value *out)
{
	bool optional = false;
	enum value_kind kind = template_kind(name, &optional);

	if (r->mode == RUN_HEADS || v->kind == KIND_STRINGS || v->kind == KIND_MAP)
		return 0;
	if (r->mode == RUN_ROW && v->json == r->root)
		return err_set(r->err, EINVAL, "can't evaluate field %s", name);
	if (!optional || r->mode == RUN_ROW)
		return err_set(r->err, EINVAL, "map has no entry for key \"%s\"", name);
	out->kind = kind;
	switch (kind) {
	case KIND_STRING:
		out->json = json_string("");
		break;
	case KIND_BOOL:
		out->json = json_false();
		break;
	case KIND_NUMBER:
		out->json = json_integer(0);
		break;
	default:
		out->json = json_null();
		break;
	}
	return out->json ? 0 : err_nomem(r->err);
}

static int field(struct run *r, const struct value *v, const char *name, struct value *out)
{
	json_t *found;

	if (!v->json || json_is_null(v->json)) {
		if (v->kind == KIND_STRINGS || v->kind == KIND_MAP)
			return 0;
		if (v->kind == KIND_POINTER || !v->json)
			return err_set(r->err, EINVAL, "nil pointer evaluating interface {}.%s",
				       name);
		return err_set(r->err, EINVAL, "can't evaluate field %s in type %s", name,
			       template_type_name(v));
	}
	if (!json_is_object(v->json))
		return err_set(r->err, EINVAL, "can't evaluate field %s in type %s", name,
			       template_type_name(v));
	found = json_object_get(v->json, name);
	if (!found)
		return missing(r, v, name, out);
	out->json = json_incref(found);
	/* Keys in a map only look like docker's. */
	if (r->mode == RUN_DATA && v->kind != KIND_STRINGS && v->kind != KIND_MAP)
		out->kind = template_kind(name, &(bool){ false });
	else if (r->mode == RUN_ROW && v->json == r->root)
		out->kind = KIND_FIELD;
	return 0;
}

/* Replace *v by the result of the field path names[from..]. */
static int path(struct run *r, const struct node *n, size_t from, struct value *v)
{
	size_t i;
	int e = 0;

	for (i = from; i < n->n_names && e == 0; i++) {
		struct value step _cleanup_value_ = VALUE_INIT;

		e = template_work(r, 1);
		if (e == 0)
			e = located(r, n, field(r, v, n->names[i], &step));
		if (e == 0)
			value_copy(v, &step);
	}
	return e;
}

static int eval_pipe(struct run *r, const struct node *pipe, const struct value *dot,
		     struct value *out);
static int eval_call(struct run *r, const struct node *command, const struct node *function,
		     const struct value *dot, const struct value *last, struct value *out);

static int eval_word(struct run *r, const struct node *n, const struct value *dot,
		     struct value *out)
{
	const struct variable *var;
	int e = template_work(r, 1);

	if (e < 0)
		return e;
	switch (n->type) {
	case NODE_DOT:
		value_copy(out, dot);
		return 0;
	case NODE_CONSTANT:
		out->json = json_incref(n->value);
		return 0;
	case NODE_FIELD:
		value_copy(out, dot);
		return path(r, n, 0, out);
	case NODE_VARIABLE:
		var = variable(r, n->names[0]);
		if (!var)
			return located(r, n,
				       err_set(r->err, EINVAL, "undefined variable: %s",
					       n->names[0]));
		value_copy(out, &var->value);
		return path(r, n, 1, out);
	case NODE_FUNCTION:
		return eval_call(r, n, n, dot, NULL, out);
	case NODE_CHAIN:
		e = n->pipe ? eval_pipe(r, n->pipe, dot, out)
			    : eval_word(r, n->children[0], dot, out);
		return e < 0 ? e : path(r, n, 0, out);
	default:
		return err_set(r->err, EINVAL, "not a value");
	}
}

/* and, or: the result is the first argument that decides, or the last. */
static int eval_lazy(struct run *r, const struct node *command, bool stop_at,
		     const struct value *dot, const struct value *last, struct value *out)
{
	size_t i;
	int e;

	for (i = 1; i < command->n_children; i++) {
		struct value v _cleanup_value_ = VALUE_INIT;

		e = eval_word(r, command->children[i], dot, &v);
		if (e < 0)
			return e;
		value_copy(out, &v);
		if (template_truth(&v) == stop_at)
			return 0;
	}
	if (last)
		value_copy(out, last);
	return 0;
}

static int call(struct run *r, const struct template_function *f, const struct value *args,
		size_t n, struct value *out)
{
	struct err own = ERR_INIT;
	int e;

	if (r->mode == RUN_HEADS && f->heads && n) {
		value_copy(out, &args[0]);
		return 0;
	}
	e = f->call(r, args, n, out, &own);
	if (e == -EINVAL)
		return err_set(r->err, EINVAL, "error calling %s: %s", f->name, own.msg);
	if (e == -ENOMEM)
		return err_nomem(r->err);
	return e;
}

/* command is the function's own node if it is an argument by itself. */
static int eval_call(struct run *r, const struct node *command, const struct node *function,
		     const struct value *dot, const struct value *last, struct value *out)
{
	const struct template_function *f = function->function;
	size_t given = command->type == NODE_COMMAND ? command->n_children - 1 : 0, n = 0, i;
	struct value *args;
	int e = 0;

	n = given + (last ? 1 : 0);
	if ((int)n < f->min || (f->max >= 0 && (int)n > f->max))
		return located(r, function,
			       err_set(r->err, EINVAL,
				       "wrong number of args for %s: want %s%d got %zu", f->name,
				       f->max < 0 ? "at least " : "", f->min, n));
	if (f->lazy)
		return eval_lazy(r, command, strcmp(f->name, "or") == 0, dot, last, out);
	args = calloc(n ? n : 1, sizeof(*args));
	if (!args)
		return err_nomem(r->err);
	for (i = 0; i < given && e == 0; i++)
		e = eval_word(r, command->children[i + 1], dot, &args[i]);
	if (e == 0 && last)
		value_copy(&args[given], last);
	if (e == 0)
		e = located(r, command, call(r, f, args, n, out));
	for (i = 0; i < n; i++)
		template_value_fini(&args[i]);
	free(args);
	return e;
}

/* {{.Label "key"}} of a row is the only method. */
static int eval_label(struct run *r, const struct value *key, struct value *out)
{
	const char *name = json_string_value(key->json), *part;
	json_t *found;

	if (!name)
		return err_set(r->err, EINVAL, "wrong type for value; expected string; got %s",
			       template_type_name(key));
	if (r->mode == RUN_ROW) {
		found = json_object_get(r->labels, name);
		out->json = found ? json_incref(found) : json_string("");
		out->kind = KIND_FIELD;
	} else {
		char *head, *c;

		part = strrchr(name, '.');
		head = strdup(part ? part + 1 : name);
		for (c = head; c && *c; c++)
			if (*c == '-' || *c == '_')
				*c = ' ';
		out->json = head ? json_string_nocheck(head) : NULL;
		free(head);
	}
	return out->json ? 0 : err_nomem(r->err);
}

static int eval_command(struct run *r, const struct node *c, const struct value *dot,
			const struct value *last, struct value *out)
{
	const struct node *first = c->children[0];
	size_t n = c->n_children - 1 + (last ? 1 : 0);

	if (first->type == NODE_FUNCTION)
		return eval_call(r, c, first, dot, last, out);
	if (first->type == NODE_CONSTANT && !first->value)
		return located(r, first, err_set(r->err, EINVAL, "nil is not a command"));
	if (n == 1 && r->mode != RUN_DATA && first->type == NODE_FIELD && first->n_names == 1 &&
	    strcmp(first->names[0], "Label") == 0 && dot->json == r->root) {
		struct value key _cleanup_value_ = VALUE_INIT;
		int e = 0;

		if (last)
			value_copy(&key, last);
		else
			e = eval_word(r, c->children[1], dot, &key);
		return e < 0 ? e : located(r, first, eval_label(r, &key, out));
	}
	if (n)
		return located(r, first,
			       err_set(r->err, EINVAL, "can't give argument to non-function %.*s",
				       (int)MIN(first->end - first->start, 40u),
				       r->t->text + first->start));
	return eval_word(r, first, dot, out);
}

static int eval_pipe(struct run *r, const struct node *pipe, const struct value *dot,
		     struct value *out)
{
	size_t i;
	int e;

	for (i = 0; i < pipe->n_children; i++) {
		struct value v _cleanup_value_ = VALUE_INIT;

		e = eval_command(r, pipe->children[i], dot, i ? out : NULL, &v);
		if (e < 0)
			return e;
		value_copy(out, &v);
	}
	for (i = 0; i < pipe->n_names; i++) {
		struct variable *var = pipe->assign ? variable(r, pipe->names[i]) : NULL;

		if (var)
			value_copy(&var->value, out);
		else if ((e = push(r, pipe->names[i], out)) < 0)
			return e;
	}
	return 0;
}

static int walk(struct run *r, const struct node *n, const struct value *dot);

static int walk_if(struct run *r, const struct node *n, const struct value *dot)
{
	struct value v _cleanup_value_ = VALUE_INIT;
	int e = eval_pipe(r, n->pipe, dot, &v);

	if (e < 0)
		return e;
	if (template_truth(&v))
		return walk(r, n->body, n->type == NODE_WITH ? &v : dot);
	return n->otherwise ? walk(r, n->otherwise, dot) : 0;
}

/*
 * One iteration of a range: set its variables, from first on, to the key and the value, or to one
 * of them.
 */
static int walk_round(struct run *r, const struct node *n, size_t first, json_t *key,
		      const struct value *v)
{
	const struct node *pipe = n->pipe;
	struct value k = { key, KIND_ANY };
	size_t mark = r->n_variables, i;
	int e = key ? template_work(r, 1) : -ENOMEM;

	for (i = 0; e == 0 && i < pipe->n_names; i++) {
		const struct value *set = i + 1 == pipe->n_names ? v : &k;
		struct variable *var =
			pipe->assign ? variable(r, pipe->names[i]) : &r->variables[first + i];

		if (var)
			value_copy(&var->value, set);
	}
	if (e == 0)
		e = walk(r, n->body, v);
	pop_to(r, mark);
	json_decref(key);
	return e == -ENOMEM ? err_nomem(r->err) : e;
}

static int walk_members(struct run *r, const struct node *n, size_t first, const struct value *v)
{
	size_t i, count;
	int e = 0;

	if (json_is_array(v->json)) {
		for (i = 0; i < json_array_size(v->json) && e == 0; i++)
			e = walk_round(r, n, first, json_integer((json_int_t)i),
				       &(struct value){ json_array_get(v->json, i), KIND_ANY });
	} else {
		_cleanup_free_ const char **keys = template_keys(v->json, &count);

		if (!keys)
			return err_nomem(r->err);
		e = template_work(r, count);
		for (i = 0; i < count && e == 0; i++)
			e = walk_round(r, n, first, json_string_nocheck(keys[i]),
				       &(struct value){ json_object_get(v->json, keys[i]),
							KIND_ANY });
	}
	return e;
}

static int walk_range(struct run *r, const struct node *n, const struct value *dot)
{
	struct value v _cleanup_value_ = VALUE_INIT;
	size_t first, count;
	int e = eval_pipe(r, n->pipe, dot, &v);

	if (e < 0)
		return e;
	/* Parentheses in the pipe may have declared other variables before. */
	first = n->pipe->assign ? 0 : r->n_variables - n->pipe->n_names;
	if (json_is_array(v.json)) {
		count = json_array_size(v.json);
	} else if (json_is_object(v.json)) {
		count = json_object_size(v.json);
	} else if (!v.json || json_is_null(v.json)) {
		count = 0;
	} else {
		struct buf b _cleanup_buf_ = BUF_INIT;

		e = template_print(r, &v, true, &b);
		return e < 0 ? e
			     : located(r, n->pipe,
				       err_set(r->err, EINVAL, "range can't iterate over %.100s",
					       buf_str(&b)));
	}
	if (count)
		return walk_members(r, n, first, &v);
	return n->otherwise ? walk(r, n->otherwise, dot) : 0;
}

static int walk_action(struct run *r, const struct node *n, const struct value *dot)
{
	struct value v _cleanup_value_ = VALUE_INIT;
	int e = eval_pipe(r, n->pipe, dot, &v);

	if (e < 0 || n->pipe->n_names)
		return e;
	e = template_print(r, &v, true, r->out);
	return e == -ENOMEM ? err_nomem(r->err) : e;
}

static int walk_one(struct run *r, const struct node *n, const struct value *dot)
{
	size_t mark = r->n_variables;
	int e = template_work(r, 1);

	if (e < 0)
		return e;
	switch (n->type) {
	case NODE_TEXT:
		e = buf_append(r->out, r->t->text + n->start, n->end - n->start);
		return e < 0 ? err_nomem(r->err) : template_work(r, n->end - n->start);
	case NODE_ACTION:
		return walk_action(r, n, dot);
	case NODE_RANGE:
		e = walk_range(r, n, dot);
		break;
	default:
		e = walk_if(r, n, dot);
		break;
	}
	pop_to(r, mark);
	return e;
}

static int walk(struct run *r, const struct node *n, const struct value *dot)
{
	size_t i;
	int e = 0;

	for (i = 0; i < n->n_children && e == 0; i++)
		e = walk_one(r, n->children[i], dot);
	return e;
}

static int run(const struct template *t, enum run_mode mode, json_t *data, const json_t *labels,
	       struct buf *out, struct err *err)
{
	struct err own = ERR_INIT;
	struct buf result _cleanup_buf_ = BUF_INIT;
	struct value dot = { data, KIND_ANY };
	struct run r = { .t = t, .mode = mode, .root = data, .labels = labels, .out = &result };
	int e;

	r.err = err ? err : &own;
	e = push(&r, "$", &dot);
	if (e == 0)
		e = walk(&r, t->root, &dot);
	pop_to(&r, 0);
	if (e == 0 && buf_append(out, result.data, result.len) < 0)
		e = err_nomem(r.err);
	return e;
}

int template_run(const struct template *t, const json_t *data, struct buf *out, struct err *err)
{
	/* Only its reference count changes. */
	return run(t, RUN_DATA, (json_t *)data, NULL, out, err);
}

struct template_row {
	json_t *fields, *labels;
};

int template_row_new(struct template_row **out, struct err *err)
{
	struct template_row *row = calloc(1, sizeof(*row));

	if (row) {
		row->fields = json_object();
		row->labels = json_object();
	}
	if (!row || !row->fields || !row->labels) {
		template_row_free(row);
		return err_nomem(err);
	}
	*out = row;
	return 0;
}

void template_row_free(struct template_row *row)
{
	if (!row)
		return;
	json_decref(row->fields);
	json_decref(row->labels);
	free(row);
}

void template_row_clear(struct template_row *row)
{
	json_object_clear(row->fields);
	json_object_clear(row->labels);
}

int template_row_set(struct template_row *row, const char *name, const char *value)
{
	return json_object_set_new_nocheck(row->fields, name, json_string_nocheck(value)) < 0
		       ? -ENOMEM
		       : 0;
}

int template_row_default(struct template_row *row, const char *name)
{
	return json_object_get(row->fields, name) ? 0 : template_row_set(row, name, "");
}

int template_row_set_label(struct template_row *row, const char *key, const char *value)
{
	return json_object_set_new_nocheck(row->labels, key, json_string_nocheck(value)) < 0
		       ? -ENOMEM
		       : 0;
}

int template_run_row(const struct template *t, const struct template_row *row, struct buf *out,
		     struct err *err)
{
	return run(t, RUN_ROW, row->fields, row->labels, out, err);
}

int template_run_heads(const struct template *t, const struct template_row *heads, struct buf *out,
		       struct err *err)
{
	return run(t, RUN_HEADS, heads->fields, NULL, out, err);
}
