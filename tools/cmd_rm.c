/*
 * imagefs rm: containers and what was written in them are gone.
 */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/container/container.h"
#include "store/container/container_lock.h"
#include "store/container/running.h"
#include "store/disk/mounts.h"
#include "store/disk/store.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

static int remove_one(struct store *s, const char *name, bool force, struct err *err)
{
	_cleanup_close_ int lock = -1;
	int r = 0, stopped = 0;

	if (name[0] == '/')
		name++;
	/* By force also one that somebody holds: its users are told, and find it gone. */
	if (!force) {
		if (running_pid(s, name) > 0)
			return err_set(
				err, EBUSY,
				"cannot remove container \"/%s\": container is running: stop the "
				"container before removing or force remove",
				name);
		r = container_lock_exclusive(s, name, &lock, err);
	} else if (container_name_check(name, NULL) == 0) {
		stopped = running_stop(s, name, err);
		if (stopped < 0)
			return stopped;
		IGNORE(mounts_close(s, name, NULL));
	}
	if (r == 0)
		r = container_remove(s, name, err);
	/* `run --rm` did it. */
	return r == -ENOENT && stopped ? 0 : r;
}

struct wish {
	bool force;
};

static const struct option_spec options[] = {
	{ 'f', "force", NULL,
	  "also remove a container with open files or a running command, which is killed; a "
	  "missing container is not an error",
	  OPTION(struct wish, force) },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct err err = ERR_INIT;
	struct wish w = { .force = false };
	int i, status = 0, r;

	verb_options(v, &argc, &argv, &w);
	if (argc < 1)
		return verb_usage(v, "which container?");
	if (verb_store_to_write(g, &s, &err) < 0)
		return verb_fail(v, &err);
	for (i = 0; i < argc; i++) {
		r = remove_one(s, argv[i], w.force, &err);
		if (r == 0)
			puts(argv[i]);
		else if (r != -ENOENT || !w.force)
			status = verb_fail(v, &err);
	}
	return status;
}

const struct verb cmd_rm = {
	.name = "rm",
	.summary = "Remove containers and their changes",
	.arguments = "CONTAINER...",
	.options = options,
	.help = "Each name is printed when it is gone.\n"
		"\n"
		"Example:\n"
		"  imagefs rm web\n",
	.run = run,
};
