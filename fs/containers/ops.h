/*
 * The FUSE operations of the containers tree, a file for each kind, and what they share.
 *
 * An operation finds its node, passes the gate of its container, takes the container's ns lock for
 * reading or writing, works, releases both, and replies. The directory of all containers is a node
 * without a container.
 */
#ifndef FS_CONTAINERS_OPS_H
#define FS_CONTAINERS_OPS_H

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fs/containers/dir_cache.h"
#include "fs/containers/live_table.h"
#include "fs/containers/lockfile.h"
#include "fs/live/node.h"
#include "fs/live/passthrough.h"

struct file;
struct fs;
struct lookup_result;
struct session;

/* The userdata of all operations. */
struct containers {
	struct fs *fs;
	struct session *session;
	struct node root; /* the directory of all containers */
	struct live_table table;
	struct nodes nodes;
	struct passthrough passthrough;
	struct dir_cache dir_cache;
	struct lockfiles lockfiles;
};

static inline struct containers *op_containers(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline struct node *op_node(fuse_req_t req, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &op_containers(req)->root : (struct node *)(uintptr_t)ino;
}

/*
 * op_begin - pass the gate of a node's container; op_end() is its end.
 * op_enter - the same, and take the container's ns lock; op_leave() is its end.
 * errors  -EPERM the node has no container; -EROFS; -ESTALE the container is gone; those of
 *         live_prepare()
 */
enum op_need { OP_READ, OP_CHANGE };
int op_begin(struct node *n, enum op_need need) MUST_CHECK;
void op_end(struct node *n, enum op_need need);
int op_enter(struct node *n, enum op_need need) MUST_CHECK;
void op_leave(struct node *n, enum op_need need);

/* op_name_check - may this name be made? -ENAMETOOLONG. */
int op_name_check(const char *name) MUST_CHECK;

/*
 * op_entry - the node of a look-up's result in dir, with one reference for the kernel; name NULL:
 * O_TMPFILE.
 */
int op_entry(struct containers *c, struct node *dir, const char *name,
	     const struct lookup_result *f, struct fuse_entry_param *out) MUST_CHECK;

/* op_show - translate the owner in st from the image's to the one that is shown. */
void op_show(const struct containers *c, struct stat *st);

/* op_reply - 0 or -errno, to a request without other answer. */
static inline void op_reply(fuse_req_t req, int r)
{
	fuse_reply_err(req, r < 0 ? -r : 0);
}

/*
 * op_place - move a new file from work/ to its name in an upper directory, over a whiteout if there
 * is one. -errno: it is still in work/.
 */
int op_place(struct live *live, const char *temp, int dirfd, const char *name, bool directory,
	     bool whiteout) MUST_CHECK;

/*
 * op_without_set_id - the mode of a file after a change by the caller. S_ISGID without S_IXGRP
 * stays if the caller is a member of the group.
 */
struct upper;
mode_t op_without_set_id(fuse_req_t req, const struct upper *u, const struct stat *st);

/*
 * op_drop_privileges - a write drops file capabilities, and set-id bits if the caller is not root.
 * fd is of the file in the upper directory.
 * asked  drop set-id bits for root, too
 */
int op_drop_privileges(fuse_req_t req, struct node *n, int fd, bool asked) MUST_CHECK;

/* op_dir.c */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* op_make.c */
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);

/* op_remove.c */
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);

/* op_rename.c */
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags);

/* op_attr.c */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
/*
 * op_statx - a statx_fn (fs/core/statx.h). The birth time of a file from below is the container's.
 */
int op_statx(void *containers, uint64_t ino, struct stat *st, struct timespec *born,
	     bool *has_born) MUST_CHECK;
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi);
void op_access(fuse_req_t req, fuse_ino_t ino, int mask);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

/* op_xattr.c */
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

/* op_file.c */
/*
 * op_use - decide how an opened file is used, and say so in fi. op_unuse() ends that and frees f.
 * -errno: f is freed.
 */
int op_use(struct containers *c, struct file *f, struct fuse_file_info *fi) MUST_CHECK;
void op_unuse(struct containers *c, struct file *f);
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	      struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t in, off_t in_off, struct fuse_file_info *in_fi,
			fuse_ino_t out, off_t out_off, struct fuse_file_info *out_fi, size_t len,
			int flags);

#endif
