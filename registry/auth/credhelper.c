/*
 * Runs a helper with three pipes and a deadline.
 */
#include "registry/auth/credhelper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/program.h"
#include "base/text.h"
#include "registry/auth/cred.h"

#define PREFIX "docker-credential-"
#define TOKEN_USER "<token>"
#define CHUNK 4096
#define SHOWN_MAX 300

extern char **environ;

/* One run. Closed descriptors are -1. */
struct run {
	const char *name, *action;
	pid_t pid;
	int in, out, errors, pidfd;
	const char *data; /* remaining input */
	size_t left;
	struct buf said, complaint;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void run_fini(struct run *h)
{
	close_fd(&h->in);
	close_fd(&h->out);
	close_fd(&h->errors);
	close_fd(&h->pidfd);
	buf_wipe(&h->said);
	buf_wipe(&h->complaint);
}

static int make_actions(posix_spawn_file_actions_t *fa, const int child[3])
{
	int i, r = 0;

	for (i = 0; r == 0 && i < 3; i++)
		r = posix_spawn_file_actions_adddup2(fa, child[i], i);
	return r ? r : posix_spawn_file_actions_addclosefrom_np(fa, 3);
}

/* The helper gets default SIGPIPE handling and no blocked signals. */
static int make_attributes(posix_spawnattr_t *at)
{
	sigset_t none, pipes;
	int r;

	sigemptyset(&none);
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	r = posix_spawnattr_setsigmask(at, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(at, &pipes);
	if (r == 0)
		r = posix_spawnattr_setflags(at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return r;
}

static int spawn(struct run *h, const int child[3])
{
	_cleanup_free_ char *name = NULL, *program = NULL;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	char *argv[3];
	int r;

	if (asprintf(&name, PREFIX "%s", h->name) < 0)
		return ENOMEM;
	program = program_find(name);
	if (!program)
		return ENOENT;
	argv[0] = program;
	argv[1] = (char *)h->action;
	argv[2] = NULL;
	r = posix_spawn_file_actions_init(&fa);
	if (r)
		return r;
	r = posix_spawnattr_init(&at);
	if (r == 0) {
		r = make_actions(&fa, child);
		if (r == 0)
			r = make_attributes(&at);
		if (r == 0)
			r = posix_spawn(&h->pid, program, &fa, &at, argv, environ);
		posix_spawnattr_destroy(&at);
	}
	posix_spawn_file_actions_destroy(&fa);
	return r;
}

/* above_2 - move a descriptor above 2, so that dup2() to 0..2 does not overwrite it; or -errno. */
static int above_2(int *fd)
{
	int n = fcntl(*fd, F_DUPFD_CLOEXEC, 3);

	if (n < 0)
		return -errno;
	close(*fd);
	*fd = n;
	return 0;
}

static int start(struct run *h, struct err *err)
{
	int p[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int i, r = 0;

	for (i = 0; r == 0 && i < 3; i++) {
		if (pipe2(p[i], O_CLOEXEC) < 0)
			r = -errno;
		else
			r = above_2(&p[i][i == 0 ? 0 : 1]);
	}
	if (r == 0) {
		const int child[3] = { p[0][0], p[1][1], p[2][1] };

		r = -spawn(h, child);
	}
	close_fd(&p[0][0]);
	close_fd(&p[1][1]);
	close_fd(&p[2][1]);
	h->in = p[0][1];
	h->out = p[1][0];
	h->errors = p[2][0];
	/* A missing helper must differ from a missing credential. */
	if (r == -ENOENT)
		return err_set(err, ENOPKG, "credential helper " PREFIX "%s: not found in $PATH",
			       h->name);
	if (r < 0)
		return err_sys(err, -r, "credential helper " PREFIX "%s", h->name);
	h->pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	fcntl(h->in, F_SETFL, O_NONBLOCK);
	fcntl(h->out, F_SETFL, O_NONBLOCK);
	fcntl(h->errors, F_SETFL, O_NONBLOCK);
	return 0;
}

/* A helper may exit without reading its input. */
static void feed(struct run *h)
{
	ssize_t n = write(h->in, h->data, h->left);

	if (n > 0) {
		h->data += n;
		h->left -= (size_t)n;
	}
	if (h->left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(&h->in);
}

/* drain - read what is available; -EFBIG if keep is full. Excess standard error is dropped. */
static int drain(int *fd, struct buf *keep, bool bounded)
{
	ssize_t n;
	int r = buf_reserve(keep, CHUNK);

	if (r < 0)
		return r;
	n = read(*fd, keep->data + keep->len, CHUNK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		close_fd(fd);
		return 0;
	}
	if (keep->len + (size_t)n <= CREDHELPER_OUTPUT_MAX)
		keep->len += (size_t)n;
	else if (bounded)
		r = -EFBIG;
	keep->data[keep->len] = '\0';
	return r;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/*
 * Communicate until the helper exits. Its children that keep the pipes open are not waited for.
 * Without a pidfd, the end of its output is taken as the exit.
 */
static int talk(struct run *h)
{
	int64_t end = now_ms() + CREDHELPER_SECONDS * INT64_C(1000);
	bool ended = false;
	int r = 0;

	while (r == 0 && !ended) {
		struct pollfd p[4] = { { h->in, POLLOUT, 0 },
				       { h->out, POLLIN, 0 },
				       { h->errors, POLLIN, 0 },
				       { h->pidfd, POLLIN, 0 } };
		int64_t left = end - now_ms();
		int n = left > 0 ? poll(p, 4, (int)left) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ETIMEDOUT;
		/* Read all output that precedes the exit. */
		ended = h->pidfd >= 0 ? p[3].revents && !p[1].revents && !p[2].revents : h->out < 0;
		if (p[0].revents)
			feed(h);
		if (p[1].revents)
			r = drain(&h->out, &h->said, true);
		if (r == 0 && p[2].revents)
			r = drain(&h->errors, &h->complaint, false);
	}
	return r;
}

/*
 * last_line - append the last line of text, escaped, unless it may contain a secret, as JSON does.
 */
static void last_line(const struct buf *text, const char *secret, struct buf *out)
{
	const char *s = buf_str(text), *line = s;
	size_t n = text->len;

	while (n && strchr("\r\n \t", s[n - 1]))
		n--;
	for (line = s + n; line > s && line[-1] != '\n'; line--)
		;
	n -= (size_t)(line - s);
	if (n == 0 || strlen(s) != text->len || strchr(s, '{') || (secret && strstr(s, secret)))
		return;
	text_escape_line(out, line, MIN(n, (size_t)SHOWN_MAX));
}

static int failed(const struct run *h, int status, const char *secret, struct err *err)
{
	struct buf line _cleanup_buf_ = BUF_INIT;
	const char *said = buf_str(&h->said);

	if (strstr(said, "credentials not found") || strstr(said, "not found in native keychain"))
		return -ENOENT;
	last_line(&h->said, secret, &line);
	if (line.len == 0)
		last_line(&h->complaint, secret, &line);
	if (WIFSIGNALED(status))
		return err_set(err, EPROTO, "credential helper " PREFIX "%s %s: ended by signal %d",
			       h->name, h->action, WTERMSIG(status));
	return err_set(err, EPROTO, "credential helper " PREFIX "%s %s: exit status %d%s%s",
		       h->name, h->action, WEXITSTATUS(status), line.len ? ": " : "",
		       buf_str(&line));
}

static bool is_name(const char *s)
{
	return *s && *s != '.' && strlen(s) < 128 &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] ==
		       '\0';
}

/* call - run the helper with data on its standard input; out receives its output. */
static int call(const char *name, const char *action, const struct buf *data, const char *secret,
		struct buf *out, struct err *err)
{
	struct run h _cleanup_(run_fini) = { .name = name,
					     .action = action,
					     .in = -1,
					     .out = -1,
					     .errors = -1,
					     .pidfd = -1,
					     .data = buf_str(data),
					     .left = data->len,
					     .said = BUF_INIT,
					     .complaint = BUF_INIT };
	int r, status = 0;

	if (!is_name(name))
		return err_set(err, EINVAL, "invalid credential helper name");
	log_debug("credential helper " PREFIX "%s %s", name, action);
	r = start(&h, err);
	if (r < 0)
		return r;
	r = talk(&h);
	if (r < 0)
		kill(h.pid, SIGKILL);
	while (waitpid(h.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == -ETIMEDOUT)
		return err_set(err, ETIMEDOUT,
			       "credential helper " PREFIX "%s %s: no answer for %d s", name,
			       action, CREDHELPER_SECONDS);
	if (r < 0)
		return err_sys(err, -r, "credential helper " PREFIX "%s %s", name, action);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return failed(&h, status, secret, err);
	if (out) {
		buf_fini(out);
		*out = h.said;
		h.said = (struct buf)BUF_INIT;
	}
	return 0;
}

static int read_answer(const char *name, const struct buf *text, struct cred *out, struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	struct cred c _cleanup_cred_ = { 0 };
	const char *user, *secret;
	bool token;

	if (json_parse(buf_str(text), text->len, name, &j, NULL) == -ENOMEM)
		return err_nomem(err);
	user = json_str(j, "Username");
	secret = json_str(j, "Secret");
	if (!user || !secret)
		return err_set(err, EPROTO,
			       "credential helper " PREFIX
			       "%s get: the answer has no Username and Secret",
			       name);
	if (!*secret)
		return -ENOENT;
	token = strcmp(user, TOKEN_USER) == 0;
	c.user = strdup(token ? "" : user);
	*(token ? &c.identity_token : &c.password) = strdup(secret);
	if (!c.user || !(token ? c.identity_token : c.password))
		return err_nomem(err);
	*out = c;
	memset(&c, 0, sizeof(c));
	return 0;
}

int credhelper_get(const char *name, const char *server, struct cred *out, struct err *err)
{
	struct buf in _cleanup_buf_ = BUF_INIT, text _cleanup_secret_buf_ = BUF_INIT;
	int r;

	if (buf_puts(&in, server) < 0)
		return err_nomem(err);
	r = call(name, "get", &in, NULL, &text, err);
	return r < 0 ? r : read_answer(name, &text, out, err);
}

int credhelper_store(const char *name, const char *server, const struct cred *c, struct err *err)
{
	const char *secret = c->identity_token ? c->identity_token : c->password;
	struct buf in _cleanup_secret_buf_ = BUF_INIT;
	_cleanup_json_ json_t *j =
		json_pack("{s:s, s:s, s:s}", "ServerURL", server, "Username",
			  c->identity_token ? TOKEN_USER : c->user, "Secret", secret ? secret : "");
	int r;

	if (!j)
		return err_set(err, EINVAL, "the user name or password is not valid UTF-8");
	if (json_text(j, &in) < 0)
		return err_nomem(err);
	r = call(name, "store", &in, secret, NULL, err);
	/* -ENOENT is reserved for get and erase. */
	return r == -ENOENT
		       ? err_set(err, EPROTO, "credential helper " PREFIX "%s store failed", name)
		       : r;
}

int credhelper_erase(const char *name, const char *server, struct err *err)
{
	struct buf in _cleanup_buf_ = BUF_INIT;

	if (buf_puts(&in, server) < 0)
		return err_nomem(err);
	return call(name, "erase", &in, NULL, NULL, err);
}
