/*
 * The options of a mount, as -o and fstab give them.
 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <stdbool.h>

#include "base/err.h"
#include "fs/core/fs.h"

enum mount_tree { TREE_BOTH, TREE_IMAGES, TREE_CONTAINERS };

struct mount_options {
	struct fs_options fs;
	const char *aside;    /* store_set_aside(): a part of the text that was parsed; or NULL */
	enum mount_tree tree; /* TREE_BOTH: each at a directory of its own below DIR */
};

void options_init(struct mount_options *o);

/*
 * options_parse - one argument of -o: comma-separated options; text is modified.
 * errors  -EINVAL an option that does not exist, or a value that it cannot have
 */
int options_parse(struct mount_options *o, char *text, struct err *err) MUST_CHECK;

#endif
