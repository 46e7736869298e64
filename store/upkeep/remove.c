/*
 * docker's rules for removing images (its daemon's image_delete and image prune), on index.json
 * in memory.
 */
#include "store/upkeep/remove.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/disk/refs.h"
#include "store/disk/refs_write.h"
#include "store/disk/spare.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/image/chains.h"
#include "store/image/image.h"
#include "store/oci/reference.h"
#include "store/upkeep/gc.h"
#include "store/upkeep/reachable.h"
#include "store/upkeep/remove_private.h"

DEFINE_CLEANUP_PTR(struct reachable, reachable_free);

#define SHORT_ID 12

static int by_age(const void *a, const void *b)
{
	const struct user *x = a, *y = b;

	if (x->created.tv_sec != y->created.tv_sec)
		return x->created.tv_sec < y->created.tv_sec ? 1 : -1;
	if (x->created.tv_nsec != y->created.tv_nsec)
		return x->created.tv_nsec < y->created.tv_nsec ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* A container that cannot be read has an unknown image; the collector handles that, too. */
static int read_users(struct removal *r, struct err *err)
{
	char **names = NULL;
	size_t i, n = 0;
	int e = container_list(r->store, &names, err);

	if (e < 0)
		return e;
	while (names[n])
		n++;
	r->users = calloc(n ? n : 1, sizeof(*r->users));
	if (!r->users)
		e = err_nomem(err);
	for (i = 0; i < n && e == 0; i++) {
		_cleanup_container_ struct container *c = NULL;
		struct user *u = &r->users[r->n_users];

		if (container_open(r->store, names[i], &c, NULL) < 0)
			continue;
		u->name = strdup(c->name);
		e = u->name ? 0 : err_nomem(err);
		u->image = c->image_id;
		u->manifest = c->manifest.digest;
		u->created = c->created;
		r->n_users++;
	}
	container_list_free(names);
	if (e == 0)
		qsort(r->users, r->n_users, sizeof(*r->users), by_age);
	return e;
}

int removal_new(struct store *s, struct removal **out, struct err *err)
{
	struct removal *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return err_nomem(err);
	r->store = s;
	e = store_lock(s, STORE_LOCK_EXCLUSIVE, err);
	r->locked = e == 0;
	if (e == 0)
		e = refs_read(s, &r->refs, err);
	if (e == 0)
		e = read_users(r, err);
	if (e < 0) {
		removal_free(r);
		return e;
	}
	*out = r;
	return 0;
}

void removal_free(struct removal *r)
{
	size_t i;

	if (!r)
		return;
	if (r->locked)
		store_unlock(r->store);
	refs_fini(&r->refs);
	for (i = 0; i < r->n_users; i++)
		free(r->users[i].name);
	free(r->users);
	for (i = 0; i < r->n_steps; i++) {
		free(r->steps[i].text);
		free(r->steps[i].layers);
		free((void *)r->steps[i].chain.diff_ids);
	}
	free(r->steps);
	map_fini(&r->candidates, NULL);
	gc_result_fini(&r->collected);
	free(r);
}

/* The image ID of an entry or, if unknown, its manifest. */
static const struct digest *key_of(const struct ref *ref)
{
	return digest_is_set(&ref->id) ? &ref->id : &ref->desc.digest;
}

static bool is_of(const struct ref *ref, const struct digest *image)
{
	return digest_eq(key_of(ref), image);
}

/* The newest container of this image, or NULL. */
static const struct user *user_of(const struct removal *r, const struct digest *image)
{
	size_t i;

	for (i = 0; i < r->n_users; i++)
		if (digest_eq(&r->users[i].image, image) || digest_eq(&r->users[i].manifest, image))
			return &r->users[i];
	return NULL;
}

/* The first SHORT_ID digits. */
static void short_id(const struct digest *image, char out[static SHORT_ID + 1])
{
	snprintf(out, SHORT_ID + 1, "%.*s", SHORT_ID, digest_hex(image));
}

static struct step *add_step(struct removal *r, enum removal_kind kind, const char *text)
{
	struct step *s;

	if (r->n_steps == r->cap_steps) {
		size_t cap = r->cap_steps ? r->cap_steps * 2 : 16;
		struct step *v = realloc(r->steps, cap * sizeof(*v));

		if (!v)
			return NULL;
		r->steps = v;
		r->cap_steps = cap;
	}
	s = &r->steps[r->n_steps];
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->arg = r->args;
	s->text = strdup(text);
	if (!s->text)
		return NULL;
	r->n_steps++;
	return s;
}

/* "repo:tag" in familiar form, or "repo@digest" if digest is not NULL. Caller frees. */
static char *familiar(const char *full, const struct digest *digest)
{
	_cleanup_reference_ struct reference ref = { 0 };

	if (reference_parse(full, &ref, NULL) < 0)
		return strdup(full);
	if (digest) {
		free(TAKE_PTR(ref.tag));
		ref.digest = *digest;
	}
	return reference_familiar(&ref);
}

static int untagged(struct removal *r, const char *full, const struct digest *digest)
{
	_cleanup_free_ char *shown = familiar(full, digest);

	r->changed = true;
	return shown && add_step(r, REMOVAL_UNTAGGED, shown) ? 0 : -ENOMEM;
}

/* Another tag of the same image in the same repository as entry i. */
static struct ref *sibling(struct removal *r, size_t i)
{
	const struct ref *ref = &r->refs.v[i];
	size_t k;

	for (k = 0; k < r->refs.n; k++)
		if (k != i && ref_has_tag(&r->refs.v[k]) && is_of(&r->refs.v[k], key_of(ref)) &&
		    refs_same_repo(r->refs.v[k].name, ref->name))
			return &r->refs.v[k];
	return NULL;
}

/* Blobs reachable from a removed entry may be garbage. */
static int add_candidates(struct removal *r, const struct ref *ref)
{
	const struct descriptor roots[] = { ref->desc, { .digest = ref->compressed } };
	const struct map_slot *slot;
	size_t k, i;

	for (k = 0; k < ARRAY_SIZE(roots) && digest_is_set(&roots[k].digest); k++) {
		_cleanup_(cleanup_reachable_free) struct reachable *reachable = NULL;

		if (reachable_new_of(r->store, &roots[k], &reachable, NULL) < 0)
			return -ENOMEM;
		for (i = 0; (slot = map_next(reachable_blobs(reachable), &i));)
			if (map_put(&r->candidates, slot->key, r) < 0)
				return -ENOMEM;
	}
	return 0;
}

/* Remove entry i. If the image has another manifest, it stays. */
static int drop_name(struct removal *r, size_t i)
{
	const struct ref *ref = &r->refs.v[i];
	bool other = false;
	size_t k;

	for (k = 0; k < r->refs.n; k++)
		other |= is_of(&r->refs.v[k], key_of(ref)) &&
			 !digest_eq(&r->refs.v[k].desc.digest, &ref->desc.digest);
	if (untagged(r, ref->name, NULL) < 0 || (other && add_candidates(r, ref) < 0))
		return -ENOMEM;
	refs_untag(&r->refs, i);
	return 0;
}

/* Remove names by digest with the last tag of their repository. name: one in it. */
static int untag_digests(struct removal *r, const struct digest *image, const char *name)
{
	size_t i;

	for (i = r->refs.n; i-- > 0;) {
		struct ref *ref = &r->refs.v[i];

		if (ref->name && !ref_has_tag(ref) && is_of(ref, image) &&
		    refs_same_repo(ref->name, name) && drop_name(r, i) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * Remove the name of entry i and, with the last one of its repository, the image's digests there.
 * The image's last entry stays without a name.
 */
static int untag(struct removal *r, size_t i)
{
	_cleanup_free_ char *name = strdup(r->refs.v[i].name);
	struct digest digest = r->refs.v[i].repo_digest, image = *key_of(&r->refs.v[i]);
	bool tag = ref_has_tag(&r->refs.v[i]);
	struct ref *other = tag ? sibling(r, i) : NULL;

	if (other && digest_is_set(&digest) && !digest_is_set(&other->repo_digest))
		other->repo_digest = digest;
	if (!name || drop_name(r, i) < 0)
		return -ENOMEM;
	if (!tag || other)
		return 0;
	if (digest_is_set(&digest) && untagged(r, name, &digest) < 0)
		return -ENOMEM;
	return untag_digests(r, &image, name);
}

/* Count the image's names, or only its tags. */
static size_t count(const struct removal *r, const struct digest *image, bool tags)
{
	size_t i, n = 0;

	for (i = 0; i < r->refs.n; i++)
		n += (tags ? ref_has_tag(&r->refs.v[i]) : r->refs.v[i].name != NULL) &&
		     is_of(&r->refs.v[i], image);
	return n;
}

/* True if the image has at most one tag, and digests of the same repository only. */
static bool is_single(const struct removal *r, const struct digest *image)
{
	const char *first = NULL;
	size_t i;

	if (count(r, image, true) > 1)
		return false;
	for (i = 0; i < r->refs.n; i++) {
		const struct ref *ref = &r->refs.v[i];

		if (!ref->name || !is_of(ref, image))
			continue;
		if (first && !refs_same_repo(first, ref->name))
			return false;
		first = ref->name;
	}
	return first != NULL;
}

/* The image's next name after last, sorted by bytes; NULL: none. */
static struct ref *next_name(struct removal *r, const struct digest *image, const char *last)
{
	struct ref *best = NULL;
	size_t i;

	for (i = 0; i < r->refs.n; i++) {
		struct ref *ref = &r->refs.v[i];

		if (ref->name && is_of(ref, image) && (!last || strcmp(ref->name, last) > 0) &&
		    (!best || strcmp(ref->name, best->name) < 0))
			best = ref;
	}
	return best;
}

static int untag_all(struct removal *r, const struct digest *image)
{
	struct ref *ref;
	int e = 0;

	while (e == 0 && (ref = next_name(r, image, NULL)))
		e = untag(r, (size_t)(ref - r->refs.v));
	return e;
}

/* List the layers with their chain IDs, top first. An unreadable image has none. */
static int list_layers(struct removal *r, const struct descriptor *manifest, struct step *step)
{
	_cleanup_image_ struct image *image = NULL;
	struct err err = ERR_INIT;
	size_t i, n;

	if (image_open(r->store, NULL, manifest, &image, &err) < 0) {
		log_debug("%s", err.msg);
		return 0;
	}
	n = image->manifest.n_layers;
	step->layers = calloc(n ? n : 1, sizeof(*step->layers));
	if (!step->layers)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct gone_layer *l = &step->layers[n - 1 - i];

		l->blob = image->manifest.layers[i].digest;
		if (digest_chain_id(image->diff_ids, i + 1, &l->chain) < 0)
			return -ENOMEM;
	}
	step->n_layers = n;
	step->chain.n = n;
	step->chain.diff_ids = TAKE_PTR(image->diff_ids);
	return 0;
}

/* Remove all entries of the image. */
static int delete_image(struct removal *r, const struct digest *image)
{
	struct step *step;
	size_t i;
	bool listed = false;

	if (untag_all(r, image) < 0)
		return -ENOMEM;
	step = add_step(r, REMOVAL_DELETED, image->str);
	if (!step)
		return -ENOMEM;
	r->changed = true;
	for (i = r->refs.n; i-- > 0;) {
		if (!is_of(&r->refs.v[i], image))
			continue;
		if (add_candidates(r, &r->refs.v[i]) < 0 ||
		    (!listed && list_layers(r, &r->refs.v[i].desc, step) < 0))
			return -ENOMEM;
		listed = true;
		refs_drop(&r->refs, i);
	}
	return 0;
}

static bool is_listed(const struct removal *r, const struct digest *image)
{
	size_t i;

	for (i = 0; i < r->refs.n; i++)
		if (is_of(&r->refs.v[i], image))
			return true;
	return false;
}

/* Conflicts that cannot be forced: children and containers. 0 or -EBUSY with docker's message. */
static int check_hard(const struct removal *r, const struct digest *image, struct err *err)
{
	const struct user *u = user_of(r, image);
	char id[SHORT_ID + 1];

	short_id(image, id);
	if (refs_has_children(&r->refs, image))
		return err_set(err, EBUSY,
			       "conflict: unable to delete %s (cannot be forced) - image has "
			       "dependent child images",
			       id);
	if (u)
		return err_set(err, EBUSY,
			       "conflict: unable to delete %s (cannot be forced) - image is being "
			       "used by running container %s",
			       id, u->name);
	return 0;
}

/*
 * Delete the image and then its parents, silently and without force, up to the first one with a
 * name, another child or a container.
 */
static int delete_chain(struct removal *r, const struct digest *first, bool parents)
{
	struct digest image = *first;

	for (;;) {
		const struct digest *p = refs_parent(&r->refs, &image);
		struct digest parent = { "" };

		if (p)
			parent = *p;
		if (delete_image(r, &image) < 0)
			return -ENOMEM;
		if (!parents || !digest_is_set(&parent) || !is_listed(r, &parent) ||
		    count(r, &parent, false) || check_hard(r, &parent, NULL) < 0)
			return 0;
		image = parent;
	}
}

/* Remove by name, entry i. shown: the name as typed. */
static int remove_name(struct removal *r, size_t i, const char *shown, bool force, bool parents,
		       struct err *err)
{
	struct digest image = *key_of(&r->refs.v[i]);
	const struct user *u = user_of(r, &image);
	char id[SHORT_ID + 1];

	short_id(&image, id);
	if (!force && u && is_single(r, &image))
		return err_set(err, EBUSY,
			       "conflict: unable to remove repository reference \"%s\" (must "
			       "force) - container %s is using its referenced image %s",
			       shown, u->name, id);
	if (untag(r, i) < 0)
		return err_nomem(err);
	if (count(r, &image, false) || check_hard(r, &image, NULL) < 0)
		return 0;
	return delete_chain(r, &image, parents) < 0 ? err_nomem(err) : 0;
}

/* Remove by image ID. */
static int remove_id(struct removal *r, const struct digest *id, bool force, bool parents,
		     struct err *err)
{
	struct digest image = *id;
	char shown[SHORT_ID + 1];
	int e = check_hard(r, &image, err);

	if (e < 0)
		return e;
	short_id(&image, shown);
	if (!force && count(r, &image, false) && !is_single(r, &image))
		return err_set(err, EBUSY,
			       "conflict: unable to delete %s (must be forced) - image is "
			       "referenced in multiple repositories",
			       shown);
	return delete_chain(r, &image, parents) < 0 ? err_nomem(err) : 0;
}

/*
 * Remove a registry's digest, "repo@sha256:...". -ENOENT: no name has it. full: a name in the
 * repository.
 */
static int remove_digest(struct removal *r, const char *full, const struct digest *digest,
			 const char *shown, bool force, bool parents, struct err *err)
{
	struct ref *entry;
	bool found = false;

	while ((entry = refs_find_digest(&r->refs, full, digest)) &&
	       digest_eq(&entry->repo_digest, digest)) {
		/* The entry has no other name. */
		if (!ref_has_tag(entry))
			return remove_name(r, (size_t)(entry - r->refs.v), shown, force, parents,
					   err);
		if (!found && untagged(r, entry->name, digest) < 0)
			return err_nomem(err);
		memset(&entry->repo_digest, 0, sizeof(entry->repo_digest));
		found = true;
	}
	return found ? 0 : -ENOENT;
}

static int no_such(const char *name, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	if (text_escape(&shown, name) < 0)
		return err_nomem(err);
	return err_set(err, ENOENT, "No such image: %.600s", buf_str(&shown));
}

static int remove_one(struct removal *r, const char *name, bool force, bool parents,
		      struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *full = NULL;
	struct ref *named;
	size_t pos;
	int e;

	e = reference_parse(name, &ref, NULL);
	if (e < 0 && !reference_is_id(name))
		return reference_parse(name, &ref, err);
	full = e == 0 ? reference_full(&ref) : NULL;
	if (e == 0 && !full)
		return err_nomem(err);
	if (e == 0 && digest_is_set(&ref.digest)) {
		e = remove_digest(r, full, &ref.digest, name, force, parents, err);
		if (e != -ENOENT)
			return e;
	} else if (e == 0) {
		named = refs_find(&r->refs, full);
		if (named)
			return remove_name(r, (size_t)(named - r->refs.v), name, force, parents,
					   err);
	}
	e = image_find(r->store, &r->refs, name, &pos, err);
	if (e == -ENOENT)
		return no_such(name, err);
	return e < 0 ? e : remove_id(r, key_of(&r->refs.v[pos]), force, parents, err);
}

int removal_image(struct removal *r, const char *name, bool force, bool parents, struct err *err)
{
	int e = remove_one(r, name, force, parents, err);

	r->args++;
	return e;
}

static int is_wanted(struct removal *r, const struct ref *ref,
		     int (*wanted)(void *arg, const struct image *image, struct err *err),
		     void *arg, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;

	if (!wanted)
		return 1;
	/* An unreadable image cannot be matched with a filter. */
	if (image_open(r->store, NULL, &ref->desc, &image, NULL) < 0)
		return 0;
	return wanted(arg, image, err);
}

/* Select the images before any of them is removed. */
static int choose(struct removal *r, bool all, struct digest *out, size_t *n,
		  int (*wanted)(void *arg, const struct image *image, struct err *err), void *arg,
		  struct err *err)
{
	struct map seen = MAP_INIT;
	size_t i;
	int e = 0;

	for (i = 0; i < r->refs.n && e >= 0; i++) {
		const struct ref *ref = &r->refs.v[i];
		const struct digest *image = key_of(ref);

		if (map_get(&seen, image->str))
			continue;
		if (map_put(&seen, image->str, r) < 0) {
			e = err_nomem(err);
			break;
		}
		/* With all, names are removed one by one, and the last one is refused. */
		if (!count(r, image, false) && user_of(r, image))
			continue;
		if (all ? !count(r, image, false) && refs_has_children(&r->refs, image)
			: count(r, image, true) || refs_has_children(&r->refs, image))
			continue;
		/*
		 * Entries of other tools stay: artifacts, which have no name here, and, without
		 * all, entries with that tool's name.
		 */
		if (!ref->name && (!digest_is_set(&ref->id) || (!all && ref->desc.ref_name)))
			continue;
		e = is_wanted(r, ref, wanted, arg, err);
		if (e > 0)
			out[(*n)++] = *image;
	}
	map_fini(&seen, NULL);
	return e < 0 ? e : 0;
}

/* As in docker, remove each name like rmi, so that a container's image keeps one. */
static int prune_one(struct removal *r, const struct digest *image)
{
	_cleanup_free_ char *last = NULL;
	struct ref *ref;
	int e = 0;

	if (!count(r, image, false))
		return check_hard(r, image, NULL) < 0 ? 0 : delete_chain(r, image, true);
	while (e == 0 && (ref = next_name(r, image, last))) {
		free(last);
		last = strdup(ref->name);
		if (!last)
			return -ENOMEM;
		e = remove_name(r, (size_t)(ref - r->refs.v), last, false, true, NULL);
		if (e == -EBUSY)
			e = 0;
	}
	return e;
}

int removal_prune(struct removal *r, bool all,
		  int (*wanted)(void *arg, const struct image *image, struct err *err), void *arg,
		  struct err *err)
{
	_cleanup_free_ struct digest *v = calloc(r->refs.n ? r->refs.n : 1, sizeof(*v));
	size_t i, n = 0;
	int e;

	if (!v)
		return err_nomem(err);
	e = choose(r, all, v, &n, wanted, arg, err);
	for (i = 0; i < n && e == 0; i++) {
		/* It may have been removed with a child. */
		if (!is_listed(r, &v[i]))
			continue;
		if (prune_one(r, &v[i]) < 0)
			e = err_nomem(err);
	}
	r->args++;
	return e;
}

int removal_commit(struct removal *r, bool sweep, struct err *err)
{
	int e = r->changed ? refs_write(r->store, &r->refs, err) : 0;

	if (e == 0 && sweep)
		e = gc_all(r->store, &r->refs, false, &r->collected, err);
	else if (e == 0 && r->candidates.n)
		e = gc_among(r->store, &r->refs, &r->candidates, &r->collected, err);
	if (e == 0 && removal_drop_kept_layers(r) < 0)
		e = err_nomem(err);
	spare_keep(r->store);
	store_unlock(r->store);
	r->locked = false;
	return e;
}

bool removal_line(const struct removal *r, size_t *pos, struct removal_line *out)
{
	size_t i, at = 0;

	for (i = 0; i < r->n_steps; i++) {
		const struct step *s = &r->steps[i];

		if (*pos < at + 1 + s->n_layers) {
			out->kind = s->kind;
			out->arg = s->arg;
			out->text = *pos == at ? s->text : s->layers[*pos - at - 1].chain.str;
			(*pos)++;
			return true;
		}
		at += 1 + s->n_layers;
	}
	return false;
}

uint64_t removal_bytes(const struct removal *r)
{
	return r->collected.bytes + r->store->swept;
}

const char *removal_uncertain(const struct removal *r)
{
	return r->collected.uncertain[0] ? r->collected.uncertain : NULL;
}
