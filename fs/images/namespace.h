/*
 * The namespace of DIR/images: the repositories and tags of the store's
 * references as directories, and images by their ID as @ID. Each such directory is a
 * namespace entry: it may have an image, and it may have entries below it.
 * This module neither locks nor knows FUSE; fs/images/images.c does both.
 */
#ifndef FS_IMAGES_NAMESPACE_H
#define FS_IMAGES_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/map.h"
#include "fs/core/objects.h"
#include "store/oci/manifest.h"

struct refs;
struct image_node;

struct ns_entry {
	struct object obj;
	char *name;
	struct map children; /* struct ns_entry *, by name */
	bool has_image;
	struct descriptor desc;	       /* of its image */
	struct image_node *image_node; /* made at the first lookup; borrowed */
	struct timespec changed;
	/* Of the last namespace_update() that found the entry, and an image for it. */
	unsigned stamp, image_stamp;
};

/* An image by its ID. */
struct image_id {
	char hex[DIGEST_HEX_MAX + 1];
	struct descriptor desc;
};

struct namespace
{
	struct objects *objects; /* borrowed */
	struct ns_entry *root;
	struct map by_id; /* "@ID" -> struct ns_entry *, of those that were looked up; borrowed */
	struct image_id *ids; /* sorted by hex, each once */
	size_t n_ids;
	unsigned stamp;
};

/* What the kernel must be told after an update: something about name in a directory changed. */
struct ns_change {
	uint64_t dir; /* node id */
	char *name;
};

struct ns_changes {
	struct ns_change *v;
	size_t n, cap;
};

int namespace_init(struct namespace *ns, struct objects *objects,
		   const struct timespec *now) MUST_CHECK;
void namespace_fini(struct namespace *ns);

/*
 * namespace_update - bring the namespace in line with the references.
 * out     what changed, appended
 * errors  -ENOMEM: some changes are not made yet; the next update makes them
 */
int namespace_update(struct namespace *ns, const struct refs *refs, const struct timespec *now,
		     struct ns_changes *out) MUST_CHECK;

/* namespace_lookup - an entry by name, borrowed; NULL: none. */
struct ns_entry *namespace_lookup(const struct ns_entry *dir, const char *name);

/*
 * namespace_lookup_id - the entry below the root that is named "@" and an unambiguous prefix of an
 * image ID, with one more reference. NULL: none, or no memory.
 */
struct ns_entry *namespace_lookup_id(struct namespace *ns, const char *name,
				     const struct timespec *now);

/*
 * namespace_list - the entries of a directory whose number is at least from, sorted
 * by number, without those that the directory's own image hides.
 * *out is freed by the caller; 0 or -ENOMEM
 */
int namespace_list(const struct ns_entry *dir, uint32_t from, struct ns_entry ***out,
		   size_t *n) MUST_CHECK;

/* namespace_is_own - true for the names of an image itself: rootfs, layers, ... */
bool namespace_is_own(const char *name);

/* namespace_id - the node ID of an entry. */
uint64_t namespace_id(const struct namespace *ns, const struct ns_entry *entry);

/*
 * namespace_forget - an entry that has left the table of objects is not found by its ID any more.
 * ns_entry_free    - after that.
 */
void namespace_forget(struct namespace *ns, struct ns_entry *entry);
void ns_entry_free(struct ns_entry *entry);

void ns_changes_fini(struct ns_changes *c);

#endif
