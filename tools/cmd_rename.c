/*
 * imagefs rename: rename a container.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "store/container/container.h"
#include "store/container/container_lock.h"
#include "store/disk/mounts.h"
#include "store/disk/store.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

static int rename_container(struct store *s, const char *name, const char *to, struct err *err)
{
	_cleanup_container_ struct container *c = NULL;
	_cleanup_close_ int lock = -1;
	int r = container_open(s, name, &c, err);

	if (r < 0)
		return r;
	if (strcmp(name, to) == 0)
		return err_set(err, EINVAL,
			       "Renaming a container with the same name as its current name");
	r = container_name_free(s, to, err);
	if (r == 0)
		r = container_lock_for_rename(s, c, &lock, err);
	if (r == 0)
		r = container_rename(s, name, to, err);
	return r == -EINVAL || r == -EEXIST ? err_wrap(err, r, "Error when allocating new name")
					    : r;
}

/*
 * Look up the new name in each mount: with that the kernel renames the directory, and pwd(1) in it
 * is right.
 */
static void look(struct store *s, const char *name)
{
	static const char *const trees[] = { "containers", "." };
	char **dirs = mounts_dirs(s);
	size_t i, k;

	for (i = 0; dirs && dirs[i]; i++)
		for (k = 0; k < ARRAY_SIZE(trees); k++) {
			_cleanup_free_ char *tree = path_join(dirs[i], trees[k]);
			_cleanup_free_ char *path = tree ? path_join(tree, name) : NULL;
			struct stat st;

			if (path && lstat(path, &st) == 0)
				break;
		}
	mounts_dirs_free(dirs);
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct err err = ERR_INIT;
	const char *name, *to;

	verb_options(v, &argc, &argv, NULL);
	if (argc != 2)
		return verb_usage(v, "requires exactly 2 arguments");
	name = argv[0] + (argv[0][0] == '/');
	to = argv[1] + (argv[1][0] == '/');
	if (!*name || !*to)
		return verb_usage(v, "Neither old nor new names may be empty");
	if (verb_store_to_write(g, &s, &err) < 0 || rename_container(s, name, to, &err) < 0)
		return verb_fail(v, &err);
	look(s, to);
	return 0;
}

const struct verb cmd_rename = {
	.name = "rename",
	.summary = "Rename a container",
	.arguments = "CONTAINER NEW_NAME",
	.help = "In open mounts it is under the new name when the command returns; who works in "
		"it,\n"
		"or runs a command in it, goes on.\n"
		"\n"
		"Example:\n"
		"  imagefs rename web web-old\n",
	.run = run,
};
