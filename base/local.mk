noinst_LIBRARIES += libbase.a
libbase_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libbase_a_SOURCES = \
	base/base64.c base/base64.h \
	base/beneath.c base/beneath.h \
	base/buf.c base/buf.h \
	base/cleanup.h \
	base/conffile.c base/conffile.h \
	base/err.c base/err.h \
	base/file.c base/file.h \
	base/inroot.c base/inroot.h \
	base/json.c base/json.h \
	base/lock.c base/lock.h \
	base/log.c base/log.h \
	base/map.c base/map.h \
	base/mountpoint.c base/mountpoint.h \
	base/pattern.c base/pattern.h \
	base/program.c base/program.h \
	base/progress.c base/progress.h \
	base/remove_tree.c base/remove_tree.h \
	base/sink.h \
	base/text.c base/text.h \
	base/walk.c base/walk.h \
	base/workers.c base/workers.h
