/*
 * Renames that leave a whiteout, on file systems where none does (RENAME_WHITEOUT; overlayfs has
 * none).
 *
 * The whiteout is made first, in work/, where a full disk or a quota shows before anything has
 * changed. What moves and what it replaces are exchanged, so that this can be undone. Then the
 * whiteout replaces what came to the old name. A daemon that is killed before the last step leaves
 * the whiteout in work/, under a name that says for which node of the base tree it is and what it
 * may replace; the next one puts it in its place (whiteout_finish()).
 *
 * Until then the old name shows what the new one had, or what the base tree has, to a command that
 * reads the upper directory by itself. Where a directory was replaced it stays so: on overlayfs
 * directories may have other inode numbers after a mount. Nothing that was written is lost by that.
 * A file system without exchange cannot undo the replacement, so there a failure of the last step
 * leaves the same.
 */
#ifndef FS_LIVE_WHITEOUT_H
#define FS_LIVE_WHITEOUT_H

#include <stdint.h>

#include "base/err.h"

struct live;

/*
 * whiteout_move - move a name over whatever the other one is; the old name becomes the whiteout of
 * lower, a node of the base tree. ns is held for writing. 0 or -errno, and then nothing has
 * changed.
 */
int whiteout_move(struct live *live, uint32_t lower, int from_fd, const char *from, int to_fd,
		  const char *to) MUST_CHECK;

/*
 * whiteout_replace - a directory that shows nothing, and that the file system cannot move, becomes
 * the whiteout of lower: overlayfs moves no directory that comes from its own layers below. ns is
 * held for writing.
 */
int whiteout_replace(struct live *live, uint32_t lower, int dirfd, const char *name) MUST_CHECK;

/*
 * whiteout_finish - a name in work/ that a dead daemon left: if it is a whiteout that still has to
 * replace something, it does. As copyup_finish() (fs/live/copyup.h).
 */
int whiteout_finish(struct live *live, const char *name) MUST_CHECK;

#endif
