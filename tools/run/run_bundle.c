/*
 * Mount points that are created in the tree are removed at the end if they are still empty. Until
 * then they are marked, so that a commit contains only the command's changes.
 */
#include "tools/run/run_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/conffile.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/container/upper.h"
#include "tools/run/bundle.h"
#include "tools/run/idmap.h"
#include "tools/run/mount_ns.h"
#include "tools/run/run_args.h"
#include "tools/run/run_job.h"
#include "tools/run/runtime.h"

#define HOST_FILE_MAX (1u << 20)

/* Files that docker takes from the host for containers on the host's network. */
static const struct {
	const char *target, *name;
} given[] = {
	{ "/etc/hosts", "hosts" },
	{ "/etc/resolv.conf", "resolv.conf" },
	{ "/etc/hostname", "hostname" },
};

static char *keep(struct run_bundle *b, char *path)
{
	char **v = path ? realloc(b->paths, (b->n_paths + 1) * sizeof(*v)) : NULL;

	if (!v) {
		free(path);
		return NULL;
	}
	b->paths = v;
	return v[b->n_paths++] = path;
}

static int put_file(const struct run_bundle *b, const char *name, const char *text, size_t len,
		    struct err *err)
{
	_cleanup_close_ int fd = openat(b->mount_ns->dir_fd, name,
					O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : file_write_all(fd, text, len);

	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	return r < 0 ? err_sys(err, -r, "%s/%s", buf_str(&b->mount_ns->dir), name) : 0;
}

static const char *const system_dirs[] = { "/proc", "/sys", "/dev" };

/* True for mount points of the runtime, below which the tree is hidden. */
static bool is_system(const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(system_dirs); i++) {
		size_t n = strlen(system_dirs[i]);

		if (strncmp(path, system_dirs[i], n) == 0 && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

static int cannot_place(struct err *err, int r, const char *path)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	text_escape(&shown, path);
	if (r == -EINVAL)
		return err_set(err, EINVAL,
			       "%.300s in the container: neither a file nor a directory",
			       buf_str(&shown));
	return err_sys(err, -r, "%.300s in the container", buf_str(&shown));
}

/* Resolve path in the tree, creating what is missing. */
static int place(struct run_bundle *b, const char *path, enum inroot_kind kind, bool forget,
		 char **out, struct err *err)
{
	int r = inroot_resolve(b->mount_ns->root_fd, path, out);

	if (r == 0 && is_system(*out))
		return 0;
	free(TAKE_PTR(*out));
	if (r == 0)
		r = inroot_create(b->mount_ns->root_fd, path, kind, forget ? NULL : &b->made, out);
	return r < 0 ? cannot_place(err, r, path) : 0;
}

static int add_bind(struct run_bundle *b, char *source, const char *target, enum inroot_kind kind,
		    const struct run_volume *v, struct err *err)
{
	struct bundle_bind *all;
	char *where = NULL;
	int r;

	if (source && !keep(b, source))
		return err_nomem(err);
	r = place(b, target, kind, false, &where, err);
	if (r < 0)
		return r;
	all = realloc(b->binds, (b->n_binds + 1) * sizeof(*all));
	if (all)
		b->binds = all;
	if (!keep(b, where) || !all)
		return err_nomem(err);
	all[b->n_binds++] = (struct bundle_bind){ .source = source,
						  .target = where,
						  .ro = v && v->ro,
						  .flat = v && v->flat,
						  .propagation = v ? v->propagation : NULL,
						  .size = v ? v->size : NULL,
						  .mode = v ? v->mode : NULL };
	return 0;
}

/* -v: as in docker, a missing source is created as a directory. */
static int add_volume(struct run_bundle *b, const struct run_volume *v, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;
	char *where = NULL;
	struct stat st;
	int r = 0;

	if (v->tmpfs)
		return add_bind(b, NULL, v->target, INROOT_DIR, v, err);
	if (!v->source) {
		r = place(b, v->target, INROOT_DIR, true, &where, err);
		free(where);
		return r;
	}
	text_escape(&shown, v->source);
	if (stat(v->source, &st) < 0 && errno == ENOENT && v->must_exist)
		return err_set(err, ENOENT, "bind source path does not exist: %.300s",
			       buf_str(&shown));
	if (stat(v->source, &st) < 0 && errno == ENOENT) {
		r = file_mkdirs(AT_FDCWD, v->source, 0755);
		if (r == 0 && stat(v->source, &st) < 0)
			r = -errno;
	} else if (stat(v->source, &st) < 0) {
		r = -errno;
	}
	if (r < 0)
		return err_sys(err, -r, "%.300s", buf_str(&shown));
	return add_bind(b, strdup(v->source), v->target,
			S_ISDIR(st.st_mode) ? INROOT_DIR : INROOT_FILE, v, err);
}

/* True if a bind mount of the user contains path or is below it. */
static bool is_covered(const struct run_args *a, const char *path)
{
	size_t i;

	for (i = 0; i < a->n_volumes; i++) {
		size_t n = strlen(a->volumes[i].target);

		if ((a->volumes[i].source || a->volumes[i].tmpfs) &&
		    strncmp(a->volumes[i].target, path, n) == 0 && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

/* An image may link it to a mount of the runtime: then it is left unchanged. */
static bool leads_into_system(const struct run_bundle *b, const char *path)
{
	_cleanup_free_ char *where = NULL;

	return inroot_resolve(b->mount_ns->root_fd, path, &where) == 0 && is_system(where);
}

static int add_given(struct run_bundle *b, struct err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(given) && r == 0; i++) {
		struct buf text _cleanup_buf_ = BUF_INIT, path _cleanup_buf_ = BUF_INIT;

		if (is_covered(b->job->args, given[i].target) ||
		    leads_into_system(b, given[i].target))
			continue;
		if (strcmp(given[i].name, "hostname") == 0)
			r = buf_printf(&text, "%s\n", b->job->bundle->hostname);
		else if (conffile_read(given[i].target, HOST_FILE_MAX, &text, NULL) < 0)
			log_debug("%s: missing or not readable", given[i].target);
		if (r == 0)
			r = buf_printf(&path, "%s/%s", buf_str(&b->mount_ns->dir), given[i].name);
		if (r < 0)
			return err_nomem(err);
		r = put_file(b, given[i].name, buf_str(&text), text.len, err);
		if (r == 0)
			r = add_bind(b, buf_take(&path), given[i].target, INROOT_FILE, NULL, err);
	}
	return r;
}

/* Images with a single program lack mount points for the runtime's mounts. */
static int add_system(struct run_bundle *b, struct err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(system_dirs) && r == 0; i++) {
		char *where = NULL;

		r = inroot_create(b->mount_ns->root_fd, system_dirs[i], INROOT_DIR, &b->made,
				  &where);
		if (r < 0)
			return cannot_place(err, r, system_dirs[i]);
		free(where);
	}
	return r;
}

static int add_mounts(struct run_bundle *b, struct err *err)
{
	const struct run_args *a = b->job->args;
	char *const *v = b->job->bundle->volumes;
	size_t i;
	int r = add_system(b, err);

	for (i = 0; r == 0 && v && v[i]; i++) {
		char *where = NULL;

		if (is_covered(a, v[i]))
			continue;
		r = place(b, v[i], INROOT_DIR, true, &where, err);
		free(where);
	}
	for (i = 0; r == 0 && i < a->n_volumes; i++)
		r = add_volume(b, &a->volumes[i], err);
	return r < 0 ? r : add_given(b, err);
}

/* The user must be mapped in the user namespace. */
static int check_user(const struct run_bundle *b, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;
	bool uid = idmap_has_user(b->user.uid);

	if (uid && idmap_has_group(b->user.gid))
		return 0;
	text_escape(&shown, b->job->bundle->user);
	return err_set(err, EINVAL,
		       "user \"%.200s\": %s %u is not mapped; ask for a line in "
		       "/etc/subuid and /etc/subgid (usermod --add-subuids, --add-subgids; package "
		       "uidmap), or run it as root: -u 0",
		       buf_str(&shown), uid ? "group" : "user", uid ? b->user.gid : b->user.uid);
}

static int find_user(struct run_bundle *b, struct err *err)
{
	int r = user_find(b->mount_ns->root_fd, b->job->bundle->user, &b->user, err);
	size_t i, n = 0;

	if (r < 0 || !b->job->userns)
		return r;
	r = check_user(b, err);
	for (i = 0; i < b->user.n_groups; i++)
		if (idmap_has_group(b->user.groups[i]))
			b->user.groups[n++] = b->user.groups[i];
	b->user.n_groups = n;
	return r;
}

static int make_workdir(struct run_bundle *b, struct err *err)
{
	const char *path = b->job->bundle->workdir;
	struct buf shown _cleanup_buf_ = BUF_INIT;
	int r;

	if (is_covered(b->job->args, path)) {
		b->workdir = strdup(path);
		return b->workdir ? 0 : err_nomem(err);
	}
	r = place(b, path, INROOT_DIR, true, &b->workdir, err);
	/* In some runtimes /proc/self/fd/N leads out of the container. */
	if (r == 0 && strncmp(b->workdir, "/proc/", 6) == 0) {
		text_escape(&shown, path);
		return err_set(err, EINVAL, "the working directory %.300s is in /proc",
			       buf_str(&shown));
	}
	return r;
}

/* Marks make commits ignore the mount points, also if all our processes are killed. */
static void mark_made(const struct run_bundle *b)
{
	_cleanup_container_ struct container *c = NULL;
	_cleanup_close_ int fd = -1;
	struct upper u = { -1, -1, false };
	size_t i;
	int r = container_open(b->job->store, b->job->name, &c, NULL);

	if (r == 0)
		u.fd = fd = openat(c->fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	for (i = 0; fd >= 0 && i < b->made.n; i++) {
		r = upper_mark_mountpoint(&u, b->made.v[i].path);
		if (r < 0)
			log_debug("%s: cannot be marked: %s", b->made.v[i].path, strerror(-r));
	}
}

int run_bundle_write(struct run_bundle *b, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT, cgroup _cleanup_buf_ = BUF_INIT;
	struct bundle_place p = { .userns = b->job->userns, .tty_group = true, .setgroups = true };
	int r = find_user(b, err);

	if (r == 0)
		r = add_mounts(b, err);
	if (r == 0)
		r = make_workdir(b, err);
	if (r < 0)
		return r;
	if (buf_printf(&cgroup, "/%s", b->job->runtime->id) < 0)
		return err_nomem(err);
	p.rootfs = buf_str(&b->mount_ns->rootfs);
	p.workdir = b->workdir;
	p.cgroup = b->job->userns ? NULL : buf_str(&cgroup);
	p.binds = b->binds;
	p.n_binds = b->n_binds;
	if (b->job->userns) {
		p.tty_group = idmap_has_group(5);
		p.setgroups = idmap_setgroups();
	}
	r = bundle_config(b->job->bundle, &b->user, &p, &text, err);
	if (r == 0)
		r = put_file(b, "config.json", text.data, text.len, err);
	if (r == 0)
		mark_made(b);
	return r;
}

void run_bundle_undo(struct run_bundle *b)
{
	size_t i;

	if (b->mount_ns->root_fd >= 0)
		inroot_undo(b->mount_ns->root_fd, &b->made);
	for (i = 0; i < b->n_paths; i++)
		free(b->paths[i]);
	free(b->paths);
	free(b->binds);
	free(b->workdir);
	user_fini(&b->user);
}
