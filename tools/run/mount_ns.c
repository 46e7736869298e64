/*
 * Root uses an existing mount if all users can access it; the container appears in it while it
 * runs. Otherwise a private daemon is started. An ordinary user always has one in a user namespace,
 * because only there owners have the IDs that the container's processes see.
 */
#include "tools/run/mount_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mountpoint.h"
#include "base/program.h"
#include "store/disk/mounts.h"
#include "store/disk/store.h"
#include "store/disk/tmp_dir.h"
#include "tools/run/daemon.h"
#include "tools/run/idmap.h"

/* Number of attempts, 10 ms apart, to get a container that another mount holds briefly. */
#define BUSY_TRIES 100
/* The same for a container that other processes use frequently. */
#define OPEN_TRIES 500
/* Maximum time for a daemon to exit, in units of 10 ms. */
#define END_TRIES 3000

static void pause_10ms(void)
{
	const struct timespec t = { .tv_nsec = 10 * 1000 * 1000 };

	nanosleep(&t, NULL);
}

/* --- namespaces --- */

static int become_root(const int map_fds[static 2], struct err *err)
{
	char byte = 'u';

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return err_sys(
			err, errno,
			"cannot create a user namespace (see "
			"/proc/sys/user/max_user_namespaces, kernel.unprivileged_userns_clone "
			"and kernel.apparmor_restrict_unprivileged_userns)");
	if (write(map_fds[1], &byte, 1) != 1 || read(map_fds[0], &byte, 1) != 1)
		return err_set(err, ECANCELED, "the user namespace has no ID mappings");
	if (idmap_setgroups() && setgroups(0, NULL) < 0)
		return err_sys(err, errno, "setgroups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(err, errno, "root of the user namespace");
	return 0;
}

int mount_ns_enter(bool userns, const int map_fds[static 2], struct err *err)
{
	int r = 0;

	if (userns)
		r = become_root(map_fds, err);
	else if (unshare(CLONE_NEWNS) < 0)
		r = err_sys(err, errno, "creating a mount namespace");
	if (r == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		r = err_sys(err, errno, "making the mount namespace private");
	return r;
}

int mount_ns_map(int pid, const int map_fds[static 2], struct err *err)
{
	char byte;
	int r;

	/* If it could not enter a namespace, the pipe is empty, and it reports the error itself. */
	if (read(map_fds[0], &byte, 1) != 1)
		return 0;
	r = idmap_write(pid, err);
	if (r == 0 && write(map_fds[1], &byte, 1) != 1)
		r = err_sys(err, errno, "the container's monitor");
	return r;
}

void mount_ns_hide_cgroups(void)
{
	static const char unified[] = "/sys/fs/cgroup/unified";
	struct statfs sf;

	if (statfs(unified, &sf) == 0 && sf.f_type == CGROUP2_SUPER_MAGIC &&
	    mount("none", unified, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) < 0)
		log_debug("%s: %s", unified, strerror(errno));
}

/* --- tree --- */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strncmp(list, word, n) == 0 && (list[n] == ',' || !list[n]))
			return true;
	return false;
}

/*
 * Accept a mount that is root's, writable, and accessible to all users, because the container's
 * users differ from root. dir is reported by another process, so the path is checked to be of that
 * mount. Returns a descriptor of the container in it, or -1.
 */
static int pin(struct mount_ns *st, struct store *s, const char *dir, const char *name)
{
	_cleanup_mountpoint_ struct mountpoint m = { 0 };
	_cleanup_close_ int fd = -1;
	struct stat sb;

	buf_clear(&st->path);
	if (mountpoint_find(dir, &m, NULL) <= 0 || strcmp(m.type, "fuse.imagefs") != 0 ||
	    strcmp(m.source, s->path) != 0 || !has_word(m.options, "allow_other") ||
	    !has_word(m.options, "user_id=0") || !has_word(m.options, "rw") ||
	    buf_printf(&st->path, "%s/%s", dir, name) < 0)
		return -1;
	fd = open(buf_str(&st->path), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) < 0 || sb.st_dev != makedev(m.dev_major, m.dev_minor))
		return -1;
	return TAKE_FD(fd);
}

/* A mount of the images only has no containers. */
void mount_ns_find(struct mount_ns *st, struct store *s, const char *name)
{
	char **dirs = mounts_dirs(s);
	size_t i;

	for (i = 0; dirs && dirs[i] && st->pinned_fd < 0; i++) {
		_cleanup_free_ char *dir = path_join(dirs[i], "containers");

		st->pinned_fd = dir ? pin(st, s, dir, name) : -1;
		if (st->pinned_fd < 0)
			st->pinned_fd = pin(st, s, dirs[i], name);
	}
	mounts_dirs_free(dirs);
	if (st->pinned_fd < 0)
		buf_clear(&st->path);
}

static int start_daemon(struct mount_ns *st, struct store *s, struct err *err)
{
	struct buf helper _cleanup_buf_ = BUF_INIT, said _cleanup_buf_ = BUF_INIT;
	/*
	 * If root is the only user, all files are shown as root's: not even root may write files
	 * of unmapped owners. The owners on disk and in commits do not change.
	 */
	const char *how = idmap_has_user(1) ? "tree=containers,allow_other,suid"
					    : "tree=containers,allow_other,suid,uid=0,gid=0";
	struct buf aside _cleanup_buf_ = BUF_INIT, trusted _cleanup_buf_ = BUF_INIT;
	const char *argv[] = { NULL, s->path, NULL, "-o", how, NULL, NULL, NULL };
	_cleanup_fclose_ FILE *f = NULL;
	const char *why;
	int r = daemon_path(&helper, err);

	if (r < 0)
		return r;
	if (buf_printf(&st->tree, "%s/tree", buf_str(&st->dir)) < 0)
		return err_nomem(err);
	if (mkdirat(st->dir_fd, "tree", 0700) < 0)
		return err_sys(err, errno, "%s", buf_str(&st->tree));
	argv[0] = buf_str(&helper);
	argv[2] = buf_str(&st->tree);
	/*
	 * As root of a user namespace the daemon would take a store of this user's group for
	 * another user's. It trusts the directory that is open here, not its path.
	 */
	if (buf_printf(&trusted, "/proc/%d/fd/%d", (int)getpid(), s->fd) < 0 ||
	    (!s->read_only && setenv(STORE_TRUST, buf_str(&trusted), 1) < 0))
		return err_nomem(err);
	if (s->aside) {
		if (buf_printf(&aside, "aside=%s", s->aside) < 0)
			return err_nomem(err);
		argv[5] = "-o";
		argv[6] = buf_str(&aside);
	}
	r = program_run((char *const *)argv, &said);
	if (r < 0)
		return err_sys(err, -r, "%s", argv[0]);
	why = buf_str(&said);
	if (strncmp(why, "imagefs mount: ", 15) == 0)
		why += 15;
	if (r > 0)
		return err_set(err, EIO, "mounting the container: %s", *why ? why : "failed");
	st->mounted_tree = true;
	/* Its parent has exited, so it was reparented to this process: our only child. */
	f = fopen("/proc/thread-self/children", "re");
	return f && fscanf(f, "%d", &st->daemon) == 1
		       ? 0
		       : err_set(err, ESRCH, "the mount's daemon has exited");
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/*
 * Open a path again in the new mount namespace, in which the mounts are new ones.
 * -ESTALE: the path now leads to another object.
 */
static int open_again(const char *path, int before)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return before < 0 || is_same(fd, before) ? TAKE_FD(fd) : -ESTALE;
}

/* The first mount that opens a container holds it until its files are closed. pinned: fd or -1. */
static int open_container(struct store *s, const char *path, int pinned, const char *name,
			  struct err *err)
{
	int tries, fd = -EBUSY;

	for (tries = 0; tries < OPEN_TRIES; tries++) {
		fd = open_again(path, pinned);
		if (fd >= 0 && faccessat(fd, ".imagefs-run", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		    errno == EBUSY) {
			close(fd);
			fd = -EBUSY;
		}
		if (fd != -EBUSY)
			break;
		/* The holder may take it again soon: retry without delay after it was released. */
		pause_10ms();
		if (mounts_close(s, name, err) < 0)
			return -EBUSY;
	}
	if (fd == -EBUSY)
		return err_set(err, EBUSY, "container %s is in use", name);
	return fd < 0 ? err_sys(err, -fd, "container %s", name) : fd;
}

/* A path in our own directory, for calls that only take paths. */
static void path_in(const struct mount_ns *st, const char *name, char out[static 48])
{
	snprintf(out, 48, "/proc/self/fd/%d/%s", st->dir_fd, name);
}

static int mount_rootfs(struct mount_ns *st, int container, bool userns, struct err *err)
{
	char from[48], to[48];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", container);
	path_in(st, "rootfs", to);
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return err_sys(err, errno, "%s", buf_str(&st->rootfs));
	st->mounted_rootfs = true;
	/* Disable device files of images. Set-id bits work, but only in the container. */
	if (!userns && mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL) < 0)
		return err_sys(err, errno, "%s", buf_str(&st->rootfs));
	st->root_fd = openat(st->dir_fd, "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return st->root_fd < 0 ? err_sys(err, errno, "%s", buf_str(&st->rootfs)) : 0;
}

int mount_ns_open(struct mount_ns *st, struct store *s, const struct tmp_dir *sc, const char *name,
		  bool userns, struct err *err)
{
	_cleanup_close_ int container = -1;
	int r;

	if (tmp_dir_path(s, sc, &st->dir) < 0 ||
	    buf_printf(&st->rootfs, "%s/rootfs", buf_str(&st->dir)) < 0)
		return err_nomem(err);
	r = open_again(buf_str(&st->dir), sc->fd);
	if (r < 0)
		return err_sys(err, -r, "%s", buf_str(&st->dir));
	st->dir_fd = r;
	if (mkdirat(st->dir_fd, "rootfs", 0700) < 0)
		return err_sys(err, errno, "%s", buf_str(&st->rootfs));
	if (st->path.len == 0) {
		r = start_daemon(st, s, err);
		if (r == 0 && buf_printf(&st->path, "%s/%s", buf_str(&st->tree), name) < 0)
			r = err_nomem(err);
		if (r < 0)
			return r;
	}
	log_debug("container at %s", buf_str(&st->path));
	container = open_container(s, buf_str(&st->path), st->pinned_fd, name, err);
	return container < 0 ? container : mount_rootfs(st, container, userns, err);
}

/* In the container's mount namespace only its root is accessed. Returns an errno. */
static int remount_root(int ns)
{
	struct statvfs sv;

	if (setns(ns, CLONE_NEWNS) < 0 || statvfs("/", &sv) < 0)
		return errno;
	if (mount(NULL, "/", NULL,
		  MS_REMOUNT | MS_BIND | MS_NODEV | (sv.f_flag & ST_NOSUID ? MS_NOSUID : 0) |
			  (sv.f_flag & ST_NOEXEC ? MS_NOEXEC : 0) |
			  (sv.f_flag & ST_RDONLY ? MS_RDONLY : 0),
		  NULL) < 0 ||
	    statvfs("/", &sv) < 0)
		return errno;
	return sv.f_flag & ST_NODEV ? 0 : EPERM;
}

int mount_ns_forbid_devices(int pid, struct err *err)
{
	_cleanup_close_ int ns = -1;
	char path[64];
	pid_t child;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	child = ns < 0 ? -1 : fork();
	if (child == 0)
		_exit(remount_root(ns));
	r = child < 0 ? errno : program_wait(child);
	return r ? err_sys(err, r < 0 ? -r : r, "cannot disable devices in the container") : 0;
}

static void unmount(const struct mount_ns *st, const char *name)
{
	char dir[48];
	int tries;

	path_in(st, name, dir);
	for (tries = 0; tries < BUSY_TRIES; tries++) {
		if (umount2(dir, UMOUNT_NOFOLLOW) == 0 || errno != EBUSY)
			return;
		pause_10ms();
	}
	if (umount2(dir, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
		log_warn("%s/%s: %s", buf_str(&st->dir), name, strerror(errno));
}

void mount_ns_close(struct mount_ns *st)
{
	int tries;
	pid_t pid = 0;

	if (st->root_fd >= 0)
		close(TAKE_FD(st->root_fd));
	if (st->mounted_rootfs)
		unmount(st, "rootfs");
	if (st->mounted_tree)
		unmount(st, "tree");
	if (st->pinned_fd >= 0)
		close(TAKE_FD(st->pinned_fd));
	if (st->dir_fd >= 0)
		close(TAKE_FD(st->dir_fd));
	/* The daemon writes pending data; the remaining children are ours. */
	for (tries = 0; tries < END_TRIES && pid >= 0; tries++) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid == 0)
			pause_10ms();
	}
	if (pid == 0)
		log_warn("the mount's daemon does not exit");
	buf_fini(&st->dir);
	buf_fini(&st->path);
	buf_fini(&st->tree);
	buf_fini(&st->rootfs);
}
