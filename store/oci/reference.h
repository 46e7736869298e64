/*
 * Image references: expansion of docker's familiar names to full ones, and back.
 * spec    the distribution project's reference grammar; docker's normalisation
 */
#ifndef STORE_OCI_REFERENCE_H
#define STORE_OCI_REFERENCE_H

#include <stdbool.h>

#include "base/err.h"
#include "store/oci/digest.h"

struct reference {
	char *domain;	      /* "docker.io", "localhost:5000" */
	char *path;	      /* "library/ubuntu" */
	char *tag;	      /* NULL if only a digest was given */
	struct digest digest; /* unset if not given */
};

#define _cleanup_reference_ __attribute__((cleanup(reference_fini)))

/*
 * reference_parse - parse a reference typed by a user. The first part is a registry host if it
 * contains '.' or ':' or is "localhost". Otherwise the registry is Docker Hub, where names
 * without '/' are below library/. Without tag and digest, the tag is "latest".
 * errors  -EINVAL with docker's messages
 */
int reference_parse(const char *s, struct reference *out, struct err *err) MUST_CHECK;
void reference_fini(struct reference *r);

/*
 * Return a heap string that the caller frees; NULL: out of memory.
 * reference_full       "docker.io/library/ubuntu:20.04" (the tag; without one, @digest)
 * reference_repo       "ubuntu", "localhost:5000/team/app": the familiar repository
 * reference_familiar   the familiar repository with :tag; without a tag, @digest
 */
char *reference_full(const struct reference *r);
char *reference_repo(const struct reference *r);
char *reference_familiar(const struct reference *r);

/*
 * reference_is_id - true for 1 to 64 hex digits, with or without "sha256:": it may be an image
 * ID.
 */
bool reference_is_id(const char *s);

#endif
