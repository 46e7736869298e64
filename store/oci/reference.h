/*
 * Image references: docker's short names made whole, and whole ones made
 * short again.
 * spec    the distribution project's reference grammar; docker's normalisation
 */
#ifndef STORE_OCI_REFERENCE_H
#define STORE_OCI_REFERENCE_H

#include <stdbool.h>

#include "store/oci/digest.h"

struct err;

struct reference {
	char *domain;	      /* "docker.io", "localhost:5000" */
	char *path;	      /* "library/ubuntu" */
	char *tag;	      /* NULL where a digest was given without one */
	struct digest digest; /* unset where none was given */
};

#define _cleanup_reference_ __attribute__((cleanup(reference_fini)))

/*
 * reference_parse - read what a user types.
 * A first part with '.' or ':' or "localhost" is a host, else it is Docker
 * Hub, where a name without '/' is below library/. Neither tag nor digest
 * means the tag "latest".
 * errors  -EINVAL with docker's words
 */
int reference_parse(const char *s, struct reference *out, struct err *err);
void reference_fini(struct reference *r);

/*
 * All three return a heap string that the caller frees; NULL: no memory.
 * reference_full       "docker.io/library/ubuntu:20.04" (tag; else @digest)
 * reference_repo       "ubuntu", "localhost:5000/team/app": the familiar repository
 * reference_familiar   the familiar repository with :tag, or @digest without a tag
 */
char *reference_full(const struct reference *r);
char *reference_repo(const struct reference *r);
char *reference_familiar(const struct reference *r);

/* reference_is_id - 1 to 64 hex digits, with or without "sha256:": may name an image by its ID. */
bool reference_is_id(const char *s);

#endif
