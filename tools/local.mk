bin_PROGRAMS += imagefs
imagefs_SOURCES = \
	tools/cmd_save.c \
	tools/main.c tools/verb.h
imagefs_LDADD = $(STORE_LIBS)
