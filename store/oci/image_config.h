/*
 * An image's config as it came from outside: checked, and put into one form.
 * spec    OCI image-spec config.md; Docker image specification v1.2
 */
#ifndef STORE_OCI_IMAGE_CONFIG_H
#define STORE_OCI_IMAGE_CONFIG_H

#include <stddef.h>

#include "store/oci/digest.h"
#include "store/oci/manifest.h"

struct err;
struct json_t;

/*
 * image_config_check - diff IDs and types.
 * config    is changed to the form that Go's decoder would read, which docker uses: keys in
 *           another case get theirs, and a Cmd, Entrypoint or Shell that is a string becomes a list
 * diff_ids  caller frees; exactly n_layers, or -EINVAL
 */
int image_config_check(struct json_t *config, size_t n_layers, struct digest **diff_ids,
		       struct err *err);

/* image_config_platform - what it names, in a descriptor without anything else; borrowed. */
struct descriptor image_config_platform(const struct json_t *config);

#endif
