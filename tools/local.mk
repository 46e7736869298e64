noinst_LIBRARIES += librun.a
librun_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
# Where `imagefs mount` looks for the daemon when it is not beside it.
librun_a_CPPFLAGS = $(AM_CPPFLAGS) -DMOUNT_HELPER_DIR='"$(mounthelperdir)"'
librun_a_SOURCES = \
	tools/run/bundle.c tools/run/bundle.h \
	tools/run/daemon.c tools/run/daemon.h \
	tools/run/ensure_options.h \
	tools/run/exec_error.c tools/run/exec_error.h \
	tools/run/idmap.c tools/run/idmap.h \
	tools/run/image_passwd.c tools/run/image_passwd.h \
	tools/run/monitor.c tools/run/monitor.h \
	tools/run/mount_ns.c tools/run/mount_ns.h \
	tools/run/run_args.c tools/run/run_args.h \
	tools/run/run_bundle.c tools/run/run_bundle.h \
	tools/run/run_job.h \
	tools/run/run_mounts.c \
	tools/run/run_options.c tools/run/run_options.h \
	tools/run/runtime.c tools/run/runtime.h \
	tools/run/seccomp.c tools/run/seccomp.h \
	tools/run/seccomp_list.c tools/run/seccomp_list.h \
	tools/run/stdio.c tools/run/stdio.h

bin_PROGRAMS += imagefs
imagefs_SOURCES = \
	tools/cmd_commit.c \
	tools/cmd_completion.c \
	tools/cmd_create.c \
	tools/cmd_df.c \
	tools/cmd_diff.c \
	tools/cmd_export.c \
	tools/cmd_history.c \
	tools/cmd_images.c \
	tools/cmd_import.c \
	tools/cmd_info.c \
	tools/cmd_inspect.c \
	tools/cmd_load.c \
	tools/cmd_login.c \
	tools/cmd_logout.c \
	tools/cmd_mount.c \
	tools/cmd_prune.c \
	tools/cmd_ps.c \
	tools/cmd_pull.c \
	tools/cmd_push.c \
	tools/cmd_rename.c \
	tools/cmd_rm.c \
	tools/cmd_rmi.c \
	tools/cmd_run.c \
	tools/cmd_save.c \
	tools/cmd_search.c \
	tools/cmd_tag.c \
	tools/cmd_umount.c \
	tools/cmd_verify.c \
	tools/ensure_image.c tools/ensure_image.h \
	tools/epoch.c tools/epoch.h \
	tools/kernel.c tools/kernel.h \
	tools/main.c \
	tools/make_container.c tools/make_container.h \
	tools/prompt.c tools/prompt.h \
	tools/verb.h \
	tools/cli/complete.c tools/cli/complete.h \
	tools/cli/options.c tools/cli/options.h \
	tools/print/filter.c tools/print/filter.h \
	tools/print/listing.c tools/print/listing.h
imagefs_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
imagefs_LDADD = librun.a $(REGISTRY_LIBS) $(SUBID_LIBS)
