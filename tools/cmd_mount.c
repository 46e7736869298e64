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

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct buf helper _cleanup_buf_ = BUF_INIT;
	const char *args[ARGS_MAX + 8];
	struct store *s = NULL;
	struct err err = ERR_INIT;
	_cleanup_free_ char *path = NULL;
	size_t n = 3;
	int opt;

	args[0] = HELPER;
	while ((opt = verb_getopt(v, argc, argv, "o:f", NULL)) != -1) {
		if (n + 2 > ARGS_MAX)
			return verb_usage(v, "too many options");
		if (opt == 'o') {
			args[n++] = "-o";
			args[n++] = optarg;
		} else if (opt == 'f') {
			args[n++] = "-f";
		}
	}
	if (argc - optind != 1)
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
	args[2] = argv[optind];
	args[n] = NULL;
	if (daemon_path(&helper, &err) < 0)
		return verb_fail(v, &err);
	execv(buf_str(&helper), (char **)args);
	err_sys(&err, errno, "%s", buf_str(&helper));
	return verb_fail(v, &err);
}

const struct verb cmd_mount = {
	.name = "mount",
	.usage = "[-o OPTS] [-f] DIR",
	.summary = "Show the store's images and containers as directories",
	.help = "DIR/images is read-only, DIR/containers can be written; both are made if "
		"missing.\n"
		"\nOptions:\n"
		"  -o OPTS  options with commas between:\n"
		"             allow_other          let other users in, with modes checked;\n"
		"                                  root's mount does: noallow_other\n"
		"             ro                   containers cannot be written either\n"
		"             image_owners         in an ordinary user's containers, show root's\n"
		"                                  files as root's, not as the user's own\n"
		"             uid=N, gid=N         show every file with this owner\n"
		"             cache_size=N[KMG]    memory for inflated contents (128M)\n"
		"             tree=images          mount this one tree at DIR itself;\n"
		"                                  also tree=containers\n"
		"             dev, suid            let device files and set-id bits work\n"
		"             noexec               nothing may be run from it\n"
		"  -f       stay in the foreground\n"
		"\nExample:\n"
		"  imagefs mount /mnt && ls /mnt/images/debian/12/rootfs\n",
	.run = run,
};
