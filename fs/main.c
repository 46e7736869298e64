/*
 * mount.imagefs STORE DIR: the daemon that shows a store's images and
 * containers as directories. `imagefs mount` and mount(8) start it. The command returns when the
 * trees can be read; the daemon ends when both are unmounted.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "fs/containers/containers.h"
#include "fs/containers/live_table.h"
#include "fs/control.h"
#include "fs/core/fs.h"
#include "fs/core/session.h"
#include "fs/core/trees.h"
#include "fs/images/images.h"
#include "fs/mountdir.h"
#include "fs/options.h"
#include "store/disk/store.h"
#include "store/layer/layer.h"

struct daemon {
	struct mount_options opt;
	bool foreground;
	bool taken; /* another daemon is mounted at dir */
	const char *store_path, *dir;
	int ready_fd; /* to the process that the user started; -1: in the foreground */
	int signal_fd, event_fd;
	struct fs fs;
	struct mountdir at;
	struct control *control;
	struct images *images;
	struct containers *containers;
	struct session *sessions[2]; /* images, containers; NULL: not wanted, or ended */
};

static const char help[] =
	"Usage: mount.imagefs STORE DIR [-o OPTS] [-d] [-f]\n\n"
	"Shows the images and containers of STORE as DIR/images and DIR/containers.\n"
	"'imagefs mount' and 'mount -t imagefs' run this program.\n\n"
	"  -o OPTS  [no]allow_other, image_owners, ro, uid=N, gid=N, cache_size=N[KMG],\n"
	"           tree=images|containers, dev, suid, noexec, debug; comma-separated\n"
	"  -d       stay in the foreground and log every request\n"
	"  -f       stay in the foreground\n\n"
	"Example, and the same as a line of /etc/fstab:\n"
	"  mount -t imagefs /var/lib/imagefs /mnt\n"
	"  /var/lib/imagefs /mnt imagefs nofail 0 0\n";

static int usage(const char *what)
{
	fprintf(stderr, "mount.imagefs: %s\nUsage: mount.imagefs STORE DIR [-o OPTS] [-d] [-f]\n",
		what);
	return 2;
}

/* Returns an exit status, or -1 to continue. */
static int parse_args(struct daemon *d, int argc, char **argv)
{
	static const struct option longs[] = { { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'V' },
					       { NULL, 0, NULL, 0 } };
	struct err err = ERR_INIT;
	int opt;

	options_init(&d->opt);
	/* mount(8) adds -s, -n, -v, -t TYPE and -N NAMESPACE to what the user typed. */
	while ((opt = getopt_long(argc, argv, "o:dfsnvrwt:N:hV", longs, NULL)) != -1) {
		switch (opt) {
		case 'o':
			if (options_parse(&d->opt, optarg, &err) < 0) {
				fprintf(stderr, "imagefs mount: %s\n", err.msg);
				return 2;
			}
			break;
		case 'd':
			d->opt.fs.debug = d->foreground = true;
			break;
		case 'f':
			d->foreground = true;
			break;
		case 'r':
			d->opt.fs.ro = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'V':
			printf("mount.imagefs " PACKAGE_VERSION "\nlibfuse %s\n",
			       fuse_pkgversion());
			return 0;
		case '?':
			return usage("wrong option");
		default:
			break;
		}
	}
	if (argc - optind != 2)
		return usage("a store and a directory are needed");
	d->store_path = argv[optind];
	d->dir = argv[optind + 1];
	return -1;
}

/*
 * Continue in the background. The process that the user started waits until the daemon is ready
 * or ends, and exits with the daemon's status then.
 * Returns that status, or -1 in the daemon.
 */
static int go_background(struct daemon *d)
{
	int fds[2], status;
	char byte;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		fprintf(stderr, "imagefs mount: pipe: %s\n", strerror(errno));
		return 1;
	}
	pid = fork();
	if (pid < 0) {
		fprintf(stderr, "imagefs mount: fork: %s\n", strerror(errno));
		return 1;
	}
	if (pid == 0) {
		close(fds[0]);
		d->ready_fd = fds[1];
		setsid();
		return -1;
	}
	close(fds[1]);
	do
		n = read(fds[0], &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			_exit(1);
	if (WIFSIGNALED(status))
		fprintf(stderr, "imagefs mount: the daemon was killed by signal %d\n",
			WTERMSIG(status));
	_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
}

/* Let the user's command return, and close the daemon's descriptors of its terminal. */
static void say_ready(struct daemon *d)
{
	int null;

	if (chdir("/") < 0)
		log_warn("/: %s", strerror(errno));
	if (d->ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (null > 2)
			close(null);
	}
	if (write(d->ready_fd, "R", 1) != 1)
		log_warn("the command that started the mount has ended");
	close(d->ready_fd);
	d->ready_fd = -1;
}

/* Signals are read from a signalfd, by the main thread only. */
static int take_signals(struct daemon *d, struct err *err)
{
	const struct rlimit no_core = { 0, 0 };
	struct rlimit files;
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->signal_fd < 0 || d->event_fd < 0)
		return err_sys(err, errno, "signalfd, eventfd");
	/* Each layer is an open file, and so is each file that is written in a container. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	/* No core files: they would contain data of images and containers. */
	setrlimit(RLIMIT_CORE, &no_core);
	return 0;
}

static int open_sessions(struct daemon *d, struct err *err)
{
	int r = 0;

	if (d->at.images) {
		r = images_new(&d->fs, &d->images, err);
		if (r == 0)
			r = session_open(&d->fs, &images_session, d->images, d->at.images,
					 &d->sessions[0], err);
		if (r < 0)
			return r;
		images_attach(d->images, d->sessions[0]);
	}
	if (d->at.containers) {
		r = containers_new(&d->fs, &d->containers, err);
		if (r == -ENOTSUP && d->at.images)
			return 0;
		if (r == 0)
			r = session_open(&d->fs, &containers_session, d->containers,
					 d->at.containers, &d->sessions[1], err);
		if (r < 0)
			return r;
		containers_attach(d->containers, d->sessions[1]);
	}
	return 0;
}

static int start(struct daemon *d, struct err *err)
{
	unsigned i;
	int r;

	r = take_signals(d, err);
	if (r == 0)
		r = store_open(d->store_path, &d->fs.store, err);
	if (r == 0 && d->opt.aside)
		r = store_set_aside(d->fs.store, d->opt.aside, err);
	if (r < 0)
		return r;
	d->fs.opt = d->opt.fs;
	if (d->fs.store->fixed && !d->fs.opt.ro) {
		log_note("read-only store %s: %s", d->fs.store->path, d->fs.store->read_only);
		d->fs.opt.ro = true;
	}
	/* Log requests to a terminal only, not to the system log. */
	d->fs.opt.debug = d->opt.fs.debug && d->foreground;
	d->fs.layers = layers_new(d->fs.store, d->fs.opt.cache_size);
	d->fs.trees = d->fs.layers ? trees_new(d->fs.layers) : NULL;
	if (!d->fs.trees)
		return err_nomem(err);
	r = mountdir_prepare(&d->at, d->fs.store, d->dir, d->opt.tree, err);
	d->taken = r == -EBUSY;
	/* Listen before the store is read, so that no change is missed. */
	if (r == 0)
		r = control_open(d->fs.store, d->at.dir, &d->control, err);
	if (r == 0)
		r = open_sessions(d, err);
	if (r < 0)
		return r;
	mountdir_mounted(&d->at, d->fs.store->fixed);
	control_attach(d->control, d->images, containers_table(d->containers));
	for (i = 0; i < 2 && r == 0; i++)
		if (d->sessions[i])
			r = session_start(d->sessions[i], d->event_fd, err);
	return r;
}

static bool all_ready(const struct daemon *d)
{
	return (!d->sessions[0] || session_is_ready(d->sessions[0])) &&
	       (!d->sessions[1] || session_is_ready(d->sessions[1]));
}

/* Free the sessions of unmounted trees and their mount points. True when none is left. */
static bool reap_sessions(struct daemon *d)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct session *s = d->sessions[i];

		if (!s || !session_is_over(s))
			continue;
		/* Detach the tree from control requests before it is freed. */
		if (i == 0)
			control_attach(d->control, NULL,
				       containers_table(d->sessions[1] ? d->containers : NULL));
		else
			control_attach(d->control, d->sessions[0] ? d->images : NULL, NULL);
		if (i == 1)
			live_table_give_up(containers_table(d->containers));
		d->sessions[i] = NULL;
		mountdir_left(&d->at, session_mountpoint(s));
		session_free(s);
	}
	return !d->sessions[0] && !d->sessions[1];
}

/* Unmount what is still mounted. Flush it if possible; detach it in any case. */
static void unmount_all(struct daemon *d)
{
	struct err err = ERR_INIT;
	int i;

	for (i = 1; i >= 0; i--) {
		struct session *s = d->sessions[i];
		int fd;

		if (!s || session_is_over(s))
			continue;
		if (session_unmount(s, false, NULL) == 0)
			continue;
		/* A session that was not started would not answer an open. */
		fd = !session_is_ready(s)
			     ? -1
			     : open(session_mountpoint(s), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0) {
			syncfs(fd);
			close(fd);
		}
		if (session_unmount(s, true, &err) < 0)
			log_warn("%s", err.msg);
	}
}

static void drain(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) == sizeof(count))
		;
}

/* Serve until everything is unmounted, or an end is requested. */
static void serve(struct daemon *d)
{
	bool ready = false;

	for (;;) {
		struct pollfd fds[] = { { .fd = d->event_fd, .events = POLLIN },
					{ .fd = control_fd(d->control), .events = POLLIN },
					{ .fd = d->signal_fd, .events = POLLIN } };
		struct signalfd_siginfo si;

		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR) {
			log_warn("poll: %s", strerror(errno));
			return;
		}
		drain(d->event_fd);
		if (!ready && all_ready(d)) {
			ready = true;
			if (d->sessions[0])
				session_raise_readahead(d->sessions[0]);
			if (d->sessions[1])
				session_raise_readahead(d->sessions[1]);
			if (d->ready_fd >= 0)
				log_init("imagefs",
					 d->opt.fs.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, true);
			if (d->sessions[1])
				containers_ready(d->containers);
			say_ready(d);
		}
		if (reap_sessions(d))
			return;
		if (read(d->signal_fd, &si, sizeof(si)) == sizeof(si)) {
			log_debug("signal %u", si.ssi_signo);
			return;
		}
		if (fds[1].revents)
			control_handle(d->control);
		if (control_wants_end(d->control))
			return;
	}
}

static void stop(struct daemon *d)
{
	unsigned i;

	if (d->control)
		control_close(d->control);
	if (d->containers)
		live_table_give_up(containers_table(d->containers));
	unmount_all(d);
	for (i = 0; i < 2; i++)
		session_free(d->sessions[i]);
	if (d->control)
		control_attach(d->control, NULL, NULL);
	containers_free(d->containers);
	images_free(d->images);
	trees_free(d->fs.trees);
	layers_free(d->fs.layers);
	/* If another daemon is mounted here, it removes the directories that this one made. */
	if (!d->taken)
		mountdir_left(&d->at, NULL);
	mountdir_fini(&d->at);
	/* Last: closing the connections tells the waiting commands that the daemon has ended. */
	control_free(d->control);
	store_close(d->fs.store);
}

int main(int argc, char **argv)
{
	struct daemon d = { .ready_fd = -1, .at = { .lock_fd = -1 } };
	struct err err = ERR_INIT;
	bool closed[3];
	int r;

	file_open_std(closed);
	r = parse_args(&d, argc, argv);
	if (r >= 0)
		return r;
	log_init("imagefs mount", d.opt.fs.debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, false);
	if (!d.foreground) {
		r = go_background(&d);
		if (r >= 0)
			return r;
	}
	r = start(&d, &err);
	if (r < 0)
		fprintf(stderr, "imagefs mount: %s\n", err.msg);
	else
		serve(&d);
	stop(&d);
	return r < 0 ? 1 : 0;
}
