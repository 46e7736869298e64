/*
 * The IDs in a request of a caller in another user namespace.
 *
 * The kernel translates IDs to the user namespace of the mount. If an ordinary user mounted, and
 * the caller is in a user namespace with that user as root (unshare -r, a rootless container), its
 * root arrives as that user, and its 33 as 100032. The IDs that the caller sees are those of the
 * image.
 */
#ifndef FS_CORE_CALLER_H
#define FS_CORE_CALLER_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * caller_ids - translate the IDs of a request to the image's: to what they are in the caller's user
 * namespace; for a caller in the daemon's, from the user's own to root's, if root's are shown as
 * the user's (fs_is_own()). IDs that the namespace does not map stay as they are, and so do all if
 * root mounted.
 */
struct fs;
void caller_ids(const struct fs *fs, fuse_req_t req, uid_t *uid, gid_t *gid);

/* caller_id_inside - translate one ID by the text of a uid_map; false: it is not mapped. */
bool caller_id_inside(const char *map, uint32_t *id);

/*
 * caller_in_group - true if the caller is a member of the group, as the kernel's permission checks
 * see it.
 */
bool caller_in_group(fuse_req_t req, gid_t gid);

#endif
