/*
 * Keys have the meaning that they have in containers/image. Like it, unknown keys are ignored,
 * because newer versions add some.
 */
#include "registry/config/registries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/conffile.h"
#include "base/err.h"
#include "base/file.h"
#include "registry/config/toml.h"
#include "store/oci/reference.h"

#define MAX_FILE (1024 * 1024)
#define MAX_NAME 512
#define MAX_MIRRORS 64

#define USER_DIR ".config/containers/"
#define SYSTEM_DIR "/etc/containers/"
#define CONF "registries.conf"
#define CONF_D CONF ".d"

DEFINE_CLEANUP_PTR(struct toml, toml_free);

static void entry_fini(struct registry_entry *e)
{
	size_t i;

	for (i = 0; i < e->n_mirrors; i++)
		free(e->mirrors[i].location);
	free(e->mirrors);
	free(e->prefix);
	free(e->location);
	free(e->file);
	*e = (struct registry_entry){ 0 };
}

void registries_fini(struct registries *all)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		entry_fini(&all->v[i]);
	free(all->v);
	all->v = NULL;
	all->n = 0;
}

#define WRONG(t, what, err, fmt, ...) \
	err_set(err, EINVAL, "%.400s: line %zu: " fmt, what, (t)->line, ##__VA_ARGS__)

static int get_bool(const struct toml *t, const char *key, const char *what, bool *out,
		    struct err *err)
{
	const struct toml *v = toml_get(t, key);

	if (!v)
		return 0;
	if (v->type != TOML_BOOL)
		return WRONG(v, what, err, "'%s' must be true or false", key);
	*out = v->yes;
	return 0;
}

/* get_name - a host or host/path without trailing slashes; NULL: missing or empty. */
static int get_name(const struct toml *t, const char *key, const char *what, char **out,
		    struct err *err)
{
	const struct toml *v = toml_get(t, key);
	size_t n;

	*out = NULL;
	if (!v)
		return 0;
	if (v->type != TOML_STRING)
		return WRONG(v, what, err, "'%s' must be a string", key);
	for (n = strlen(v->text); n && v->text[n - 1] == '/'; n--)
		;
	if (n > MAX_NAME)
		return WRONG(v, what, err, "'%s' is longer than %d bytes", key, MAX_NAME);
	if (strncmp(v->text, "http://", 7) == 0 || strncmp(v->text, "https://", 8) == 0)
		return WRONG(v, what, err, "invalid location '%s': URI schemes are not supported",
			     v->text);
	if (n == 0)
		return 0;
	*out = strndup(v->text, n);
	return *out ? 0 : err_nomem(err);
}

/* True for a host or host/path, which a reference could begin with. */
static int names_host(const char *s)
{
	_cleanup_reference_ struct reference ref = { 0 };
	size_t n = strcspn(s, "/");
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r;

	/* Append a path, so that a name without a dot is not parsed as a path on Docker Hub. */
	if (buf_puts(&text, s) < 0 || (!s[n] && buf_puts(&text, "/x") < 0))
		return -ENOMEM;
	r = n ? reference_parse(buf_str(&text), &ref, NULL) : -EINVAL;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return strlen(ref.domain) == n || strncmp(s, "index.docker.io", n) == 0;
}

static int check_location(const struct toml *t, const char *what, const char *location,
			  struct err *err)
{
	int r = names_host(location);

	if (r < 0)
		return err_nomem(err);
	return r ? 0
		 : WRONG(t, what, err,
			 "'%s' is not a valid location: it must begin with a host that "
			 "has a '.' or a port",
			 location);
}

static int check_prefix(const struct toml *t, const char *what, const char *prefix, struct err *err)
{
	const char *host = strncmp(prefix, "*.", 2) == 0 ? prefix + 2 : prefix;

	/* A wildcard matches subdomains of a host; one label is enough ("*.internal"). */
	if (host != prefix && (strpbrk(host, "/:@*") || !*host || *host == '.'))
		return WRONG(
			t, what, err,
			"wildcarded prefix should be in the format: *.example.com. Current prefix "
			"'%s' is incorrectly formatted",
			prefix);
	if (host == prefix && strchr(prefix, '*'))
		return WRONG(
			t, what, err,
			"'%s': a wildcard may only stand at the beginning, as in *.example.com",
			prefix);
	return 0;
}

static int mirror_use(const struct toml *t, const char *what, bool digests_only,
		      enum mirror_use *out, struct err *err)
{
	const struct toml *v = toml_get(t, "pull-from-mirror");
	const char *use = v && v->type == TOML_STRING ? v->text : "";

	*out = digests_only ? MIRROR_DIGESTS : MIRROR_ALWAYS;
	if (!v || (v->type == TOML_STRING && !*use))
		return 0;
	if (digests_only)
		return WRONG(v, what, err,
			     "'pull-from-mirror' and 'mirror-by-digest-only' cannot be set at the "
			     "same time");
	if (strcmp(use, "all") == 0)
		*out = MIRROR_ALWAYS;
	else if (strcmp(use, "digest-only") == 0)
		*out = MIRROR_DIGESTS;
	else if (strcmp(use, "tag-only") == 0)
		*out = MIRROR_TAGS;
	else
		return WRONG(v, what, err,
			     "'pull-from-mirror' must be \"all\", \"digest-only\" or \"tag-only\"");
	return 0;
}

static int read_mirror(const struct toml *t, const char *what, bool digests_only,
		       struct registry_mirror *m, struct err *err)
{
	int r;

	if (t->type != TOML_TABLE)
		return WRONG(t, what, err,
			     "'mirror' must be a list of tables: [[registry.mirror]]");
	r = get_name(t, "location", what, &m->location, err);
	if (r == 0 && !m->location)
		return WRONG(t, what, err, "invalid location: cannot be empty");
	if (r == 0)
		r = check_location(t, what, m->location, err);
	if (r == 0)
		r = get_bool(t, "insecure", what, &m->insecure, err);
	return r == 0 ? mirror_use(t, what, digests_only, &m->use, err) : r;
}

static int read_mirrors(const struct toml *t, const char *what, bool digests_only,
			struct registry_entry *e, struct err *err)
{
	const struct toml *list = toml_get(t, "mirror");
	int r = 0;
	size_t i;

	if (!list)
		return 0;
	if (list->type != TOML_ARRAY)
		return WRONG(list, what, err,
			     "'mirror' must be a list of tables: [[registry.mirror]]");
	if (list->n > MAX_MIRRORS)
		return WRONG(list, what, err, "more than %d mirrors", MAX_MIRRORS);
	e->mirrors = calloc(list->n ? list->n : 1, sizeof(*e->mirrors));
	if (!e->mirrors)
		return err_nomem(err);
	for (i = 0; r == 0 && i < list->n; i++)
		r = read_mirror(list->v[i], what, digests_only, &e->mirrors[e->n_mirrors++], err);
	return r;
}

static int read_names(const struct toml *t, const char *what, struct registry_entry *e,
		      struct err *err)
{
	int r = get_name(t, "prefix", what, &e->prefix, err);

	if (r == 0)
		r = get_name(t, "location", what, &e->location, err);
	if (r < 0)
		return r;
	if (!e->prefix && !e->location)
		return WRONG(t, what, err,
			     "a [[registry]] needs a 'prefix' or a 'location', and has neither");
	if (!e->prefix) {
		e->prefix = strdup(e->location);
		if (!e->prefix)
			return err_nomem(err);
	}
	r = check_prefix(t, what, e->prefix, err);
	return r < 0 || !e->location ? r : check_location(t, what, e->location, err);
}

static int read_entry(const struct toml *t, const char *what, struct registry_entry *e,
		      struct err *err)
{
	bool digests_only = false;
	int r;

	if (t->type != TOML_TABLE)
		return WRONG(t, what, err, "'registry' must be a list of tables: [[registry]]");
	e->file = strdup(what);
	if (!e->file)
		return err_nomem(err);
	r = read_names(t, what, e, err);
	if (r == 0)
		r = get_bool(t, "insecure", what, &e->insecure, err);
	if (r == 0)
		r = get_bool(t, "blocked", what, &e->blocked, err);
	if (r == 0)
		r = get_bool(t, "mirror-by-digest-only", what, &digests_only, err);
	return r == 0 ? read_mirrors(t, what, digests_only, e, err) : r;
}

/* Return the place for one more entry; the caller increments n. */
static struct registry_entry *room(struct registries *all, struct err *err)
{
	struct registry_entry *v = realloc(all->v, (all->n + 1) * sizeof(*v));

	if (!v) {
		err_nomem(err);
		return NULL;
	}
	all->v = v;
	v[all->n] = (struct registry_entry){ 0 };
	return &v[all->n];
}

static const char *place(const struct registry_entry *e)
{
	return e->location ? e->location : e->prefix;
}

/* Entries with the same location must agree on `insecure`. */
static int check_conflicts(const struct registries *all, const struct toml *t, const char *what,
			   struct err *err)
{
	const struct registry_entry *last = &all->v[all->n - 1], *e;

	for (e = all->v; e < last; e++) {
		if (strcmp(place(e), place(last)) != 0)
			continue;
		if (e->insecure != last->insecure || e->blocked != last->blocked)
			return WRONG(t, what, err,
				     "registry '%s' is defined multiple times with conflicting "
				     "'%s' setting",
				     place(last),
				     e->insecure != last->insecure ? "insecure" : "blocked");
	}
	return 0;
}

static int read_version2(const struct toml *list, const char *what, struct registries *out,
			 struct err *err)
{
	struct registry_entry *e;
	size_t i;
	int r;

	if (list->type != TOML_ARRAY)
		return WRONG(list, what, err, "'registry' must be a list of tables: [[registry]]");
	for (i = 0; i < list->n; i++) {
		e = room(out, err);
		if (!e)
			return -ENOMEM;
		out->n++;
		r = read_entry(list->v[i], what, e, err);
		if (r == 0)
			r = check_conflicts(out, list->v[i], what, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Add one name of [registries.block] or [registries.insecure]. */
static int add_version1(const struct toml *t, const char *what, bool block, struct registries *out,
			struct err *err)
{
	struct registry_entry *e = NULL;
	size_t i, n;

	if (t->type != TOML_STRING || !*t->text || strlen(t->text) > MAX_NAME)
		return WRONG(t, what, err, "the name of a registry must be a string");
	for (n = strlen(t->text); n && t->text[n - 1] == '/'; n--)
		;
	for (i = 0; i < out->n; i++)
		if (strncmp(out->v[i].prefix, t->text, n) == 0 && !out->v[i].prefix[n])
			e = &out->v[i];
	if (!e) {
		e = room(out, err);
		if (!e)
			return -ENOMEM;
		out->n++;
		e->prefix = strndup(t->text, n);
		e->file = strdup(what);
		if (!e->prefix || !e->file)
			return err_nomem(err);
	}
	*(block ? &e->blocked : &e->insecure) = true;
	return 0;
}

/* Version 1 has lists of names: [registries.search], .insecure and .block. */
static int read_version1(const struct toml *t, const char *what, struct registries *out,
			 struct err *err)
{
	static const char *const kinds[] = { "insecure", "block" };
	const struct toml *list;
	size_t k, i;
	int r = 0;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		list = toml_get(toml_get(t, kinds[k]), "registries");
		if (list && list->type != TOML_ARRAY)
			return WRONG(list, what, err, "'registries' must be a list of names");
		for (i = 0; r == 0 && list && i < list->n; i++)
			r = add_version1(list->v[i], what, k == 1, out, err);
	}
	return r;
}

/* Move the entries of more to all, which has room for them. */
static void merge(struct registries *all, struct registries *more)
{
	size_t i, j;

	for (i = 0; i < more->n; i++) {
		for (j = 0; j < all->n; j++)
			if (strcmp(all->v[j].prefix, more->v[i].prefix) == 0)
				break;
		if (j == all->n)
			all->n++;
		else
			entry_fini(&all->v[j]);
		all->v[j] = more->v[i];
	}
	more->n = 0;
}

int registries_add(struct registries *all, const char *text, size_t len, const char *what,
		   struct err *err)
{
	_cleanup_(cleanup_toml_free) struct toml *t = NULL;
	struct registries more _cleanup_registries_ = { NULL, 0 };
	const struct toml *v1, *v2;
	struct registry_entry *v;
	int r = toml_parse(text, len, what, &t, err);

	if (r < 0)
		return r;
	v1 = toml_get(t, "registries");
	v2 = toml_get(t, "registry");
	if (v1 && v2)
		return WRONG(v1, what, err, "mixing sysregistry v1/v2 is not supported");
	if (v1)
		r = read_version1(v1, what, &more, err);
	else if (v2)
		r = read_version2(v2, what, &more, err);
	if (r < 0 || more.n == 0)
		return r;
	v = realloc(all->v, (all->n + more.n) * sizeof(*v));
	if (!v)
		return err_nomem(err);
	all->v = v;
	merge(all, &more);
	return 0;
}

static int add_file(struct registries *all, const char *path, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r = conffile_read(path, MAX_FILE, &text, err);

	return r < 0 ? r : registries_add(all, buf_str(&text), text.len, path, err);
}

static int add_dir(struct registries *all, const char *dir, struct err *err)
{
	char **names;
	size_t n, i;
	int r = conffile_names(dir, ".conf", &names, &n, err);

	if (r < 0)
		return r;
	for (i = 0; r == 0 && i < n; i++) {
		_cleanup_free_ char *path = path_join(dir, names[i]);

		r = path ? add_file(all, path, err) : err_nomem(err);
	}
	file_names_free(names);
	return r;
}

/* Read the main file. *own: it is the user's, so the system's directory is ignored. */
static int add_main(struct registries *all, bool *own, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	const char *set = getenv("CONTAINERS_REGISTRIES_CONF");
	int r;

	if (set && *set)
		return add_file(all, set, err);
	r = conffile_home(USER_DIR CONF, &path, err);
	if (r < 0)
		return r;
	*own = path && access(path, F_OK) == 0;
	r = add_file(all, *own ? path : SYSTEM_DIR CONF, err);
	if (r == -ENOENT && err)
		*err = (struct err)ERR_INIT;
	return r == -ENOENT ? 0 : r;
}

int registries_load(struct registries *out, struct err *err)
{
	struct registries all _cleanup_registries_ = { NULL, 0 };
	const char *dir = getenv("CONTAINERS_REGISTRIES_CONF_DIR");
	_cleanup_free_ char *user_dir = NULL;
	bool own = false;
	int r = add_main(&all, &own, err);

	if (r == 0 && dir && *dir) {
		r = add_dir(&all, dir, err);
	} else if (r == 0) {
		r = own ? 0 : add_dir(&all, SYSTEM_DIR CONF_D, err);
		if (r == 0)
			r = conffile_home(USER_DIR CONF_D, &user_dir, err);
		if (r == 0 && user_dir)
			r = add_dir(&all, user_dir, err);
	}
	if (r < 0)
		return r;
	*out = all;
	all = (struct registries){ NULL, 0 };
	return 0;
}

/* Length of the part of name that prefix matches; 0: no match. */
static size_t takes(const char *prefix, const char *name)
{
	size_t n = strlen(prefix), host;

	if (strncmp(prefix, "*.", 2) == 0) {
		host = strcspn(name, ":/@");
		/* "*" matches one or more labels. */
		return host >= n && strncmp(name + host - (n - 1), prefix + 1, n - 1) == 0 ? host
											   : 0;
	}
	/*
	 * As in containers/image, "example.com" also matches example.com:5000, so that a file
	 * blocks and maps the same names in all tools.
	 */
	return strncmp(prefix, name, n) == 0 && (!name[n] || strchr(":/@", name[n])) ? n : 0;
}

const struct registry_entry *registries_find(const struct registries *all, const char *name,
					     size_t *match)
{
	const struct registry_entry *best = NULL;
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct registry_entry *e = &all->v[i];
		size_t n = takes(e->prefix, name);

		if (n && (!best || strlen(e->prefix) > strlen(best->prefix))) {
			best = e;
			*match = n;
		}
	}
	return best;
}
