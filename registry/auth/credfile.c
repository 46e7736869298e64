/*
 * The files differ only in their keys: docker uses a URL for Docker Hub, and old versions used URLs
 * for all registries; podman also has keys with repositories.
 */
#include "registry/auth/credfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/conffile.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/text.h"
#include "registry/auth/cred.h"

#define HUB "docker.io"
#define HUB_URL "https://index.docker.io/v1/"
#define MAX_LINKS 40

/* --- Keys ------------------------------------------------------------------------ */

char *credfile_name(const char *name, size_t n)
{
	static const char *const hub[] = { "index.docker.io", "registry-1.docker.io" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hub); i++)
		if (strlen(hub[i]) == n && strncmp(hub[i], name, n) == 0)
			return strdup(HUB);
	return strndup(name, n);
}

/* A parsed key: host, and the namespace that the entry is for. Both point into the key. */
struct key {
	const char *host, *path;
	size_t host_len, path_len;
};

static void split_key(const char *text, struct key *out)
{
	bool url = true;

	if (strncasecmp(text, "https://", 8) == 0)
		text += 8;
	else if (strncasecmp(text, "http://", 7) == 0)
		text += 7;
	else
		url = false;
	out->host = text;
	out->host_len = strcspn(text, "/");
	out->path = text + out->host_len;
	out->path += *out->path == '/';
	out->path_len = strlen(out->path);
	while (out->path_len && out->path[out->path_len - 1] == '/')
		out->path_len--;
	/* The path of a URL is the protocol's, not a namespace. */
	if (url || (out->path_len == 2 &&
		    (strncmp(out->path, "v1", 2) == 0 || strncmp(out->path, "v2", 2) == 0)))
		out->path_len = 0;
}

/* is_for - 1 if the key matches the registry or a namespace that contains path; 0; -ENOMEM. */
static int is_for(const struct key *k, const char *key, const char *path)
{
	_cleanup_free_ char *host = credfile_name(k->host, k->host_len);

	if (!host)
		return -ENOMEM;
	if (strcmp(host, key) != 0)
		return 0;
	if (k->path_len == 0)
		return 1;
	return path && strncmp(path, k->path, k->path_len) == 0 &&
	       (path[k->path_len] == '/' || path[k->path_len] == '\0');
}

/* --- Reading --------------------------------------------------------------------- */

/* The parser's message may quote a password: only the line number is reported. */
static int damaged(const char *path, const struct err *why, struct err *err)
{
	const char *line = strstr(why->msg, ": line ");
	size_t n = line ? 7 + strspn(line + 7, "0123456789") : 0;

	return err_set(err, EINVAL, "%s%.*s: invalid JSON", path, (int)n, line ? line : "");
}

int credfile_load(const char *path, json_t **out, struct err *err)
{
	struct buf text _cleanup_secret_buf_ = BUF_INIT;
	_cleanup_json_ json_t *root = NULL;
	struct err why = ERR_INIT;
	int r = conffile_read(path, CREDFILE_MAX, &text, &why);

	if (r == -ENOENT || r == -ENOTDIR)
		return -ENOENT;
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	if (text.len == 0)
		return -ENOENT;
	r = json_parse(text.data, text.len, "file", &root, &why);
	if (r < 0)
		return r == -ENOMEM ? err_nomem(err) : damaged(path, &why, err);
	if (!json_is_object(root))
		return err_set(err, EINVAL, "%s: not a JSON object", path);
	*out = TAKE_PTR(root);
	return 0;
}

const char *credfile_helper(const json_t *root, const char *key)
{
	json_t *helpers = json_object_get(root, "credHelpers"), *value;
	const char *name, *store = json_str(root, "credsStore");

	json_object_foreach(helpers, name, value) {
		struct key k;

		split_key(name, &k);
		if (k.path_len == 0 && is_for(&k, key, NULL) > 0 && json_is_string(value) &&
		    *json_string_value(value))
			return json_string_value(value);
	}
	return store && *store ? store : NULL;
}

/* read_auth - decode base64 of USER:PASSWORD; -EINVAL if it is not. */
static int read_auth(const char *auth, struct cred *out)
{
	char *text, *colon;
	size_t n;
	int r = base64_decode(auth, strlen(auth), &text, &n);

	if (r < 0)
		return r;
	/* Some tools include a terminating NUL. */
	while (n && text[n - 1] == '\0')
		n--;
	colon = strlen(text) >= n ? memchr(text, ':', n) : NULL;
	r = colon ? 0 : -EINVAL;
	if (colon) {
		out->user = strndup(text, (size_t)(colon - text));
		out->password = strdup(colon + 1);
		if (!out->user || !out->password)
			r = -ENOMEM;
	}
	wipe_free(text, n);
	return r;
}

/* Returns 0, -ENOENT for an empty entry, -EINVAL or -ENOMEM. */
static int read_entry(const json_t *entry, struct cred *out)
{
	const char *auth = json_str(entry, "auth"), *user = json_str(entry, "username");
	const char *password = json_str(entry, "password");
	const char *identity = json_str(entry, "identitytoken");
	struct cred c _cleanup_cred_ = { 0 };
	int r = 0;

	if (auth && *auth)
		r = read_auth(auth, &c);
	else if (user && !(c.user = strdup(user)))
		r = -ENOMEM;
	else if (password && !(c.password = strdup(password)))
		r = -ENOMEM;
	if (r == 0 && identity && *identity && !(c.identity_token = strdup(identity)))
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (c.password && !*c.password) {
		free(c.password);
		c.password = NULL;
	}
	if ((!c.password || !c.user || !*c.user) && !c.identity_token)
		return -ENOENT;
	*out = c;
	memset(&c, 0, sizeof(c));
	return 0;
}

int credfile_find(const json_t *root, const char *what, const char *key, const char *path,
		  struct cred *out, struct err *err)
{
	json_t *auths = json_object_get(root, "auths"), *entry;
	struct cred best _cleanup_cred_ = { 0 };
	struct buf shown _cleanup_buf_ = BUF_INIT;
	size_t best_len = 0;
	bool found = false;
	const char *name;
	int r;

	json_object_foreach(auths, name, entry) {
		struct cred c = { 0 };
		struct key k;

		split_key(name, &k);
		r = is_for(&k, key, path);
		if (r == 0 || (found && k.path_len <= best_len))
			continue;
		if (r > 0)
			r = read_entry(entry, &c);
		if (r == -ENOENT)
			continue;
		if (r == -EINVAL && text_escape(&shown, name) == 0)
			return err_set(err, EINVAL,
				       "%s: the auth of %.300s is not base64 of USER:PASSWORD",
				       what, buf_str(&shown));
		if (r < 0)
			return err_nomem(err);
		cred_fini(&best);
		best = c;
		best_len = k.path_len;
		found = true;
	}
	if (!found)
		return -ENOENT;
	*out = best;
	memset(&best, 0, sizeof(best));
	return 0;
}

/* --- Changing -------------------------------------------------------------------- */

/* drop - remove all keys of the registry; 1 if there was one. */
static int drop(json_t *auths, const char *key)
{
	const char *name;
	json_t *entry;
	int r, found = 0;
	void *next;

	json_object_foreach_safe(auths, next, name, entry) {
		struct key k;

		split_key(name, &k);
		r = k.path_len ? 0 : is_for(&k, key, NULL);
		if (r < 0)
			return r;
		if (r > 0) {
			json_object_del(auths, name);
			found = 1;
		}
	}
	return found;
}

static json_t *make_entry(const struct cred *c)
{
	struct buf pair _cleanup_secret_buf_ = BUF_INIT;
	json_t *entry = json_object();
	char *auth;
	int r;

	if (!entry ||
	    buf_reserve(&pair, 2 + (c->user ? strlen(c->user) : 0) +
				       (c->password ? strlen(c->password) : 0)) < 0 ||
	    buf_printf(&pair, "%s:%s", c->user ? c->user : "",
		       c->password && !c->identity_token ? c->password : "") < 0) {
		json_decref(entry);
		return NULL;
	}
	auth = base64_encode(pair.data, pair.len);
	r = auth ? json_object_set_new(entry, "auth", json_string(auth)) : -1;
	if (r == 0 && c->identity_token)
		r = json_object_set_new(entry, "identitytoken", json_string(c->identity_token));
	wipe_string(auth);
	if (r < 0) {
		json_decref(entry);
		return NULL;
	}
	return entry;
}

int credfile_put(json_t *root, const char *key, const struct cred *c, bool empty, bool docker)
{
	json_t *auths = json_object_get(root, "auths"), *entry;
	int r;

	if (auths && !json_is_object(auths))
		return -EINVAL;
	if (!auths && !c)
		return 0;
	if (!auths) {
		auths = json_object();
		if (!auths || json_object_set_new(root, "auths", auths) < 0)
			return -ENOMEM;
	}
	r = drop(auths, key);
	if (r < 0 || !c)
		return r;
	entry = empty ? json_object() : make_entry(c);
	if (!entry ||
	    json_object_set_new(auths, docker && strcmp(key, HUB) == 0 ? HUB_URL : key, entry) < 0)
		return -ENOMEM;
	return 1;
}

/* link_target - the end of a chain of symbolic links; it may not exist. */
static int link_target(const char *path, char **out, struct err *err)
{
	_cleanup_free_ char *at = strdup(path);
	char to[PATH_MAX];
	int i;

	for (i = 0; at && i < MAX_LINKS; i++) {
		ssize_t n = readlink(at, to, sizeof(to) - 1);
		char *slash = strrchr(at, '/'), *next;

		if (n < 0) {
			*out = TAKE_PTR(at);
			return 0;
		}
		to[n] = '\0';
		if (*to == '/' || !slash) {
			next = strdup(to);
		} else {
			*slash = '\0';
			next = path_join(at, to);
		}
		free(at);
		at = next;
	}
	return at ? err_sys(err, ELOOP, "%s", path) : err_nomem(err);
}

/* open_directory - open the directory of path, created if missing, and lock it. */
static int open_directory(const char *path, int *out, const char **name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir =
		slash ? strndup(path, slash == path ? 1 : slash - path) : strdup(".");
	int fd, r;

	if (!dir)
		return err_nomem(err);
	r = file_mkdirs(AT_FDCWD, dir, 0700);
	if (r < 0)
		return err_sys(err, -r, "%s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "%s", dir);
	/* File systems without locks are used without locking. */
	IGNORE(lock_take(fd, LOCK_MODE_EXCLUSIVE, "credentials", dir));
	*out = fd;
	*name = slash ? slash + 1 : path;
	return 0;
}

/* Docker indents with tabs. Newlines in text are escaped, so leading blanks are indentation. */
static int format(const json_t *root, struct buf *out)
{
	size_t start = out->len;
	int r = json_text_indented(root, 1, out);
	char *s;

	for (s = r == 0 ? out->data + start : NULL; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		while (*s == ' ')
			*s++ = '\t';
	}
	return r;
}

/* Keep the owner of the file if root writes it. */
static void keep_owner(int dir, const char *name, int fd)
{
	struct stat st;

	if (fstatat(dir, name, &st, 0) == 0 && st.st_uid != geteuid() &&
	    fchown(fd, st.st_uid, st.st_gid) < 0)
		return;
}

static int replace(int dir, const char *name, const struct buf *text, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char temp[64];
	unsigned i;
	int r;

	for (i = 0; fd < 0 && i < 100; i++) {
		snprintf(temp, sizeof(temp), ".%d.%u.imagefs-tmp", (int)getpid(), i);
		fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		return err_sys(err, errno, "%s", name);
	keep_owner(dir, name, fd);
	r = fchmod(fd, 0600) < 0 ? -errno : file_write_all(fd, text->data, text->len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dir, temp, dir, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir, temp, 0);
		return err_sys(err, -r, "%s", name);
	}
	file_sync_dir(dir, ".");
	return 0;
}

int credfile_update(const char *path, int (*edit)(json_t *root, void *arg, struct err *err),
		    void *arg, struct err *err)
{
	_cleanup_free_ char *target = NULL;
	struct buf text _cleanup_secret_buf_ = BUF_INIT;
	_cleanup_json_ json_t *root = NULL;
	_cleanup_close_ int dir = -1;
	const char *name = NULL;
	int r = link_target(path, &target, err);

	if (r == 0)
		r = open_directory(target, &dir, &name, err);
	if (r < 0)
		return r;
	r = credfile_load(target, &root, err);
	if (r == -ENOENT) {
		root = json_object();
		r = root ? 0 : err_nomem(err);
	}
	if (r == 0)
		r = edit(root, arg, err);
	if (r <= 0)
		return r;
	if (format(root, &text) < 0)
		return err_nomem(err);
	r = replace(dir, name, &text, err);
	return r < 0 ? err_wrap(err, r, "cannot write %s", path) : 0;
}
