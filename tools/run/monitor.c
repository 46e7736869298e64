/*
 * Create, start, relay, wait, clean up: the runtime creates the container, the monitor does the
 * rest.
 */
#include "tools/run/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/program.h"
#include "base/text.h"
#include "store/disk/store.h"
#include "store/disk/tmp_dir.h"
#include "tools/run/bundle.h"
#include "tools/run/exec_error.h"
#include "tools/run/mount_ns.h"
#include "tools/run/run_args.h"
#include "tools/run/run_bundle.h"
#include "tools/run/run_job.h"
#include "tools/run/runtime.h"
#include "tools/run/stdio.h"

struct monitor {
	const struct run_job *job;
	struct mount_ns mount_ns;
	struct run_bundle bundle;
	int signal_fd, console_fd;
	int out_fds[3]; /* stdin, stdout and stderr of the container */
	int said_fd;	/* stderr of the runtime and the command */
	struct stdio stdio;
	pid_t pid;	/* the container's first process; 0: none */
	int status;	/* its exit status as in a shell; -1: running */
	dev_t init_dev; /* the runtime's executable, which the process runs before the command */
	ino_t init_ino;
	int killed_by; /* the signal for which it was killed */
	bool deserted; /* the process that started the monitor has ended */
	bool given_up; /* the command has ended; do not wait for its output */
	bool is_raw;   /* the terminal is in raw mode; its settings before */
	struct termios terminal;
};

/* --- standard files --- */

/* Relay fd through a pipe. Returns the container's end of the pipe, or -errno. */
static int carry(struct monitor *k, int fd, const char *what)
{
	int fds[2], r = stdio_pipe(fds, fd != 0);

	if (r < 0)
		return r;
	if (fd == 0)
		stdio_in(&k->stdio, 0, fds[1], what);
	else
		stdio_out(&k->stdio, fds[0], fd, what);
	return fds[fd != 0];
}

/* The command's input or output. */
static int open_file(struct monitor *k, int fd, const char *what)
{
	int r = stdio_is_safe(fd) ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : carry(k, fd, what);

	return r == -1 ? -errno : r;
}

/*
 * The container gets no file, terminal, device or socket of the user: the runtime would change its
 * owner, and the container could reopen it with more access. These are relayed through pipes.
 * stderr is always relayed, because the runtime also writes to it; if stdout is the same file, it
 * shares the pipe, so that output keeps its order.
 */
static int open_files(struct monitor *k, struct err *err)
{
	const struct run_args *a = k->job->args;
	bool same = !a->tty && stdio_is_same(1, 2);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	k->out_fds[0] = a->tty || !a->interactive ? null : open_file(k, 0, "standard input");
	if (a->tty) {
		/* The pipe carries the runtime's messages; the command uses the terminal. */
		k->out_fds[1] = fcntl(null, F_DUPFD_CLOEXEC, 3);
		k->console_fd = stdio_listen(k->mount_ns.dir_fd, "console");
		if (k->console_fd < 0)
			return err_sys(err, -k->console_fd, "a terminal for the container");
	}
	if (k->out_fds[0] != null && null >= 0)
		close(null);
	k->out_fds[2] = carry(k, 2, same ? "standard output" : "standard error");
	if (k->out_fds[2] < 0)
		return err_sys(err, -k->out_fds[2], "the container's standard files");
	k->said_fd = k->stdio.ways[k->stdio.n - 1].from;
	if (!a->tty)
		k->out_fds[1] = same ? fcntl(k->out_fds[2], F_DUPFD_CLOEXEC, 3)
				     : open_file(k, 1, "standard output");
	if (k->out_fds[0] < 0 || k->out_fds[1] < 0)
		return err_sys(err, errno, "the container's standard files");
	return 0;
}

static void close_files(struct monitor *k)
{
	int i;

	for (i = 0; i < 3; i++)
		if (k->out_fds[i] >= 0)
			close(TAKE_FD(k->out_fds[i]));
}

/* --- start --- */

static int read_pid(const struct monitor *k, pid_t *out)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r = file_read(k->mount_ns.dir_fd, "pid", 32, &text, NULL);

	*out = r < 0 ? 0 : (pid_t)strtol(buf_str(&text), NULL, 10);
	return *out > 1 ? 0 : -EINVAL;
}

/* Report the runtime's message without its prefixes, after the command's name as docker does. */
static int repeat(const struct monitor *k, const char *said, int status, struct err *err)
{
	static const char *const noise[] = { "runc create failed: ",
					     "unable to start container process: " };
	struct buf shown _cleanup_buf_ = BUF_INIT, why _cleanup_buf_ = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(noise); i++)
		if (strncmp(said, noise[i], strlen(noise[i])) == 0)
			said += strlen(noise[i]);
	text_escape(&shown, k->job->bundle->args[0]);
	text_escape_line(&why, said, strlen(said));
	err_set(err, ENOEXEC, "%.200s: %.700s", buf_str(&shown),
		*said ? buf_str(&why) : "the runtime could not start the command");
	return status;
}

static int explain(const struct monitor *k, int rootfd, struct err *err)
{
	return exec_error_explain(rootfd, k->bundle.workdir, k->job->bundle->env,
				  k->job->bundle->args[0], err);
}

static int not_started(const struct monitor *k, const char *said, struct err *err)
{
	struct err why = ERR_INIT;
	int status = runtime_status(said),
	    r = status == 1 ? 0 : explain(k, k->mount_ns.root_fd, &why);

	/* Mounts of the user are not in the tree. */
	if (r == 0 || (r != status && k->job->bundle->args[0][0]))
		return repeat(k, said, status, err);
	*err = why;
	return r;
}

/* The runtime was ready, but executing the command failed. */
static int not_executed(const struct monitor *k, int rootfd, struct err *err)
{
	struct buf said _cleanup_buf_ = BUF_INIT;
	int r = rootfd < 0 ? 0 : explain(k, rootfd, err), status;

	if (r)
		return r;
	program_read(k->said_fd, &said);
	status = runtime_status(buf_str(&said));
	return repeat(k, buf_str(&said), status == 1 ? 126 : status, err);
}

/* Each byte is a signal number; the end means that the process that started us has ended. */
static int read_control(struct monitor *k)
{
	unsigned char sig;
	ssize_t n = read(k->job->control_fd, &sig, 1);

	if (n == 1)
		return sig;
	k->deserted = n == 0;
	return n == 0 ? SIGKILL : 0;
}

/* Wait for the runtime, unless the user interrupts. Returns its status or -errno. */
static int wait_for_runtime(struct monitor *k, pid_t pid)
{
	struct signalfd_siginfo si;
	int status;

	for (;;) {
		struct pollfd fds[] = { { .fd = k->signal_fd, .events = POLLIN },
					{ .fd = k->killed_by ? -1 : k->job->control_fd,
					  .events = POLLIN } };
		pid_t gone = waitpid(pid, &status, WNOHANG);

		if (gone < 0)
			return -errno;
		if (gone == pid)
			break;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		while (read(k->signal_fd, &si, sizeof(si)) == sizeof(si))
			;
		if (fds[1].revents) {
			k->killed_by = read_control(k);
			kill(pid, SIGKILL);
		}
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Create the container. Returns 0 or an exit status with *err set. */
static int create(struct monitor *k, struct err *err)
{
	struct buf said _cleanup_buf_ = BUF_INIT, console _cleanup_buf_ = BUF_INIT;
	struct buf pid_file _cleanup_buf_ = BUF_INIT;
	const struct runtime *rt = k->job->runtime;
	pid_t pid;
	int r;

	/* A short path, however long the store's is. */
	if (buf_printf(&console, "/proc/%d/fd/%d/console", (int)getpid(), k->mount_ns.dir_fd) < 0 ||
	    buf_printf(&pid_file, "%s/pid", buf_str(&k->mount_ns.dir)) < 0)
		return err_nomem(err), 1;
	r = runtime_create(rt, buf_str(&k->mount_ns.dir),
			   k->console_fd >= 0 ? buf_str(&console) : NULL, buf_str(&pid_file),
			   k->out_fds, &pid);
	close_files(k);
	if (r == 0)
		r = wait_for_runtime(k, pid);
	if (k->killed_by)
		return 128 + k->killed_by;
	if (r < 0) {
		err_sys(err, -r, "%s", rt->path);
		return 1;
	}
	if (r > 0) {
		program_read(k->said_fd, &said);
		return not_started(k, buf_str(&said), err);
	}
	if (read_pid(k, &k->pid) < 0) {
		err_set(err, EPROTO, "%s reported no process ID", rt->path);
		return 1;
	}
	return 0;
}

static void raw_terminal(struct monitor *k)
{
	struct termios t;

	if (tcgetattr(0, &k->terminal) < 0)
		return;
	k->is_raw = true;
	t = k->terminal;
	cfmakeraw(&t);
	tcsetattr(0, TCSADRAIN, &t);
}

static int attach_terminal(struct monitor *k, struct err *err)
{
	int fd = stdio_receive(k->console_fd), twin, input;

	if (fd < 0)
		return err_sys(err, -fd, "the container's terminal");
	stdio_window(isatty(0) ? 0 : 1, fd);
	twin = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	stdio_out(&k->stdio, fd, 1, "standard output");
	input = k->job->args->interactive ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	if (input >= 0) {
		stdio_in(&k->stdio, 0, input, "standard input");
		if (isatty(0))
			raw_terminal(k);
	}
	close(TAKE_FD(k->console_fd));
	k->console_fd = twin;
	return 0;
}

/* --- running --- */

static uint64_t signal_mask(pid_t pid, const char *which)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[32], line[256];
	unsigned long long mask = 0;
	size_t n = strlen(which);

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, which, n) == 0 && line[n] == ':')
			return sscanf(line + n + 1, "%llx", &mask) == 1 ? mask : 0;
	return 0;
}

static bool stat_program(pid_t pid, struct stat *st)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return stat(path, st) == 0;
}

/* Until it executes the command, the process is the runtime, which would swallow signals. */
static bool is_runtime(const struct monitor *k)
{
	struct stat st;

	return stat_program(k->pid, &st) && k->init_ino && st.st_dev == k->init_dev &&
	       st.st_ino == k->init_ino;
}

/*
 * The first process of a PID namespace ignores signals without a handler. The command outside of a
 * container would be terminated, so it is killed.
 */
static void pass_on(struct monitor *k, int sig)
{
	uint64_t bit = (uint64_t)1 << (sig - 1);

	if (k->pid <= 0 || k->status >= 0)
		return;
	if (sig != SIGCONT && sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU &&
	    (is_runtime(k) || !((signal_mask(k->pid, "SigCgt") | signal_mask(k->pid, "SigIgn") |
				 signal_mask(k->pid, "SigBlk")) &
				bit))) {
		k->killed_by = sig;
		sig = SIGKILL;
	}
	kill(k->pid, sig);
}

/* Its files are no longer accessible. */
static void lose_daemon(struct monitor *k)
{
	if (k->pid <= 0 || k->status >= 0)
		return;
	log_warn("the daemon that serves the container's files has ended; the command is killed");
	kill(k->pid, SIGKILL);
}

static void reap(struct monitor *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == k->pid)
			k->status = WIFEXITED(status) ? WEXITSTATUS(status)
						      : 128 + (k->killed_by ? k->killed_by
									    : WTERMSIG(status));
		else if (pid == k->mount_ns.daemon)
			lose_daemon(k);
}

static void take_signals(struct monitor *k)
{
	struct signalfd_siginfo si;

	while (read(k->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(k);
		else if (k->console_fd >= 0)
			stdio_window(isatty(0) ? 0 : 1, k->console_fd);
	}
}

static void take_control(struct monitor *k)
{
	int sig = read_control(k);

	/* After the command has ended, a signal ends the wait for its output. */
	if (!k->deserted && sig && sig != SIGCONT && k->status >= 0) {
		k->given_up = true;
		k->status = 128 + sig;
	} else if (!k->deserted && sig) {
		pass_on(k, sig);
	} else if (k->deserted && k->pid > 0 && k->status < 0) {
		kill(k->pid, SIGKILL);
	}
}

static void serve(struct monitor *k)
{
	while (k->status < 0 || !stdio_is_over(&k->stdio)) {
		struct pollfd fds[STDIO_MAX + 2];
		size_t n = stdio_poll(&k->stdio, fds);

		fds[n] = (struct pollfd){ .fd = k->signal_fd, .events = POLLIN };
		fds[n + 1] = (struct pollfd){ .fd = k->deserted ? -1 : k->job->control_fd,
					      .events = POLLIN };
		if (poll(fds, n + 2, -1) < 0)
			continue;
		if (fds[n + 1].revents)
			take_control(k);
		/* Output has no reader any more, or the user does not wait for it. */
		if (k->status >= 0 && (k->deserted || k->given_up))
			return;
		stdio_move(&k->stdio, fds);
		if (fds[n].revents)
			take_signals(k);
	}
}

/* Process flag of the kernel: forked but has not executed a program. */
#define PF_FORKNOEXEC 0x40

static bool has_executed(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[32], line[512], *rest;
	unsigned flags;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	rest = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	return !rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %u", &flags) != 1 ||
	       !(flags & PF_FORKNOEXEC);
}

/*
 * After the start the runtime's process executes the command; false: it ended instead. Only then it
 * is known whether the output on stderr is the runtime's or the command's.
 */
static bool await_command(struct monitor *k)
{
	struct signalfd_siginfo si;

	for (;;) {
		struct pollfd fds[] = { { .fd = k->signal_fd, .events = POLLIN },
					{ .fd = k->deserted ? -1 : k->job->control_fd,
					  .events = POLLIN } };
		siginfo_t end = { .si_pid = 0 };

		waitid(P_PID, (id_t)k->pid, &end, WEXITED | WNOHANG | WNOWAIT);
		if (has_executed(k->pid))
			return true;
		if (end.si_pid == k->pid)
			return end.si_code != CLD_EXITED;
		if (poll(fds, ARRAY_SIZE(fds), 1) <= 0)
			continue;
		/* Exited processes are reaped later. */
		while (read(k->signal_fd, &si, sizeof(si)) == sizeof(si))
			;
		if (fds[1].revents)
			take_control(k);
	}
}

/* True if a signal arrived during the preparations: nothing is started. */
static int is_ended_early(struct monitor *k)
{
	struct pollfd p = { .fd = k->job->control_fd, .events = POLLIN };
	unsigned char sig;

	if (poll(&p, 1, 0) <= 0)
		return 0;
	if (read(k->job->control_fd, &sig, 1) == 1)
		return 128 + sig;
	k->deserted = true;
	return 128 + SIGKILL;
}

/* Open a file of the container's first process: "root", "ns/mnt". */
static int open_of(pid_t pid, const char *what)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int start(struct monitor *k, struct err *err)
{
	struct buf said _cleanup_buf_ = BUF_INIT;
	_cleanup_close_ int root = -1, mounts = -1;
	struct stat program;
	int r = create(k, err);

	if (r)
		return r;
	if (stat_program(k->pid, &program)) {
		k->init_dev = program.st_dev;
		k->init_ino = program.st_ino;
	}
	if (!k->job->userns && mount_ns_forbid_devices(k->pid, err) < 0)
		return 1;
	if (k->console_fd >= 0 && attach_terminal(k, err) < 0)
		return 1;
	r = is_ended_early(k);
	if (r)
		return r;
	/* Keeps the mounts of the tree accessible after the container ended. */
	mounts = open_of(k->pid, "ns/mnt");
	root = open_of(k->pid, "root");
	r = runtime_start(k->job->runtime, &said);
	if (r)
		return not_started(k, r < 0 ? strerror(-r) : buf_str(&said), err);
	if (!await_command(k))
		return not_executed(k, root, err);
	*k->job->started = true;
	return 0;
}

/* --- entry point --- */

static int prepare(struct monitor *k, struct err *err)
{
	const struct run_job *job = k->job;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	k->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(err, errno, "signals");
	/* It belongs to a service that this process is part of; a runtime would use it. */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	if (!job->userns)
		mount_ns_find(&k->mount_ns, job->store, job->name);
	r = mount_ns_enter(job->userns, job->map_fds, err);
	if (r == 0)
		r = mount_ns_open(&k->mount_ns, job->store, job->tmp_dir, job->name, job->userns,
				  err);
	if (r == 0 && job->runtime->crun)
		mount_ns_hide_cgroups();
	if (r == 0)
		r = run_bundle_write(&k->bundle, err);
	return r < 0 ? r : open_files(k, err);
}

static void clean(struct monitor *k, bool created)
{
	struct buf said _cleanup_buf_ = BUF_INIT;

	if (k->is_raw)
		tcsetattr(0, TCSADRAIN, &k->terminal);
	if (created && runtime_delete(k->job->runtime, &said) != 0)
		log_debug("%s delete: %s", k->job->runtime->path, buf_str(&said));
	/* Ends a container that was partly created. */
	program_kill_children(k->mount_ns.daemon);
	close_files(k);
	stdio_end(&k->stdio);
	if (k->console_fd >= 0)
		close(k->console_fd);
	run_bundle_undo(&k->bundle);
	mount_ns_close(&k->mount_ns);
	if (k->signal_fd >= 0)
		close(k->signal_fd);
}

int run_keep(const struct run_job *job, struct err *err)
{
	_cleanup_free_ struct monitor *k = calloc(1, sizeof(*k));
	struct buf state _cleanup_buf_ = BUF_INIT;
	bool created = false;
	const char *what;
	int status, r;

	if (!k)
		return err_nomem(err), 1;
	k->job = job;
	k->mount_ns = (struct mount_ns)STAGE_INIT;
	k->signal_fd = k->console_fd = k->status = -1;
	k->out_fds[0] = k->out_fds[1] = k->out_fds[2] = -1;
	k->bundle.job = job;
	k->bundle.mount_ns = &k->mount_ns;
	status = prepare(k, err) < 0 ? 1 : is_ended_early(k);
	if (status == 0 && buf_printf(&state, "%s/state", buf_str(&k->mount_ns.dir)) < 0) {
		err_nomem(err);
		status = 1;
	}
	if (status == 0) {
		created = true;
		job->runtime->state = buf_str(&state);
		status = start(k, err);
	}
	if (status == 0) {
		/* Processes that ended while the runtime was waited for. */
		reap(k);
		serve(k);
		status = k->status;
		r = stdio_error(&k->stdio, &what);
		if (r) {
			err_sys(err, r, "%s", what);
			status = status ? status : 1;
		}
	}
	clean(k, created);
	return status;
}
