/* spec    docker run --help; its env-file format */
#include "tools/run_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#define ENV_FILE_MAX (1u << 20)

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

/* A name alone takes its value from our own environment. */
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

/* One line of a file; a variable that is unknown here is none. */
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

/* The user's own file; it may be a pipe. */
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
			return bad(err, path, "too large, or not a text");
		line[strcspn(line, "\r\n")] = '\0';
		line += strspn(line, " \t");
		if (*line && *line != '#')
			r = take_line(a, path, line, err);
	}
	if (r == 0 && (!f || ferror(f)))
		return err_sys(err, errno, "%.300s", buf_str(&shown));
	return r;
}

/* One word behind the second colon. */
static int volume_option(struct run_volume *v, const char *word)
{
	static const char *const how[] = { "private", "rprivate", "shared",
					   "rshared", "slave",	  "rslave" };
	/* What says something about labels of SELinux, or about another system's file sharing. */
	static const char *const nothing[] = { "rw",	 "z",	       "Z",	   "nocopy",
					       "cached", "consistent", "delegated" };
	size_t i;

	if (strcmp(word, "ro") == 0) {
		v->ro = true;
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		if (strcmp(word, how[i]) != 0)
			continue;
		free(v->propagation);
		v->propagation = strdup(word);
		return v->propagation ? 0 : -ENOMEM;
	}
	for (i = 0; i < ARRAY_SIZE(nothing); i++)
		if (strcmp(word, nothing[i]) == 0)
			return 0;
	return -EINVAL;
}

static char *make_absolute(const char *path)
{
	_cleanup_free_ char *here = NULL;

	if (path[0] == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	return here ? path_join(here, path) : NULL;
}

static int check_target(const struct run_args *a, struct run_volume *v, const char *text,
			struct err *err)
{
	size_t i;

	if (v->target[0] != '/')
		return bad(err, text,
			   "invalid volume specification: the mount path must be absolute");
	path_clean(v->target);
	if (strcmp(v->target, "/") == 0)
		return bad(err, text,
			   "invalid volume specification: the destination cannot be '/'");
	for (i = 0; i < a->n_volumes; i++)
		if (strcmp(a->volumes[i].target, v->target) == 0)
			return bad(err, v->target, "duplicate mount point");
	return 0;
}

static int parse_volume(const struct run_args *a, struct run_volume *v, char *parts,
			const char *text, struct err *err)
{
	char *target = strchr(parts, ':'), *options = NULL, *word, *save = NULL;
	int r = 0;

	if (target)
		*target++ = '\0';
	options = target ? strchr(target, ':') : NULL;
	if (options)
		*options++ = '\0';
	if (!*parts || (target && !*target) || (options && (!*options || strchr(options, ':'))))
		return bad(err, text, "invalid volume specification");
	v->target = strdup(target ? target : parts);
	v->source = target ? make_absolute(parts) : NULL;
	if (!v->target || (target && !v->source))
		return err_nomem(err);
	for (word = options ? strtok_r(options, ",", &save) : NULL; word && r == 0;
	     word = strtok_r(NULL, ",", &save))
		r = volume_option(v, word);
	if (r < 0)
		return r == -ENOMEM ? err_nomem(err)
				    : bad(err, text, "invalid volume specification: invalid mode");
	return check_target(a, v, text, err);
}

static void free_volume(struct run_volume *v)
{
	free(v->source);
	free(v->target);
	free(v->propagation);
}

int run_args_volume(struct run_args *a, const char *text, struct err *err)
{
	_cleanup_free_ char *parts = strdup(text);
	struct run_volume v = { 0 }, *all;
	int r = parts ? parse_volume(a, &v, parts, text, err) : err_nomem(err);

	all = r < 0 ? NULL : realloc(a->volumes, (a->n_volumes + 1) * sizeof(*all));
	if (r == 0 && !all)
		r = err_nomem(err);
	if (r < 0) {
		free_volume(&v);
		return r;
	}
	a->volumes = all;
	all[a->n_volumes++] = v;
	return 0;
}

void run_args_fini(struct run_args *a)
{
	size_t i;

	for (i = 0; i < a->n_env; i++)
		free(a->env[i]);
	free(a->env);
	for (i = 0; i < a->n_volumes; i++)
		free_volume(&a->volumes[i]);
	free(a->volumes);
}
