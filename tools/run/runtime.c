/* Command lines of crun and runc, which differ little. */
#include "tools/run/runtime.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/program.h"
#include "base/text.h"

#define ARGS_MAX 20

static int set_path(struct runtime *rt, char *path)
{
	const char *base = strrchr(path, '/');

	rt->path = path;
	rt->crun = strncmp(base ? base + 1 : path, "crun", 4) == 0;
	return 0;
}

int runtime_find(const char *name, struct runtime *out, struct err *err)
{
	static const char *const known[] = { "crun", "runc" };
	struct buf shown _cleanup_buf_ = BUF_INIT;
	char *path;
	size_t i;

	if (name && strchr(name, '/')) {
		text_escape(&shown, name);
		if (access(name, X_OK) < 0)
			return err_sys(err, errno, "--runtime %.300s", buf_str(&shown));
		path = realpath(name, NULL);
		return path ? set_path(out, path) : err_nomem(err);
	}
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		path = name && strcmp(name, known[i]) != 0 ? NULL : program_find(known[i]);
		if (path)
			return set_path(out, path);
	}
	path = name ? program_find(name) : NULL;
	if (path)
		return set_path(out, path);
	if (!name || strcmp(name, "crun") == 0 || strcmp(name, "runc") == 0)
		return err_set(err, ENOENT,
			       "%s: OCI runtime not found; install one: apt-get install %s",
			       name ? name : "crun, runc", name ? name : "crun");
	text_escape(&shown, name);
	return err_set(err, ENOENT, "%.300s: OCI runtime not found", buf_str(&shown));
}

/* The arguments before the subcommand. */
static size_t begin(const struct runtime *rt, const char **argv)
{
	size_t n = 0;

	argv[n++] = rt->path;
	argv[n++] = "--root";
	argv[n++] = rt->state;
	if (rt->crun) {
		argv[n++] = "--cgroup-manager=disabled";
	} else {
		/* Without a log file, errors are printed as log records. */
		argv[n++] = "--log";
		argv[n++] = "/dev/null";
		if (rt->userns)
			argv[n++] = "--rootless=true";
	}
	return n;
}

int runtime_create(const struct runtime *rt, const char *bundle, const char *console,
		   const char *pid_file, const int fds[static 3], pid_t *pid)
{
	const char *argv[ARGS_MAX];
	size_t n = begin(rt, argv);

	argv[n++] = "create";
	argv[n++] = "--bundle";
	argv[n++] = bundle;
	argv[n++] = "--pid-file";
	argv[n++] = pid_file;
	if (console) {
		argv[n++] = "--console-socket";
		argv[n++] = console;
	}
	argv[n++] = rt->id;
	argv[n] = NULL;
	return program_start((char *const *)argv, fds, pid);
}

int runtime_start(const struct runtime *rt, struct buf *said)
{
	const char *argv[ARGS_MAX];
	size_t n = begin(rt, argv);

	argv[n++] = "start";
	argv[n++] = rt->id;
	argv[n] = NULL;
	return program_run((char *const *)argv, said);
}

int runtime_delete(const struct runtime *rt, struct buf *said)
{
	const char *argv[ARGS_MAX];
	size_t n = begin(rt, argv);

	argv[n++] = "delete";
	argv[n++] = "--force";
	argv[n++] = rt->id;
	argv[n] = NULL;
	return program_run((char *const *)argv, said);
}

int runtime_status(const char *said)
{
	/* Otherwise the error is about another action of the runtime. */
	if (!strstr(said, "exec"))
		return 1;
	if (strcasestr(said, "permission denied") || strcasestr(said, "not permitted") ||
	    strcasestr(said, "is a directory") || strcasestr(said, "too many levels") ||
	    strcasestr(said, "name too long"))
		return 126;
	if (strcasestr(said, "not found") || strcasestr(said, "no such file or directory") ||
	    strcasestr(said, "not a directory"))
		return 127;
	return 1;
}
