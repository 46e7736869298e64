noinst_LIBRARIES += libregistry.a
libregistry_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS)
REGISTRY_LIBS = libregistry.a $(CURL_LIBS) $(STORE_LIBS)
libregistry_a_SOURCES = \
	registry/auth.c registry/auth.h \
	registry/certs.c registry/certs.h \
	registry/client.h \
	registry/conffile.c registry/conffile.h \
	registry/creds.c registry/creds.h \
	registry/hosts.c registry/hosts.h \
	registry/http.h \
	registry/registries.c registry/registries.h \
	registry/retry.h \
	registry/search.c registry/search.h \
	registry/toml.c registry/toml.h
