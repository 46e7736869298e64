/* Mounts of the process's mount namespace, read from /proc/self/mountinfo. */
#include "base/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/program.h"

extern char **environ;

void mountpoint_unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

void mountpoint_fini(struct mountpoint *m)
{
	free(m->dir);
	free(m->type);
	free(m->source);
	free(m->options);
	memset(m, 0, sizeof(*m));
}

/*
 * Parse a line of mountinfo: "ID PARENT MAJOR:MINOR ROOT DIR OPTIONS [FIELD]... - TYPE SOURCE
 * OPTIONS". Returns 1 if its mount point is dir.
 */
static int parse_line(char *line, const char *dir, struct mountpoint *out)
{
	struct mountpoint m = { 0 };
	char *save = NULL, *field[5], *s, *type, *source, *options;
	int i;

	for (i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return 0;
	}
	mountpoint_unescape(field[4]);
	if (strcmp(field[4], dir) != 0)
		return 0;
	while ((s = strtok_r(NULL, " ", &save)) && strcmp(s, "-") != 0)
		;
	type = strtok_r(NULL, " ", &save);
	source = strtok_r(NULL, " ", &save);
	options = strtok_r(NULL, " ", &save);
	if (!type || !source || sscanf(field[2], "%u:%u", &m.dev_major, &m.dev_minor) != 2)
		return 0;
	mountpoint_unescape(source);
	m.dir = strdup(dir);
	m.type = strdup(type);
	m.source = strdup(source);
	m.options = strdup(options ? options : "");
	if (!m.dir || !m.type || !m.source || !m.options) {
		mountpoint_fini(&m);
		return -ENOMEM;
	}
	mountpoint_fini(out);
	*out = m;
	return 1;
}

int mountpoint_find(const char *dir, struct mountpoint *out, struct err *err)
{
	_cleanup_mountpoint_ struct mountpoint m = { 0 };
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int found = 0, r;

	if (!f)
		return err_sys(err, errno, "/proc/self/mountinfo");
	while ((len = getline(&line, &cap, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		/* A later mount covers an earlier one. */
		r = parse_line(line, dir, &m);
		if (r < 0)
			return err_nomem(err);
		found |= r;
	}
	if (found) {
		*out = m;
		memset(&m, 0, sizeof(m));
	}
	return found;
}

int mountpoint_resolve(const char *path, char **out, struct err *err)
{
	_cleanup_free_ char *copy = NULL, *parent = NULL;
	char *name, *whole;
	size_t len;

	*out = realpath(path, NULL);
	if (*out)
		return 0;
	if (errno != ENOENT && errno != ENOTCONN && errno != EACCES && errno != EIO)
		return err_sys(err, errno, "%s", path);

	/* The last part may be a mount that does not respond, so only the parent is resolved. */
	copy = strdup(path);
	if (!copy)
		return err_nomem(err);
	len = strlen(copy);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	name = strrchr(copy, '/');
	if (name)
		*name++ = '\0';
	else
		name = copy;
	if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_sys(err, ENOENT, "%s", path);
	parent = realpath(name == copy ? "." : copy[0] ? copy : "/", NULL);
	if (!parent)
		return err_sys(err, errno, "%s", path);
	if (asprintf(&whole, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name) < 0)
		return err_nomem(err);
	*out = whole;
	return 0;
}

/* Read the helper's message as one line without the helper's name. */
static void read_message(int fd, struct buf *out)
{
	char part[512];
	ssize_t n;
	size_t i;

	while ((n = read(fd, part, sizeof(part))) > 0)
		if (out->len < 4096 && buf_append(out, part, (size_t)n) < 0)
			break;
	while (out->len > 0 && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	for (i = 0; i < out->len; i++)
		if (out->data[i] == '\n')
			out->data[i] = ' ';
}

/* Run fusermount3; on failure, the error is its message. */
static int run_fusermount(const char *dir, bool lazy, struct err *err)
{
	const char *argv[] = { "fusermount3", "-u", lazy ? "-z" : "--", "--", dir, NULL };
	_cleanup_free_ char *program = program_find(argv[0]);
	_cleanup_close_ int from = -1;
	_cleanup_buf_ struct buf said = BUF_INIT;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none;
	int pipe_fd[2], r, status;
	pid_t pid;

	if (!program)
		return err_set(err, ENOENT, "%s: not found; install the package fuse3", argv[0]);
	if (!lazy) {
		argv[3] = dir;
		argv[4] = NULL;
	}
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	from = pipe_fd[0];
	sigemptyset(&none);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, pipe_fd[1], 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn(&pid, program, &fa, &attr, (char **)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	close(pipe_fd[1]);
	if (r)
		return err_sys(err, r, "fusermount3");
	read_message(from, &said);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "fusermount3");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (strstr(buf_str(&said), strerror(EBUSY)))
		return err_set(err, EBUSY, "%s: target is busy", dir);
	if (said.len)
		return err_set(err, EPERM, "%s", buf_str(&said));
	return err_set(err, EPERM, "%s: fusermount3 failed", dir);
}

int mountpoint_unmount(const char *dir, bool lazy, struct err *err)
{
	if (umount2(dir, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return 0;
	if (errno == EPERM)
		return run_fusermount(dir, lazy, err);
	if (errno == EBUSY)
		return err_set(err, EBUSY, "%s: target is busy", dir);
	return err_sys(err, errno, "%s", dir);
}
