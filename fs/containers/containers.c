/*
 * The containers tree: its parts, its table of operations, its session.
 */
#include "config.h"

#include "fs/containers/containers.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "fs/containers/ops.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/live/copyup.h"
#include "fs/live/recovery.h"
#include "store/image/tree.h"

/* FUSE_HANDLE_KILLPRIV_V2 of linux/fuse.h, which libfuse 3.14 does not know. */
#define HANDLE_KILLPRIV_V2 (1u << 28)

#define MAX_WRITE (1u << 20)

int containers_new(struct fs *fs, struct containers **out, struct err *err)
{
	struct containers *c = calloc(1, sizeof(*c));
	struct live_shared shared = { .fs = fs, .first_use = recovery_first_use };
	int r;

	if (!c)
		return err_nomem(err);
	c->fs = fs;
	c->root.ino = FUSE_ROOT_ID;
	c->root.type = S_IFDIR;
	c->root.lower = TREE_NONE;
	c->root.fd = -1;
	nodes_init(&c->nodes, copyup_unprepare);
	dir_cache_init(&c->dir_cache);
	passthrough_init(&c->passthrough);
	lockfiles_init(&c->lockfiles);
	shared.nodes = &c->nodes;
	shared.passthrough = &c->passthrough;
	r = live_table_init(&c->table, &shared, err);
	if (r < 0) {
		containers_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void containers_free(struct containers *c)
{
	if (!c)
		return;
	nodes_fini(&c->nodes);
	dir_cache_fini(&c->dir_cache);
	passthrough_fini(&c->passthrough);
	lockfiles_fini(&c->lockfiles);
	live_table_fini(&c->table);
	free(c);
}

struct live_table *containers_table(struct containers *c)
{
	return c ? &c->table : NULL;
}

void containers_attach(struct containers *c, struct session *s)
{
	c->session = c->nodes.session = s;
}

void containers_ready(struct containers *c)
{
	/*
	 * A write freeze needs the device (fs/containers/freeze.h), and passthrough needs the
	 * freeze.
	 */
	if (session_device(c->session))
		passthrough_start(&c->passthrough, c->session, c->fs->store);
}

/* --- the session --- */

static void init(void *userdata, struct fuse_conn_info *conn)
{
	const struct containers *c = userdata;

	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
			FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA |
			FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS |
			FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_POSIX_ACL);
	/* O_TRUNC comes with open, so that a copy-up leaves out what is truncated. */
	conn->want |= conn->capable &
		      (FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_READDIRPLUS | FUSE_CAP_ASYNC_READ |
		       FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA |
		       FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_ASYNC_DIO | FUSE_CAP_DONT_MASK);
	/* Access lists are checked where modes are: FUSE_POSIX_ACL makes the kernel check both. */
	if (fs_checks_modes(c->fs))
		conn->want |= conn->capable & FUSE_CAP_POSIX_ACL;
#ifdef HAVE_STRUCT_FUSE_FILE_INFO_BACKING_ID
	fuse_set_feature_flag(conn, FUSE_CAP_PASSTHROUGH);
#endif
	conn->max_write = MAX_WRITE;
	conn->max_readahead = MAX_WRITE;
}

static const struct fuse_lowlevel_ops ops = {
	.init = init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.access = op_access,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.create = op_create,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
};

const struct session_ops containers_session = {
	.name = "containers",
	.ops = &ops,
	.threads = 8,
	.statx = op_statx,
	/* Without this bit the kernel asks for security.capability before each write(2). */
	.flags = HANDLE_KILLPRIV_V2,
	.flags2 = SESSION_PASSTHROUGH,
	.max_stack_depth = 1,
};
