/* spec    docker run --help; its env-file format */
#include "tools/run/run_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/conffile.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

#define ENV_FILE_MAX (1u << 20)
#define PROFILE_MAX (1u << 20)

static int bad(struct err *err, const char *text, const char *why)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	text_escape(&shown, text);
	return err_set(err, EINVAL, "%.300s: %s", buf_str(&shown), why);
}

static int push_env(struct run_args *a, char *text, struct err *err)
{
	char **v = text ? realloc(a->env, (a->n_env + 2) * sizeof(*v)) : NULL;

	if (!v) {
		free(text);
		return err_nomem(err);
	}
	a->env = v;
	v[a->n_env++] = text;
	v[a->n_env] = NULL;
	return 0;
}

/* A name alone takes its value from our environment. */
static char *complete(const char *text, bool *known)
{
	struct buf b = BUF_INIT;
	const char *value;

	*known = true;
	if (strchr(text, '='))
		return strdup(text);
	value = getenv(text);
	*known = value;
	if (!value)
		return strdup(text);
	if (buf_printf(&b, "%s=%s", text, value) < 0)
		return NULL;
	return buf_take(&b);
}

int run_args_env(struct run_args *a, const char *text, struct err *err)
{
	bool known;

	if (!*text || *text == '=')
		return bad(err, text, "invalid environment variable");
	return push_env(a, complete(text, &known), err);
}

/* Parse one line of a file; variables without a value that are not set here are ignored. */
static int take_line(struct run_args *a, const char *path, char *line, struct err *err)
{
	size_t name = strcspn(line, "=");
	bool known;
	char *text;

	if (name == 0)
		return bad(err, path, "a line has no variable name before its =");
	if (strcspn(line, " \t") < name)
		return bad(err, path, "a variable's name contains whitespace");
	text = complete(line, &known);
	if (text && !known) {
		free(text);
		return 0;
	}
	return push_env(a, text, err);
}

/* The file is the user's own; it may be a pipe. */
int run_args_env_file(struct run_args *a, const char *path, struct err *err)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *text = NULL;
	struct buf shown _cleanup_buf_ = BUF_INIT;
	size_t cap = 0, total = 0;
	ssize_t n = 0;
	int r = 0;

	text_escape(&shown, path);
	errno = f ? 0 : errno;
	while (r == 0 && f && (n = getline(&text, &cap, f)) >= 0) {
		char *line = text;

		if (total == 0 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
			line += 3;
		total += (size_t)n;
		if (total > ENV_FILE_MAX || (size_t)n != strlen(text))
			return bad(err, path, "too large, or not a text file");
		line[strcspn(line, "\r\n")] = '\0';
		line += strspn(line, " \t");
		if (*line && *line != '#')
			r = take_line(a, path, line, err);
	}
	if (r == 0 && (!f || ferror(f)))
		return err_sys(err, errno, "%.300s", buf_str(&shown));
	return r;
}

/* --- --security-opt --- */

static int read_profile(struct run_args *a, const char *path, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *profile = NULL;
	int r = conffile_read(path, PROFILE_MAX, &text, err);

	if (r == -ENOENT)
		return bad(err, path, "no such file: seccomp= expects the file of a profile");
	if (r == 0)
		r = json_parse(buf_str(&text), text.len, path, &profile, err);
	if (r < 0)
		return r;
	json_decref(a->seccomp);
	a->seccomp = TAKE_PTR(profile);
	a->seccomp_name = path;
	return 0;
}

static int take_seccomp(struct run_args *a, const char *value, struct err *err)
{
	a->unconfined = strcmp(value, "unconfined") == 0;
	if (!a->unconfined && strcmp(value, "builtin") != 0)
		return read_profile(a, value, err);
	json_decref(TAKE_PTR(a->seccomp));
	return 0;
}

int run_args_security(struct run_args *a, const char *text, struct err *err)
{
	static const char *const nothing[] = { "label=disable", "label:disable",
					       "apparmor=unconfined", "apparmor:unconfined" };
	size_t n = strcspn(text, "=:"), i;
	const char *value = text[n] ? text + n + 1 : "";

	if (n == strlen("seccomp") && strncmp(text, "seccomp", n) == 0 && *value)
		return take_seccomp(a, value, err);
	if (n == strlen("no-new-privileges") && strncmp(text, "no-new-privileges", n) == 0) {
		a->no_new_privs = !text[n] || strcmp(value, "true") == 0;
		if (a->no_new_privs || strcmp(value, "false") == 0)
			return 0;
	}
	for (i = 0; i < ARRAY_SIZE(nothing); i++)
		if (strcmp(text, nothing[i]) == 0)
			return 0;
	return bad(err, text,
		   "unsupported --security-opt: only seccomp=unconfined|FILE and no-new-privileges "
		   "are supported");
}

void run_args_fini(struct run_args *a)
{
	size_t i;

	for (i = 0; i < a->n_env; i++)
		free(a->env[i]);
	free(a->env);
	for (i = 0; i < a->n_volumes; i++)
		run_args_free_volume(&a->volumes[i]);
	free(a->volumes);
	json_decref(a->seccomp);
}
