/*
 * imagefs inspect: details of images, containers and layers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "store/container/container.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/image/image.h"
#include "store/show/inspect.h"
#include "store/show/template.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);
DEFINE_CLEANUP_PTR(struct template, template_free);

enum kind { KIND_ANY, KIND_IMAGE, KIND_CONTAINER, KIND_LAYER };

/* How what is found is printed. */
enum form {
	FORM_ARRAY,    /* docker's: one array of all */
	FORM_LINES,    /* json: an object a line */
	FORM_TEMPLATE, /* a line of the template's for each */
};

struct request {
	enum kind kind;
	enum form form;
	bool total;
	const char *format;
	struct template *template;
};

static int of_image(struct store *s, const struct refs *refs, size_t pos, const char *name,
		    struct json_t **out, struct err *err)
{
	_cleanup_image_ struct image *i = NULL;
	int r = image_open(s, NULL, &refs->v[pos].desc, &i, err);

	/* Removed since index.json was read. */
	if (r == -ENOENT && !image_is_listed(s, &refs->v[pos]))
		return err_set(err, ENOENT, "No such object: %s", name);
	return r < 0 ? err_wrap(err, r, "%s", name) : inspect_image(s, i, refs, out, err);
}

/* One name, a container's first, as docker looks. -ENOENT: there is no such thing. */
static int find(struct store *s, const struct refs *refs, const struct request *q, const char *name,
		struct json_t **out, struct err *err)
{
	_cleanup_container_ struct container *c = NULL;
	size_t pos;
	int r;

	if (q->kind == KIND_ANY || q->kind == KIND_CONTAINER) {
		r = container_open(s, name[0] == '/' ? name + 1 : name, &c, err);
		if (r == 0)
			return inspect_container(s, c, q->total, out, err);
		if (q->kind == KIND_CONTAINER || r != -ENOENT)
			return r;
	}
	if (q->kind == KIND_ANY || q->kind == KIND_IMAGE) {
		r = image_find(s, refs, name, &pos, err);
		if (r == 0)
			return of_image(s, refs, pos, name, out, err);
		if (q->kind == KIND_IMAGE || r != -ENOENT)
			return r;
	}
	r = inspect_layer(s, refs, name, out, err);
	return q->kind == KIND_ANY && r == -ENOENT
		       ? err_set(err, ENOENT, "No such object: %s", name)
		       : r;
}

static int append(const struct request *q, const struct json_t *j, struct buf *out, struct err *err)
{
	int r;

	switch (q->form) {
	case FORM_LINES:
		return inspect_line(j, out, err);
	case FORM_TEMPLATE:
		r = template_run(q->template, j, out, err);
		return r == 0 && buf_putc(out, '\n') < 0 ? err_nomem(err) : r;
	default:
		if (out->len && buf_puts(out, ",\n") < 0)
			return err_nomem(err);
		return inspect_text(j, out, err);
	}
}

/* What is found is printed, the errors of the rest are too. */
static int print_all(const struct verb *v, struct store *s, const struct request *q, char **names,
		     int n)
{
	_cleanup_refs_ struct refs refs = { 0 };
	struct buf out _cleanup_buf_ = BUF_INIT;
	struct err err = ERR_INIT;
	int i, status = 0;

	if (refs_read(s, &refs, &err) < 0)
		return verb_fail(v, &err);
	for (i = 0; i < n; i++) {
		_cleanup_inspect_ struct json_t *j = NULL;
		size_t before = out.len;

		if (find(s, &refs, q, names[i], &j, &err) == 0 && append(q, j, &out, &err) == 0)
			continue;
		status = verb_fail(v, &err);
		out.len = before;
	}
	if (q->form == FORM_ARRAY)
		printf(out.len ? "[\n%.*s\n]\n" : "[]\n", (int)out.len, buf_str(&out));
	else
		fwrite(buf_str(&out), 1, out.len, stdout);
	return status;
}

static int take_kind(void *kind, char *value, struct err *err)
{
	static const struct {
		const char *name;
		enum kind kind;
	} kinds[] = { { "image", KIND_IMAGE },
		      { "container", KIND_CONTAINER },
		      { "layer", KIND_LAYER } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, value) == 0) {
			*(enum kind *)kind = kinds[i].kind;
			return 0;
		}
	}
	return err_set(err, EINVAL,
		       "unknown type: \"%s\": must be one of \"image\", \"container\", \"layer\"",
		       value);
}

static const struct option_spec options[] = {
	{ 'f', "format", "FORMAT",
	  "json (one object per line) or a Go template with the keys as fields",
	  OPTION(struct request, format), .values = "json" },
	{ 's', "size", NULL, "add SizeRootFs to containers", OPTION(struct request, total) },
	{ 0, "type", "TYPE",
	  "look up only an image, container or layer. A layer is named by its digest, diff ID or "
	  "chain ID",
	  OPTION_TAKE(struct request, kind, take_kind), .values = "image|container|layer" },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_template_free) struct template *template = NULL;
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct request q = { .kind = KIND_ANY };
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &q);
	if (argc < 1)
		return verb_usage(v, "requires at least 1 argument");
	if (q.format && strcmp(q.format, "json") == 0) {
		q.form = FORM_LINES;
	} else if (q.format && *q.format) {
		q.form = FORM_TEMPLATE;
		if (template_new(q.format, &template, &err) < 0)
			return verb_fail(v, &err);
		q.template = template;
	}
	if (verb_store(g, &s, &err) < 0)
		return verb_fail(v, &err);
	return print_all(v, s, &q, argv, argc);
}

const struct verb cmd_inspect = {
	.name = "inspect",
	.summary = "Show details of images, containers and layers",
	.arguments = "NAME...",
	.options = options,
	.help = "A JSON array under docker's keys. A name is a container's, else an image's, else "
		"a\n"
		"layer's. What is found is printed; exit status 1 where something is not.\n"
		"\n"
		"Examples:\n"
		"  imagefs inspect debian:12\n"
		"  imagefs inspect -f '{{json .Config.Env}}' debian:12\n"
		"  imagefs inspect --type layer $(imagefs inspect -f '{{index .RootFS.Layers 0}}' "
		"debian:12)\n",
	.run = run,
};
