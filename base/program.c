/*
 * execvp(3) searches the current directory for an empty or relative element of $PATH. Programs
 * found there are not trusted, so such elements are skipped.
 */
#include "base/program.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define STDERR_MAX 4096
/* Attempts to reap killed children, 10 ms each. */
#define KILL_TRIES 1000

extern char **environ;

char *program_find(const char *name)
{
	const char *path = getenv("PATH");
	struct stat st;
	size_t n;

	for (path = path ? path : _PATH_DEFPATH; *path; path += n + (path[n] == ':')) {
		struct buf file _cleanup_buf_ = BUF_INIT;

		n = strcspn(path, ":");
		if (n == 0 || path[0] != '/')
			continue;
		if (buf_printf(&file, "%.*s/%s", (int)n, path, name) < 0)
			return NULL;
		if (stat(buf_str(&file), &st) == 0 && S_ISREG(st.st_mode) &&
		    access(buf_str(&file), X_OK) == 0)
			return buf_take(&file);
	}
	return NULL;
}

void program_read(int fd, struct buf *out)
{
	size_t start = out->len, i;
	char part[512];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0 && out->len - start < STDERR_MAX && buf_append(out, part, (size_t)n) < 0)
			break;
	while (out->len > start && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	for (i = start; i < out->len; i++)
		if (out->data[i] == '\n')
			out->data[i] = ' ';
}

int program_start(char *const *argv, const int fds[static 3], pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r, i;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	for (i = 0; i < 3; i++)
		if (fds[i] >= 0)
			posix_spawn_file_actions_adddup2(&fa, fds[i], i);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawnp(pid, argv[0], &fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return -r;
}

int program_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int program_run(char *const *argv, struct buf *said)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC), from = -1, to = -1;
	int fds[2], r;
	pid_t pid;

	if (null < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	r = program_start(argv, (const int[]){ null, null, to }, &pid);
	close(TAKE_FD(to));
	if (r < 0)
		return r;
	program_read(from, said);
	return program_wait(pid);
}

void program_kill_children(pid_t but)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int pid, n, tries;

	/* Orphaned grandchildren become children of this process. */
	for (tries = 0, n = 1; n > 0 && tries < KILL_TRIES; tries++) {
		_cleanup_fclose_ FILE *f = fopen("/proc/thread-self/children", "re");

		n = 0;
		while (f && fscanf(f, "%d", &pid) == 1) {
			if (pid == but)
				continue;
			n++;
			kill(pid, SIGKILL);
			waitpid(pid, NULL, WNOHANG);
		}
		if (n)
			nanosleep(&pause, NULL);
	}
}
