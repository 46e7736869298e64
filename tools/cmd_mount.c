/*
 * imagefs mount: start the daemon that shows a store as directories.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "store/disk/store.h"
#include "tools/run/daemon.h"
#include "tools/verb.h"

#define HELPER "mount.imagefs"
#define ARGS_MAX 64

struct wish {
	struct option_list options;
	bool foreground;
};

static const struct option_spec options[] = {
	{ 'o', NULL, "OPTS",
	  "comma-separated options:\n"
	  "  allow_other          allow access by other users, with\n"
	  "                       permission checks; default for root,\n"
	  "                       unless noallow_other is given\n"
	  "  ro                   containers are read-only too\n"
	  "  image_owners         in an ordinary user's containers, show\n"
	  "                       root's files as root's, not as the user's\n"
	  "  uid=N, gid=N         show every file with this owner\n"
	  "  cache_size=N[KMG]    memory for inflated contents (128M)\n"
	  "  tree=images          mount only this tree, at DIR; also\n"
	  "                       tree=containers\n"
	  "  dev, suid            let device files and set-id bits work\n"
	  "  noexec               programs cannot be executed",
	  OPTION(struct wish, options),
	  .values = "allow_other|noallow_other|default_permissions|ro|image_owners|uid=|gid=|"
		    "cache_size=|tree=images|tree=containers|dev|suid|noexec|debug",
	  .commas = true },
	{ 'f', NULL, NULL, "stay in the foreground", OPTION(struct wish, foreground) },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct buf helper _cleanup_buf_ = BUF_INIT;
	const char *args[ARGS_MAX + 8];
	struct store *s = NULL;
	struct err err = ERR_INIT;
	_cleanup_free_ char *path = NULL;
	struct wish w = { .foreground = false };
	size_t n = 3, i;

	args[0] = HELPER;
	verb_options(v, &argc, &argv, &w);
	if (2 * w.options.n + n > ARGS_MAX)
		return verb_usage(v, "too many options");
	for (i = 0; i < w.options.n; i++) {
		args[n++] = "-o";
		args[n++] = w.options.v[i];
	}
	option_list_fini(&w.options);
	if (w.foreground)
		args[n++] = "-f";
	if (argc != 1)
		return verb_usage(v, "one directory is needed");
	if (g->debug) {
		args[n++] = "-o";
		args[n++] = "debug";
	}
	/* The store is made where it is missing; the daemon is told where it is. */
	if (verb_store(g, &s, &err) < 0)
		return verb_fail(v, &err);
	path = strdup(s->path);
	store_close(s);
	if (!path) {
		err_nomem(&err);
		return verb_fail(v, &err);
	}
	args[1] = path;
	args[2] = argv[0];
	args[n] = NULL;
	if (daemon_path(&helper, &err) < 0)
		return verb_fail(v, &err);
	execv(buf_str(&helper), (char **)args);
	err_sys(&err, errno, "%s", buf_str(&helper));
	return verb_fail(v, &err);
}

const struct verb cmd_mount = {
	.name = "mount",
	.summary = "Mount images and containers as directories",
	.arguments = "DIR",
	.options = options,
	.help = "DIR/images is read-only, DIR/containers can be written; both are made if "
		"missing.\n"
		"\n"
		"Example:\n"
		"  imagefs mount /mnt && ls /mnt/images/debian/12/rootfs\n",
	.run = run,
};
