/*
 * What a server says for people where it does not do what it was asked: a registry's errors, a token
 * server's, a proxy's plain text.
 * spec    OCI distribution-spec, "Error Codes"; RFC 6749, section 5.2
 */
#ifndef REGISTRY_HTTP_REFUSAL_H
#define REGISTRY_HTTP_REFUSAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct http_response;

#define REFUSAL_MAX 600 /* bytes of words */

struct refusal {
	/* as they came, at most REFUSAL_MAX bytes; refusal_shown() before they are printed */
	struct buf words;
	bool coded; /* they begin with a code of a registry's: "manifest unknown: ..." */
};

#define REFUSAL_INIT            \
	{                       \
		BUF_INIT, false \
	}
#define _cleanup_refusal_ __attribute__((cleanup(refusal_fini)))
void refusal_fini(struct refusal *f);

/* refusal_read - the words of an answer's body; none where it is a web page or has none. 0 or -ENOMEM. */
int refusal_read(const struct http_response *r, struct refusal *out) MUST_CHECK;

/* refusal_shown - append the words as one line of visible characters. 0 or -ENOMEM. */
int refusal_shown(const struct refusal *f, struct buf *out) MUST_CHECK;

/* refusal_has_code - one of the registry's errors is of this code: "MANIFEST_INVALID". */
bool refusal_has_code(const struct http_response *r, const char *code);

/* refusal_status - "413 (Request Entity Too Large)": the status, and its name where it is known. */
const char *refusal_status(long status, char out[static 64]);

/* refusal_is_web_page - the body is HTML. */
bool refusal_is_web_page(const struct http_response *r);

#endif
