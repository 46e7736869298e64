dist_man_MANS += man/imagefs-load.1
dist_man_MANS += man/imagefs-save.1
dist_man_MANS += man/imagefs-index.5
dist_man_MANS += man/imagefs-mount.1
dist_man_MANS += man/imagefs-umount.1
dist_man_MANS += man/mount.imagefs.8
