/*
 * Create, start, carry, wait, clean: the runtime makes the container, everything else is done here.
 */
#include "tools/run_keeper.h"

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
#include "base/text.h"
#include "store/bundle.h"
#include "store/scratch.h"
#include "store/store.h"
#include "tools/helper.h"
#include "tools/relay.h"
#include "tools/run_args.h"
#include "tools/run_bundle.h"
#include "tools/runtime.h"
#include "tools/stage.h"

struct keeper {
	const struct run_job *job;
	struct stage stage;
	struct run_bundle bundle;
	int signal_fd, console_fd;
	int out_fds[3]; /* the container's 0, 1 and 2 */
	int said_fd;	/* what the runtime and the command write to stderr */
	struct relay relay;
	pid_t pid;	/* the container's first process, 0: none */
	int status;	/* of it, as a shell has it; -1: it runs */
	dev_t init_dev; /* the program that it was before the command */
	ino_t init_ino;
	int killed_by; /* the signal that we have ended it for */
	bool deserted; /* who started us is gone */
	bool is_raw;   /* our terminal; it was like this before */
	struct termios terminal;
};

/* --- what the container's standard files are --- */

/* One end stays here and is relayed; the container's is returned. */
static int through_pipe(struct keeper *k, int ours, bool input)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if (input)
		relay_add(&k->relay, ours, true, fds[1], true);
	else
		relay_add(&k->relay, fds[0], false, ours, false);
	return input ? fds[0] : fds[1];
}

/*
 * Files and pipes are handed on as they are; a terminal never is, so that the container gets no hold of
 * it. What goes to stderr is carried, as what the runtime says comes there, too.
 */
static int open_files(struct keeper *k, struct err *err)
{
	const struct run_args *a = k->job->args;
	int r;

	if (a->tty) {
		/* The runtime's own words come through the pipe; the command has the terminal. */
		k->out_fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
		k->out_fds[1] = fcntl(k->out_fds[0], F_DUPFD_CLOEXEC, 3);
		k->console_fd = relay_listen(k->stage.dir_fd, "console");
		if (k->console_fd < 0)
			return err_sys(err, -k->console_fd, "a terminal for the container");
	} else {
		k->out_fds[0] = a->interactive && isatty(0) ? through_pipe(k, 0, true)
				: a->interactive	    ? fcntl(0, F_DUPFD_CLOEXEC, 3)
						 : open("/dev/null", O_RDONLY | O_CLOEXEC);
		k->out_fds[1] =
			isatty(1) ? through_pipe(k, 1, false) : fcntl(1, F_DUPFD_CLOEXEC, 3);
	}
	r = through_pipe(k, 2, false);
	k->out_fds[2] = r;
	if (r < 0 || k->out_fds[0] < 0 || k->out_fds[1] < 0)
		return err_sys(err, errno, "the container's standard files");
	k->said_fd = k->relay.ways[k->relay.n - 1].from;
	/* Whoever else may have it open: what a runtime said is there when it has ended. */
	fcntl(k->said_fd, F_SETFL, O_NONBLOCK);
	return 0;
}

static void close_files(struct keeper *k)
{
	int i;

	for (i = 0; i < 3; i++)
		if (k->out_fds[i] >= 0)
			close(TAKE_FD(k->out_fds[i]));
}

/* --- start --- */

static int read_pid(const struct keeper *k, pid_t *out)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r = file_read(k->stage.dir_fd, "pid", 32, &text, NULL);

	*out = r < 0 ? 0 : (pid_t)strtol(buf_str(&text), NULL, 10);
	return *out > 1 ? 0 : -EINVAL;
}

/* What a runtime said, without what it is itself; in docker's manner behind the command's name. */
static int not_started(const struct keeper *k, const char *said, struct err *err)
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
		*said ? buf_str(&why) : "the runtime could not start it");
	return runtime_status(said);
}

/* A byte is a signal's number; the end is that of who started us. */
static int read_control(struct keeper *k)
{
	unsigned char sig;
	ssize_t n = read(k->job->control_fd, &sig, 1);

	if (n == 1)
		return sig;
	k->deserted = n == 0;
	return n == 0 ? SIGKILL : 0;
}

/* A runtime that waits for something is not waited for longer than the user will. Its status, or -errno. */
static int wait_for_runtime(struct keeper *k, pid_t pid)
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

/* The container waits for its start, or a status to end with; *err says why. */
static int create(struct keeper *k, struct err *err)
{
	struct buf said _cleanup_buf_ = BUF_INIT, console _cleanup_buf_ = BUF_INIT;
	struct buf pid_file _cleanup_buf_ = BUF_INIT;
	const struct runtime *rt = k->job->runtime;
	pid_t pid;
	int r;

	/* However long the store's path is. */
	if (buf_printf(&console, "/proc/%d/fd/%d/console", (int)getpid(), k->stage.dir_fd) < 0 ||
	    buf_printf(&pid_file, "%s/pid", buf_str(&k->stage.dir)) < 0)
		return err_nomem(err), 1;
	r = runtime_create(rt, buf_str(&k->stage.dir),
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
		helper_read(k->said_fd, &said);
		return not_started(k, buf_str(&said), err);
	}
	if (read_pid(k, &k->pid) < 0) {
		err_set(err, EPROTO, "%s does not say which process it made", rt->path);
		return 1;
	}
	return 0;
}

static void raw_terminal(struct keeper *k)
{
	struct termios t;

	if (tcgetattr(0, &k->terminal) < 0)
		return;
	k->is_raw = true;
	t = k->terminal;
	cfmakeraw(&t);
	tcsetattr(0, TCSADRAIN, &t);
}

static int attach_terminal(struct keeper *k, struct err *err)
{
	int fd = relay_receive(k->console_fd), twin;

	if (fd < 0)
		return err_sys(err, -fd, "the container's terminal");
	relay_window(isatty(0) ? 0 : 1, fd);
	twin = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	relay_add(&k->relay, fd, false, 1, false);
	if (twin >= 0 && k->job->args->interactive) {
		relay_add(&k->relay, 0, true, twin, false);
		if (isatty(0))
			raw_terminal(k);
	}
	close(TAKE_FD(k->console_fd));
	k->console_fd = twin;
	return 0;
}

/* --- while it runs --- */

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

/* Before it has become the command it is the runtime, which would swallow a signal. */
static bool is_runtime(const struct keeper *k)
{
	struct stat st;

	return stat_program(k->pid, &st) && k->init_ino && st.st_dev == k->init_dev &&
	       st.st_ino == k->init_ino;
}

/*
 * The first process of a container ignores what it has no handler for. As the same command outside would
 * have ended, it is ended.
 */
static void pass_on(struct keeper *k, int sig)
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

/* Nothing of its files is there any more. */
static void lose_daemon(struct keeper *k)
{
	if (k->pid <= 0 || k->status >= 0)
		return;
	log_warn("the daemon that shows the container's files has ended; so the command is ended");
	kill(k->pid, SIGKILL);
}

static void reap(struct keeper *k)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == k->pid)
			k->status = WIFEXITED(status) ? WEXITSTATUS(status)
						      : 128 + (k->killed_by ? k->killed_by
									    : WTERMSIG(status));
		else if (pid == k->stage.daemon)
			lose_daemon(k);
}

static void take_signals(struct keeper *k)
{
	struct signalfd_siginfo si;

	while (read(k->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(k);
		else if (k->console_fd >= 0)
			relay_window(isatty(0) ? 0 : 1, k->console_fd);
	}
}

static void take_control(struct keeper *k)
{
	int sig = read_control(k);

	if (!k->deserted && sig)
		pass_on(k, sig);
	else if (k->deserted && k->pid > 0 && k->status < 0)
		kill(k->pid, SIGKILL);
}

static void serve(struct keeper *k)
{
	while (k->status < 0 || !relay_is_over(&k->relay)) {
		struct pollfd fds[RELAY_MAX + 2];
		size_t n = relay_poll(&k->relay, fds);

		fds[n] = (struct pollfd){ .fd = k->signal_fd, .events = POLLIN };
		fds[n + 1] = (struct pollfd){ .fd = k->deserted ? -1 : k->job->control_fd,
					      .events = POLLIN };
		if (poll(fds, n + 2, -1) < 0)
			continue;
		if (fds[n + 1].revents)
			take_control(k);
		/* Nobody is there to read it any more. */
		if (k->deserted && k->status >= 0)
			return;
		relay_move(&k->relay, fds);
		if (fds[n].revents)
			take_signals(k);
	}
}

/* A signal that came while we got ready: then nothing is started. */
static int is_ended_early(struct keeper *k)
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

static int start(struct keeper *k, struct err *err)
{
	struct buf said _cleanup_buf_ = BUF_INIT;
	struct stat program;
	int r = create(k, err);

	if (r)
		return r;
	if (stat_program(k->pid, &program)) {
		k->init_dev = program.st_dev;
		k->init_ino = program.st_ino;
	}
	if (!k->job->userns && stage_forbid_devices(k->pid, err) < 0)
		return 1;
	if (k->console_fd >= 0 && attach_terminal(k, err) < 0)
		return 1;
	r = is_ended_early(k);
	if (r)
		return r;
	r = runtime_start(k->job->runtime, &said);
	if (r)
		return not_started(k, r < 0 ? strerror(-r) : buf_str(&said), err);
	*k->job->started = true;
	return 0;
}

/* --- the whole --- */

static int prepare(struct keeper *k, struct err *err)
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
	/* Of somebody else's service; a runtime would act on them. */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	if (!job->userns)
		stage_find(&k->stage, job->store, job->name);
	r = stage_enter(job->userns, job->map_fds, err);
	if (r == 0)
		r = stage_open(&k->stage, job->store, job->scratch, job->name, job->userns, err);
	if (r == 0 && job->runtime->crun)
		stage_hide_cgroups();
	if (r == 0)
		r = run_bundle_write(&k->bundle, err);
	return r < 0 ? r : open_files(k, err);
}

static void clean(struct keeper *k, bool created)
{
	struct buf said _cleanup_buf_ = BUF_INIT;

	if (k->is_raw)
		tcsetattr(0, TCSADRAIN, &k->terminal);
	if (created && runtime_delete(k->job->runtime, &said) != 0)
		log_debug("%s delete: %s", k->job->runtime->path, buf_str(&said));
	/* Of a container that was half made. */
	helper_kill_children(k->stage.daemon);
	close_files(k);
	relay_end(&k->relay);
	if (k->console_fd >= 0)
		close(k->console_fd);
	run_bundle_undo(&k->bundle);
	stage_close(&k->stage);
	if (k->signal_fd >= 0)
		close(k->signal_fd);
}

int run_keep(const struct run_job *job, struct err *err)
{
	struct keeper k = { .job = job,
			    .stage = STAGE_INIT,
			    .signal_fd = -1,
			    .console_fd = -1,
			    .out_fds = { -1, -1, -1 },
			    .status = -1 };
	struct buf state _cleanup_buf_ = BUF_INIT;
	bool created = false;
	int status;

	k.bundle.job = job;
	k.bundle.stage = &k.stage;
	status = prepare(&k, err) < 0 ? 1 : is_ended_early(&k);
	if (status == 0 && buf_printf(&state, "%s/state", buf_str(&k.stage.dir)) < 0) {
		err_nomem(err);
		status = 1;
	}
	if (status == 0) {
		created = true;
		job->runtime->state = buf_str(&state);
		status = start(&k, err);
	}
	if (status == 0) {
		/* Whose end nobody looked at while the runtime was waited for. */
		reap(&k);
		serve(&k);
		status = k.status;
	}
	clean(&k, created);
	return status;
}
