/*
 * A session: one mounted tree, its connection to the kernel, and the threads that answer. The
 * daemon has one for images and one for containers. Their operations are in
 * fs/images/images_ops.c and fs/containers/op_NAME.c.
 */
#ifndef FS_CORE_SESSION_H
#define FS_CORE_SESSION_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "fs/core/statx.h"

struct fs;
struct session;

/* How a session serves its tree. Requests and answers are copied, never spliced. */
/* FUSE_PASSTHROUGH, in flags2. */
#define SESSION_PASSTHROUGH (1u << 5)

struct session_ops {
	const char *name; /* "images": for messages and the threads' names */
	const struct fuse_lowlevel_ops *ops;
	unsigned threads; /* the most; one per CPU, at least two, within that */
	bool read_only;
	statx_fn *statx; /* NULL: it knows of no file when it was made */
	/*
	 * Bits of FUSE_INIT's answer that this libfuse does not know or does not
	 * send (linux/fuse.h); those that the kernel did not offer are left out.
	 */
	uint32_t flags, flags2;
	uint32_t max_stack_depth; /* for FUSE_PASSTHROUGH in flags2; else 0 */
};

/*
 * session_open - mount a tree at an existing directory. Nothing is answered before session_start().
 * mountpoint  absolute, without links; copied
 * data        userdata of the operations; must outlive the session
 */
int session_open(const struct fs *fs, const struct session_ops *ops, void *data,
		 const char *mountpoint, struct session **out, struct err *err) MUST_CHECK;

/*
 * session_start - start the threads; they block all signals.
 * event_fd  an eventfd that is written when the protocol is negotiated (session_is_ready) and
 *           when the tree was unmounted (session_is_over)
 */
int session_start(struct session *s, int event_fd, struct err *err) MUST_CHECK;
bool session_is_ready(const struct session *s);
bool session_is_over(const struct session *s);

/*
 * session_is_gone - true in an operation whose session has ended, so that its answer is not needed.
 * False in other threads.
 *
 * session_wait_begin, session_wait_end - around a long wait inside an operation, for another
 * process or the disk. Another thread answers during the wait. Otherwise the main thread could wait
 * in a notification for a request that no thread is left to read. They do nothing in other threads.
 */
bool session_is_gone(void);
void session_wait_begin(void);
void session_wait_end(void);

/*
 * session_reply_backing - the next fuse_reply_open() or fuse_reply_create() of this thread, which
 * is of fi, answers that the file is passed through to the backing file id.
 */
void session_reply_backing(struct fuse_file_info *fi, int id);

/* session_fuse - for fuse_lowlevel_notify_*(). */
struct fuse_session *session_fuse(const struct session *s);
/* session_fd - the connection, for ioctls; valid as long as the session. */
int session_fd(const struct session *s) MUST_CHECK;
/* session_device - st_dev of the tree; 0: unknown. */
dev_t session_device(const struct session *s);
const char *session_mountpoint(const struct session *s);
/* session_granted - true if all these bits of flags2 (0: flags) were offered and answered. */
bool session_granted(const struct session *s, unsigned word, uint32_t bits);

/* session_raise_readahead - let the kernel read 1 MiB ahead, if permitted; once the session is
 * ready. */
void session_raise_readahead(const struct session *s);

/*
 * session_unmount - unmount the tree, which ends the threads.
 * lazy    also if it is in use; else -EBUSY
 */
int session_unmount(struct session *s, bool lazy, struct err *err) MUST_CHECK;

/* session_free - end the connection and the threads; a tree still mounted answers ENOTCONN. */
void session_free(struct session *s);

#endif
