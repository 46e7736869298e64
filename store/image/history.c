/* The config's history and the manifest's layers are matched from the top. */
#include "store/image/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "store/disk/refs.h"
#include "store/image/image.h"
#include "store/layer/layer.h"

void history_fini(struct history *h)
{
	free(h->v);
	h->v = NULL;
	h->n = 0;
}

/* The size of the next lower layer, if any. */
static int next_layer(struct store *s, const struct image *i, size_t *left, uint64_t *size,
		      struct err *err)
{
	struct layer_header header;
	int r;

	if (!*left)
		return 0;
	r = layer_peek(s, &i->manifest.layers[*left - 1].digest, &header, err);
	if (r < 0)
		return r;
	--*left;
	*size = header.content_size;
	return 0;
}

static const char *words(const json_t *entry, const char *key)
{
	const char *s = json_str(entry, key);

	return s ? s : "";
}

/* Assign image IDs as docker does: each parent is one step older. */
static void name_steps(struct history *h, const struct image *i, const struct refs *refs)
{
	const struct digest *id = &i->id;
	size_t n;

	for (n = 0; n < h->n && id; n++) {
		h->v[n].id = *id;
		id = refs_parent(refs, id);
	}
}

int history_read(struct store *s, const struct image *i, const struct refs *refs,
		 struct history *out, struct err *err)
{
	struct history h _cleanup_history_ = { 0 };
	const json_t *list = json_object_get(i->config, "history");
	size_t left = i->manifest.n_layers, n = json_array_size(list);
	int r;

	h.v = calloc(n + left + 1, sizeof(*h.v));
	if (!h.v)
		return err_nomem(err);
	for (; n; n--) {
		const json_t *entry = json_array_get(list, n - 1);
		struct history_step *step = &h.v[h.n++];
		const char *created = json_str(entry, "created");

		step->created_by = words(entry, "created_by");
		step->comment = words(entry, "comment");
		step->dated = created && text_parse_time(created, &step->created) == 0 &&
			      step->created.tv_sec > YEAR_ONE;
		if (json_is_true(json_object_get(entry, "empty_layer")))
			continue;
		r = next_layer(s, i, &left, &step->size, err);
		if (r < 0)
			return r;
	}
	while (left) {
		struct history_step *step = &h.v[h.n++];

		step->created_by = step->comment = "";
		r = next_layer(s, i, &left, &step->size, err);
		if (r < 0)
			return r;
	}
	name_steps(&h, i, refs);
	*out = h;
	h.v = NULL;
	h.n = 0;
	return 0;
}
