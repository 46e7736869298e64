/*
 * Mounts of a container: -v, --mount and --tmpfs.
 * spec    docker run --help; the fields of --mount are a CSV record (RFC 4180)
 */
#include "tools/run/run_args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

static int bad(struct err *err, const char *text, const char *why)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	text_escape(&shown, text);
	return err_set(err, EINVAL, "%.300s: %s", buf_str(&shown), why);
}

static int replace(char **where, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*where);
	*where = copy;
	return 0;
}

static bool is_propagation(const char *word)
{
	static const char *const how[] = { "private", "rprivate", "shared",
					   "rshared", "slave",	  "rslave" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(how); i++)
		if (strcmp(word, how[i]) == 0)
			return true;
	return false;
}

/* --- -v --- */

/* Parse one option after the second colon. */
static int volume_option(struct run_volume *v, const char *word)
{
	/* Options for SELinux labels or other systems are ignored. */
	static const char *const nothing[] = { "rw",	 "z",	       "Z",	   "nocopy",
					       "cached", "consistent", "delegated" };
	size_t i;

	if (strcmp(word, "ro") == 0) {
		v->ro = true;
		return 0;
	}
	if (is_propagation(word))
		return replace(&v->propagation, word);
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
	if (target && *parts != '.' && !strchr(parts, '/'))
		return bad(err, text,
			   "named volumes are not supported; for a directory of the host write a "
			   "path with a slash: -v ./NAME:PATH");
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

void run_args_free_volume(struct run_volume *v)
{
	free(v->source);
	free(v->target);
	free(v->propagation);
	free(v->size);
	free(v->mode);
}

/* Takes v, or frees it if r is an error. */
static int add(struct run_args *a, struct run_volume *v, int r, struct err *err)
{
	struct run_volume *all =
		r < 0 ? NULL : realloc(a->volumes, (a->n_volumes + 1) * sizeof(*all));

	if (r == 0 && !all)
		r = err_nomem(err);
	if (r < 0) {
		run_args_free_volume(v);
		return r;
	}
	a->volumes = all;
	all[a->n_volumes++] = *v;
	return 0;
}

int run_args_volume(struct run_args *a, const char *text, struct err *err)
{
	_cleanup_free_ char *parts = strdup(text);
	struct run_volume v = { 0 };
	int r = parts ? parse_volume(a, &v, parts, text, err) : err_nomem(err);

	return add(a, &v, r, err);
}

/* --- --mount --- */

/* Parse the next field, in place; *rest is set behind it; -EINVAL: unterminated quote. */
static int next_field(char **rest, char **out)
{
	char *in = *rest, *to = in;
	bool quoted = *in == '"';

	*out = in;
	in += quoted;
	while (*in && (quoted || *in != ',')) {
		if (quoted && *in == '"') {
			in++;
			if (*in != '"')
				break;
		}
		*to++ = *in++;
		if (quoted && !*in)
			return -EINVAL;
	}
	if (*in && *in != ',')
		return -EINVAL;
	*rest = *in ? in + 1 : NULL;
	*to = '\0';
	return 0;
}

/* Empty, or a value accepted by Go's strconv.ParseBool. */
static int parse_switch(const char *value, bool *out)
{
	static const char *const words[] = { "1", "t", "T", "TRUE",  "true",  "True",
					     "0", "f", "F", "FALSE", "false", "False" };
	size_t i = 0;

	while (value && i < ARRAY_SIZE(words) && strcmp(value, words[i]) != 0)
		i++;
	*out = i < ARRAY_SIZE(words) / 2;
	return i < ARRAY_SIZE(words) ? 0 : -EINVAL;
}

/* A number of bytes with an optional suffix k, m or g, as in the kernel. */
static int set_size(struct run_volume *v, const char *value)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	size_t digits = strspn(value, "0123456789");

	if (digits == 0 || digits > 15 || (value[digits] && !strchr("kKmMgG", value[digits])) ||
	    (value[digits] && value[digits + 1] && strcasecmp(value + digits + 1, "b") != 0))
		return -EINVAL;
	if (buf_printf(&text, "size=%.*s", (int)(digits + (value[digits] != 0)), value) < 0)
		return -ENOMEM;
	return replace(&v->size, buf_str(&text));
}

static int set_mode(struct run_volume *v, const char *value)
{
	struct buf text _cleanup_buf_ = BUF_INIT;

	if (!*value || strlen(value) > 5 || strspn(value, "01234567") != strlen(value))
		return -EINVAL;
	if (buf_printf(&text, "mode=%s", value) < 0)
		return -ENOMEM;
	return replace(&v->mode, buf_str(&text));
}

struct mount_words {
	const char *type, *source, *target;
};

/* Compare without case, as docker does. */
static bool is(const char *key, const char *a, const char *b, const char *c)
{
	return strcasecmp(key, a) == 0 || (b && strcasecmp(key, b) == 0) ||
	       (c && strcasecmp(key, c) == 0);
}

/* -ENOENT: unknown key. */
static int take_field(struct run_volume *v, struct mount_words *w, const char *key,
		      const char *value)
{
	bool flag;

	if (is(key, "readonly", "ro", NULL))
		return parse_switch(value, &v->ro);
	if (is(key, "bind-nonrecursive", NULL, NULL))
		return parse_switch(value, &v->flat);
	if (!value)
		return -ENOENT;
	if (is(key, "type", NULL, NULL))
		w->type = value;
	else if (is(key, "source", "src", NULL))
		w->source = value;
	else if (is(key, "target", "destination", "dst"))
		w->target = value;
	else if (is(key, "bind-propagation", NULL, NULL))
		return is_propagation(value) ? replace(&v->propagation, value) : -EINVAL;
	else if (is(key, "bind-recursive", NULL, NULL) && strcmp(value, "disabled") == 0)
		v->flat = true;
	else if (is(key, "bind-recursive", NULL, NULL))
		return strcmp(value, "enabled") == 0 ? 0 : -EINVAL;
	else if (is(key, "bind-create-src", NULL, NULL) && parse_switch(value, &flag) < 0)
		return -EINVAL;
	else if (is(key, "bind-create-src", NULL, NULL))
		v->must_exist = !flag;
	else if (is(key, "tmpfs-size", NULL, NULL))
		return set_size(v, value);
	else if (is(key, "tmpfs-mode", NULL, NULL))
		return set_mode(v, value);
	else if (!is(key, "consistency", NULL, NULL))
		return -ENOENT;
	return 0;
}

static int take_fields(struct run_volume *v, struct mount_words *w, char *rest, const char *text,
		       struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	while (rest) {
		char *field, *value;
		int r = next_field(&rest, &field);

		if (r < 0)
			return bad(err, text, "invalid --mount: unterminated quote");
		buf_clear(&shown);
		value = strchr(field, '=');
		if (value)
			*value++ = '\0';
		r = take_field(v, w, field, value);
		if (r == -ENOMEM)
			return err_nomem(err);
		text_escape(&shown, field);
		if (r == -ENOENT)
			return err_set(err, EINVAL, "invalid --mount: unexpected %s '%.100s'",
				       value ? "key" : "word", buf_str(&shown));
		if (r < 0)
			return err_set(err, EINVAL, "invalid --mount: invalid value for '%.100s'",
				       buf_str(&shown));
	}
	return 0;
}

static int check_mount(const struct run_args *a, struct run_volume *v, const struct mount_words *w,
		       const char *text, struct err *err)
{
	const char *type = w->type ? w->type : "volume";

	if (strcasecmp(type, "volume") == 0)
		return bad(err, text,
			   "volumes are not supported; for a directory of the host use "
			   "type=bind,src=./DIR,dst=PATH");
	v->tmpfs = strcasecmp(type, "tmpfs") == 0;
	if (!v->tmpfs && strcasecmp(type, "bind") != 0)
		return bad(err, text, "unsupported type: only bind and tmpfs are supported");
	if (!w->target)
		return bad(err, text, "invalid --mount: target is required");
	if (v->tmpfs && w->source)
		return bad(err, text, "invalid --mount: source is not allowed for tmpfs");
	if (!v->tmpfs && (!w->source || !*w->source))
		return bad(err, text, "invalid --mount: source is required");
	if (!v->tmpfs && (v->size || v->mode))
		return bad(err, text, "invalid --mount: size and mode are only allowed for tmpfs");
	v->target = strdup(w->target);
	v->source = v->tmpfs ? NULL : make_absolute(w->source);
	if (!v->target || (!v->tmpfs && !v->source))
		return err_nomem(err);
	return check_target(a, v, text, err);
}

int run_args_mount(struct run_args *a, const char *text, struct err *err)
{
	_cleanup_free_ char *fields = strdup(text);
	struct run_volume v = { .must_exist = true };
	struct mount_words w = { 0 };
	int r = fields ? take_fields(&v, &w, fields, text, err) : err_nomem(err);

	if (r == 0)
		r = check_mount(a, &v, &w, text, err);
	return add(a, &v, r, err);
}

/* --- --tmpfs --- */

static int take_tmpfs_option(struct run_volume *v, const char *word)
{
	/* These apply to every mount. */
	static const char *const always[] = { "rw", "nosuid", "nodev", "noexec" };
	size_t i;

	if (strcmp(word, "ro") == 0) {
		v->ro = true;
		return 0;
	}
	if (strncmp(word, "size=", 5) == 0)
		return set_size(v, word + 5);
	if (strncmp(word, "mode=", 5) == 0)
		return set_mode(v, word + 5);
	for (i = 0; i < ARRAY_SIZE(always); i++)
		if (strcmp(word, always[i]) == 0)
			return 0;
	return -EINVAL;
}

int run_args_tmpfs(struct run_args *a, const char *text, struct err *err)
{
	_cleanup_free_ char *parts = strdup(text);
	char *options = parts ? strchr(parts, ':') : NULL, *word, *save = NULL;
	struct run_volume v = { .tmpfs = true };
	int r = parts ? 0 : -ENOMEM;

	if (options)
		*options++ = '\0';
	for (word = options ? strtok_r(options, ",", &save) : NULL; word && r == 0;
	     word = strtok_r(NULL, ",", &save))
		r = take_tmpfs_option(&v, word);
	v.target = parts ? strdup(parts) : NULL;
	if (r == -ENOMEM || !v.target)
		r = err_nomem(err);
	else
		r = r < 0 ? bad(err, text,
				"invalid --tmpfs: only ro, size= and mode= are supported")
			  : check_target(a, &v, text, err);
	return add(a, &v, r, err);
}
