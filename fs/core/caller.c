/*
 * The maps of the caller's user namespace are read from /proc; the calls that need them are rare.
 */
#include "fs/core/caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/core/fs.h"

/* The kernel's maps have at most 340 lines of three numbers. */
#define MAP_MAX (16u * 1024)

static bool read_map(const char *who, const char *which, char text[static MAP_MAX])
{
	_cleanup_close_ int fd = -1;
	char path[64];
	size_t len = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/%s", who, which);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (len < MAP_MAX - 1) {
		n = read(fd, text + len, MAP_MAX - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return len > 0;
}

bool caller_id_inside(const char *map, uint32_t *id)
{
	uint32_t inside, outside, count;

	while (sscanf(map, "%u %u %u", &inside, &outside, &count) == 3) {
		if (*id >= outside && *id - outside < count) {
			*id = inside + (*id - outside);
			return true;
		}
		map = strchr(map, '\n');
		if (!map)
			break;
		map++;
	}
	return false;
}

/*
 * A caller in the daemon's own user namespace has the same map. own: the daemon's ID, which becomes
 * 0 there; or NULL.
 */
static void translate(const char *who, const char *which, const uint32_t *own, uint32_t *id)
{
	char theirs[MAP_MAX], ours[MAP_MAX];

	if (read_map(who, which, theirs) && read_map("self", which, ours) &&
	    strcmp(theirs, ours) != 0)
		caller_id_inside(theirs, id);
	else if (own && *id == *own)
		*id = 0;
}

void caller_ids(const struct fs *fs, fuse_req_t req, uid_t *uid, gid_t *gid)
{
	const uint32_t own_uid = geteuid(), own_gid = getegid();
	pid_t pid = fuse_req_ctx(req)->pid;
	bool own = fs_is_own(fs);
	char who[16];

	if (own_uid == 0)
		return;
	/*
	 * A process outside the daemon's PID namespace (pid 0) counts as one in its user namespace.
	 */
	snprintf(who, sizeof(who), "%d", (int)pid);
	translate(who, "uid_map", own ? &own_uid : NULL, uid);
	translate(who, "gid_map", own ? &own_gid : NULL, gid);
}

bool caller_in_group(fuse_req_t req, gid_t gid)
{
	_cleanup_free_ gid_t *all = NULL;
	int i, n;

	if (fuse_req_ctx(req)->gid == gid)
		return true;
	n = fuse_req_getgroups(req, 0, NULL);
	all = n > 0 ? calloc((size_t)n, sizeof(*all)) : NULL;
	if (!all)
		return false;
	n = MIN(n, fuse_req_getgroups(req, n, all));
	for (i = 0; i < n; i++)
		if (all[i] == gid)
			return true;
	return false;
}
