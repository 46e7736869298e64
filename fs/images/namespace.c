/* An update changes entries in place, so that one that stays keeps its node. */
#include "fs/images/namespace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "store/disk/refs.h"
#include "store/oci/reference.h"

/* The tree knows no shorter prefixes of an ID; commands take them (reference_is_id). */
#define ID_PREFIX_MIN 4
#define ID_PREFIX_MAX 64

static const char *const own_names[] = { "rootfs", "layers", "config.json", "manifest.json" };

bool namespace_is_own(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own_names); i++)
		if (strcmp(name, own_names[i]) == 0)
			return true;
	return false;
}

uint64_t namespace_id(const struct namespace *ns, const struct ns_entry *entry)
{
	return entry == ns->root ? NODEID_ROOT : nodeid_make(NODE_NS_ENTRY, entry->obj.number, 0);
}

static int note(struct ns_changes *out, uint64_t dir, const char *name)
{
	struct ns_change *v;

	if (out->n == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 32;

		v = realloc(out->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		out->v = v;
		out->cap = cap;
	}
	out->v[out->n].name = strdup(name);
	if (!out->v[out->n].name)
		return -ENOMEM;
	out->v[out->n++].dir = dir;
	return 0;
}

void ns_changes_fini(struct ns_changes *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free(c->v[i].name);
	free(c->v);
	memset(c, 0, sizeof(*c));
}

static struct ns_entry *ns_entry_new(struct namespace *ns, const char *name,
				     const struct timespec *now)
{
	struct ns_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->name = strdup(name);
	if (!entry->name || objects_add(ns->objects, &entry->obj, NODE_NS_ENTRY, NULL) < 0) {
		free(entry->name);
		free(entry);
		return NULL;
	}
	entry->changed = *now;
	entry->stamp = ns->stamp;
	return entry;
}

void ns_entry_free(struct ns_entry *entry)
{
	descriptor_fini(&entry->desc);
	map_fini(&entry->children, NULL);
	free(entry->name);
	free(entry);
}

int namespace_init(struct namespace *ns, struct objects *objects, const struct timespec *now)
{
	memset(ns, 0, sizeof(*ns));
	ns->objects = objects;
	ns->root = ns_entry_new(ns, "", now);
	return ns->root ? 0 : -ENOMEM;
}

static void free_ids(struct image_id *ids, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		descriptor_fini(&ids[i].desc);
	free(ids);
}

void namespace_fini(struct namespace *ns)
{
	free_ids(ns->ids, ns->n_ids);
	map_fini(&ns->by_id, NULL);
	memset(ns, 0, sizeof(*ns));
}

struct ns_entry *namespace_lookup(const struct ns_entry *dir, const char *name)
{
	return map_get(&dir->children, name);
}

static struct ns_entry *find_or_make(struct namespace *ns, struct ns_entry *dir, const char *name,
				     const struct timespec *now, struct ns_changes *out)
{
	struct ns_entry *entry = map_get(&dir->children, name);

	if (!entry) {
		entry = ns_entry_new(ns, name, now);
		if (!entry)
			return NULL;
		if (note(out, namespace_id(ns, dir), name) < 0 ||
		    map_put(&dir->children, name, entry) < 0) {
			objects_unref(ns->objects, &entry->obj, 1);
			return NULL;
		}
		dir->changed = *now;
	}
	entry->stamp = ns->stamp;
	return entry;
}

/*
 * The image of an entry goes or becomes another one: the kernel must drop the names of the old one.
 */
static int set_image(struct namespace *ns, struct ns_entry *entry, const struct descriptor *desc,
		     const struct timespec *now, struct ns_changes *out)
{
	struct descriptor copy = { 0 };
	size_t i;

	if (desc ? entry->has_image && digest_eq(&entry->desc.digest, &desc->digest)
		 : !entry->has_image)
		return 0;
	for (i = 0; i < ARRAY_SIZE(own_names); i++)
		if (note(out, namespace_id(ns, entry), own_names[i]) < 0)
			return -ENOMEM;
	if (desc && descriptor_copy(desc, &copy) < 0)
		return -ENOMEM;
	descriptor_fini(&entry->desc);
	entry->desc = copy;
	entry->has_image = desc != NULL;
	entry->image_node = NULL;
	entry->changed = *now;
	return 0;
}

static int update_ref(struct namespace *ns, const struct ref *ref, const struct timespec *now,
		      struct ns_changes *out)
{
	_cleanup_reference_ struct reference r = { 0 };
	_cleanup_free_ char *repo = NULL;
	struct ns_entry *entry = ns->root;
	char *part, *save = NULL;

	if (!ref->name || reference_parse(ref->name, &r, NULL) < 0 || !r.tag)
		return 0;
	repo = reference_repo(&r);
	if (!repo)
		return -ENOMEM;
	for (part = strtok_r(repo, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		entry = find_or_make(ns, entry, part, now, out);
		if (!entry)
			return -ENOMEM;
	}
	entry = find_or_make(ns, entry, r.tag, now, out);
	if (!entry)
		return -ENOMEM;
	entry->image_stamp = ns->stamp;
	return set_image(ns, entry, &ref->desc, now, out);
}

/*
 * Remove what this update did not find. The recursion is as deep as a repository's name
 * has parts, which its 255 bytes bound.
 */
static int sweep(struct namespace *ns, struct ns_entry *dir, const struct timespec *now,
		 struct ns_changes *out)
{
	_cleanup_free_ struct ns_entry **list = NULL;
	size_t i = 0, n = 0;
	const struct map_slot *s;
	int r = 0;

	if (dir->image_stamp != ns->stamp)
		r = set_image(ns, dir, NULL, now, out);
	if (r < 0 || dir->children.n == 0)
		return r;
	list = calloc(dir->children.n, sizeof(struct ns_entry *));
	if (!list)
		return -ENOMEM;
	while ((s = map_next(&dir->children, &i)))
		list[n++] = s->value;
	for (i = 0; i < n; i++) {
		r = sweep(ns, list[i], now, out);
		if (r < 0)
			return r;
		if (list[i]->stamp == ns->stamp)
			continue;
		r = note(out, namespace_id(ns, dir), list[i]->name);
		if (r < 0)
			return r;
		map_del(&dir->children, list[i]->name);
		dir->changed = *now;
		objects_unref(ns->objects, &list[i]->obj, 1);
	}
	return 0;
}

static int by_hex(const void *a, const void *b)
{
	return strcmp(((const struct image_id *)a)->hex, ((const struct image_id *)b)->hex);
}

/* All image IDs, sorted. Of several manifests with one config any may be taken. */
static int collect_ids(struct namespace *ns, const struct refs *refs)
{
	struct image_id *ids = calloc(refs->n ? refs->n : 1, sizeof(*ids));
	size_t i, k, n = 0;

	if (!ids)
		return -ENOMEM;
	for (i = 0; i < refs->n; i++) {
		const struct ref *ref = &refs->v[i];

		if (!digest_is_set(&ref->id))
			continue;
		if (descriptor_copy(&ref->desc, &ids[n].desc) < 0) {
			free_ids(ids, n);
			return -ENOMEM;
		}
		memcpy(ids[n].hex, digest_hex(&ref->id), strlen(digest_hex(&ref->id)) + 1);
		n++;
	}
	qsort(ids, n, sizeof(*ids), by_hex);
	for (i = 0, k = 0; i < n; i++) {
		if (k > 0 && strcmp(ids[i].hex, ids[k - 1].hex) == 0)
			descriptor_fini(&ids[i].desc);
		else
			ids[k++] = ids[i];
	}
	free_ids(ns->ids, ns->n_ids);
	ns->ids = ids;
	ns->n_ids = k;
	return 0;
}

/* The only image whose ID starts with hex; NULL: none, or several. */
static const struct image_id *find_id(const struct namespace *ns, const char *hex)
{
	size_t len = strlen(hex), lo = 0, hi = ns->n_ids;

	if (len < ID_PREFIX_MIN || len > ID_PREFIX_MAX || strspn(hex, "0123456789abcdef") != len)
		return NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strncmp(ns->ids[mid].hex, hex, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == ns->n_ids || strncmp(ns->ids[lo].hex, hex, len) != 0)
		return NULL;
	if (lo + 1 < ns->n_ids && strncmp(ns->ids[lo + 1].hex, hex, len) == 0)
		return NULL;
	return &ns->ids[lo];
}

/* Remove the entries by ID that now mean another image, or none. */
static int sweep_ids(struct namespace *ns, struct ns_changes *out)
{
	_cleanup_free_ struct ns_entry **list = calloc(ns->by_id.n + 1, sizeof(struct ns_entry *));
	const struct map_slot *s;
	size_t i = 0, n = 0;

	if (!list)
		return -ENOMEM;
	while ((s = map_next(&ns->by_id, &i)))
		list[n++] = s->value;
	for (i = 0; i < n; i++) {
		const struct image_id *id = find_id(ns, list[i]->name + 1);

		if (id && digest_eq(&id->desc.digest, &list[i]->desc.digest))
			continue;
		if (note(out, NODEID_ROOT, list[i]->name) < 0)
			return -ENOMEM;
		map_del(&ns->by_id, list[i]->name);
	}
	return 0;
}

int namespace_update(struct namespace *ns, const struct refs *refs, const struct timespec *now,
		     struct ns_changes *out)
{
	size_t i;
	int r;

	ns->stamp++;
	ns->root->stamp = ns->stamp;
	for (i = 0; i < refs->n; i++) {
		r = update_ref(ns, &refs->v[i], now, out);
		if (r < 0)
			return r;
	}
	r = sweep(ns, ns->root, now, out);
	if (r < 0)
		return r;
	r = collect_ids(ns, refs);
	return r < 0 ? r : sweep_ids(ns, out);
}

struct ns_entry *namespace_lookup_id(struct namespace *ns, const char *name,
				     const struct timespec *now)
{
	const struct image_id *id;
	struct ns_entry *entry = map_get(&ns->by_id, name);

	if (entry) {
		objects_ref(&entry->obj);
		return entry;
	}
	id = name[0] == '@' ? find_id(ns, name + 1) : NULL;
	if (!id)
		return NULL;
	entry = ns_entry_new(ns, name, now);
	if (!entry)
		return NULL;
	if (descriptor_copy(&id->desc, &entry->desc) < 0 || map_put(&ns->by_id, name, entry) < 0) {
		objects_unref(ns->objects, &entry->obj, 1);
		return NULL;
	}
	entry->has_image = true;
	return entry;
}

void namespace_forget(struct namespace *ns, struct ns_entry *entry)
{
	if (map_get(&ns->by_id, entry->name) == entry)
		map_del(&ns->by_id, entry->name);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = (*(struct ns_entry *const *)a)->obj.number;
	uint32_t y = (*(struct ns_entry *const *)b)->obj.number;

	return x < y ? -1 : x > y;
}

int namespace_list(const struct ns_entry *dir, uint32_t from, struct ns_entry ***out, size_t *n)
{
	struct ns_entry **list = calloc(dir->children.n + 1, sizeof(struct ns_entry *));
	const struct map_slot *s;
	size_t i = 0, k = 0;

	if (!list)
		return -ENOMEM;
	while ((s = map_next(&dir->children, &i))) {
		struct ns_entry *entry = s->value;

		if (entry->obj.number >= from && !(dir->has_image && namespace_is_own(entry->name)))
			list[k++] = entry;
	}
	qsort(list, k, sizeof(struct ns_entry *), by_number);
	*out = list;
	*n = k;
	return 0;
}
