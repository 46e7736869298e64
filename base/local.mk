noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	base/base64.c base/base64.h \
	base/bars.c base/bars.h \
	base/beneath.c base/beneath.h \
	base/buf.c base/buf.h \
	base/cleanup.h \
	base/err.c base/err.h \
	base/file.c base/file.h \
	base/inroot.c base/inroot.h \
	base/log.c base/log.h \
	base/map.c base/map.h \
	base/mountpoint.c base/mountpoint.h \
	base/program.c base/program.h \
	base/progress.c base/progress.h \
	base/rate.c base/rate.h \
	base/ring.c base/ring.h \
	base/settle.c base/settle.h \
	base/sink.h \
	base/text.c base/text.h
