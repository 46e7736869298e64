/*
 * A client of the distribution protocol for one repository on one server: manifests, blobs,
 * uploads, tags. It authenticates, retries what is safe to repeat, and reports errors in the
 * registry's words.
 * spec    OCI distribution-spec; Docker Registry HTTP API V2
 * threads any, except client_open() and client_free()
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
 * client_open - connect to the server and choose the scheme: https, or http if the endpoint allows
 * it.
 * actions  the access to request: "pull" or "pull,push"; NULL if no repository is used (catalogue)
 * h, a, e  borrowed; must outlive the client
 */
int client_open(struct http *h, struct auth *a, const struct endpoint *e, const char *actions,
		struct client **out, struct err *err) MUST_CHECK;
void client_free(struct client *c);

/*
 * client_also - also request tokens for pulling from another repository of the server, for mounts.
 */
int client_also(struct client *c, const char *path, struct err *err) MUST_CHECK;

/*
 * client_url       "https://host" of the server, borrowed
 * client_endpoint  the endpoint that client_open() was given
 */
const char *client_url(const struct client *c);
const struct endpoint *client_endpoint(const struct client *c);

struct client_manifest {
	struct buf text;
	char *media_type;     /* of the response, in lower case; may be NULL */
	struct digest digest; /* of text, by the algorithm of the requested digest */
};
void client_manifest_fini(struct client_manifest *m);

/*
 * client_manifest_get - fetch a manifest by tag or digest.
 * accept   media types, NULL-terminated
 * errors   -ENOENT manifest unknown; -EACCES; -EBADMSG its digest is not the requested one or not
 *          the one in the response; -EFBIG larger than BLOB_JSON_MAX; -EPROTO
 */
int client_manifest_get(struct client *c, const char *ref, const char *const *accept,
			struct client_manifest *out, struct err *err) MUST_CHECK;

/* client_manifest_has - 1 if the registry has the manifest, 0 if not, or -errno. */
int client_manifest_has(struct client *c, const char *ref, struct err *err) MUST_CHECK;

/*
 * client_manifest_put - upload a manifest under a tag or digest.
 * errors  -EBADMSG the registry stored it under a different digest; -ENOTSUP the registry refuses
 *         manifests of this type
 */
int client_manifest_put(struct client *c, const char *ref, const char *media_type, const void *data,
			size_t len, const struct digest *digest, struct err *err) MUST_CHECK;

/* client_blob_has - 1 and *size (-1: unknown) if the registry has the blob, 0 if not, or -errno. */
int client_blob_has(struct client *c, const struct digest *d, int64_t *size,
		    struct err *err) MUST_CHECK;

/*
 * client_blob_get - download a blob from offset to size. Interrupted transfers resume with Range.
 * sink     receives the bytes in order, in the caller's thread
 * restart  called if the server does not support ranges and offset is not 0: the sink discards all
 *          it has, and the download starts at 0. NULL: this is an error
 * resumed  set to true if a part was requested with Range; may be NULL
 * errors   -ENOENT blob unknown; -EPROTO longer or shorter than size. The caller verifies the
 *          digest.
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
 * client_upload_begin - start an upload, or mount the blob.
 * mount, from  a blob and the repository of the server that may have it; NULL: unknown
 * location     URL of the upload, heap; NULL if the blob was mounted, which completes the upload
 * chunk_min    minimum chunk size of the server; 0: none
 */
int client_upload_begin(struct client *c, const struct digest *mount, const char *from,
			char **location, uint64_t *chunk_min, struct err *err) MUST_CHECK;

/* A range of a file, or of memory if data is set. sent is called by another thread; may be NULL. */
struct client_body {
	const void *data;
	int fd;
	uint64_t offset, length;
	void (*sent)(void *arg, uint64_t bytes);
	void *arg;
};

/*
 * Each call replaces *location by the URL of the next request. There are no retries: after an error
 * for which client_transient() is true, call client_upload_status() and continue from there.
 * client_upload_chunk   send one PATCH
 * client_upload_end     send the last bytes (length may be 0) and the digest of the blob in one
 *                       PUT, which completes the upload
 * client_upload_status  get the number of bytes that the server has; -ENOENT: the upload expired
 * client_upload_cancel  cancel the upload; errors are ignored
 */
int client_upload_chunk(struct client *c, char **location, const struct client_body *b,
			struct err *err) MUST_CHECK;
int client_upload_end(struct client *c, char **location, const struct digest *d,
		      const struct client_body *b, struct err *err) MUST_CHECK;
int client_upload_status(struct client *c, char **location, uint64_t *have,
			 struct err *err) MUST_CHECK;
void client_upload_cancel(struct client *c, const char *location);

/* client_transient - true if a retry may succeed after r, a result of one of the above. */
bool client_transient(int r);

/*
 * Both read all pages of a list, up to a limit. each() returns 0 to continue, 1 to stop, or -errno.
 * client_tags     tags of the repository
 * client_catalog  repositories of the server
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
