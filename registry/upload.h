/*
 * One blob on its way to a registry.
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
	struct http *http; /* whose http_cancel() ends the waiting, too */
	const struct digest *digest;
	uint64_t size;
	int fd;		    /* of the blob, read from its start; borrowed */
	const char *origin; /* another repository that has it; NULL: none is known */
	/* So many bytes are there; may be fewer than before. Any thread. */
	void (*progress)(void *arg, uint64_t done);
	void (*begins)(void *arg); /* it is not there, so bytes are about to be sent */
	void *arg;
};

enum upload_result { UPLOAD_EXISTS, UPLOAD_MOUNTED, UPLOAD_DONE };

/*
 * upload_blob - see that the repository has a blob: it does, it can be had from the origin, or it is sent.
 * Hashed on its way: only what is what its digest says is ever finished.
 * errors  -EBADMSG it is damaged; others as the registry's
 */
int upload_blob(const struct upload *u, enum upload_result *out, struct err *err) MUST_CHECK;

#endif
