/*
 * Link headers: where a list goes on.
 * spec    RFC 8288, section 3
 */
#ifndef REGISTRY_HTTP_LINK_H
#define REGISTRY_HTTP_LINK_H

#include "base/err.h"

/*
 * link_find - the target of the first link that has this relation.
 * header  several links with commas between them, as one text; may be NULL
 * target  as it stands there, heap
 * returns 1, 0 where there is none, or -ENOMEM
 */
int link_find(const char *header, const char *relation, char **target) MUST_CHECK;

#endif
