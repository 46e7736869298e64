# The daemon, mount.imagefs; mount(8) looks for it in a directory of its own (--with-mount-helper-dir).
noinst_LIBRARIES += libfs.a
libfs_a_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
libfs_a_SOURCES = \
	fs/control.c fs/control.h \
	fs/mountdir.c fs/mountdir.h \
	fs/options.c fs/options.h \
	fs/containers/containers.c fs/containers/containers.h \
	fs/containers/dir_cache.c fs/containers/dir_cache.h \
	fs/containers/freeze.c fs/containers/freeze.h \
	fs/containers/live_table.c fs/containers/live_table.h \
	fs/containers/lockfile.c fs/containers/lockfile.h \
	fs/containers/op_attr.c \
	fs/containers/op_dir.c \
	fs/containers/op_file.c \
	fs/containers/op_make.c \
	fs/containers/op_remove.c \
	fs/containers/op_rename.c \
	fs/containers/op_xattr.c \
	fs/containers/ops.c fs/containers/ops.h \
	fs/core/caller.c fs/core/caller.h \
	fs/core/fs.h \
	fs/core/nodeid.h \
	fs/core/objects.c fs/core/objects.h \
	fs/core/request_log.c fs/core/request_log.h \
	fs/core/session.c fs/core/session.h \
	fs/core/statx.c fs/core/statx.h \
	fs/core/trees.c fs/core/trees.h \
	fs/core/xattr_reply.c fs/core/xattr_reply.h \
	fs/images/evict.c fs/images/evict.h \
	fs/images/image_node.c fs/images/image_node.h \
	fs/images/images.c fs/images/images.h \
	fs/images/images_ops.c fs/images/images_ops.h \
	fs/images/lookup.c fs/images/lookup.h \
	fs/images/namespace.c fs/images/namespace.h \
	fs/live/copyup.c fs/live/copyup.h \
	fs/live/file.c fs/live/file.h \
	fs/live/gate.c fs/live/gate.h \
	fs/live/ino_map.c fs/live/ino_map.h \
	fs/live/links.c fs/live/links.h \
	fs/live/listing.c fs/live/listing.h \
	fs/live/live.c fs/live/live.h \
	fs/live/merge.c fs/live/merge.h \
	fs/live/node.c fs/live/node.h \
	fs/live/node_opens.h \
	fs/live/passthrough.c fs/live/passthrough.h \
	fs/live/placeholder.c fs/live/placeholder.h \
	fs/live/recovery.c fs/live/recovery.h \
	fs/live/unlink.c fs/live/unlink.h \
	fs/live/whiteout.c fs/live/whiteout.h

mounthelper_PROGRAMS = mount.imagefs
mount_imagefs_SOURCES = fs/main.c
mount_imagefs_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
mount_imagefs_LDADD = libfs.a $(STORE_LIBS) $(FUSE_LIBS)
