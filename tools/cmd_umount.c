/*
 * imagefs umount: unmount images and containers, and wait for the end of the daemon.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mountpoint.h"
#include "base/text.h"
#include "store/disk/mount_dirs.h"
#include "store/disk/mounts.h"
#include "store/disk/store.h"
#include "tools/verb.h"

/* Containers first: they are more often in use, and then nothing has been unmounted yet. */
#define TREES_MAX 3

/* Number and length of waits for a tree that is in use briefly. */
#define BUSY_TRIES 10
#define BUSY_PAUSE_MS 50
/*
 * A daemon that has lost its mounts ends what it was asked for last: a copy, an fsync(2). It is
 * given up only when nothing of it ran for so long; or for so much longer, when the disk has it,
 * which nothing can end.
 */
#define DAEMON_LOOK_MS 500
#define DAEMON_IDLE_LOOKS 20
#define DAEMON_ALONE_LOOKS 4
#define DAEMON_DISK_LOOKS 1200

struct target {
	char *dir;
	char *trees[TREES_MAX];
	unsigned device[TREES_MAX][2];
	size_t n;
	char *source; /* the store, as it was mounted */
};

static void target_fini(struct target *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->trees[i]);
	free(t->dir);
	free(t->source);
}

static int add_tree(struct target *t, const char *name, struct err *err)
{
	_cleanup_mountpoint_ struct mountpoint m = { 0 };
	_cleanup_free_ char *path = name ? path_join(t->dir, name) : strdup(t->dir);
	int r;

	if (!path)
		return err_nomem(err);
	r = mountpoint_find(path, &m, err);
	if (r <= 0)
		return r;
	if (strcmp(m.type, "fuse.imagefs") != 0)
		return 0;
	if (!t->source)
		t->source = TAKE_PTR(m.source);
	t->device[t->n][0] = m.dev_major;
	t->device[t->n][1] = m.dev_minor;
	t->trees[t->n++] = TAKE_PTR(path);
	return 0;
}

static int find_target(const char *arg, struct target *t, struct err *err)
{
	int r;

	r = mountpoint_resolve(arg, &t->dir, err);
	if (r == 0)
		r = add_tree(t, "containers", err);
	if (r == 0)
		r = add_tree(t, "images", err);
	if (r == 0)
		r = add_tree(t, NULL, err);
	if (r == 0 && t->n == 0)
		return err_set(err, EINVAL, "%s: not mounted", t->dir);
	return r;
}

/* True if the link at path, in /proc, leads to dir or below it. */
static bool leads_into(int procfd, const char *path, const char *dir)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(procfd, path, to, sizeof(to) - 1);
	size_t len = strlen(dir);

	if (n <= 0)
		return false;
	to[n] = '\0';
	return strncmp(to, dir, len) == 0 && (to[len] == '\0' || to[len] == '/');
}

/* Open a directory and list its names; without permission, the list is empty. */
static int open_names(int dirfd, const char *path, char ***names, size_t *n)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*n = 0;
	if (fd >= 0)
		/* The process that a directory of /proc belongs to may have ended. */
		IGNORE(file_names(fd, names, n));
	return fd;
}

static bool holds(int procfd, const char *pid, const char *dir)
{
	static const char *const links[] = { "cwd", "root", "exe" };
	static const char *const folders[] = { "fd", "map_files" };
	char path[2 * NAME_MAX + 16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(links); i++) {
		snprintf(path, sizeof(path), "%s/%s", pid, links[i]);
		if (leads_into(procfd, path, dir))
			return true;
	}
	for (i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_names_ char **names = NULL;
		_cleanup_close_ int fd = -1;
		size_t n, k;

		snprintf(path, sizeof(path), "%s/%s", pid, folders[i]);
		fd = open_names(procfd, path, &names, &n);
		for (k = 0; k < n; k++)
			if (leads_into(fd, names[k], dir))
				return true;
	}
	return false;
}

/* Find a process that uses a tree, among those that this user may inspect. */
static bool find_holder(const char *dir, struct buf *out)
{
	_cleanup_names_ char **names = NULL;
	size_t n, i;
	_cleanup_close_ int fd = open_names(AT_FDCWD, "/proc", &names, &n);

	for (i = 0; i < n; i++) {
		struct buf comm _cleanup_buf_ = BUF_INIT;
		char path[NAME_MAX + 8];

		if (!isdigit((unsigned char)names[i][0]) || !holds(fd, names[i], dir))
			continue;
		snprintf(path, sizeof(path), "%s/comm", names[i]);
		if (file_read(fd, path, 4096, &comm, NULL) < 0 || comm.len == 0)
			continue;
		comm.data[strcspn(comm.data, "\n")] = '\0';
		return text_escape(out, comm.data) == 0 &&
		       buf_printf(out, " (process %s) is using it", names[i]) == 0;
	}
	return false;
}

static int busy(const char *tree, struct err *err)
{
	struct buf who _cleanup_buf_ = BUF_INIT;

	if (find_holder(tree, &who))
		return err_set(err, EBUSY, "%s: target is busy: %s", tree, buf_str(&who));
	return err_set(err, EBUSY, "%s: target is busy", tree);
}

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/*
 * Check before anything is unmounted, so that both trees are unmounted or none. The first
 * MNT_EXPIRE reports whether a mount is in use, and does not unmount it.
 */
static int check_busy(const struct target *t, struct err *err)
{
	struct buf who _cleanup_buf_ = BUF_INIT;
	size_t i;
	int tries;

	for (i = 0; i < t->n; i++) {
		for (tries = 0; tries < BUSY_TRIES; tries++) {
			if (tries)
				pause_ms(BUSY_PAUSE_MS);
			if (umount2(t->trees[i], MNT_EXPIRE | UMOUNT_NOFOLLOW) == 0 ||
			    errno != EBUSY)
				break;
		}
		if (tries == BUSY_TRIES)
			return busy(t->trees[i], err);
		/* Without the privilege for that, search /proc. */
		if (errno == EPERM && find_holder(t->trees[i], &who))
			return err_set(err, EBUSY, "%s: target is busy: %s", t->trees[i],
				       buf_str(&who));
	}
	return 0;
}

static int unmount_tree(const char *tree, struct err *err)
{
	_cleanup_mountpoint_ struct mountpoint m = { 0 };
	_cleanup_close_ int fd = -1;
	struct stat st;
	int tries, r = 0;

	if (mountpoint_find(tree, &m, NULL) == 0)
		return 0;
	/* A dead daemon cannot be flushed. */
	if (stat(tree, &st) < 0 && errno == ENOTCONN)
		return mountpoint_unmount(tree, true, err);
	/*
	 * Flush explicitly: a copy in another mount namespace would prevent the flush at unmount.
	 */
	fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		syncfs(fd);
		close(TAKE_FD(fd));
	}
	for (tries = 0; tries < BUSY_TRIES; tries++) {
		r = mountpoint_unmount(tree, false, err);
		if (r != -EBUSY)
			return r;
		pause_ms(BUSY_PAUSE_MS);
	}
	return busy(tree, err);
}

static int unmount_all(const struct target *t, struct err *err)
{
	size_t i;
	int r = check_busy(t, err);

	for (i = 0; i < t->n && r == 0; i++) {
		r = unmount_tree(t->trees[i], err);
		if (r < 0 && i > 0)
			err_wrap(err, r, "%s is unmounted, but", t->trees[0]);
	}
	return r;
}

/* Open the store that a mount names as its source, if it still exists. It is not created. */
static void open_store(const struct target *t, struct store **out)
{
	_cleanup_close_ int fd = open(t->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[48];

	/* The mounting user may have replaced the directory at this path. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0 && beneath_exists(fd, "imagefs/version"))
		/* The verb then works without the store. */
		IGNORE(store_open(path, out, NULL));
}

static int read_pid(int pidfd)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	const char *line;
	char path[48];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (file_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return 0;
	line = strstr(buf_str(&text), "\nPid:");
	return line ? atoi(line + 5) : 0;
}

/* A number in a file of /proc; 0: none. */
static unsigned long long number_of(const struct buf *text, const char *key)
{
	const char *at = strstr(buf_str(text), key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/*
 * How often a process's threads have run: as long as it changes, the process gets on. *disk: one
 * waits for the disk.
 */
static unsigned long long activity(int pid, bool *disk)
{
	_cleanup_names_ char **names = NULL;
	_cleanup_close_ int fd = -1;
	unsigned long long sum = 0;
	char path[NAME_MAX + 16];
	size_t n, i;

	*disk = false;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	fd = open_names(AT_FDCWD, path, &names, &n);
	for (i = 0; i < n; i++) {
		struct buf text _cleanup_buf_ = BUF_INIT;

		snprintf(path, sizeof(path), "%s/status", names[i]);
		if (!isdigit((unsigned char)names[i][0]) ||
		    file_read(fd, path, 16384, &text, NULL) < 0)
			continue;
		sum += number_of(&text, "\nvoluntary_ctxt_switches:") +
		       number_of(&text, "\nnonvoluntary_ctxt_switches:");
		*disk = *disk || strstr(buf_str(&text), "\nState:\tD");
	}
	return sum;
}

/*
 * What a text of mountinfo has of a tree: 1 a copy of its mount, 2 a mount of it at another place;
 * 0 nothing.
 */
static int mounted_as(const char *mountinfo, const char *tree, const unsigned device[2])
{
	char key[32], root[PATH_MAX], at[PATH_MAX];
	int found = 0;

	snprintf(key, sizeof(key), " %u:%u ", device[0], device[1]);
	while (found < 2 && (mountinfo = strstr(mountinfo, key))) {
		mountinfo += strlen(key);
		if (sscanf(mountinfo, "%4095s %4095s", root, at) != 2)
			continue;
		mountpoint_unescape(at);
		found = strcmp(root, "/") == 0 && strcmp(at, tree) == 0 ? 1 : 2;
	}
	return found;
}

/*
 * In another mount namespace, which was made as a copy of this one (unshare -m, a service), or in
 * a container.
 */
static int mounted_elsewhere(const struct target *t, int *pid)
{
	_cleanup_names_ char **names = NULL;
	size_t n, i, k;
	_cleanup_close_ int fd = open_names(AT_FDCWD, "/proc", &names, &n);
	int found = 0;

	for (k = 0; k < n && found < 2; k++) {
		struct buf text _cleanup_buf_ = BUF_INIT;
		char path[NAME_MAX + 16];

		snprintf(path, sizeof(path), "%s/mountinfo", names[k]);
		if (!isdigit((unsigned char)names[k][0]) ||
		    file_read(fd, path, 16u << 20, &text, NULL) < 0)
			continue;
		for (i = 0; i < t->n; i++)
			found = MAX(found, mounted_as(buf_str(&text), t->trees[i], t->device[i]));
		*pid = atoi(names[k]);
	}
	return found;
}

/*
 * A copy of the mount in another mount namespace keeps the daemon alive. If no process uses the
 * copy, the daemon is asked to end. unmount_tree() has flushed writes through mappings before.
 */
static int end_copies(const struct target *t, int pidfd, struct err *err)
{
	struct buf who _cleanup_buf_ = BUF_INIT;
	int found, pid = 0;
	size_t i;

	found = mounted_elsewhere(t, &pid);
	if (!found)
		return 0;
	if (found == 2)
		return err_set(err, EBUSY,
			       "%s: unmounted here, but process %d has it mounted at another place",
			       t->dir, pid);
	for (i = 0; i < t->n; i++)
		if (find_holder(t->trees[i], &who))
			return err_set(err, EBUSY,
				       "%s: unmounted here, but in another name space %s", t->dir,
				       buf_str(&who));
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
		log_debug("SIGTERM: %s", strerror(errno));
	return 0;
}

static int wait_daemon(const struct target *t, int pidfd, struct err *err)
{
	const char *dir = t->dir;
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	unsigned long long seen = 0, now;
	int r, pid = read_pid(pidfd), idle = 0;
	bool disk;

	for (;;) {
		r = poll(&p, 1, DAEMON_LOOK_MS);
		if (r > 0)
			return 0;
		if (r < 0)
			continue;
		now = activity(pid, &disk);
		idle = now == seen ? idle + 1 : 0;
		seen = now;
		if (idle == DAEMON_ALONE_LOOKS && (r = end_copies(t, pidfd, err)) < 0)
			return r;
		if (idle >= (disk ? DAEMON_DISK_LOOKS : DAEMON_IDLE_LOOKS))
			break;
	}
	return err_set(err, ETIMEDOUT, "%s: unmounted, but its daemon (process %d) does not end",
		       dir, pid);
}

static int umount_target(struct target *t, struct err *err)
{
	struct store *s = NULL;
	struct mount_dirs *made = NULL;
	_cleanup_close_ int pidfd = -1;
	int r;

	open_store(t, &s);
	if (s)
		pidfd = s->read_only ? mounts_of_dir(t->dir) : mounts_find(s, t->dir);
	r = unmount_all(t, err);
	/* A tree mounted at DIR itself hid the mark until now. */
	if (r == 0 && s && s->read_only && pidfd < 0)
		pidfd = mounts_of_dir(t->dir);
	if (r == 0 && pidfd >= 0)
		r = wait_daemon(t, pidfd, err);
	/* A killed daemon did not remove its directories. */
	if (r == 0 && s && pidfd < 0 && mount_dirs_new(s, &made, NULL) == 0) {
		mount_dirs_adopt(made, t->dir);
		mount_dirs_remove(made, "");
		mount_dirs_free(made);
		mounts_sweep(s);
	}
	if (s)
		store_close(s);
	return r;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct target t = { 0 };
	struct err err = ERR_INIT;
	int r;

	(void)g;
	verb_options(v, &argc, &argv, NULL);
	if (argc != 1)
		return verb_usage(v, "one directory is needed");
	r = find_target(argv[0], &t, &err);
	if (r == 0)
		r = umount_target(&t, &err);
	target_fini(&t);
	return r < 0 ? verb_fail(v, &err) : 0;
}

const struct verb cmd_umount = {
	.name = "umount",
	.summary = "Unmount images and containers",
	.arguments = "MOUNTPOINT",
	.help = "Writes what is not yet written, unmounts, waits until the daemon has ended, and\n"
		"removes the directories that 'imagefs mount' made. While something of the mount\n"
		"is in use it is left as it is.\n"
		"\n"
		"Example:\n"
		"  imagefs umount /mnt\n",
	.run = run,
};
