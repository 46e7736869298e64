noinst_LIBRARIES += libregistry.a
libregistry_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
REGISTRY_LIBS = libregistry.a $(STORE_LIBS)
libregistry_a_SOURCES = \
	registry/hosts.c registry/hosts.h
