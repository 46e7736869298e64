/*
 * Validation of an untrusted image config.
 * spec    OCI image-spec config.md; Docker image specification v1.2
 */
#ifndef STORE_OCI_IMAGE_CONFIG_H
#define STORE_OCI_IMAGE_CONFIG_H

#include <stddef.h>

#include "base/err.h"
#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct json_t;

/*
 * image_config_check - validate an image config and normalise it.
 * config    changed to what Go's decoder, and so docker, would read: keys that differ only in
 *           case are renamed; a string as Cmd, Entrypoint or Shell becomes a list
 * n_layers  expected number of diff IDs
 * diff_ids  n_layers of them, lowest first; caller frees
 * errors    -EINVAL, -ENOMEM
 */
int image_config_check(struct json_t *config, size_t n_layers, struct digest **diff_ids,
		       struct err *err) MUST_CHECK;

/* image_config_platform - the config's platform in an otherwise empty descriptor; borrowed. */
struct descriptor image_config_platform(const struct json_t *config);

#endif
