/*
 * Who asks: the ids in a request of somebody who lives in a user name space of his own.
 *
 * The kernel hands ids on as they are in the name space of the mount. Where an
 * ordinary user mounted, and enters a name space in which he is root
 * (unshare -r, a rootless container), root comes to us as that user and 33 as
 * 100032. What he means are the ids that he sees there: those are the image's.
 */
#ifndef FS_CORE_CALLER_H
#define FS_CORE_CALLER_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * caller_ids - ids that came with a request become the image's: those that the caller has for them in his
 * name space; in that of the daemon the user's own become root's, where they are shown so (fs_is_own()).
 * What has none there, and everything where root mounted, stays as it is.
 */
struct fs;
void caller_ids(const struct fs *fs, fuse_req_t req, uid_t *uid, gid_t *gid);

/* caller_id_inside - the same of one id by the text of a uid_map; false: it has none there. */
bool caller_id_inside(const char *map, uint32_t *id);

/* caller_in_group - as the system's own permission checks see it: a file of that group is one of his. */
bool caller_in_group(fuse_req_t req, gid_t gid);

#endif
