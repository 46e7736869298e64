noinst_LIBRARIES += libregistry.a
libregistry_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS)
REGISTRY_LIBS = libregistry.a $(CURL_LIBS) $(STORE_LIBS)
libregistry_a_SOURCES = \
	registry/auth.c registry/auth.h \
	registry/certs.c registry/certs.h \
	registry/challenge.c registry/challenge.h \
	registry/client.c registry/client.h \
	registry/client_get.c \
	registry/client_int.h \
	registry/client_put.c \
	registry/conffile.c registry/conffile.h \
	registry/credfile.c registry/credfile.h \
	registry/credhelper.c registry/credhelper.h \
	registry/creds.c registry/creds.h \
	registry/hosts.c registry/hosts.h \
	registry/http.c registry/http.h \
	registry/http_int.h \
	registry/http_loop.c \
	registry/http_url.c registry/http_url.h \
	registry/link.c registry/link.h \
	registry/login.c registry/login.h \
	registry/pull.c registry/pull.h \
	registry/pull_layers.c registry/pull_part.h \
	registry/push.c registry/push.h \
	registry/push_image.c \
	registry/push_part.h \
	registry/realm.c registry/realm.h \
	registry/refusal.c registry/refusal.h \
	registry/registries.c registry/registries.h \
	registry/retry.c registry/retry.h \
	registry/search.c registry/search.h \
	registry/token.c registry/token.h \
	registry/toml.c registry/toml.h \
	registry/upload.c
