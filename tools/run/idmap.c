/* spec    subuid(5), newuidmap(1), user_namespaces(7) */
#include "tools/run/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/conffile.h"
#include "base/err.h"
#include "base/log.h"
#include "base/program.h"
#include "base/text.h"

#define SUBID_MAX (1u << 20)
#define RANGES_MAX 64

struct range {
	uint32_t start, count;
};

struct ranges {
	struct range v[RANGES_MAX];
	size_t n;
};

static bool parse_id(const char *s, uint32_t *out)
{
	uint64_t n;

	if (!s || text_parse_u64(s, UINT32_MAX - 1, &n) < 0)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* The lines of file that begin with the user's name or number. */
static void read_ranges(const char *file, const char *name, uid_t uid, struct ranges *out)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	char *line, *next = NULL;

	out->n = 0;
	if (conffile_read(file, SUBID_MAX, &text, NULL) < 0 || text.len == 0)
		return;
	for (line = strtok_r(text.data, "\n", &next); line && out->n < RANGES_MAX;
	     line = strtok_r(NULL, "\n", &next)) {
		char *save = NULL, *who = strtok_r(line, ":", &save);
		struct range r;
		uint32_t id;

		if (!who ||
		    !((name && strcmp(who, name) == 0) || (parse_id(who, &id) && id == uid)))
			continue;
		if (parse_id(strtok_r(NULL, ":", &save), &r.start) &&
		    parse_id(strtok_r(NULL, ":", &save), &r.count) && r.count)
			out->v[out->n++] = r;
	}
}

/* newuidmap PID 0 SELF 1 1 START COUNT...; false: it did not work, which is said. */
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
	/* Ids of the map end where their numbers do. */
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
	log_warn("%s: %s; the container has no user but root", program,
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
	const struct passwd *pw = getpwuid(geteuid());
	const char *name = pw ? pw->pw_name : NULL;
	struct ranges uids, gids;
	bool groups = false;
	int r;

	read_ranges("/etc/subuid", name, geteuid(), &uids);
	read_ranges("/etc/subgid", name, geteuid(), &gids);
	if (newuidmap && newgidmap && uids.n && gids.n)
		groups = give(newgidmap, pid, getegid(), &gids);
	else
		log_debug("no newuidmap, newgidmap, or nothing for this user in /etc/subuid and "
			  "/etc/subgid: root is the container's only user");
	if (groups && give(newuidmap, pid, geteuid(), &uids))
		return 0;
	r = groups ? 0 : put(pid, "setgroups", "deny");
	if (r == 0 && !groups)
		r = put_one(pid, "gid_map", getegid());
	if (r == 0)
		r = put_one(pid, "uid_map", geteuid());
	return r < 0 ? err_sys(err, -r, "the ids of the container's user name space") : 0;
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
