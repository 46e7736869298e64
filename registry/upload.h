/*
 * Uploads one blob to a registry.
 */
#ifndef REGISTRY_UPLOAD_H
#define REGISTRY_UPLOAD_H

#include <stdint.h>

#include "base/err.h"

struct client;
struct digest;
struct http;

struct upload {
	struct client *client;
	struct http *http; /* http_cancel() also ends waiting */
	const struct digest *digest;
	uint64_t size;
	int fd;			  /* of the blob, read from offset 0; borrowed */
	const char *mount_source; /* another repository that has the blob; NULL: unknown */
	/* Reports the number of uploaded bytes, which may decrease. Any thread. */
	void (*progress)(void *arg, uint64_t done);
	void (*begins)(void *arg); /* called if the blob is missing, before it is sent */
	void *arg;
};

enum upload_result { UPLOAD_EXISTS, UPLOAD_MOUNTED, UPLOAD_DONE };

/*
 * upload_blob - ensure that the repository has a blob: it exists, is mounted from
 * mount_source, or is sent. The content is hashed while it is sent; an upload with a wrong digest
 * is never completed.
 * errors  -EBADMSG the blob is damaged; those of the registry
 */
int upload_blob(const struct upload *u, enum upload_result *out, struct err *err) MUST_CHECK;

#endif
