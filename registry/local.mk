noinst_LIBRARIES += libregistry.a
libregistry_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS)
REGISTRY_LIBS = libregistry.a $(CURL_LIBS) $(STORE_LIBS)
libregistry_a_SOURCES = \
	registry/client.c registry/client.h \
	registry/client_get.c \
	registry/client_private.h \
	registry/client_put.c \
	registry/login.c registry/login.h \
	registry/mount_sources.c registry/mount_sources.h \
	registry/pull.c registry/pull.h \
	registry/pull_layers.c \
	registry/pull_private.h \
	registry/push.c registry/push.h \
	registry/push_image.c \
	registry/push_private.h \
	registry/search.c registry/search.h \
	registry/upload.c registry/upload.h \
	registry/auth/auth.c registry/auth/auth.h \
	registry/auth/challenge.c registry/auth/challenge.h \
	registry/auth/cred.c registry/auth/cred.h \
	registry/auth/credfile.c registry/auth/credfile.h \
	registry/auth/credhelper.c registry/auth/credhelper.h \
	registry/auth/creds.c registry/auth/creds.h \
	registry/auth/realm.c registry/auth/realm.h \
	registry/auth/token.c registry/auth/token.h \
	registry/config/certs.c registry/config/certs.h \
	registry/config/hosts.c registry/config/hosts.h \
	registry/config/registries.c registry/config/registries.h \
	registry/config/toml.c registry/config/toml.h \
	registry/http/http.c registry/http/http.h \
	registry/http/http_loop.c \
	registry/http/http_private.h \
	registry/http/http_url.c registry/http/http_url.h \
	registry/http/link.c registry/http/link.h \
	registry/http/refusal.c registry/http/refusal.h \
	registry/http/retry.c registry/http/retry.h
