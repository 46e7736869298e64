/*
 * imagefs login: ask a registry whether it takes a user and password, and store them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/auth/cred.h"
#include "registry/auth/creds.h"
#include "registry/login.h"
#include "tools/prompt.h"
#include "tools/verb.h"

#define HUB "docker.io"
#define PASSWORD_MAX (64 * 1024)

static const char hub_hint[] =
	"Login with your Docker ID to push and pull images from Docker Hub. If you don't have a "
	"Docker ID, head over to https://hub.docker.com to create one.";

static const char stored_plain[] =
	"WARNING! Your password will be stored unencrypted in %s.\n"
	"Configure a credential helper to remove this warning. See\n"
	"https://docs.docker.com/engine/reference/commandline/login/#credentials-store\n\n";

struct wish {
	struct cred cred;
	bool from_stdin, plain_http, quiet;
	bool typed; /* --password: others can see it */
	char *key;
};

static void wish_fini(struct wish *w)
{
	cred_fini(&w->cred);
	free(w->key);
}

/* Everything that comes, without one line end. */
static int read_stdin(char **out, struct err *err)
{
	struct buf text _cleanup_secret_buf_ = BUF_INIT;
	ssize_t n;

	if (buf_reserve(&text, PASSWORD_MAX + 1) < 0)
		return err_nomem(err);
	while ((n = read(STDIN_FILENO, text.data + text.len, PASSWORD_MAX + 1 - text.len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "standard input");
		text.len += (size_t)n;
		if (text.len > PASSWORD_MAX)
			return err_set(err, EFBIG, "a password of more than %d bytes",
				       PASSWORD_MAX);
	}
	if (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	if (text.len && text.data[text.len - 1] == '\r')
		text.len--;
	if (memchr(text.data, '\0', text.len))
		return err_set(err, EINVAL, "a password with a NUL in it");
	*out = strndup(text.data, text.len);
	return *out ? 0 : err_nomem(err);
}

/* What is stored already is tried first, as docker does; 1: it is fine. */
static int try_stored(struct wish *w)
{
	struct cred c _cleanup_cred_ = { 0 };
	struct err err = ERR_INIT;
	int r;

	if (creds_get(w->key, NULL, &c, NULL) < 0)
		return 0;
	printf("Authenticating with existing credentials...\n");
	fflush(stdout);
	r = login_check(w->key, w->plain_http, &c, &err);
	if (r == 0) {
		cred_fini(&w->cred);
		w->cred = c;
		memset(&c, 0, sizeof(c));
		return 1;
	}
	fprintf(stderr, "Login did not succeed, error: %s\n", err.msg);
	return r == -EACCES ? 0 : r;
}

static int ask_user(struct wish *w, struct err *err)
{
	struct cred c _cleanup_cred_ = { 0 };
	struct buf question _cleanup_buf_ = BUF_INIT;

	if (strcmp(w->key, HUB) == 0)
		puts(hub_hint);
	if (creds_get(w->key, NULL, &c, NULL) == 0 && c.user && *c.user) {
		if (buf_puts(&question, "Username (") < 0 || text_escape(&question, c.user) < 0 ||
		    buf_puts(&question, "): ") < 0)
			return err_nomem(err);
	} else if (buf_puts(&question, "Username: ") < 0) {
		return err_nomem(err);
	}
	if (prompt_line(question.data, false, &w->cred.user, err) < 0)
		return -ENODATA;
	if (!*w->cred.user && c.user) {
		free(w->cred.user);
		w->cred.user = TAKE_PTR(c.user);
	}
	return 0;
}

/* The user and the password from where they are to come; 1: they are checked already. */
static int complete(struct wish *w, struct err *err)
{
	int r = 0;

	if (w->from_stdin)
		r = read_stdin(&w->cred.password, err);
	else if (!w->cred.user && !w->cred.password)
		r = try_stored(w);
	if (r != 0)
		return r < 0 && !err->msg[0] ? err_set(err, -r, "the registry could not be asked")
					     : r;
	if ((!w->cred.user || !w->cred.password) && !isatty(STDIN_FILENO))
		return err_set(err, ENOTTY,
			       "cannot perform an interactive login from a non TTY device (use -u "
			       "and --password-stdin)");
	if (!w->cred.user)
		r = ask_user(w, err);
	if (r == 0 && !*w->cred.user)
		return err_set(err, EINVAL, "username is null or empty");
	if (r == 0 && !w->cred.password)
		r = prompt_line("Password: ", true, &w->cred.password, err);
	if (r == 0 && !*w->cred.password)
		return err_set(err, EINVAL, "password required");
	if (r == 0 && strchr(w->cred.user, ':'))
		return err_set(err, EINVAL, "a user name cannot have a ':' in it");
	return r;
}

static int login(struct wish *w, struct err *err)
{
	_cleanup_free_ char *file = NULL;
	int r = complete(w, err);

	if (r == 0)
		r = login_check(w->key, w->plain_http, &w->cred, err);
	if (r < 0)
		return r;
	r = creds_put(w->key, &w->cred, &file, err);
	if (r < 0)
		return r;
	if (file && w->cred.password && !w->quiet) {
		fflush(stdout);
		fprintf(stderr, stored_plain, file);
	}
	puts("Login Succeeded");
	return 0;
}

static int take_user(void *user, char *value, struct err *err)
{
	char **to = user;

	free(*to);
	*to = *value ? strdup(value) : NULL;
	return *to || !*value ? 0 : err_nomem(err);
}

/* argv is what ps shows: the copy there is overwritten. */
static int take_password(void *wish, char *value, struct err *err)
{
	struct wish *w = wish;

	w->typed = true;
	wipe_string(w->cred.password);
	w->cred.password = strdup(value);
	if (!w->cred.password)
		return err_nomem(err);
	memset(value, 'x', strlen(value));
	return 0;
}

static const struct option_spec options[] = {
	{ 'u', "username", "USER", "user name", OPTION_TAKE(struct wish, cred.user, take_user) },
	{ 'p', "password", "TEXT", "password; other users can see it: prefer --password-stdin",
	  .kind = OPTION_TAKEN, .take = take_password },
	{ 0, "password-stdin", NULL, "read the password from standard input",
	  OPTION(struct wish, from_stdin) },
	{ 0, "plain-http", NULL, "use http if the registry does not support https",
	  OPTION(struct wish, plain_http) },
	OPTIONS_END,
};

/* 0, or what the verb returns. */
static int check(const struct verb *v, int argc, const struct wish *w)
{
	if (argc > 1)
		return verb_usage(v, "requires at most 1 argument");
	if (w->typed && w->from_stdin)
		return verb_usage(v, "--password and --password-stdin are mutually exclusive");
	if (w->from_stdin && !w->cred.user)
		return verb_usage(v, "Must provide --username with --password-stdin");
	if (w->typed && !w->quiet)
		fputs("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n",
		      stderr);
	return 0;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct wish w _cleanup_(wish_fini) = { .key = NULL };
	struct err err = ERR_INIT;
	int status, r;

	verb_options(v, &argc, &argv, &w);
	w.quiet = g->quiet;
	status = check(v, argc, &w);
	if (status)
		return status;
	w.key = creds_key(argc > 0 ? argv[0] : HUB);
	r = w.key ? login(&w, &err) : err_nomem(&err);
	/* What a registry says names no registry. */
	if (r == -EACCES && w.key)
		r = err_wrap(&err, r, "%.300s", w.key);
	return r < 0 ? verb_fail(v, &err) : 0;
}

const struct verb cmd_login = {
	.name = "login",
	.summary = "Log in to a registry",
	.arguments = "[SERVER]",
	.options = options,
	.help = "Without SERVER it is Docker Hub. What is not given is asked for on a terminal.\n"
		"The registry is asked before anything is stored.\n"
		"\n"
		"Example:\n"
		"  imagefs login -u anna --password-stdin registry.example.com <password\n",
	.run = run,
};
