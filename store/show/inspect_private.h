/*
 * What the parts of inspect share.
 */
#ifndef STORE_SHOW_INSPECT_PRIVATE_H
#define STORE_SHOW_INSPECT_PRIVATE_H

#include "base/json.h"
#include "store/show/inspect.h"

/*
 * inspect_config - the "config" or "container_config" of an image with every key that docker
 * shows, in its order; NULL or null: all of them empty. New reference; NULL: no memory.
 */
json_t *inspect_config(const json_t *config);

/* inspect_append_once - a string to an array of strings, unless it stands there. 0 or -ENOMEM. */
int inspect_append_once(json_t *strings, const char *s);

/* inspect_sorted - an array of strings put in order, in place. 0 or -ENOMEM. */
int inspect_sorted(json_t *strings);

#endif
