/*
 * imagefs run: a command in a container, under an OCI runtime.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/program.h"
#include "store/container/container.h"
#include "store/container/running.h"
#include "store/disk/mounts.h"
#include "store/disk/store.h"
#include "store/disk/tmp_dir.h"
#include "store/image/image.h"
#include "tools/ensure_image.h"
#include "tools/make_container.h"
#include "tools/run/bundle.h"
#include "tools/run/ensure_options.h"
#include "tools/run/monitor.h"
#include "tools/run/mount_ns.h"
#include "tools/run/run_args.h"
#include "tools/run/run_job.h"
#include "tools/run/run_options.h"
#include "tools/run/runtime.h"
#include "tools/verb.h"

/* Signals that are forwarded to the command, as docker's client does. */
static const int passed[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT
};

struct run {
	struct store *s;
	struct run_args args;
	struct bundle bundle;
	struct runtime runtime;
	struct tmp_dir tmp_dir;
	struct tmp_dir aside;	     /* holds the container if the store is read-only */
	char *name;		     /* at the start */
	struct container *container; /* may have been renamed since */
	char hostname[HOST_NAME_MAX + 1];
	bool *started; /* shared with the monitor */
	int signal_fd;
	pid_t parent; /* the process that the user started */
};

/* --- the monitor --- */

static void let_go(int *fd)
{
	if (*fd >= 0)
		close(TAKE_FD(*fd));
}

struct ends {
	int control[2], up[2], down[2]; /* signals; the ID maps: from the monitor, to the monitor */
};

static int open_ends(struct ends *e, struct err *err)
{
	*e = (struct ends){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	return pipe2(e->control, O_CLOEXEC) < 0 || pipe2(e->up, O_CLOEXEC) < 0 ||
			       pipe2(e->down, O_CLOEXEC) < 0
		       ? err_sys(err, errno, "pipe")
		       : 0;
}

static void close_ends(struct ends *e)
{
	int *fds[] = { &e->control[0], &e->control[1], &e->up[0],
		       &e->up[1],      &e->down[0],    &e->down[1] };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		let_go(fds[i]);
}

/* Mounts close the container first, so open directories do not prevent --rm. */
static void remove_container(const struct verb *v, struct run *run)
{
	_cleanup_free_ char *name = NULL;
	struct err err = ERR_INIT;

	if (container_name_now(run->s, run->container, &name) == 0) {
		IGNORE(mounts_close(run->s, name, NULL));
		if (container_remove(run->s, name, &err) < 0 && err.code != ENOENT)
			verb_fail(v, &err);
	}
}

/* Remove the container that was kept outside a read-only store. */
static void remove_aside(struct run *run)
{
	if (run->aside.aside)
		tmp_dir_remove(run->s, &run->aside);
	run->aside.aside = false;
}

/* Clean up. A container whose command never started is removed too. */
static void finish(const struct verb *v, struct run *run)
{
	tmp_dir_remove(run->s, &run->tmp_dir);
	if (run->args.rm || !*run->started)
		remove_container(v, run);
}

/* The monitor's process. Does not return. */
static void be_monitor(const struct verb *v, struct run *run, struct ends *e, bool userns)
{
	struct run_job job = { .store = run->s,
			       .args = &run->args,
			       .bundle = &run->bundle,
			       .runtime = &run->runtime,
			       .tmp_dir = &run->tmp_dir,
			       .name = run->name,
			       .userns = userns,
			       .control_fd = e->control[0],
			       .map_fds = { e->down[0], e->up[1] },
			       .started = run->started };
	struct err err = ERR_INIT;
	int status;

	let_go(&e->control[1]);
	let_go(&e->up[0]);
	let_go(&e->down[1]);
	let_go(&run->signal_fd);
	status = run_keep(&job, &err);
	if (err.msg[0])
		verb_fail(v, &err);
	/* The parent, which would clean up, has ended. */
	if (getppid() != run->parent) {
		finish(v, run);
		remove_aside(run);
	}
	_exit(status);
}

/*
 * Forward signals until the monitor ends. Those of a terminal too: the command is not in its
 * process group. Returns the exit status.
 */
static int watch(struct run *run, pid_t monitor, int control_fd)
{
	struct signalfd_siginfo si;
	int status;

	for (;;) {
		unsigned char sig;

		if (waitpid(monitor, &status, WNOHANG) == monitor)
			break;
		if (read(run->signal_fd, &si, sizeof(si)) != sizeof(si) || si.ssi_signo == SIGCHLD)
			continue;
		sig = (int)si.ssi_signo == running_signal() ? SIGKILL : (unsigned char)si.ssi_signo;
		if (write(control_fd, &sig, 1) < 0 && errno != EPIPE)
			break;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	/* The monitor was killed: its children are this process' now. */
	program_kill_children(0);
	return 128 + WTERMSIG(status);
}

/* Start the monitor and wait for it. Returns the exit status. */
static int run_it(const struct verb *v, struct run *run, struct err *err)
{
	bool userns = geteuid() != 0, tty = run->args.tty && isatty(0);
	struct termios terminal;
	struct ends e;
	pid_t monitor;
	int status;

	if (open_ends(&e, err) < 0) {
		close_ends(&e);
		return verb_fail(v, err);
	}
	tty = tty && tcgetattr(0, &terminal) == 0;
	run->runtime.userns = userns;
	run->runtime.id = run->tmp_dir.name;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fflush(NULL);
	run->parent = getpid();
	monitor = fork();
	/*
	 * In a group of its own the monitor survives a kill of this process' group, and cleans up.
	 * On a terminal it must stay in the foreground group.
	 */
	if (monitor == 0 && !isatty(0))
		setpgid(0, 0);
	if (monitor == 0)
		be_monitor(v, run, &e, userns);
	let_go(&e.control[0]);
	let_go(&e.up[1]);
	let_go(&e.down[0]);
	if (monitor < 0) {
		err_sys(err, errno, "fork");
		close_ends(&e);
		return verb_fail(v, err);
	}
	if (userns && mount_ns_map(monitor, (const int[]){ e.up[0], e.down[1] }, err) < 0)
		verb_fail(v, err);
	let_go(&e.up[0]);
	let_go(&e.down[1]);
	status = watch(run, monitor, e.control[1]);
	close_ends(&e);
	if (tty)
		tcsetattr(0, TCSADRAIN, &terminal);
	return status;
}

/* --- before and after --- */

static int block_signals(struct run *run, struct err *err)
{
	sigset_t set;
	size_t i;

	/* The parent may have ignored SIGCHLD, which execve(2) inherits. */
	signal(SIGCHLD, SIG_DFL);
	/* A closed pipe and a file size limit are reported as errors. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (i = 0; i < ARRAY_SIZE(passed); i++)
		sigaddset(&set, passed[i]);
	sigaddset(&set, running_signal());
	sigprocmask(SIG_BLOCK, &set, NULL);
	run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	run->started =
		mmap(NULL, sizeof(bool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->started == MAP_FAILED)
		run->started = NULL;
	return run->signal_fd < 0 || !run->started ? err_sys(err, errno, "signals") : 0;
}

static int make_bundle(struct run *run, const struct image *image, struct err *err)
{
	const struct bundle_options o = { .command = run->args.command,
					  .entrypoint = run->args.entrypoint,
					  .env = run->args.env,
					  .workdir = run->args.workdir,
					  .user = run->args.user,
					  .hostname = run->hostname,
					  .tty = run->args.tty,
					  .no_new_privs = run->args.no_new_privs,
					  .unconfined = run->args.unconfined,
					  .seccomp = run->args.seccomp,
					  .seccomp_name = run->args.seccomp_name };

	if (run->args.hostname)
		snprintf(run->hostname, sizeof(run->hostname), "%s", run->args.hostname);
	else if (gethostname(run->hostname, sizeof(run->hostname) - 1) < 0)
		return err_sys(err, errno, "gethostname");
	return bundle_init(&run->bundle, image->config, &o, err);
}

/*
 * Mark the container as running, with this process as the one to stop. The caller closes the
 * descriptor.
 */
static int mark(struct run *run, struct err *err)
{
	int r = container_open(run->s, run->name, &run->container, err);

	return r < 0 ? r : running_mark(run->container, err);
}

static int run_image(const struct verb *v, struct run *run, const char *image_name,
		     const struct ensure_options *ensure, struct err *err)
{
	_cleanup_image_ struct image *image = NULL;
	_cleanup_close_ int marked = -1;
	int r = ensure_image(run->s, image_name, ensure, &image, err), status;

	if (r == 0)
		r = make_bundle(run, image, err);
	if (r == 0)
		r = block_signals(run, err);
	if (r == 0 && (r = tmp_dir_make_private(run->s, &run->tmp_dir)) < 0)
		err_sys(err, -r, "a directory for the command's files");
	if (r < 0)
		return verb_fail(v, err);
	r = make_container(run->s, run->args.name, image, &run->name, err);
	if (r < 0) {
		tmp_dir_remove(run->s, &run->tmp_dir);
		return verb_fail(v, err);
	}
	marked = mark(run, err);
	if (!run->container) {
		tmp_dir_remove(run->s, &run->tmp_dir);
		return verb_fail(v, err);
	}
	status = marked < 0 ? verb_fail(v, err) : run_it(v, run, err);
	finish(v, run);
	return status;
}

/* --- the command line --- */

static int check(const struct run_args *a, struct err *err)
{
	if (a->interactive && a->tty && !isatty(0))
		return err_set(err, ENOTTY, "the input device is not a TTY");
	if (a->name && make_container_check(a->name, err) < 0)
		return -EINVAL;
	if (a->hostname &&
	    (!*a->hostname || strlen(a->hostname) > HOST_NAME_MAX ||
	     strspn(a->hostname, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789.-") != strlen(a->hostname)))
		return err_set(err, EINVAL, "invalid hostname: letters, digits, '.' and '-' only");
	return 0;
}

/* In a read-only store, --rm keeps the container in a temporary directory. */
static int set_aside(struct run *run, struct err *err)
{
	struct buf path _cleanup_buf_ = BUF_INIT;
	struct store *s = run->s;
	int r;

	if (!s->read_only)
		return 0;
	if (!run->args.rm)
		return err_set(err, EROFS, "read-only store %s: %s; run --rm writes elsewhere",
			       s->path, s->read_only);
	r = tmp_dir_make_aside(s, &run->aside);
	if (r < 0)
		return err_sys(err, -r, "read-only store %s: a temporary directory", s->path);
	if (tmp_dir_path(s, &run->aside, &path) < 0)
		return err_nomem(err);
	return store_set_aside(s, buf_str(&path), err);
}

/* Open closed standard descriptors, so that no other file gets their numbers. */
static void open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct run r = { .signal_fd = -1 };
	struct run_options o = { .ensure = { .quiet = false } };
	struct err err = ERR_INIT;
	int status;

	open_standard_files();
	verb_options(v, &argc, &argv, &o);
	r.args = o.args;
	o.ensure.quiet = g->quiet;
	if (argc < 1)
		status = verb_usage(v, "which image?");
	else if (ensure_check(&o.ensure, &err) < 0)
		status = verb_usage(v, "%s", err.msg);
	else if (check(&r.args, &err) < 0 || runtime_find(r.args.runtime, &r.runtime, &err) < 0 ||
		 verb_store(g, &r.s, &err) < 0 || set_aside(&r, &err) < 0)
		status = verb_fail(v, &err);
	else {
		r.args.command = argv + 1;
		status = run_image(v, &r, argv[0], &o.ensure, &err);
	}
	free(r.runtime.path);
	free(r.name);
	container_free(r.container);
	bundle_fini(&r.bundle);
	run_args_fini(&r.args);
	let_go(&r.signal_fd);
	remove_aside(&r);
	if (r.s)
		store_close(r.s);
	return status;
}

const struct verb cmd_run = {
	.name = "run",
	.summary = "Run a command in a new container",
	.arguments = "IMAGE [COMMAND [ARG...]]",
	.options = run_options,
	.in_order = true,
	.help = "Docker's other options are refused with the reason.\n"
		"\n"
		"The exit status is the command's.\n"
		"\n"
		"Examples:\n"
		"  imagefs run --rm debian:12 cat /etc/os-release\n"
		"  imagefs run -it --name work -v .:/src -w /src debian:12\n",
	.run = run,
};
