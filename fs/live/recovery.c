/*
 * Each kind of operation that has several steps leaves a name in work/ that tells what is missing,
 * and a function of its module finishes it. All other names are removed.
 */
#include "fs/live/recovery.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "fs/live/copyup.h"
#include "fs/live/live.h"
#include "fs/live/placeholder.h"
#include "fs/live/whiteout.h"
#include "store/container/container.h"

static int recover(struct live *live, const char *name)
{
	int r = copyup_finish(live, name);

	if (r == 0)
		r = whiteout_finish(live, name);
	if (r == 0)
		r = placeholder_finish(live, name);
	if (r == 0)
		r = remove_tree(live->upper.work_fd, name);
	return r;
}

static void sweep(struct live *live)
{
	_cleanup_names_ char **names = NULL;
	size_t n, i;
	int r;

	if (file_names(live->upper.work_fd, &names, &n) < 0)
		return;
	for (i = 0; i < n; i++) {
		r = recover(live, names[i]);
		if (r < 0)
			log_warn("container %s: leftover in work/: %s", live->name, strerror(-r));
	}
}

int recovery_first_use(void *arg)
{
	struct live *live = arg;
	int r = live_prepare(live);

	if (r == 0 && !live->box->read_only)
		sweep(live);
	return r;
}
