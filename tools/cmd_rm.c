/*
 * imagefs rm: containers and what was written in them are gone.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/cleanup.h"
#include "store/container.h"
#include "store/mounts.h"
#include "store/store.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);

/* How often, 10 ms apart, a container that is in use only for a moment is tried again. */
#define BUSY_TRIES 20

static int remove_one(struct store *s, const char *name, bool force, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	_cleanup_container_ struct container *c = NULL;
	int tries, r;

	if (name[0] == '/')
		name++;
	r = container_open(s, name, &c, err);
	if (r == -ENOENT)
		return r;
	/* A damaged one can be removed, too. */
	container_free(TAKE_PTR(c));
	for (tries = 0;; tries++) {
		r = mounts_close(s, name, err);
		if (r < 0 && !force)
			return r;
		r = container_remove(s, name, force, err);
		/* Somebody who walks through the mount has made the daemon take it again. */
		if (r != -EBUSY || tries == BUSY_TRIES)
			return r;
		nanosleep(&pause, NULL);
	}
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "force", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	struct err err = ERR_INIT;
	bool force = false;
	int status = 0, r;

	while (verb_getopt(v, argc, argv, "f", longs) != -1)
		force = true;
	if (optind >= argc)
		return verb_usage(v, "which container?");
	if (verb_store(g, &s, &err) < 0)
		return verb_fail(v, &err);
	for (; optind < argc; optind++) {
		r = remove_one(s, argv[optind], force, &err);
		if (r == 0)
			puts(argv[optind]);
		else if (r != -ENOENT || !force)
			status = verb_fail(v, &err);
	}
	mounts_refresh(s);
	return status;
}

const struct verb cmd_rm = {
	.name = "rm",
	.usage = "[-f] CONTAINER...",
	.summary = "Remove containers and what was written in them",
	.help = "  -f, --force   also one that has open files; a missing one is no error\n\n"
		"Each name is printed when it is gone.\n\n"
		"Example:\n"
		"  imagefs rm web\n",
	.run = run,
};
