/* Selecting images and writing each of their blobs once. */
#include "store/transfer/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/map.h"
#include "base/progress.h"
#include "base/text.h"
#include "store/disk/blob.h"
#include "store/disk/layout.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/image/parent.h"
#include "store/oci/reference.h"
#include "store/transfer/save_private.h"

#define READ_BLOCK (1u << 20)

int save_format_parse(const char *s, enum save_format *out)
{
	static const char *const names[] = { "docker-archive", "oci-archive", "oci-dir" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(s, names[i]) == 0) {
			*out = (enum save_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void name_fini(struct save_name *n)
{
	free(n->full);
	free(n->familiar);
	free(n->tag);
}

static void set_fini(struct save_set *set)
{
	size_t i, k;

	for (i = 0; i < set->n; i++) {
		for (k = 0; k < set->v[i].n_names; k++)
			name_fini(&set->v[i].names[k]);
		free(set->v[i].names);
		image_free(set->v[i].image);
	}
	free(set->v);
}
#define _cleanup_set_ __attribute__((cleanup(set_fini)))

static int add_name(struct save_image *image, const struct reference *ref, struct err *err)
{
	struct save_name n = { 0 }, *v;
	size_t i;

	n.full = reference_full(ref);
	n.familiar = reference_familiar(ref);
	n.tag = strdup(ref->tag);
	v = realloc(image->names, (image->n_names + 1) * sizeof(*v));
	if (v)
		image->names = v;
	if (!n.full || !n.familiar || !n.tag || !v) {
		name_fini(&n);
		return err_nomem(err);
	}
	for (i = 0; i < image->n_names; i++) {
		if (strcmp(v[i].full, n.full) == 0) {
			name_fini(&n);
			return 0;
		}
	}
	v[image->n_names++] = n;
	return 0;
}

/* Add the image of an entry to the set. ref: the name to save, or NULL. */
static int add_ref(struct save_set *set, struct store *s, const struct ref *entry,
		   const struct reference *ref, struct err *err)
{
	struct save_image *v;
	struct image *image;
	size_t i;
	int r;

	r = image_open(s, NULL, &entry->desc, &image, err);
	if (r == -ENOENT && !image_is_listed(s, entry))
		return err_set(err, ENOENT, "No such image: %s",
			       entry->name ? entry->name : entry->id.str);
	if (r < 0)
		return r;
	for (i = 0; i < set->n; i++)
		if (digest_eq(&set->v[i].image->desc.digest, &image->desc.digest))
			break;
	if (i < set->n) {
		image_free(image);
	} else {
		v = realloc(set->v, (set->n + 1) * sizeof(*v));
		if (!v) {
			image_free(image);
			return err_nomem(err);
		}
		set->v = v;
		memset(&v[set->n], 0, sizeof(*v));
		v[set->n++].image = image;
	}
	return ref && ref->tag ? add_name(&set->v[i], ref, err) : 0;
}

/* True for a repository without tag and digest, as docker understands it here. */
static bool is_bare(const char *name)
{
	const char *slash = strrchr(name, '/');

	return !strchr(name, '@') && !strchr(slash ? slash : name, ':');
}

static int compare_refs(const void *a, const void *b)
{
	return strcmp((*(const struct ref *const *)a)->name, (*(const struct ref *const *)b)->name);
}

/* Add all tags of a repository, sorted. *found: there was one. */
static int add_repository(struct save_set *set, struct store *s, const struct refs *refs,
			  const struct reference *repo, bool *found, struct err *err)
{
	_cleanup_free_ const struct ref **v = calloc(refs->n + 1, sizeof(*v));
	size_t i, n = 0;
	int r = 0;

	if (!v)
		return err_nomem(err);
	for (i = 0; i < refs->n; i++)
		if (refs->v[i].name)
			v[n++] = &refs->v[i];
	qsort(v, n, sizeof(*v), compare_refs);
	for (i = 0; i < n && r == 0; i++) {
		_cleanup_reference_ struct reference ref = { 0 };

		if (reference_parse(v[i]->name, &ref, NULL) < 0 || !ref.tag ||
		    strcmp(ref.domain, repo->domain) != 0 || strcmp(ref.path, repo->path) != 0)
			continue;
		*found = true;
		r = add_ref(set, s, v[i], &ref, err);
		if (r < 0)
			err_wrap(err, r, "%s", v[i]->name);
	}
	return r;
}

static int choose(struct save_set *set, struct store *s, const struct refs *refs, const char *name,
		  struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *full = NULL;
	bool parsed = reference_parse(name, &ref, NULL) == 0, found = false;
	const struct ref *entry;
	size_t pos;
	int r;

	if (parsed && is_bare(name)) {
		r = add_repository(set, s, refs, &ref, &found, err);
		if (r < 0 || found)
			return r;
	}
	r = image_find(s, refs, name, &pos, err);
	if (r < 0)
		return r;
	entry = &refs->v[pos];
	if (parsed && ref.tag && !digest_is_set(&ref.digest)) {
		full = reference_full(&ref);
		if (!full)
			return err_nomem(err);
	}
	/* An image selected by ID or digest is saved without a name. */
	r = add_ref(set, s, entry,
		    full && entry->name && strcmp(full, entry->name) == 0 ? &ref : NULL, err);
	return r < 0 ? err_wrap(err, r, "%s", name) : 0;
}

/* Set the parents that are saved, too. docker refuses an archive with an impossible parent. */
static void find_parents(struct save_set *set, const struct refs *refs)
{
	size_t i, k;

	for (i = 0; i < set->n; i++) {
		const struct digest *parent = refs_parent(refs, &set->v[i].image->id);

		for (k = 0; parent && k < set->n; k++)
			if (digest_eq(parent, &set->v[k].image->id) &&
			    parent_fits(set->v[i].image, set->v[k].image))
				set->v[i].parent = &set->v[k].image->id;
	}
}

/* The blobs of the set without duplicates, sorted by digest for reproducible output. */
struct blob_list {
	const struct descriptor **v;
	size_t n;
	uint64_t bytes;
};

static int compare_blobs(const void *a, const void *b)
{
	return strcmp((*(const struct descriptor *const *)a)->digest.str,
		      (*(const struct descriptor *const *)b)->digest.str);
}

static int list_blobs(const struct save_set *set, struct blob_list *out, struct err *err)
{
	size_t i, k, n = 0, total = 0;

	for (i = 0; i < set->n; i++)
		total += 2 + set->v[i].image->manifest.n_layers;
	out->v = calloc(total, sizeof(*out->v));
	if (!out->v)
		return err_nomem(err);
	for (i = 0; i < set->n; i++) {
		const struct image *image = set->v[i].image;

		out->v[n++] = &image->desc;
		out->v[n++] = &image->manifest.config;
		for (k = 0; k < image->manifest.n_layers; k++)
			out->v[n++] = &image->manifest.layers[k];
	}
	qsort(out->v, n, sizeof(*out->v), compare_blobs);
	for (i = 0; i < n; i++) {
		if (out->n && digest_eq(&out->v[out->n - 1]->digest, &out->v[i]->digest))
			continue;
		out->v[out->n++] = out->v[i];
		out->bytes += (uint64_t)out->v[i]->size;
	}
	return 0;
}

static int copy_blob(struct save_sink *k, int fd, struct hash *h, char *block, uint64_t size,
		     struct progress *p, struct err *err)
{
	int r = 0;

	while (size && r == 0) {
		ssize_t n = read(fd, block, MIN(size, READ_BLOCK));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(err, errno, "cannot read")
				     : err_set(err, EBADMSG, "is shorter than it was");
		hash_update(h, block, (size_t)n);
		r = k->ops->write(k, block, (size_t)n, err);
		size -= (uint64_t)n;
		progress_add(p, (uint64_t)n);
	}
	return r;
}

/* Write a blob and verify its digest, so that damage is not passed on. */
static int save_blob(struct txn *t, struct save_sink *k, const struct descriptor *d, char *block,
		     struct progress *p, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char path[DIGEST_MAX + 8];
	struct digest got;
	struct hash *h;
	struct stat st;
	uint64_t size;
	int r;

	blob_store_path(&d->digest, path);
	fd = txn_open(t, path);
	if (fd < 0)
		return err_sys(err, -fd, "blob %s", d->digest.str);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "blob %s", d->digest.str);
	size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (size != (uint64_t)d->size)
		return err_set(err, EBADMSG,
			       "blob %s is damaged: it has %llu byte%s instead of %lld",
			       d->digest.str, (unsigned long long)size, TEXT_S(size),
			       (long long)d->size);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	h = hash_new(&d->digest);
	if (!h)
		return err_nomem(err);
	r = k->ops->begin(k, path, size, err);
	if (r == 0) {
		r = copy_blob(k, fd, h, block, size, p, err);
		if (r < 0)
			err_wrap(err, r, "blob %s", d->digest.str);
	}
	if (r == 0)
		r = k->ops->end(k, err);
	if (r == 0 && hash_final(h, &got) < 0)
		r = err_nomem(err);
	hash_free(h);
	if (r == 0 && !digest_eq(&got, &d->digest))
		r = err_set(err, EBADMSG, "blob %s is damaged: its content has the digest %s",
			    d->digest.str, got.str);
	return r;
}

static int save_blobs(struct txn *t, struct save_sink *k, const struct blob_list *blobs, bool quiet,
		      struct err *err)
{
	_cleanup_free_ char *block = malloc(READ_BLOCK);
	struct progress *progress;
	char alg[16] = "";
	size_t i;
	int r;

	if (!block)
		return err_nomem(err);
	progress = progress_bar("Saving", blobs->bytes, quiet);
	r = k->ops->dir(k, "blobs", err);
	for (i = 0; i < blobs->n && r == 0; i++) {
		const char *d = blobs->v[i]->digest.str;
		char dir[24], now[16];

		snprintf(now, sizeof(now), "%.*s", (int)strcspn(d, ":"), d);
		if (strcmp(now, alg) != 0) {
			memcpy(alg, now, sizeof(alg));
			snprintf(dir, sizeof(dir), "blobs/%s", alg);
			r = k->ops->dir(k, dir, err);
		}
		if (r == 0)
			r = save_blob(t, k, blobs->v[i], block, progress, err);
	}
	progress_end(progress);
	return r;
}

static int save_text(struct save_sink *k, const char *path, const struct buf *text, struct err *err)
{
	int r = k->ops->begin(k, path, text->len, err);

	if (r == 0)
		r = k->ops->write(k, text->data, text->len, err);
	return r == 0 ? k->ops->end(k, err) : r;
}

static int save_set(struct txn *t, struct save_sink *k, const struct save_set *set,
		    enum save_format format, bool quiet, struct err *err)
{
	struct buf index _cleanup_buf_ = BUF_INIT, manifest _cleanup_buf_ = BUF_INIT;
	struct buf layout _cleanup_buf_ = BUF_INIT;
	struct blob_list blobs = { 0 };
	int r;

	if (save_json_index(set, format, &index) < 0 || save_json_manifest(set, &manifest) < 0 ||
	    buf_puts(&layout, STORE_OCI_LAYOUT) < 0)
		return err_nomem(err);
	r = list_blobs(set, &blobs, err);
	if (r == 0)
		r = save_blobs(t, k, &blobs, quiet, err);
	free(blobs.v);
	if (r == 0)
		r = save_text(k, "index.json", &index, err);
	if (r == 0 && format == SAVE_DOCKER_ARCHIVE)
		r = save_text(k, "manifest.json", &manifest, err);
	if (r == 0)
		r = save_text(k, "oci-layout", &layout, err);
	return r == 0 ? k->ops->commit(k, err) : r;
}

DEFINE_CLEANUP_PTR(struct txn, txn_free);

static int keep(struct txn *t, const struct image *i, struct err *err)
{
	size_t k;
	int r = blob_keep(t, &i->desc.digest, err);

	if (r == 0)
		r = blob_keep(t, &i->id, err);
	for (k = 0; k < i->manifest.n_layers && r == 0; k++)
		r = blob_keep(t, &i->manifest.layers[k].digest, err);
	return r;
}

int save(struct store *s, char *const *names, size_t n, enum save_format format, const char *output,
	 bool quiet, struct err *err)
{
	_cleanup_set_ struct save_set set = { 0 };
	_cleanup_refs_ struct refs refs = { 0 };
	_cleanup_(cleanup_txn_free) struct txn *t = NULL;
	struct save_sink *sink = NULL;
	size_t i;
	int r;

	r = refs_read(s, &refs, err);
	for (i = 0; i < n && r == 0; i++)
		r = choose(&set, s, &refs, names[i], err);
	find_parents(&set, &refs);
	/* The transaction publishes nothing; it keeps the blobs until they are written. */
	if (r == 0)
		r = txn_begin_reading(s, &t, err);
	for (i = 0; i < set.n && r == 0; i++)
		r = keep(t, set.v[i].image, err);
	if (r < 0)
		return r;
	r = format == SAVE_OCI_DIR ? save_dir_open(output, &sink, err)
				   : save_tar_open(output, &sink, err);
	if (r < 0)
		return r;
	r = save_set(t, sink, &set, format, quiet, err);
	sink->ops->free(sink);
	return r;
}
