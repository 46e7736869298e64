# The daemon, mount.imagefs; mount(8) looks for it in a directory of its own (--with-mount-helper-dir).
noinst_LIBRARIES += libfs.a
libfs_a_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
libfs_a_SOURCES = \
	fs/control.c fs/control.h \
	fs/mountdir.c fs/mountdir.h \
	fs/options.c fs/options.h \
	fs/containers/containers.c fs/containers/containers.h \
	fs/containers/copyup.c fs/containers/copyup.h \
	fs/containers/dir_cache.c fs/containers/dir_cache.h \
	fs/containers/file.c fs/containers/file.h \
	fs/containers/freeze.c fs/containers/freeze.h \
	fs/containers/links.c fs/containers/links.h \
	fs/containers/live.c fs/containers/live.h \
	fs/containers/lockfile.c fs/containers/lockfile.h \
	fs/containers/merge.c fs/containers/merge.h \
	fs/containers/node.c fs/containers/node.h \
	fs/containers/op_attr.c \
	fs/containers/op_dir.c \
	fs/containers/op_file.c \
	fs/containers/op_make.c \
	fs/containers/op_remove.c \
	fs/containers/op_rename.c \
	fs/containers/op_xattr.c \
	fs/containers/ops.c fs/containers/ops.h \
	fs/containers/passthrough.c fs/containers/passthrough.h \
	fs/containers/placeholder.c fs/containers/placeholder.h \
	fs/core/caller.c fs/core/caller.h \
	fs/core/fs.h \
	fs/core/nodeid.h \
	fs/core/objects.c fs/core/objects.h \
	fs/core/session.c fs/core/session.h \
	fs/core/statx.c fs/core/statx.h \
	fs/core/trees.c fs/core/trees.h \
	fs/core/xattr_reply.c fs/core/xattr_reply.h \
	fs/images/evict.c fs/images/evict.h \
	fs/images/image_node.c fs/images/image_node.h \
	fs/images/images.c fs/images/images.h \
	fs/images/images_ops.c fs/images/images_ops.h \
	fs/images/namespace.c fs/images/namespace.h

mounthelper_PROGRAMS = mount.imagefs
mount_imagefs_SOURCES = fs/main.c
mount_imagefs_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
mount_imagefs_LDADD = libfs.a $(STORE_LIBS) $(FUSE_LIBS)
