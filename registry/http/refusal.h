/*
 * Error messages in responses: of registries, token servers and proxies.
 * spec    OCI distribution-spec, "Error Codes"; RFC 6749, section 5.2
 */
#ifndef REGISTRY_HTTP_REFUSAL_H
#define REGISTRY_HTTP_REFUSAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct http_response;

#define REFUSAL_MAX 600 /* bytes */

struct refusal {
	/* as received, at most REFUSAL_MAX bytes; print with refusal_shown() */
	struct buf words;
	bool coded; /* words begin with a registry's error code: "manifest unknown: ..." */
};

#define REFUSAL_INIT            \
	{                       \
		BUF_INIT, false \
	}
#define _cleanup_refusal_ __attribute__((cleanup(refusal_fini)))
void refusal_fini(struct refusal *f);

/* refusal_read - read the message of a response; empty for a web page. 0 or -ENOMEM. */
int refusal_read(const struct http_response *r, struct refusal *out) MUST_CHECK;

/* refusal_shown - append the message as one line of visible characters. 0 or -ENOMEM. */
int refusal_shown(const struct refusal *f, struct buf *out) MUST_CHECK;

/* refusal_has_code - true if one of the errors has this code: "MANIFEST_INVALID". */
bool refusal_has_code(const struct http_response *r, const char *code);

/* refusal_status - "413 (Request Entity Too Large)": the status, and its name if known. */
const char *refusal_status(long status, char out[static 64]);

/* refusal_is_web_page - true if the body is HTML. */
bool refusal_is_web_page(const struct http_response *r);

#endif
