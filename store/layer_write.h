/*
 * A container's upper directory as a layer's tar: sorted, with whiteouts and
 * opaque markers in the image's form.
 * spec    OCI image-spec layer.md, "Creating", "Whiteouts"
 */
#ifndef STORE_LAYER_WRITE_H
#define STORE_LAYER_WRITE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/sink.h"

struct err;
struct upper;

/*
 * layer_write - the whole tar, to its end.
 * base_root   the root directory as the layers below have it: it gets an entry only where it differs
 * empty       set where nothing changed; nothing is written then
 * errors      -EINVAL a name that would be read as a whiteout; -EIO a file that changed meanwhile
 */
int layer_write(const struct upper *u, const struct stat *base_root, const struct sink *out,
		bool *empty, struct err *err);

#endif
