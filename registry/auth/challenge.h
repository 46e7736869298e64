/*
 * WWW-Authenticate: which ways of saying who one is a server takes.
 * spec    RFC 9110, section 11.6.1; RFC 6750, section 3
 */
#ifndef REGISTRY_AUTH_CHALLENGE_H
#define REGISTRY_AUTH_CHALLENGE_H

#include <stddef.h>

#include "base/err.h"

#define CHALLENGE_MAX_TEXT (16 * 1024)
#define CHALLENGE_MAX 16

/* Strings are heap; parameters that were not there are NULL. */
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
 * challenges_add - append those of one header, of which there may be several with commas between.
 * What is malformed is left out, with all that follows it in the header.
 * errors  -EPROTO too long, too many; -ENOMEM
 */
int challenges_add(struct challenges *all, const char *value, struct err *err) MUST_CHECK;
void challenges_fini(struct challenges *all);

/* challenges_find - the first of a scheme, borrowed; NULL: none. */
const struct challenge *challenges_find(const struct challenges *all, const char *scheme);

#endif
