/*
 * References to blobs: the entries of index.json and the containers. What looks broken is checked
 * again under the lock, because it may have been removed concurrently.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "base/walk.h"
#include "store/container/container.h"
#include "store/container/upper.h"
#include "store/disk/blob.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"
#include "store/layer/layer_copy.h"
#include "store/layer/layer_index.h"
#include "store/layer/overlay_xattr.h"
#include "store/oci/reference.h"
#include "store/upkeep/verify_private.h"

static int add(struct map *m, const struct digest *d)
{
	return map_put(m, d->str, m);
}

/* Collect the digests of a manifest, as far as it can be read. */
static int collect_image(struct verify *v, const struct descriptor *desc, bool wanted)
{
	_cleanup_image_ struct image *i = NULL;
	size_t k;
	int r = wanted ? add(&v->wanted, &desc->digest) : 0;

	if (r < 0 || image_open(v->store, NULL, desc, &i, NULL) < 0)
		return r;
	if (wanted && (add(&v->wanted, &i->desc.digest) < 0 || add(&v->wanted, &i->id) < 0))
		return -ENOMEM;
	for (k = 0; k < i->manifest.n_layers; k++) {
		const struct digest *d = &i->manifest.layers[k].digest;

		if (add(&v->layers, d) < 0 || (wanted && add(&v->wanted, d) < 0))
			return -ENOMEM;
	}
	return 0;
}

/* Collect the manifest of an image's compressed form. Its layers have no indexes. */
static int collect_compressed(struct verify *v, const struct digest *manifest)
{
	_cleanup_image_ struct image *i = NULL;
	struct descriptor d = { .media_type = (char *)MEDIA_OCI_MANIFEST, .digest = *manifest };
	size_t k;

	if (!digest_is_set(manifest))
		return 0;
	if (add(&v->wanted, manifest) < 0)
		return -ENOMEM;
	if (image_open(v->store, NULL, &d, &i, NULL) < 0)
		return 0;
	for (k = 0; k < i->manifest.n_layers; k++)
		if (add(&v->wanted, &i->manifest.layers[k].digest) < 0)
			return -ENOMEM;
	return 0;
}

static int collect_containers(struct verify *v, struct err *err)
{
	char **names;
	size_t i;
	int r = container_list(v->store, &names, err);

	if (r < 0)
		return r;
	for (i = 0; names[i] && r == 0; i++) {
		_cleanup_container_ struct container *c = NULL;

		if (container_open(v->store, names[i], &c, NULL) == 0)
			r = collect_image(v, &c->manifest, false);
	}
	container_list_free(names);
	return r < 0 ? err_nomem(err) : 0;
}

/* True if the user named this entry, or no entry. */
static bool asked_for(struct verify *v, const struct refs *refs, size_t pos)
{
	size_t i, k;

	for (i = 0; i < v->o->n; i++)
		if (image_find(v->store, refs, v->o->names[i], &k, NULL) == 0 &&
		    (k == pos || digest_eq(&refs->v[k].desc.digest, &refs->v[pos].desc.digest)))
			return true;
	return v->o->n == 0;
}

int verify_collect(struct verify *v, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	size_t i, pos;
	int r = refs_read(v->store, &refs, err);

	if (r < 0)
		return r;
	for (i = 0; i < v->o->n; i++) {
		r = image_find(v->store, &refs, v->o->names[i], &pos, err);
		if (r < 0)
			return r;
	}
	for (i = 0; i < refs.n; i++)
		if (asked_for(v, &refs, i) &&
		    (collect_image(v, &refs.v[i].desc, v->o->n > 0) < 0 ||
		     (v->o->n && collect_compressed(v, &refs.v[i].compressed) < 0)))
			return err_nomem(err);
	return v->o->n ? 0 : collect_containers(v, err);
}

/* Check that an image's layers exist, with the manifest's sizes and the config's diff IDs. */
static int check_layers(struct verify *v, const struct image *image, struct err *why)
{
	struct layer_header h;
	bool stale = false;
	struct layers *ls;
	struct tree *t;
	size_t i;
	int r;

	for (i = 0; i < image->manifest.n_layers; i++) {
		const struct descriptor *l = &image->manifest.layers[i];

		if (!blob_exists(v->store, &l->digest, -1))
			return err_set(why, ENOENT, "blob %s is missing", l->digest.str);
		if (!blob_exists(v->store, &l->digest, l->size))
			return err_set(why, EBADMSG,
				       "blob %s does not have the size in the manifest",
				       l->digest.str);
		if (map_get(&v->bad, l->digest.str))
			return err_set(why, EBADMSG, "blob %s is damaged", l->digest.str);
		/* Opening a layer would regenerate a damaged index. */
		if (map_get(&v->stale, l->digest.str)) {
			stale = true;
			continue;
		}
		r = layer_peek(v->store, &l->digest, &h, why);
		if (r < 0)
			return r;
		if (strcmp(h.diff_id, image->diff_ids[i].str) != 0)
			return err_set(why, EBADMSG, "layer %s: its DiffID is not the config's",
				       l->digest.str);
	}
	if (stale)
		return 0;
	ls = layers_new(v->store, 0);
	if (!ls)
		return err_nomem(why);
	r = tree_open(ls, &image->manifest, &t, why);
	if (r == 0)
		tree_free(t);
	layers_free(ls);
	return r;
}

/*
 * True for errors of the store. All others (no memory, no space for an index, too many open
 * files) are failures of this process, and no image may be dropped for them.
 */
static bool is_damage(int code)
{
	switch (code) {
	case ENOENT:
	case EBADMSG:
	case EINVAL:
	case EUCLEAN:
	case EPROTO:
	case EFBIG:
	case E2BIG:
	case ELOOP:
	case ENOTDIR:
	case EISDIR:
	case ENXIO:
		return true;
	default:
		return false;
	}
}

/*
 * Check the compressed form of an image. 1: damaged, see why; it is regenerated on the next push.
 * 0, -errno.
 */
static int check_compressed(struct verify *v, const struct ref *ref, struct err *why)
{
	struct descriptor d = { .media_type = (char *)MEDIA_OCI_MANIFEST,
				.digest = ref->compressed };
	_cleanup_image_ struct image *i = NULL;
	size_t k;
	int r;

	if (!digest_is_set(&d.digest))
		return 0;
	r = image_open(v->store, NULL, &d, &i, why);
	if (r < 0)
		return err_is_machine(r) ? r : 1;
	if (!digest_eq(&i->id, &ref->id)) {
		err_set(why, EBADMSG, "manifest %s belongs to another image", d.digest.str);
		return 1;
	}
	for (k = 0; k < i->manifest.n_layers; k++) {
		const struct descriptor *l = &i->manifest.layers[k];

		if (blob_exists(v->store, &l->digest, l->size) && !map_get(&v->bad, l->digest.str))
			continue;
		err_set(why, EBADMSG, "blob %s is missing or damaged", l->digest.str);
		return 1;
	}
	return 0;
}

static int check_image(struct verify *v, const struct descriptor *desc, const struct digest *id,
		       struct err *why)
{
	_cleanup_image_ struct image *i = NULL;
	int r;

	if (desc->size >= 0 && blob_exists(v->store, &desc->digest, -1) &&
	    !blob_exists(v->store, &desc->digest, desc->size))
		return err_set(why, EBADMSG, "manifest %s does not have the size in index.json",
			       desc->digest.str);
	r = image_open(v->store, NULL, desc, &i, why);
	if (r < 0)
		return r;
	if (id && digest_is_set(id) && !digest_eq(id, &i->id))
		return err_set(why, EBADMSG, "its image ID is %s, not %s as recorded", i->id.str,
			       id->str);
	return check_layers(v, i, why);
}

/*
 * Check an entry of index.json. 0: intact, or (*foreign) not usable here: an artifact, another
 * platform's image; 1: broken, see why; -errno: unknown.
 */
static int check_entry(struct verify *v, const struct ref *ref, bool *foreign, struct err *why,
		       struct err *err)
{
	int r = check_image(v, &ref->desc, &ref->id, why);

	*foreign = r == -ENOTSUP;
	if (r == 0 || *foreign)
		return 0;
	return is_damage(-r) ? 1 : err_set(err, -r, "%s", why->msg);
}

/* The name of an entry in messages. Caller frees; NULL: out of memory. */
static char *display_name(const struct ref *ref)
{
	_cleanup_reference_ struct reference parsed = { 0 };

	if (ref->name && reference_parse(ref->name, &parsed, NULL) == 0)
		return reference_familiar(&parsed);
	return strdup(digest_is_set(&ref->id) ? ref->id.str : ref->desc.digest.str);
}

/* Under the exclusive lock: drop blobs from bad that are intact now. */
static int look_again(struct verify *v, struct err *err)
{
	const struct map_slot *slot;
	struct map bad = MAP_INIT;
	struct digest d;
	size_t i = 0;
	int r = 0;

	while (r >= 0 && (slot = map_next(&v->bad, &i))) {
		r = digest_parse(slot->key, &d, err);
		if (r == 0)
			r = verify_bad_still(v, &d, err);
		/* An unreadable blob is not known to be damaged. */
		if (err_is_machine(r) && r != -ENOMEM)
			r = 0;
		if (r > 0 && add(&bad, &d) < 0)
			r = err_nomem(err);
	}
	map_fini(&v->bad, NULL);
	v->bad = bad;
	return r < 0 ? r : 0;
}

/* True if an earlier entry has the same name and hides this one. */
static bool is_hidden(const struct refs *refs, size_t i)
{
	return refs->v[i].name && refs_find(refs, refs->v[i].name) != &refs->v[i];
}

/*
 * Under the exclusive lock: remove references to broken compressed forms; a push regenerates
 * them. 1 if there was one.
 */
static int drop_compressed(struct verify *v, struct refs *refs)
{
	size_t i;
	int any = 0;

	for (i = 0; i < refs->n; i++) {
		struct ref *ref = &refs->v[i];
		int r = asked_for(v, refs, i) ? check_compressed(v, ref, NULL) : 0;

		if (r <= 0)
			continue;
		refs_set_compressed(refs, &ref->desc.digest, NULL);
		any = 1;
	}
	return any;
}

/* Under the exclusive lock: remove the entries that are still broken and were reported. */
static int drop_broken(struct verify *v, struct refs *refs, struct err *err)
{
	struct txn *t;
	size_t i;
	bool any = false, foreign;
	int r;

	for (i = refs->n; i-- > 0;) {
		_cleanup_free_ char *name = display_name(&refs->v[i]);
		struct err why = ERR_INIT;

		if (!name)
			return err_nomem(err);
		if (is_hidden(refs, i) && asked_for(v, refs, i)) {
			verify_say(v, false, "image %s: the second entry has lost the name", name);
			any = true;
			if (refs_untag(refs, i))
				continue;
		}
		r = asked_for(v, refs, i) ? check_entry(v, &refs->v[i], &foreign, &why, NULL) : 0;
		if (r <= 0)
			continue;
		verify_say(v, false, "image %s: dropped; load it again", name);
		refs_drop(refs, i);
		any = true;
	}
	r = drop_compressed(v, refs);
	if (r <= 0 && !any)
		return r < 0 ? err_nomem(err) : 0;
	r = txn_begin(v->store, &t, err);
	if (r < 0)
		return r;
	r = refs_stage(t, refs, err);
	if (r == 0)
		r = txn_publish(t, err);
	txn_free(t);
	return r;
}

/* Remove damaged blobs, so that intact ones can be added. */
static void remove_bad(struct verify *v)
{
	const struct map_slot *slot;
	size_t i = 0;

	while ((slot = map_next(&v->bad, &i))) {
		char path[DIGEST_MAX + 32];
		struct digest d;

		if (digest_parse(slot->key, &d, NULL) < 0)
			continue;
		blob_store_path(&d, path);
		if (beneath_unlink(v->store->fd, path) == 0)
			verify_say(v, false, "blob %s: removed", d.str);
		layer_index_path(&d, path);
		beneath_unlink(v->store->fd, path);
		layer_copy_path(&d, path);
		beneath_unlink(v->store->fd, path);
	}
}

static int repair(struct verify *v, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	int r = store_lock(v->store, STORE_LOCK_EXCLUSIVE, err);

	if (r < 0)
		return r;
	r = refs_read(v->store, &refs, err);
	if (r == 0)
		r = look_again(v, err);
	if (r == 0)
		r = drop_broken(v, &refs, err);
	if (r == 0)
		remove_bad(v);
	store_changed(v->store);
	store_unlock(v->store);
	return r;
}

/* 1: the entry still exists and is still broken, so it was not removed concurrently. */
static int confirm(struct verify *v, const struct ref *ref, struct err *why, struct err *err)
{
	_cleanup_refs_ struct refs now = { 0 };
	bool found = false, foreign;
	size_t i;
	int r = store_lock(v->store, STORE_LOCK_SHARED, err);

	if (r < 0)
		return r;
	r = refs_read(v->store, &now, err);
	for (i = 0; r == 0 && i < now.n && !found; i++)
		found = digest_eq(&now.v[i].desc.digest, &ref->desc.digest);
	if (found)
		r = check_entry(v, ref, &foreign, why, err);
	store_unlock(v->store);
	return r;
}

/* Report that an object could not be checked. kind: "image". 0, -ENOMEM. */
static int not_checked(struct verify *v, const char *kind, const char *name, const char *why)
{
	struct buf what _cleanup_buf_ = BUF_INIT;

	if (buf_printf(&what, "%s %s", kind, name) < 0)
		return -ENOMEM;
	verify_not_checked(v, what.data, why);
	return 0;
}

static int verify_image(struct verify *v, const struct ref *ref, bool *broken, struct err *err)
{
	_cleanup_free_ char *name = display_name(ref);
	struct err why = ERR_INIT, cannot = ERR_INIT;
	bool foreign;
	int r;

	if (!name)
		return err_nomem(err);
	r = check_entry(v, ref, &foreign, &why, &cannot);
	if (r > 0)
		r = confirm(v, ref, &why, &cannot);
	if (r < 0)
		return not_checked(v, "image", name, cannot.msg) < 0 ? err_nomem(err) : 0;
	if (foreign)
		verify_say(v, false, "image %s: %s; left unchanged", name, why.msg);
	else
		v->result->images++;
	if (r == 0)
		return 0;
	verify_say(v, true, "image %s: %s", name, why.msg);
	v->result->left++;
	*broken = true;
	return 0;
}

/* The names of an image share its compressed form, which is reported with the first one. */
static int say_compressed(struct verify *v, const struct refs *refs, size_t pos, bool *broken,
			  struct err *err)
{
	_cleanup_free_ char *name = display_name(&refs->v[pos]);
	struct err why = ERR_INIT;
	size_t i;
	int r;

	if (!name)
		return err_nomem(err);
	for (i = 0; i < pos; i++)
		if (digest_eq(&refs->v[i].desc.digest, &refs->v[pos].desc.digest))
			return 0;
	r = check_compressed(v, &refs->v[pos], &why);
	if (r < 0 && not_checked(v, "compressed for a push: image", name, why.msg) < 0)
		return err_nomem(err);
	if (r <= 0)
		return 0;
	verify_say(v, true, "image %s: compressed for a push: %s", name, why.msg);
	if (!v->o->repair)
		v->result->left++;
	*broken = true;
	return 0;
}

/* Our commands never write two entries with the same name; only the first is found by it. */
static int say_hidden(struct verify *v, const struct ref *ref, bool *broken, struct err *err)
{
	_cleanup_free_ char *name = display_name(ref);

	if (!name)
		return err_nomem(err);
	verify_say(v, true, "image %s: named twice in index.json; %s cannot be found by it", name,
		   ref->desc.digest.str);
	if (!v->o->repair)
		v->result->left++;
	*broken = true;
	return 0;
}

int verify_images(struct verify *v, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	bool broken = false;
	size_t i;
	int r = refs_read(v->store, &refs, err);

	for (i = 0; r == 0 && i < refs.n; i++) {
		if (!asked_for(v, &refs, i))
			continue;
		r = verify_image(v, &refs.v[i], &broken, err);
		if (r == 0 && is_hidden(&refs, i))
			r = say_hidden(v, &refs.v[i], &broken, err);
		if (r == 0)
			r = say_compressed(v, &refs, i, &broken, err);
	}
	if (r < 0)
		return r;
	return v->o->repair && (broken || v->bad.n) ? repair(v, err) : 0;
}

/* A container may be removed while it is checked. */
static bool still_exists(struct verify *v, const char *name)
{
	_cleanup_free_ char *path = path_join("containers", name);

	return !path || beneath_exists(v->store->imagefs_fd, path);
}

/* In unprivileged containers, the owner of a file is in an attribute, which must be readable. */
static int check_owners(struct verify *v, const struct container *c)
{
	struct walk walk _cleanup_walk_ = WALK_INIT;
	struct upper u = { .fd = -1, .work_fd = -1, .unprivileged = true };
	const char *name;
	int r = openat(c->fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	for (r = r < 0 ? -errno : walk_enter(&walk, r);
	     r == 0 && (r = walk_next(&walk, &name)) > 0;) {
		struct buf shown _cleanup_buf_ = BUF_INIT;
		struct stat st;

		r = upper_stat(&u, walk.fd, name, &st);
		if (r == -EIO) {
			if (text_escape(&shown, buf_str(&walk.path)) < 0)
				return -ENOMEM;
			verify_say(v, true, "container %s: /%s: its owner (%s) cannot be read",
				   c->name, buf_str(&shown), OVERLAY_XATTR_OVERRIDE);
			v->result->left++;
		}
		r = fstatat(walk.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)
			    ? openat(walk.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			    : -1;
		r = r < 0 ? 0 : walk_enter(&walk, r);
	}
	return r;
}

static int check_container(struct verify *v, const char *name, struct err *why)
{
	_cleanup_container_ struct container *c = NULL;
	struct stat st;
	int r = container_open(v->store, name, &c, why);

	if (r < 0)
		return r;
	if (fstatat(c->fd, "upper", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return err_set(why, ENOENT, "its directory upper is missing");
	if (fstatat(c->fd, "work", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return err_set(why, ENOENT, "its directory work is missing");
	if (c->unprivileged && check_owners(v, c) == -ENOMEM)
		return err_nomem(why);
	r = check_image(v, &c->manifest, &c->image_id, why);
	return r < 0 ? err_wrap(why, r, "its image") : 0;
}

int verify_containers(struct verify *v, struct err *err)
{
	char **names;
	size_t i;
	int r = container_list(v->store, &names, err);

	if (r < 0)
		return r;
	for (i = 0; names[i]; i++) {
		struct err why = ERR_INIT;

		v->result->containers++;
		r = check_container(v, names[i], &why);
		if (r == 0 || !still_exists(v, names[i]))
			continue;
		if (err_is_machine(r)) {
			if (not_checked(v, "container", names[i], why.msg) < 0)
				break;
			continue;
		}
		r = 0;
		/* Add the container's name if the message lacks it. */
		if (strncmp(why.msg, "container ", 10) == 0)
			verify_say(v, true, "%s", why.msg);
		else
			verify_say(v, true, "container %s: %s", names[i], why.msg);
		v->result->left++;
		if (v->o->repair)
			verify_say(v, false,
				   "container %s: kept with its changes; load its image again",
				   names[i]);
	}
	if (names[i])
		err_nomem(err);
	r = names[i] ? -ENOMEM : 0;
	container_list_free(names);
	return r;
}
