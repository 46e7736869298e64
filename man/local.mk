dist_man_MANS += man/imagefs-load.1
dist_man_MANS += man/imagefs-save.1
dist_man_MANS += man/imagefs-index.5
