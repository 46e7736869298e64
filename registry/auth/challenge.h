/*
 * WWW-Authenticate: the authentication schemes that a server accepts.
 * spec    RFC 9110, section 11.6.1; RFC 6750, section 3
 */
#ifndef REGISTRY_AUTH_CHALLENGE_H
#define REGISTRY_AUTH_CHALLENGE_H

#include <stddef.h>

#include "base/err.h"

#define CHALLENGE_MAX_TEXT (16 * 1024)
#define CHALLENGE_MAX 16

/* Strings are heap; missing parameters are NULL. */
struct challenge {
	char *scheme; /* in lower case: "basic", "bearer" */
	char *realm, *service, *scope, *error;
};

struct challenges {
	struct challenge v[CHALLENGE_MAX];
	size_t n;
};

#define _cleanup_challenges_ __attribute__((cleanup(challenges_fini)))

/*
 * challenges_add - append the challenges of one header, which are separated by commas. A malformed
 * challenge ends the header: it and what follows are ignored.
 * errors  -EPROTO too long, too many; -ENOMEM
 */
int challenges_add(struct challenges *all, const char *value, struct err *err) MUST_CHECK;
void challenges_fini(struct challenges *all);

/* challenges_find - the first challenge of a scheme, borrowed; NULL: none. */
const struct challenge *challenges_find(const struct challenges *all, const char *scheme);

#endif
