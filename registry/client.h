/*
 * One repository on one server, as the distribution protocol has it:
 * manifests, blobs, uploads, tags. Requests carry the credentials, are repeated
 * where that may help, and what a registry says is told in its own words.
 * spec    OCI distribution-spec; Docker Registry HTTP API V2
 * threads any, for all calls but client_open() and client_free()
 */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/oci/digest.h"

struct auth;
struct client;
struct endpoint;
struct http;

/*
 * client_open - find out how the server is spoken to (https, or http where the endpoint allows it).
 * actions  what is going to be asked for: "pull" or "pull,push"; NULL: nothing of a repository (catalogue)
 * h, a, e  borrowed, and outlive the client
 */
int client_open(struct http *h, struct auth *a, const struct endpoint *e, const char *actions,
		struct client **out, struct err *err) MUST_CHECK;
void client_free(struct client *c);

/* client_also - tokens shall be good for pulling from another repository of this server, too: for mounts. */
int client_also(struct client *c, const char *path, struct err *err) MUST_CHECK;

/* client_url - "https://host" of the server, borrowed; client_endpoint: what it was opened with. */
const char *client_url(const struct client *c);
const struct endpoint *client_endpoint(const struct client *c);

struct client_manifest {
	struct buf text;
	char *media_type;     /* as the answer said, in lower case; may be NULL */
	struct digest digest; /* of text; by the algorithm of the digest that was asked for */
};
void client_manifest_fini(struct client_manifest *m);

/*
 * client_manifest_get - by tag or by digest.
 * accept   media types, NULL behind the last
 * errors   -ENOENT manifest unknown; -EACCES; -EBADMSG it has not the digest that was asked for, or that the answer
 *          names; -EFBIG over BLOB_JSON_MAX; -EPROTO
 */
int client_manifest_get(struct client *c, const char *ref, const char *const *accept,
			struct client_manifest *out, struct err *err) MUST_CHECK;

/* client_manifest_has - is this manifest there? 1, 0 or -errno. */
int client_manifest_has(struct client *c, const char *ref, struct err *err) MUST_CHECK;

/*
 * client_manifest_put - as tag or digest.
 * errors  -EBADMSG the registry says another digest than it has; -ENOTSUP it takes no manifests of this type
 */
int client_manifest_put(struct client *c, const char *ref, const char *media_type, const void *data,
			size_t len, const struct digest *digest, struct err *err) MUST_CHECK;

/* client_blob_has - 1 and *size (-1: not said) where it is there, 0 where it is not, or -errno. */
int client_blob_has(struct client *c, const struct digest *d, int64_t *size,
		    struct err *err) MUST_CHECK;

/*
 * client_blob_get - the bytes of a blob from offset on, up to size. What broke off goes on where the sink is, by Range.
 * sink     takes the bytes in their order, in the caller's thread
 * restart  called where the server gives no ranges and offset is not 0: all that came is to be forgotten, the
 *          bytes come from 0 on then. NULL: that is an error
 * resumed  set to true where a part came by Range; may be NULL
 * errors   -ENOENT blob unknown; -EPROTO longer or shorter than size; the digest is the caller's to check
 */
struct client_sink {
	int (*sink)(void *arg, const void *data, size_t len, struct err *err);
	int (*restart)(void *arg, struct err *err);
	bool *resumed;
	void *arg;
};
int client_blob_get(struct client *c, const struct digest *d, uint64_t size, uint64_t offset,
		    const struct client_sink *to, struct err *err) MUST_CHECK;

/*
 * client_upload_begin - a new upload.
 * mount, from  the blob may be in that repository of the server already; NULL: not known
 * location     where the bytes go, heap; NULL where the blob was mounted and nothing is left to do
 * chunk_min    smallest chunk that the server takes; 0: any
 */
int client_upload_begin(struct client *c, const struct digest *mount, const char *from,
			char **location, uint64_t *chunk_min, struct err *err) MUST_CHECK;

/* Bytes of a file, or of memory where data is set. sent: from another thread, may be NULL. */
struct client_body {
	const void *data;
	int fd;
	uint64_t offset, length;
	void (*sent)(void *arg, uint64_t bytes);
	void *arg;
};

/*
 * Each replaces *location by where the next request goes. They do not repeat themselves: after an error that
 * client_transient() knows ask client_upload_status() and go on from there.
 * client_upload_chunk   one PATCH
 * client_upload_end     the last bytes (length may be 0) and the digest of the whole: one PUT. The blob is there then
 * client_upload_status  how many bytes the server has; -ENOENT: it has forgotten the upload, begin anew
 * client_upload_cancel  forget it; no error
 */
int client_upload_chunk(struct client *c, char **location, const struct client_body *b,
			struct err *err) MUST_CHECK;
int client_upload_end(struct client *c, char **location, const struct digest *d,
		      const struct client_body *b, struct err *err) MUST_CHECK;
int client_upload_status(struct client *c, char **location, uint64_t *have,
			 struct err *err) MUST_CHECK;
void client_upload_cancel(struct client *c, const char *location);

/* client_transient - may the same succeed a little later? r is what one of the above returned. */
bool client_transient(int r);

/*
 * Both page through the whole list, bounded; each() returns 0 to go on, 1 to end, -errno to fail.
 * client_tags     of the repository
 * client_catalog  of the server: its repositories
 */
int client_tags(struct client *c, int (*each)(void *arg, const char *tag, struct err *err),
		void *arg, struct err *err) MUST_CHECK;
int client_catalog(struct client *c, int (*each)(void *arg, const char *repo, struct err *err),
		   void *arg, struct err *err) MUST_CHECK;
/* client_tags_of - client_tags() of another repository of the server. */
int client_tags_of(struct client *c, const char *path,
		   int (*each)(void *arg, const char *tag, struct err *err), void *arg,
		   struct err *err) MUST_CHECK;

#endif
