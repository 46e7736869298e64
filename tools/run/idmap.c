/* spec    subid.h, subuid(5), newuidmap(1), user_namespaces(7) */
#include "tools/run/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shadow/subid.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/program.h"

#define RANGES_MAX 64

struct range {
	uint32_t start, count;
};

struct ranges {
	struct range v[RANGES_MAX];
	size_t n;
};

typedef int (*list_ranges)(const char *owner, struct subid_range **ranges);

/* The ranges of the user, who may have no name. */
static void read_ranges(list_ranges list, const char *owner, struct ranges *out)
{
	struct subid_range *v = NULL;
	int i, n = list(owner, &v);

	out->n = 0;
	for (i = 0; i < n && out->n < RANGES_MAX; i++)
		if (v[i].count && v[i].start < UINT32_MAX && v[i].count < UINT32_MAX)
			out->v[out->n++] =
				(struct range){ (uint32_t)v[i].start, (uint32_t)v[i].count };
	free(v);
}

/* The files /etc/subuid and /etc/subgid, or the service that nsswitch.conf(5) names. */
static void find_ranges(struct ranges *uids, struct ranges *gids)
{
	const struct passwd *pw = getpwuid(geteuid());
	char owner[256];

	if (pw)
		snprintf(owner, sizeof(owner), "%s", pw->pw_name);
	else
		snprintf(owner, sizeof(owner), "%u", geteuid());
	/* Its messages would be for the administrator of the service. */
	subid_init("imagefs", NULL);
	read_ranges(subid_get_uid_ranges, owner, uids);
	read_ranges(subid_get_gid_ranges, owner, gids);
}

/* Run newuidmap PID 0 SELF 1 1 START COUNT...; false: failed, with a warning. */
static bool give(const char *program, pid_t pid, uint32_t self, const struct ranges *r)
{
	struct buf said _cleanup_buf_ = BUF_INIT;
	char words[3 * (RANGES_MAX + 1) + 1][16], *argv[3 * (RANGES_MAX + 1) + 3];
	uint32_t inside = 1;
	size_t n = 0, i;
	int status;

	snprintf(words[n++], 16, "%d", (int)pid);
	snprintf(words[n++], 16, "0");
	snprintf(words[n++], 16, "%u", self);
	snprintf(words[n++], 16, "1");
	/* IDs of the map end at the maximum of their type. */
	for (i = 0; i < r->n && r->v[i].count < UINT32_MAX - inside; i++) {
		snprintf(words[n++], 16, "%u", inside);
		snprintf(words[n++], 16, "%u", r->v[i].start);
		snprintf(words[n++], 16, "%u", r->v[i].count);
		inside += r->v[i].count;
	}
	argv[0] = (char *)program;
	for (i = 0; i < n; i++)
		argv[i + 1] = words[i];
	argv[n + 1] = NULL;
	status = program_run(argv, &said);
	if (status == 0)
		return true;
	log_warn("%s: %s; root is the container's only user", program,
		 status < 0 ? strerror(-status) : buf_str(&said));
	return false;
}

static int put(pid_t pid, const char *file, const char *text)
{
	_cleanup_close_ int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int put_one(pid_t pid, const char *file, uint32_t id)
{
	char line[32];

	snprintf(line, sizeof(line), "0 %u 1\n", id);
	return put(pid, file, line);
}

int idmap_write(pid_t pid, struct err *err)
{
	_cleanup_free_ char *newuidmap = program_find("newuidmap");
	_cleanup_free_ char *newgidmap = program_find("newgidmap");
	struct ranges uids, gids;
	bool groups = false;
	int r;

	find_ranges(&uids, &gids);
	if (newuidmap && newgidmap && uids.n && gids.n)
		groups = give(newgidmap, pid, getegid(), &gids);
	else
		log_debug(
			"no newuidmap, no newgidmap, or no subordinate IDs for this user: root is "
			"the container's only user");
	if (groups && give(newuidmap, pid, geteuid(), &uids))
		return 0;
	r = groups ? 0 : put(pid, "setgroups", "deny");
	if (r == 0 && !groups)
		r = put_one(pid, "gid_map", getegid());
	if (r == 0)
		r = put_one(pid, "uid_map", geteuid());
	return r < 0 ? err_sys(err, -r, "mapping IDs of the container's user namespace") : 0;
}

static bool has(const char *file, uint32_t id)
{
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	unsigned inside, outside, count;

	while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		if (id >= inside && id - inside < count)
			return true;
	return false;
}

bool idmap_has_user(uint32_t uid)
{
	return has("/proc/self/uid_map", uid);
}

bool idmap_has_group(uint32_t gid)
{
	return has("/proc/self/gid_map", gid);
}

bool idmap_setgroups(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/setgroups", "re");
	char word[16] = "";

	return !f || !fgets(word, sizeof(word), f) || strncmp(word, "deny", 4) != 0;
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *idmap_library_version(void)
{
	return TEXT(SUBID_ABI_MAJOR) "." TEXT(SUBID_ABI_MINOR) "." TEXT(SUBID_ABI_MICRO);
}
