/*
 * Link headers: the next page of a list.
 * spec    RFC 8288, section 3
 */
#ifndef REGISTRY_HTTP_LINK_H
#define REGISTRY_HTTP_LINK_H

#include "base/err.h"

/*
 * link_find - find the target of the first link with a relation.
 * header  links separated by commas; may be NULL
 * target  as written, heap
 * returns 1, 0 if there is none, or -ENOMEM
 */
int link_find(const char *header, const char *relation, char **target) MUST_CHECK;

#endif
