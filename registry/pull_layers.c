/*
 * Several layers are downloaded at a time, each by a thread that feeds the threads of ingest. A
 * complete layer is published at once, so that later failures do not discard it.
 */
#include "registry/pull_private.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/workers.h"
#include "registry/client.h"
#include "registry/http/http.h"
#include "store/disk/blob.h"
#include "store/disk/partial.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/disk/txn.h"
#include "store/layer/ingest.h"
#include "store/layer/layer.h"

/* Docker's default number of parallel downloads. */
#define WORKERS 3
#define SHORT_ID 12

DEFINE_CLEANUP_PTR(struct txn, txn_free);

/* Shared by the threads. */
struct fetching {
	struct pull_image *image;
	pthread_mutex_t publishing; /* the store's lock has one holder per process */
	const size_t *todo;	    /* indexes of layers */
	size_t n;
};

/* A layer that is being downloaded. */
struct fetch {
	struct fetching *all;
	size_t i;
	const struct descriptor *d;
	struct partial *partial; /* NULL: another process is downloading it */
	struct txn *txn;
	struct ingest *ingest;
};

static void short_id(const struct pull_image *image, size_t i, char out[static SHORT_ID + 1])
{
	snprintf(out, SHORT_ID + 1, "%.*s", SHORT_ID,
		 digest_hex(&image->manifest.layers[i].digest));
}

/* Print docker's line about a layer, or update its progress bar. */
static void print_layer_state(const struct pull_image *image, size_t i, const char *state)
{
	char id[SHORT_ID + 1], line[128];

	short_id(image, i, id);
	progress_state(image->progress, i, id, state, 0);
	if (image->options->quiet || progress_replaces_stdout(image->progress) ||
	    (image->progress && image->options->to == stderr))
		return;
	snprintf(line, sizeof(line), "%s: %s", id, state);
	progress_print(image->progress, image->options->to, line);
}

static void stop(void *arg)
{
	struct fetching *all = arg;

	http_cancel(all->image->http);
}

/* --- One layer -------------------------------------------------------------- */

static int take(void *arg, const void *data, size_t len, struct err *err)
{
	struct fetch *f = arg;
	int r = ingest_write(f->ingest, data, len, err);

	progress_add_line(f->all->image->progress, f->i, len);
	return r;
}

/* Discard what was received and start again. */
static int begin_anew(void *arg, struct err *err)
{
	struct fetch *f = arg;
	uint64_t have = 0;
	int r = 0;

	if (f->ingest)
		ingest_abort(TAKE_PTR(f->ingest));
	if (f->partial)
		r = partial_restart(f->partial, err);
	if (r < 0)
		return r;
	progress_set_line(f->all->image->progress, f->i, 0);
	if (f->partial)
		return ingest_begin_partial(f->txn, f->partial, &f->ingest, &have, err);
	return ingest_begin(f->txn, &f->d->digest, &f->ingest, err);
}

static bool is_foreign(const struct descriptor *d)
{
	return d->media_type &&
	       (strstr(d->media_type, ".foreign.") || strstr(d->media_type, ".nondistributable."));
}

/* Receive the rest of a layer. *pieced: it was received in more than one part. */
static int receive(struct fetch *f, bool *pieced, struct ingest_result *res, struct err *err)
{
	const struct client_sink sink = {
		.sink = take, .restart = begin_anew, .resumed = pieced, .arg = f
	};
	struct pull_image *image = f->all->image;
	uint64_t size = (uint64_t)f->d->size, have = 0;
	char id[SHORT_ID + 1];
	int r;

	r = f->partial ? ingest_begin_partial(f->txn, f->partial, &f->ingest, &have, err)
		       : ingest_begin(f->txn, &f->d->digest, &f->ingest, err);
	*pieced = have > 0;
	if (r < 0)
		return r;
	if (have)
		log_debug("layer %s: %llu bytes received earlier", f->d->digest.str,
			  (unsigned long long)have);
	short_id(image, f->i, id);
	progress_state(image->progress, f->i, id, "Downloading", size);
	progress_set_line(image->progress, f->i, have);
	if (have < size)
		r = client_blob_get(image->client, &f->d->digest, size, have, &sink, err);
	if (r < 0) {
		if (f->ingest)
			ingest_abort(TAKE_PTR(f->ingest));
		if (r == -ENOENT && is_foreign(f->d))
			return err_set(err, ENOENT,
				       "the registry does not have it, and as a foreign layer it "
				       "is fetched from nowhere else");
		return r;
	}
	print_layer_state(image, f->i, "Verifying Checksum");
	return ingest_end(TAKE_PTR(f->ingest), res, err);
}

static int check(const struct fetch *f, const struct ingest_result *res, struct err *err)
{
	const struct digest *diff_id = &f->all->image->diff_ids[f->i];

	if (!digest_eq(&res->digest, &f->d->digest))
		return err_set(err, EBADMSG, "the registry sent content with the digest %s",
			       res->digest.str);
	if (res->layer_error)
		return err_set(err, -res->layer_error, "%s", res->layer_message);
	if (!digest_eq(&res->diff_id, diff_id))
		return err_set(err, EBADMSG, "its DiffID is %s, the image's config says %s",
			       res->diff_id.str, diff_id->str);
	return 0;
}

/* Publish the layer while the image's transaction keeps it from the garbage collector. */
static int publish(struct fetch *f, struct err *err)
{
	struct pull_image *image = f->all->image;
	int r;

	pthread_mutex_lock(&f->all->publishing);
	r = store_lock(image->store, STORE_LOCK_SHARED, err);
	if (r == 0) {
		r = txn_publish(f->txn, err);
		if (r == 0)
			r = layer_keep(image->txn, &f->d->digest, err);
		store_unlock(image->store);
	}
	pthread_mutex_unlock(&f->all->publishing);
	return r;
}

/*
 * One attempt. *again: a layer received in several parts has a wrong digest and must be downloaded
 * as a whole. The first part may be damaged by a power failure, or a mirror may serve ranges of
 * another blob.
 */
static int attempt(struct fetch *f, bool *again, struct err *err)
{
	_cleanup_(cleanup_txn_free) struct txn *t = NULL;
	struct ingest_result res;
	bool pieced;
	int r = txn_begin(f->all->image->store, &t, err);

	*again = false;
	if (r < 0)
		return r;
	f->txn = t;
	r = receive(f, &pieced, &res, err);
	if (r < 0)
		return r;
	r = check(f, &res, err);
	if (r == -EBADMSG && pieced) {
		log_debug("layer %s: digest mismatch after resuming, downloading again",
			  f->d->digest.str);
		*again = true;
		return f->partial ? partial_restart(f->partial, err) : 0;
	}
	if (r < 0)
		return r;
	print_layer_state(f->all->image, f->i, "Download complete");
	return publish(f, err);
}

/* Partial downloads are kept, unless the disk is full or the content was wrong. */
static bool is_worth_keeping(int r)
{
	switch (r) {
	case -ENOSPC:
	case -EDQUOT:
	case -EBADMSG:
	case -EINVAL:
	case -ENOTSUP:
	case -EPROTO:
	case -EFBIG:
		return false;
	default:
		return true;
	}
}

static int waiting(void *arg, struct err *err)
{
	return workers_stopped(arg) ? err_set(err, ECANCELED, "cancelled") : 0;
}

/* Keep the layer if the store has it; -ENOENT: the store lacks it or has a different size. */
static int keep(struct pull_image *image, const struct descriptor *d, struct err *err)
{
	if (!blob_exists(image->store, &d->digest, d->size))
		return -ENOENT;
	return layer_keep(image->txn, &d->digest, err);
}

static int fetch(struct fetching *all, struct workers *w, size_t i, struct err *err)
{
	struct pull_image *image = all->image;
	struct fetch f = { .all = all, .i = i, .d = &image->manifest.layers[i] };
	bool again = false;
	int r;

	r = partial_open(image->store, &f.d->digest, (uint64_t)f.d->size, waiting, w, &f.partial,
			 err);
	if (r < 0 && r != -EAGAIN)
		return r;
	/* Another process may have completed it while this one waited. */
	r = keep(image, f.d, err);
	if (r == -ENOENT) {
		r = attempt(&f, &again, err);
		if (again && r == 0)
			r = attempt(&f, &again, err);
	}
	if (r == 0 || !is_worth_keeping(r))
		partial_done(f.partial);
	else
		partial_close(f.partial);
	if (r == 0)
		print_layer_state(image, i, "Pull complete");
	return r;
}

static int fetch_one(struct workers *w, size_t n, void *arg, struct err *err)
{
	struct fetching *all = arg;
	size_t i = all->todo[n];
	int r = fetch(all, w, i, err);

	/* The client's messages name the blob already. */
	if (r < 0 && strncmp(err->msg, "blob ", 5) != 0)
		err_wrap(err, r, "layer %s", all->image->manifest.layers[i].digest.str);
	return r;
}

/* --- All layers -------------------------------------------------------------- */

static int fetch_all(struct fetching *all, struct err *err)
{
	static const struct workers_ops ops = { .job = fetch_one, .stop = stop };
	int r;

	pthread_mutex_init(&all->publishing, NULL);
	r = workers_run(&ops, all->n, WORKERS, all, err);
	pthread_mutex_destroy(&all->publishing);
	return r;
}

/* True if a lower layer is the same blob, which is downloaded only once. */
static bool stands_before(const struct manifest *m, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (digest_eq(&m->layers[k].digest, &m->layers[i].digest))
			return true;
	return false;
}

/* The largest first, so that no thread waits long for the others at the end. */
static void sort_by_size(const struct manifest *m, size_t *v, size_t n)
{
	size_t i, k;

	for (i = 1; i < n; i++) {
		size_t x = v[i];

		for (k = i; k > 0 && m->layers[v[k - 1]].size < m->layers[x].size; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* Find the missing layers. todo has room for all layers. */
static int find_missing(struct pull_image *image, size_t *todo, size_t *n, struct err *err)
{
	const struct manifest *m = &image->manifest;
	bool *there;
	size_t i;
	int r = 0;

	*n = 0;
	there = calloc(m->n_layers ? m->n_layers : 1, sizeof(*there));
	if (!there)
		return err_nomem(err);
	for (i = 0; i < m->n_layers && r == 0; i++) {
		if (stands_before(m, i))
			continue;
		r = keep(image, &m->layers[i], err);
		there[i] = r == 0;
		if (r == -ENOENT) {
			todo[(*n)++] = i;
			r = 0;
		}
	}
	/* As docker, print nothing about the layers of an image that is up to date. */
	for (i = 0; i < m->n_layers && r == 0 && (*n || !image->known); i++)
		if (there[i])
			print_layer_state(image, i, "Already exists");
		else if (!stands_before(m, i))
			print_layer_state(image, i, "Pulling fs layer");
	free(there);
	sort_by_size(m, todo, *n);
	for (i = WORKERS; i < *n && r == 0; i++)
		print_layer_state(image, todo[i], "Waiting");
	return r;
}

/* Verify the DiffIDs of the layers that were in the store, too. */
static int check_diff_ids(struct pull_image *image, struct err *err)
{
	const struct manifest *m = &image->manifest;
	struct layer_header h;
	size_t i;
	int r;

	for (i = 0; i < m->n_layers; i++) {
		r = layer_peek_in(image->txn, &m->layers[i].digest, &h, err);
		if (r < 0)
			return err_wrap(err, r, "layer %s", m->layers[i].digest.str);
		if (strncmp(h.diff_id, image->diff_ids[i].str, sizeof(h.diff_id)) != 0)
			return err_set(err, EBADMSG,
				       "layer %s: its DiffID is %.135s, the image's config says %s",
				       m->layers[i].digest.str, h.diff_id, image->diff_ids[i].str);
	}
	return 0;
}

int pull_layers(struct pull_image *image, struct err *err)
{
	size_t n_layers = image->manifest.n_layers;
	_cleanup_free_ size_t *todo = calloc(n_layers ? n_layers : 1, sizeof(*todo));
	struct fetching all = { .image = image, .todo = todo };
	int r;

	if (!todo)
		return err_nomem(err);
	r = find_missing(image, todo, &all.n, err);
	image->fetched = (unsigned)all.n;
	if (r == 0)
		r = fetch_all(&all, err);
	return r == 0 ? check_diff_ids(image, err) : r;
}
