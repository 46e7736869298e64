/*
 * Layers that the store has. Their indexes contain the results of the ingest, so they need not be
 * read again.
 */
#include "store/transfer/load_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/layer/layer.h"

int load_known_blob(struct load *l, const struct digest *blob, struct ingest_result *out,
		    struct err *err)
{
	struct ingest_result result = { .digest = *blob };
	struct layer_header h;
	int r;

	/* Keep it before using it: its image may be removed during the load. */
	r = layer_keep(l->txn, blob, err);
	if (r == 0)
		r = layer_peek_in(l->txn, blob, &h, err);
	if (r == 0)
		r = digest_parse(h.diff_id, &result.diff_id, err);
	if (r < 0) {
		layer_drop(l->txn, blob);
		return r;
	}
	result.size = h.blob_size;
	result.plain_size = h.plain_size;
	result.codec = h.codec;
	*out = result;
	return 0;
}

/* Record the layers of an image; an image that cannot be opened is ignored. */
static int note_image(struct load *l, const struct ref *ref)
{
	_cleanup_image_ struct image *image = NULL;
	size_t i;

	if (image_open(txn_store(l->txn), l->txn, &ref->desc, &image, NULL) < 0)
		return 0;
	for (i = 0; i < image->manifest.n_layers; i++) {
		struct digest *blob;

		if (map_get(&l->known, image->diff_ids[i].str))
			continue;
		blob = malloc(sizeof(*blob));
		if (!blob)
			return -ENOMEM;
		*blob = image->manifest.layers[i].digest;
		if (map_put(&l->known, image->diff_ids[i].str, blob) < 0) {
			free(blob);
			return -ENOMEM;
		}
	}
	return 0;
}

int load_known_diff_id(struct load *l, const struct digest *diff_id, struct ingest_result *out,
		       struct err *err)
{
	const struct digest *blob;
	size_t i;
	int r = 0;

	for (i = 0; !l->known_read && i < l->before.n && r == 0; i++)
		r = note_image(l, &l->before.v[i]);
	if (r < 0)
		return err_nomem(err);
	l->known_read = true;
	blob = map_get(&l->known, diff_id->str);
	if (!blob)
		return err_set(err, ENOENT, "no image in the store has the layer %s", diff_id->str);
	r = load_known_blob(l, blob, out, err);
	return r == 0 ? load_check_diff_id(out, diff_id, blob->str, err) : r;
}
