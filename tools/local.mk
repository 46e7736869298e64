bin_PROGRAMS += imagefs
imagefs_SOURCES = \
	tools/cmd_commit.c \
	tools/cmd_images.c \
	tools/cmd_inspect.c \
	tools/cmd_load.c \
	tools/cmd_save.c \
	tools/cmd_tag.c \
	tools/main.c tools/verb.h
imagefs_LDADD = $(STORE_LIBS)
