/* Shared by the parts of inspect. */
#ifndef STORE_SHOW_INSPECT_PRIVATE_H
#define STORE_SHOW_INSPECT_PRIVATE_H

#include "base/err.h"
#include "base/json.h"
#include "store/show/inspect.h"

/*
 * inspect_config - an image's "config" or "container_config" with all keys that docker shows, in
 * docker's order; NULL or null: with empty values. New reference; NULL: out of memory.
 */
json_t *inspect_config(const json_t *config);

/* inspect_append_once - append a string to an array unless it is present. 0 or -ENOMEM. */
int inspect_append_once(json_t *strings, const char *s) MUST_CHECK;

/* inspect_sorted - sort an array of strings in place. 0 or -ENOMEM. */
int inspect_sorted(json_t *strings) MUST_CHECK;

#endif
