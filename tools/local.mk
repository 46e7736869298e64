bin_PROGRAMS += imagefs
imagefs_SOURCES = \
	tools/cmd_commit.c \
	tools/cmd_completion.c \
	tools/cmd_create.c \
	tools/cmd_df.c \
	tools/cmd_diff.c \
	tools/cmd_history.c \
	tools/cmd_export.c \
	tools/cmd_images.c \
	tools/cmd_import.c \
	tools/cmd_inspect.c \
	tools/cmd_load.c \
	tools/cmd_login.c \
	tools/cmd_logout.c \
	tools/cmd_mount.c \
	tools/cmd_ps.c \
	tools/cmd_pull.c \
	tools/cmd_push.c \
	tools/cmd_rename.c \
	tools/cmd_prune.c \
	tools/cmd_rm.c \
	tools/cmd_rmi.c \
	tools/cmd_run.c \
	tools/cmd_save.c \
	tools/cmd_search.c \
	tools/cmd_tag.c \
	tools/cmd_umount.c \
	tools/cmd_verify.c \
	tools/epoch.c tools/epoch.h \
	tools/filter.c tools/filter.h \
	tools/helper.c tools/helper.h \
	tools/idmap.c tools/idmap.h \
	tools/listing.c tools/listing.h \
	tools/main.c tools/verb.h \
	tools/make_container.c tools/make_container.h \
	tools/need_image.c tools/need_image.h \
	tools/program.c tools/program.h \
	tools/prompt.c tools/prompt.h \
	tools/relay.c tools/relay.h \
	tools/run_args.c tools/run_args.h \
	tools/run_mounts.c \
	tools/run_options.c tools/run_options.h \
	tools/run_bundle.c tools/run_bundle.h \
	tools/run_keeper.c tools/run_keeper.h \
	tools/runtime.c tools/runtime.h \
	tools/stage.c tools/stage.h
imagefs_LDADD = $(REGISTRY_LIBS)
# Where `imagefs mount` looks for the daemon when it is not beside it.
imagefs_CPPFLAGS = $(AM_CPPFLAGS) -DMOUNT_HELPER_DIR='"$(mounthelperdir)"'
