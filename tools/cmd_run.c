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

/* What is passed on to the command, as docker's client does it. */
static const int passed[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT
};

struct run {
	struct store *s;
	struct run_args args;
	struct bundle bundle;
	struct runtime runtime;
	struct tmp_dir tmp_dir;
	struct tmp_dir aside;	     /* where the container is while its store can only be read */
	char *name;		     /* at the start */
	struct container *container; /* which may be called otherwise since */
	char hostname[HOST_NAME_MAX + 1];
	bool *started; /* shared with the keeper */
	int signal_fd;
	pid_t parent; /* the process that the user started */
};

/* --- the keeper --- */

static void let_go(int *fd)
{
	if (*fd >= 0)
		close(TAKE_FD(*fd));
}

struct ends {
	int control[2], up[2], down[2]; /* signals; of the map, from the keeper and to it */
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

/* Whoever looks into it holds nothing that --rm would spare. */
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

/* Nothing half-done stays: a container in which nothing ran is nobody's. */
static void remove_aside(struct run *run)
{
	if (run->aside.aside)
		tmp_dir_remove(run->s, &run->aside);
	run->aside.aside = false;
}

static void finish(const struct verb *v, struct run *run)
{
	tmp_dir_remove(run->s, &run->tmp_dir);
	if (run->args.rm || !*run->started)
		remove_container(v, run);
}

/* In the new process, to its end. */
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
	/* Who would do it is gone. */
	if (getppid() != run->parent) {
		finish(v, run);
		remove_aside(run);
	}
	_exit(status);
}

/* What came from a terminal its whole group has got, but the command is in none: everything is passed on. */
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
	/* What it left is ours then. */
	program_kill_children(0);
	return 128 + WTERMSIG(status);
}

/* Returns the exit status. */
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
	/* Who kills this process with all of its group leaves the keeper to clean up; of a terminal it must be part. */
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

	/* Whoever started us may not care about his children; we do. */
	signal(SIGCHLD, SIG_DFL);
	/* Nobody who reads the output, and a file that may not grow, are errors. */
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

/* Others can tell that it runs, and whom to ask to stop it, by a descriptor that the caller closes. */
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

/* A container that goes with its command needs no place in the store. */
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

/* A closed descriptor would be taken by whatever is opened first. */
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
	.help = "Docker's other options say why they cannot work here.\n"
		"\n"
		"The exit status is the command's.\n"
		"\n"
		"Examples:\n"
		"  imagefs run --rm debian:12 cat /etc/os-release\n"
		"  imagefs run -it --name work -v .:/src -w /src debian:12\n",
	.run = run,
};
