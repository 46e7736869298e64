/*
 * Reads /etc/passwd and /etc/group line by line.
 */
#include "tools/run/image_passwd.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/inroot.h"
#include "base/text.h"

#define FILE_MAX_BYTES (16u << 20)
/* Groups of a directory service may list thousands of members; longer lines are skipped. */
#define LINE_MAX_BYTES (256u << 10)
#define FIELDS_MAX 7

struct lines {
	int fd;
	size_t total, have, at;
	bool skipping; /* within a line that is too long */
	char data[LINE_MAX_BYTES];
};

/* Read the next line, without its line end; NULL at the end of the file or the limit. */
static char *next_line(struct lines *l)
{
	for (;;) {
		char *start = l->data + l->at, *end = memchr(start, '\n', l->have - l->at);
		ssize_t n;

		if (end) {
			bool skip = l->skipping;

			*end = '\0';
			l->at = (size_t)(end - l->data) + 1;
			l->skipping = false;
			if (skip)
				continue;
			return start;
		}
		memmove(l->data, start, l->have - l->at);
		l->have -= l->at;
		l->at = 0;
		if (l->have == sizeof(l->data) - 1) {
			l->have = 0;
			l->skipping = true;
		}
		n = l->total < FILE_MAX_BYTES
			    ? read(l->fd, l->data + l->have, sizeof(l->data) - 1 - l->have)
			    : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* The last line may lack a line end; a truncated line is ignored. */
			if (l->have == 0 || l->skipping || l->total >= FILE_MAX_BYTES)
				return NULL;
			l->data[l->have] = '\0';
			l->at = l->have;
			return l->data;
		}
		l->have += (size_t)n;
		l->total += (size_t)n;
	}
}

/* Split a line at colons; returns the number of fields. */
static size_t split(char *line, char *fields[static FIELDS_MAX])
{
	size_t n = 0;

	while (n < FIELDS_MAX) {
		fields[n++] = line;
		line = strchr(line, ':');
		if (!line)
			break;
		*line++ = '\0';
	}
	return n;
}

static bool is_id(const char *s, uint32_t *out)
{
	uint64_t n;

	if (text_parse_u64(s, UINT32_MAX - 1, &n) < 0)
		return false;
	*out = (uint32_t)n;
	return true;
}

/*
 * A descriptor to read, -1: there is no such file, or an error. A runtime reads them, too, and
 * would wait, or for long.
 */
static int open_file(int rootfd, const char *path, struct err *err)
{
	_cleanup_close_ int fd = inroot_open(rootfd, path);
	struct stat st;

	if (fd == -EINVAL)
		return err_set(err, EINVAL, "/%s of the image is no regular file", path);
	if (fd == -ENOMEM)
		return err_nomem(err);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || st.st_size > FILE_MAX_BYTES)
		return err_set(err, EFBIG, "/%s of the image is too large", path);
	return TAKE_FD(fd);
}

/*
 * Calls each(fields, n, arg) for the lines of an open file until that returns non-zero. One that is
 * not there has no lines.
 */
static int each_line(int fd, int (*each)(char **fields, size_t n, void *arg), void *arg)
{
	_cleanup_free_ struct lines *l = NULL;
	char *line, *fields[FIELDS_MAX];
	int r = 0;

	if (fd < 0)
		return 0;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->fd = fd;
	while (r == 0 && (line = next_line(l))) {
		size_t n;

		/* A NUL hides what is behind it from us as from everybody. */
		if (!line[0] || line[0] == '#')
			continue;
		n = split(line, fields);
		r = each(fields, n, arg);
	}
	return r;
}

struct wanted_user {
	const char *name; /* NULL: by number */
	uint32_t uid;
	struct user *out;
	char *found; /* its name in the file */
};

static int match_user(char **f, size_t n, void *arg)
{
	struct wanted_user *w = arg;
	uint32_t uid, gid;

	if (n < 4 || !f[0][0] || !is_id(f[2], &uid) || !is_id(f[3], &gid))
		return 0;
	if (w->name ? strcmp(f[0], w->name) != 0 : uid != w->uid)
		return 0;
	w->out->uid = uid;
	w->out->gid = gid;
	w->found = strdup(f[0]);
	w->out->home = strdup(n > 5 && f[5][0] == '/' ? f[5] : "/");
	return w->found && w->out->home ? 1 : -ENOMEM;
}

struct wanted_group {
	const char *name; /* NULL: by number */
	uint32_t gid;
};

static int match_group(char **f, size_t n, void *arg)
{
	struct wanted_group *w = arg;
	uint32_t gid;

	if (n < 3 || !is_id(f[2], &gid))
		return 0;
	if (w->name ? strcmp(f[0], w->name) != 0 : gid != w->gid)
		return 0;
	w->gid = gid;
	return 1;
}

struct membership {
	const char *name;
	struct user *out;
};

static int add_group(struct user *u, uint32_t gid)
{
	uint32_t *v;
	size_t i;

	for (i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->n_groups == USERS_GROUPS_MAX)
		return 0;
	v = realloc(u->groups, (u->n_groups + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	u->groups = v;
	u->groups[u->n_groups++] = gid;
	return 0;
}

static int match_member(char **f, size_t n, void *arg)
{
	const struct membership *m = arg;
	char *save = NULL, *member;
	uint32_t gid;

	if (n < 4 || !is_id(f[2], &gid))
		return 0;
	for (member = strtok_r(f[3], ",", &save); member; member = strtok_r(NULL, ",", &save))
		if (strcmp(member, m->name) == 0)
			return add_group(m->out, gid);
	return 0;
}

static int no_such(struct err *err, const char *kind, const char *name, const char *file)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	text_escape(&shown, name);
	return err_set(err, EINVAL, "unable to find %s %.300s: no matching entries in %s file",
		       kind, buf_str(&shown), file);
}

/* Docker's limit for numeric IDs. */
static int check_range(const char *s, struct err *err)
{
	const char *digits = s + (*s == '-');
	uint64_t n;

	if (!*digits || digits[strspn(digits, "0123456789")] ||
	    (*s != '-' && text_parse_u64(s, INT32_MAX, &n) == 0))
		return 0;
	return err_set(err, EINVAL, "uids and gids must be in range 0-%d", INT32_MAX);
}

static int find_user(int passwd, const char *name, struct user *out, char **found, struct err *err)
{
	struct wanted_user w = { .out = out };
	int r;

	if (*name && !is_id(name, &w.uid))
		w.name = name;
	r = each_line(passwd, match_user, &w);
	*found = w.found;
	if (r < 0)
		return err_nomem(err);
	if (r > 0)
		return 0;
	if (w.name)
		return no_such(err, "user", name, "passwd");
	out->uid = w.uid;
	out->gid = 0;
	out->home = strdup("/");
	return out->home ? 0 : err_nomem(err);
}

static int find_group(int group, const char *name, uint32_t *gid, struct err *err)
{
	struct wanted_group w = { .name = NULL };
	int r;

	/* A number is used as the ID, whatever the file contains. */
	if (is_id(name, gid))
		return 0;
	w.name = name;
	r = each_line(group, match_group, &w);
	if (r < 0)
		return err_nomem(err);
	if (r == 0)
		return no_such(err, "group", name, "group");
	*gid = w.gid;
	return 0;
}

static int find_both(int rootfd, const char *name, const char *group, struct user *out,
		     struct err *err)
{
	_cleanup_close_ int passwd_fd = open_file(rootfd, "etc/passwd", err), group_fd = -1;
	_cleanup_free_ char *found = NULL;
	struct membership m = { .out = out };
	int r;

	if (passwd_fd < -1)
		return passwd_fd;
	group_fd = open_file(rootfd, "etc/group", err);
	if (group_fd < -1)
		return group_fd;
	r = find_user(passwd_fd, name, out, &found, err);
	if (r == 0 && group)
		r = find_group(group_fd, group, &out->gid, err);
	if (r < 0)
		return r;
	r = add_group(out, out->gid);
	m.name = found;
	if (r == 0 && !group && found)
		r = each_line(group_fd, match_member, &m);
	return r < 0 ? err_nomem(err) : 0;
}

int user_find(int rootfd, const char *spec, struct user *out, struct err *err)
{
	_cleanup_free_ char *name = strdup(spec);
	struct user u = { 0 };
	char *group;
	int r;

	if (!name)
		return err_nomem(err);
	group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	if (group && !*group)
		group = NULL;
	r = check_range(name, err);
	if (r == 0 && group)
		r = check_range(group, err);
	if (r == 0)
		r = find_both(rootfd, name, group, &u, err);
	if (r < 0)
		user_fini(&u);
	else
		*out = u;
	return r;
}

void user_fini(struct user *u)
{
	free(u->groups);
	free(u->home);
	memset(u, 0, sizeof(*u));
}
