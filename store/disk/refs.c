/* index.json is read and written as a whole. Members that other tools added are kept. */
#include "store/disk/refs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/oci/reference.h"

#define INDEX_DEPTH_MAX 4
#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
#define ANNOTATION_IMAGE_NAME "io.containerd.image.name"
/* BuildKit's key for the digest of an image's config. */
#define ANNOTATION_CONFIG "containerimage.config.digest"
#define ANNOTATION_PARENT "imagefs.parent"
#define ANNOTATION_TAGGED "imagefs.tagged"
#define ANNOTATION_DIGEST "imagefs.digest"
#define ANNOTATION_COMPRESSED "imagefs.compressed"

static void ref_fini(struct ref *r)
{
	free(r->name);
	descriptor_fini(&r->desc);
	json_decref(r->json);
	memset(r, 0, sizeof(*r));
}

void refs_fini(struct refs *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		ref_fini(&r->v[i]);
	free(r->v);
	json_decref(r->json);
	map_fini(&r->parents, NULL);
	memset(r, 0, sizeof(*r));
}

/* Adjust the number of entries with this parent. 0 or -ENOMEM. */
static int count_parent(struct refs *r, const struct digest *parent, int by)
{
	intptr_t n;

	if (!digest_is_set(parent))
		return 0;
	n = (intptr_t)map_get(&r->parents, parent->str) + by;
	if (n > 0)
		return map_put(&r->parents, parent->str, (void *)n) < 0 ? -ENOMEM : 0;
	map_del(&r->parents, parent->str);
	return 0;
}

/* True for entries of the same image: equal IDs or, if unknown, equal manifests. */
static bool same_image(const struct ref *a, const struct ref *b)
{
	if (!digest_is_set(&a->id) && !digest_is_set(&b->id))
		return digest_eq(&a->desc.digest, &b->desc.digest);
	return digest_eq(&a->id, &b->id);
}

/* Length of a full name without tag and digest. */
static size_t repo_length(const char *name)
{
	const char *at = strchr(name, '@'), *slash = strrchr(name, '/');
	const char *colon = strchr(slash ? slash : name, ':');

	if (at)
		return (size_t)(at - name);
	return colon ? (size_t)(colon - name) : strlen(name);
}

bool refs_same_repo(const char *a, const char *b)
{
	size_t n = repo_length(a);

	return n == repo_length(b) && strncmp(a, b, n) == 0;
}

bool ref_has_tag(const struct ref *r)
{
	return r->name && !strchr(r->name, '@');
}

bool refs_has_tag(const struct refs *r, const struct digest *id)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (digest_eq(&r->v[i].id, id) && ref_has_tag(&r->v[i]))
			return true;
	return false;
}

struct ref *refs_find_digest(const struct refs *r, const char *repo, const struct digest *digest)
{
	struct ref *found = NULL;
	size_t i;

	for (i = 0; i < r->n; i++) {
		struct ref *ref = &r->v[i];

		if (!ref->name || !refs_same_repo(ref->name, repo))
			continue;
		if (digest_eq(&ref->repo_digest, digest))
			return ref;
		if (!found && digest_eq(&ref->desc.digest, digest))
			found = ref;
	}
	return found;
}

/*
 * The normalised full name of an entry of index.json, with a tag or a digest; NULL: none. A
 * ref.name such as "latest", which other tools write, is not a name here.
 */
static int full_name(const struct descriptor *d, char **out)
{
	const char *candidates[] = { d->ref_name, d->image_name };
	size_t i;

	*out = NULL;
	for (i = 0; i < ARRAY_SIZE(candidates); i++) {
		_cleanup_reference_ struct reference ref = { 0 };
		_cleanup_free_ char *full = NULL;

		if (!candidates[i] || reference_parse(candidates[i], &ref, NULL) < 0)
			continue;
		full = reference_full(&ref);
		if (!full)
			return -ENOMEM;
		if (strcmp(full, candidates[i]) != 0)
			continue;
		*out = TAKE_PTR(full);
		return 0;
	}
	return 0;
}

static bool is_there(struct store *s, struct txn *t, const struct digest *d)
{
	char path[DIGEST_MAX + 8];
	_cleanup_close_ int fd = -1;

	if (!t)
		return blob_exists(s, d, -1);
	blob_store_path(d, path);
	fd = txn_open(t, path);
	return fd >= 0;
}

/*
 * Choose the entry for this host. If the index or the store has no such manifest, another
 * platform's is used, so that its files can be read. An incomplete image is an error and is not
 * skipped.
 */
static int choose(struct store *s, struct txn *t, const struct index *x, struct err *err)
{
	size_t i, first = x->n;
	int rank;

	for (rank = 0; rank < INDEX_RANKS; rank++) {
		for (i = 0; i < x->n; i++) {
			if (index_rank(&x->entries[i], NULL) != rank)
				continue;
			if (is_there(s, t, &x->entries[i].digest))
				return (int)i;
			first = MIN(first, i);
		}
	}
	return first < x->n ? (int)first : err_set(err, ENOTSUP, "it has no image");
}

int refs_resolve(struct store *s, struct txn *t, struct descriptor *d, struct err *err)
{
	int depth, pos, r;

	for (depth = 0; manifest_media_is_index(d->media_type); depth++) {
		struct buf text _cleanup_buf_ = BUF_INIT;
		struct descriptor chosen;
		struct index x;

		if (depth == INDEX_DEPTH_MAX)
			return err_set(err, EINVAL, "image index %s: nested too deep",
				       d->digest.str);
		r = blob_get(s, t, &d->digest, BLOB_JSON_MAX, &text, err);
		if (r < 0)
			return r;
		r = index_parse(buf_str(&text), text.len, &x, err);
		if (r < 0)
			return err_wrap(err, r, "%s", d->digest.str);
		pos = choose(s, t, &x, err);
		r = pos < 0 ? err_wrap(err, pos, "image index %s", d->digest.str)
			    : descriptor_copy(&x.entries[pos], &chosen);
		index_fini(&x);
		if (r < 0)
			return r == -ENOMEM ? err_nomem(err) : r;
		descriptor_fini(d);
		*d = chosen;
	}
	return 0;
}

/*
 * Find the image ID: recorded in our own entries, else read from the manifest. For an image
 * index, a recorded ID may be another host's, so it is not used.
 */
static int find_id(struct store *s, struct ref *ref)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	const char *noted = json_str(json_object_get(ref->json, "annotations"), ANNOTATION_CONFIG);
	bool is_index = manifest_media_is_index(ref->desc.media_type);
	struct descriptor d = { 0 };
	struct manifest m;
	struct err err = ERR_INIT;
	int r;

	if (!is_index && noted && digest_parse(noted, &ref->id, NULL) == 0)
		return 0;
	r = descriptor_copy(&ref->desc, &d);
	if (r == 0)
		r = refs_resolve(s, NULL, &d, &err);
	if (r == 0)
		r = blob_get(s, NULL, &d.digest, BLOB_JSON_MAX, &text, &err);
	if (r == 0)
		r = manifest_parse(buf_str(&text), text.len, &m, &err);
	descriptor_fini(&d);
	if (r < 0) {
		log_debug("index.json: %s", err.msg);
		return r == -ENOMEM ? r : 0;
	}
	ref->id = m.config.digest;
	manifest_fini(&m);
	return 0;
}

/* Read our annotations; invalid ones are ignored. */
static void read_annotations(struct ref *ref)
{
	const json_t *notes = json_object_get(ref->json, "annotations");
	const char *parent = json_str(notes, ANNOTATION_PARENT);
	const char *tagged = json_str(notes, ANNOTATION_TAGGED);
	const char *digest = json_str(notes, ANNOTATION_DIGEST);
	const char *compressed = json_str(notes, ANNOTATION_COMPRESSED);

	if (parent &&
	    (digest_parse(parent, &ref->parent, NULL) < 0 || digest_eq(&ref->parent, &ref->id)))
		memset(&ref->parent, 0, sizeof(ref->parent));
	if (tagged && text_parse_time(tagged, &ref->tagged) < 0)
		memset(&ref->tagged, 0, sizeof(ref->tagged));
	if (ref->name && !ref_has_tag(ref))
		digest = strchr(ref->name, '@') + 1;
	if (!ref->name || !digest || digest_parse(digest, &ref->repo_digest, NULL) < 0)
		memset(&ref->repo_digest, 0, sizeof(ref->repo_digest));
	if (!compressed || digest_parse(compressed, &ref->compressed, NULL) < 0)
		memset(&ref->compressed, 0, sizeof(ref->compressed));
}

static int read_entry(struct store *s, json_t *j, struct ref *out, struct err *err)
{
	int r = descriptor_parse(j, &out->desc, err);

	if (r < 0)
		return r;
	out->json = json_incref(j);
	if (full_name(&out->desc, &out->name) < 0)
		return err_nomem(err);
	if (find_id(s, out) < 0)
		return err_nomem(err);
	read_annotations(out);
	return 0;
}

/*
 * REPOSITORY@DIGEST refers to one image, the last one pulled or pushed by it; the digest of an
 * index may belong to several, one per platform. Give it to entry i and take it from other
 * images. Returns the position of the entry, which may have moved.
 */
static size_t claim_digest(struct refs *r, size_t i)
{
	size_t k;

	for (k = r->n; k-- > 0;) {
		struct ref *other = &r->v[k];

		if (!other->name || !digest_eq(&other->repo_digest, &r->v[i].repo_digest) ||
		    same_image(other, &r->v[i]) || !refs_same_repo(other->name, r->v[i].name))
			continue;
		if (ref_has_tag(other))
			memset(&other->repo_digest, 0, sizeof(other->repo_digest));
		else if (refs_untag(r, k) && k < i)
			i--;
	}
	return i;
}

/* Enforce the same rule for an index.json of an older version. 0 or -ENOMEM. */
static int claim_all_digests(struct refs *r)
{
	struct map seen = MAP_INIT;
	bool twice = false;
	size_t i;
	int e = 0;

	for (i = 0; i < r->n && e == 0; i++) {
		const struct ref *ref = &r->v[i];
		intptr_t other;

		if (!digest_is_set(&ref->repo_digest))
			continue;
		other = (intptr_t)map_get(&seen, ref->repo_digest.str);
		twice |= other && !same_image(&r->v[other - 1], ref);
		e = map_put(&seen, ref->repo_digest.str, (void *)(intptr_t)(i + 1));
	}
	map_fini(&seen, NULL);
	if (e < 0)
		return -ENOMEM;
	for (i = r->n; twice && i-- > 0;)
		if (digest_is_set(&r->v[i].repo_digest))
			i = claim_digest(r, i);
	return 0;
}

int refs_read(struct store *s, struct refs *out, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	_cleanup_refs_ struct refs refs = { 0 };
	const json_t *manifests;
	size_t i, n;
	int r;

	r = file_read(s->fd, "index.json", STORE_INDEX_MAX, &text, err);
	if (r < 0)
		return err_wrap(err, r, "store %s", s->path);
	r = json_parse(buf_str(&text), text.len, "index.json", &j, err);
	if (r < 0)
		return err_wrap(err, r, "store %s", s->path);
	manifests = json_object_get(j, "manifests");
	/*
	 * Go writes an empty list as null. Anything else is not an index and must not be
	 * overwritten.
	 */
	if (!json_is_array(manifests) && !json_is_null(manifests))
		return err_set(err, EINVAL, "store %s: index.json: no manifests", s->path);
	n = json_array_size(manifests);
	refs.v = calloc(n ? n : 1, sizeof(*refs.v));
	if (!refs.v)
		return err_nomem(err);
	for (i = 0; i < n; i++) {
		refs.n++;
		r = read_entry(s, json_array_get(manifests, i), &refs.v[i], err);
		if (r < 0)
			return err_wrap(err, r, "store %s: index.json: entry %zu", s->path, i);
		if (count_parent(&refs, &refs.v[i].parent, 1) < 0)
			return err_nomem(err);
	}
	if (claim_all_digests(&refs) < 0)
		return err_nomem(err);
	json_object_del(j, "manifests");
	refs.json = TAKE_PTR(j);
	*out = refs;
	memset(&refs, 0, sizeof(refs));
	return 0;
}

struct ref *refs_find(const struct refs *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->v[i].name && strcmp(r->v[i].name, name) == 0)
			return &r->v[i];
	return NULL;
}

const struct digest *refs_parent(const struct refs *r, const struct digest *id)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (digest_is_set(&r->v[i].parent) && digest_eq(&r->v[i].id, id))
			return &r->v[i].parent;
	return NULL;
}

bool refs_has_children(const struct refs *r, const struct digest *id)
{
	return digest_is_set(id) && map_get(&r->parents, id->str) != NULL;
}

void refs_drop(struct refs *r, size_t i)
{
	count_parent(r, &r->v[i].parent, -1);
	ref_fini(&r->v[i]);
	memmove(&r->v[i], &r->v[i + 1], (r->n - i - 1) * sizeof(*r->v));
	r->n--;
}

/* True if another entry than i keeps this image. */
static bool kept_elsewhere(const struct refs *r, size_t i)
{
	size_t k;

	for (k = 0; k < r->n; k++)
		if (k != i && same_image(&r->v[k], &r->v[i]))
			return true;
	return false;
}

/* A ref.name of another tool, such as "latest": not a name here, but kept for that tool. */
static bool is_foreign(const char *ref_name)
{
	return ref_name && !strpbrk(ref_name, "/:");
}

bool refs_untag(struct refs *r, size_t i)
{
	struct ref *ref = &r->v[i];

	free(ref->name);
	ref->name = NULL;
	if (!is_foreign(ref->desc.ref_name)) {
		free(ref->desc.ref_name);
		ref->desc.ref_name = NULL;
	}
	memset(&ref->repo_digest, 0, sizeof(ref->repo_digest));
	if (ref->desc.ref_name || !kept_elsewhere(r, i))
		return false;
	refs_drop(r, i);
	return true;
}

/* Inherit properties from other entries of the same image and repository. */
static int inherit(struct refs *r, struct ref *ref)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct ref *old = &r->v[i];

		if (!same_image(old, ref))
			continue;
		ref->parent = old->parent;
		ref->tagged = old->tagged;
		if (digest_eq(&old->desc.digest, &ref->desc.digest))
			ref->compressed = old->compressed;
		if (ref->name && old->name && digest_is_set(&old->repo_digest) &&
		    digest_eq(&old->desc.digest, &ref->desc.digest) &&
		    refs_same_repo(old->name, ref->name))
			ref->repo_digest = old->repo_digest;
	}
	return count_parent(r, &ref->parent, 1);
}

static int append(struct refs *r, const char *name, const struct descriptor *manifest,
		  const struct digest *id)
{
	struct ref *v = realloc(r->v, (r->n + 1) * sizeof(*v));
	struct ref *ref;

	if (!v)
		return -ENOMEM;
	r->v = v;
	ref = &r->v[r->n];
	memset(ref, 0, sizeof(*ref));
	if (descriptor_copy(manifest, &ref->desc) < 0)
		return -ENOMEM;
	/* The name of the descriptor's former entry does not belong here. */
	free(ref->desc.ref_name);
	free(ref->desc.image_name);
	ref->desc.ref_name = ref->desc.image_name = NULL;
	ref->id = *id;
	ref->name = name ? strdup(name) : NULL;
	if ((name && !ref->name) || inherit(r, ref) < 0) {
		ref_fini(ref);
		return -ENOMEM;
	}
	if (name && !ref_has_tag(ref))
		/* The digest of a name is valid, or unset here. */
		IGNORE(digest_parse(strchr(name, '@') + 1, &ref->repo_digest, NULL));
	r->n++;
	return 0;
}

/*
 * Find an entry with a tag that can have this digest: of the same manifest, and without another
 * repo_digest.
 */
static struct ref *tag_for(struct refs *r, const char *name, const struct descriptor *manifest,
			   const struct digest *digest)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		struct ref *ref = &r->v[i];

		if (ref_has_tag(ref) && refs_same_repo(ref->name, name) &&
		    digest_eq(&ref->desc.digest, &manifest->digest) &&
		    (!digest_is_set(&ref->repo_digest) || digest_eq(&ref->repo_digest, digest)))
			return ref;
	}
	return NULL;
}

/*
 * Move the name of entry i to another image. If this one was pulled or pushed, it is still known
 * by its digest; docker shows it as repository and <none>.
 */
static int displace(struct refs *r, size_t i)
{
	struct ref *ref = &r->v[i];
	struct buf name _cleanup_buf_ = BUF_INIT;
	struct digest digest = ref->repo_digest;
	size_t k;

	if (!ref_has_tag(ref) || !digest_is_set(&digest)) {
		refs_untag(r, i);
		return 0;
	}
	for (k = 0; k < r->n; k++)
		if (k != i && r->v[k].name && same_image(&r->v[k], ref) &&
		    digest_eq(&r->v[k].repo_digest, &digest) &&
		    refs_same_repo(r->v[k].name, ref->name)) {
			refs_untag(r, i);
			return 0;
		}
	if (buf_append(&name, ref->name, repo_length(ref->name)) < 0 ||
	    buf_printf(&name, "@%s", digest.str) < 0)
		return -ENOMEM;
	free(ref->name);
	ref->name = buf_take(&name);
	return 0;
}

int refs_set(struct refs *r, const char *name, const struct descriptor *manifest,
	     const struct digest *id)
{
	size_t i, n = r->n;
	int e;

	if (!name) {
		for (i = 0; i < r->n; i++)
			if (digest_is_set(id) && digest_eq(&r->v[i].id, id))
				return 0;
		return append(r, NULL, manifest, id);
	}
	if (strchr(name, '@')) {
		struct digest digest;
		struct ref *tagged;

		if (digest_parse(strchr(name, '@') + 1, &digest, NULL) == 0 &&
		    (tagged = tag_for(r, name, manifest, &digest))) {
			tagged->repo_digest = digest;
			claim_digest(r, (size_t)(tagged - r->v));
			return 0;
		}
	}
	e = append(r, name, manifest, id);
	if (e < 0)
		return e;
	for (i = n; i-- > 0 && e == 0;) {
		const struct ref *old = &r->v[i];
		bool same = same_image(old, &r->v[r->n - 1]);

		if (old->name ? strcmp(old->name, name) != 0 : !same)
			continue;
		if (same)
			refs_untag(r, i);
		else
			e = displace(r, i);
	}
	if (e == 0 && digest_is_set(&r->v[r->n - 1].repo_digest))
		claim_digest(r, r->n - 1);
	return e;
}

/* Limit of the search for ancestors. */
#define ABOVE_MAX 128

/*
 * True if id is the image or one of its descendants. The search is skipped for images without
 * children. A chain that exceeds the limit counts as a descendant: it is not legitimate.
 */
static bool descends(const struct refs *r, const struct digest *image, const struct digest *id)
{
	size_t steps;

	if (!refs_has_children(r, id))
		return digest_eq(image, id);
	for (steps = 0; image && steps < ABOVE_MAX; steps++) {
		if (digest_eq(image, id))
			return true;
		image = refs_parent(r, image);
	}
	return image != NULL;
}

int refs_set_parent(struct refs *r, const struct digest *id, const struct digest *parent)
{
	bool known = false;
	size_t i;

	for (i = 0; i < r->n; i++)
		known |= digest_eq(&r->v[i].id, parent);
	if (!known || descends(r, parent, id))
		return 0;
	for (i = 0; i < r->n; i++) {
		struct ref *ref = &r->v[i];

		if (!digest_eq(&ref->id, id) || digest_is_set(&ref->parent))
			continue;
		if (count_parent(r, parent, 1) < 0)
			return -ENOMEM;
		ref->parent = *parent;
	}
	return 0;
}

void refs_set_tagged(struct refs *r, const struct digest *id, struct timespec when)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (digest_eq(&r->v[i].id, id))
			r->v[i].tagged = when;
}

void refs_set_digest(struct refs *r, const char *name, const struct digest *digest)
{
	struct ref *ref = refs_find(r, name);
	size_t i;

	if (!ref)
		return;
	ref->repo_digest = *digest;
	claim_digest(r, (size_t)(ref - r->v));
	/* This entry replaces one that only names the digest. */
	for (i = r->n; i-- > 0;) {
		struct ref *other = &r->v[i];

		ref = refs_find(r, name);
		if (other != ref && other->name && !ref_has_tag(other) && ref_has_tag(ref) &&
		    digest_eq(&other->repo_digest, digest) && same_image(other, ref) &&
		    refs_same_repo(other->name, name))
			refs_drop(r, i);
	}
}

bool refs_set_compressed(struct refs *r, const struct digest *manifest,
			 const struct digest *compressed)
{
	bool found = false;
	size_t i;

	for (i = 0; i < r->n; i++) {
		struct ref *ref = &r->v[i];

		if (!digest_eq(&ref->desc.digest, manifest))
			continue;
		found = true;
		if (compressed)
			ref->compressed = *compressed;
		else
			memset(&ref->compressed, 0, sizeof(ref->compressed));
	}
	return found;
}

/* 0, or negative if out of memory. */
static int put(json_t *obj, const char *key, const char *value)
{
	return json_object_set_new(obj, key, json_string(value));
}

static int note(json_t *annotations, const char *key, const char *value)
{
	if (*value)
		return put(annotations, key, value);
	json_object_del(annotations, key);
	return 0;
}

static int note_all(json_t *annotations, const struct ref *ref)
{
	bool foreign = is_foreign(json_str(annotations, ANNOTATION_REF_NAME));
	const char *name = ref->name ? ref->name : "";
	char tagged[48] = "";

	if (!foreign && note(annotations, ANNOTATION_REF_NAME, name) < 0)
		return -ENOMEM;
	if (digest_is_set(&ref->id) && !manifest_media_is_index(ref->desc.media_type) &&
	    put(annotations, ANNOTATION_CONFIG, ref->id.str) < 0)
		return -ENOMEM;
	if (ref->tagged.tv_sec)
		text_time(ref->tagged, tagged);
	if (note(annotations, ANNOTATION_IMAGE_NAME, name) < 0 ||
	    note(annotations, ANNOTATION_PARENT, ref->parent.str) < 0 ||
	    note(annotations, ANNOTATION_TAGGED, tagged) < 0 ||
	    note(annotations, ANNOTATION_DIGEST, ref->repo_digest.str) < 0 ||
	    note(annotations, ANNOTATION_COMPRESSED, ref->compressed.str) < 0)
		return -ENOMEM;
	return 0;
}

static json_t *entry_json(const struct ref *ref)
{
	_cleanup_json_ json_t *j = ref->json ? json_deep_copy(ref->json) : json_object();
	const char *media = ref->desc.media_type;

	if (!ref->json && (put(j, "mediaType", media ? media : MEDIA_OCI_MANIFEST) < 0 ||
			   put(j, "digest", ref->desc.digest.str) < 0 ||
			   json_object_set_new(j, "size", json_integer(ref->desc.size)) < 0))
		return NULL;
	if (!json_is_object(json_object_get(j, "annotations")) &&
	    json_object_set_new(j, "annotations", json_object()) < 0)
		return NULL;
	return note_all(json_object_get(j, "annotations"), ref) < 0 ? NULL : TAKE_PTR(j);
}

int refs_text(const struct refs *r, struct buf *out)
{
	_cleanup_json_ json_t *manifests = json_array();
	_cleanup_json_ json_t *j = r->json ? json_copy(r->json) : json_object();
	size_t i;

	for (i = 0; i < r->n; i++)
		if (json_array_append_new(manifests, entry_json(&r->v[i])) < 0)
			return -ENOMEM;
	if (json_object_set_new(j, "schemaVersion", json_integer(2)) < 0 ||
	    json_object_set_new(j, "mediaType", json_string(MEDIA_OCI_INDEX)) < 0 ||
	    json_object_set(j, "manifests", manifests) < 0)
		return -ENOMEM;
	return json_text(j, out);
}

static const char *manifest_of(const struct ref *r)
{
	return r ? r->desc.digest.str : "none";
}

/* Log the names whose manifest differs from index.json. */
static void report_changes(struct store *s, const struct refs *changed)
{
	_cleanup_refs_ struct refs old = { 0 };
	size_t i;

	if (!log_debugging || refs_read(s, &old, NULL) < 0)
		return;
	for (i = 0; i < changed->n; i++) {
		const struct ref *now = &changed->v[i];
		const struct ref *was = now->name ? refs_find(&old, now->name) : NULL;

		if (now->name && (!was || !digest_eq(&was->desc.digest, &now->desc.digest)))
			log_debug("reference %s: %s -> %s", now->name, manifest_of(was),
				  manifest_of(now));
	}
	for (i = 0; i < old.n; i++) {
		const struct ref *was = &old.v[i];

		if (was->name && !refs_find(changed, was->name))
			log_debug("reference %s: %s -> none", was->name, manifest_of(was));
	}
}

int refs_stage(struct txn *t, const struct refs *r, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_close_ int fd = -1;
	char name[16];
	int e;

	if (refs_text(r, &text) < 0)
		return err_nomem(err);
	/* refs_read() refuses a larger one. */
	if (text.len > STORE_INDEX_MAX)
		return err_set(err, EFBIG, "store %s: index.json would be larger than %u bytes",
			       txn_store(t)->path, STORE_INDEX_MAX);
	fd = txn_create(t, name, err);
	if (fd < 0)
		return fd;
	e = file_write_all(fd, text.data, text.len);
	if (e < 0)
		return err_sys(err, -e, "store %s: cannot write index.json", txn_store(t)->path);
	report_changes(txn_store(t), r);
	txn_replace(t, name, "index.json");
	return 0;
}
