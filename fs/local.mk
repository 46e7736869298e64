# The daemon, mount.imagefs; mount(8) looks for it in a directory of its own (--with-mount-helper-dir).
noinst_LIBRARIES += libfs.a
libfs_a_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
libfs_a_SOURCES = \
	fs/caller.c fs/caller.h \
	fs/containers.c fs/containers.h \
	fs/control.c fs/control.h \
	fs/copyup.c fs/copyup.h \
	fs/ct.c fs/ct.h \
	fs/file.c fs/file.h \
	fs/fs.h \
	fs/images.c fs/images.h \
	fs/images_ops.c fs/images_ops.h \
	fs/links.c fs/links.h \
	fs/lists.c fs/lists.h \
	fs/lockfile.c fs/lockfile.h \
	fs/merge.c fs/merge.h \
	fs/mountdir.c fs/mountdir.h \
	fs/namespace.c fs/namespace.h \
	fs/node.c fs/node.h \
	fs/nodeid.h \
	fs/objects.c fs/objects.h \
	fs/op_attr.c \
	fs/op_dir.c \
	fs/op_file.c \
	fs/op_make.c \
	fs/op_remove.c \
	fs/op_rename.c \
	fs/op_xattr.c \
	fs/ops.c fs/ops.h \
	fs/options.c fs/options.h \
	fs/pause.c fs/pause.h \
	fs/placeholder.c fs/placeholder.h \
	fs/session.c fs/session.h \
	fs/shown.c fs/shown.h \
	fs/stale.c fs/stale.h \
	fs/statx.c fs/statx.h \
	fs/through.c fs/through.h \
	fs/trees.c fs/trees.h \
	fs/xattr_reply.c fs/xattr_reply.h

mounthelper_PROGRAMS = mount.imagefs
mount_imagefs_SOURCES = fs/main.c
mount_imagefs_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
mount_imagefs_LDADD = libfs.a $(STORE_LIBS) $(FUSE_LIBS)
