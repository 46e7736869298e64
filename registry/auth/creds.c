/*
 * Chooses the files and helpers to use.
 */
#include "registry/auth/creds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/conffile.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "registry/auth/cred.h"
#include "registry/auth/credfile.h"
#include "registry/auth/credhelper.h"

#define HUB "docker.io"
#define HUB_URL "https://index.docker.io/v1/"
#define MAX_FILES 5

char *creds_key(const char *name)
{
	if (strncasecmp(name, "https://", 8) == 0)
		name += 8;
	else if (strncasecmp(name, "http://", 7) == 0)
		name += 7;
	return credfile_name(name, strcspn(name, "/"));
}

/* --- Files ----------------------------------------------------------------------- */

struct files {
	char *v[MAX_FILES];
	size_t n;
};

static void files_fini(struct files *f)
{
	while (f->n)
		free(f->v[--f->n]);
}
#define _cleanup_files_ _cleanup_(files_fini)

static int add(struct files *f, char *path, struct err *err)
{
	if (!path)
		return err_nomem(err);
	f->v[f->n++] = path;
	return 0;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static int add_home(struct files *f, const char *rest, struct err *err)
{
	char *path;
	int r = conffile_home(rest, &path, err);

	return r < 0 || !path ? r : add(f, path, err);
}

static int add_podman(struct files *f, struct err *err)
{
	const char *runtime = variable("XDG_RUNTIME_DIR"), *config = variable("XDG_CONFIG_HOME");
	struct buf path _cleanup_buf_ = BUF_INIT;
	int r;

	if (runtime)
		r = buf_printf(&path, "%s/containers/auth.json", runtime);
	else
		r = buf_printf(&path, "/run/containers/%u/auth.json", (unsigned)getuid());
	if (r < 0)
		return err_nomem(err);
	r = add(f, buf_take(&path), err);
	if (r < 0)
		return r;
	return config ? add(f, path_join(config, "containers/auth.json"), err)
		      : add_home(f, ".config/containers/auth.json", err);
}

/* Files named by environment variables come first. */
static int list(struct files *f, struct err *err)
{
	const char *docker = variable("DOCKER_CONFIG"), *file = variable("REGISTRY_AUTH_FILE");
	int r = 0;

	if (docker)
		r = add(f, path_join(docker, "config.json"), err);
	if (r == 0 && file)
		r = add(f, strdup(file), err);
	if (r == 0 && !docker)
		r = add_home(f, ".docker/config.json", err);
	return r == 0 ? add_podman(f, err) : r;
}

/* --- Reading --------------------------------------------------------------------- */

/* helper_get - for Docker Hub, tries both docker's and podman's name of it. */
static int helper_get(const char *helper, const char *key, struct cred *out, struct err *err)
{
	int r;

	if (strcmp(key, HUB) != 0)
		return credhelper_get(helper, key, out, err);
	r = credhelper_get(helper, HUB_URL, out, err);
	return r == -ENOENT ? credhelper_get(helper, key, out, err) : r;
}

/*
 * If the helper has no credential, the file may have one: for a namespace, or from before the
 * helper was configured.
 */
static int get_from(const char *file, const char *key, const char *path, struct cred *out,
		    struct err *err)
{
	_cleanup_json_ json_t *root = NULL;
	const char *helper;
	int r = credfile_load(file, &root, err);

	if (r < 0)
		return r;
	helper = credfile_helper(root, key);
	r = helper ? helper_get(helper, key, out, err) : -ENOENT;
	if (r == -ENOENT)
		r = credfile_find(root, file, key, path, out, err);
	else if (r == -ENOPKG && credfile_find(root, file, key, path, out, NULL) == 0)
		r = 0;
	if (r == 0)
		log_debug("credentials for %s: %s%s%s", key, file, helper ? ", helper " : "",
			  helper ? helper : "");
	return r < 0 && r != -ENOENT && helper ? err_wrap(err, r, "%s", file) : r;
}

int creds_get(const char *key, const char *path, struct cred *out, struct err *err)
{
	struct files f _cleanup_files_ = { .n = 0 };
	struct err first = ERR_INIT;
	int r = list(&f, err), failed = 0;
	size_t i;

	if (r < 0)
		return r;
	/* A damaged file does not hide the other ones. */
	for (i = 0; i < f.n; i++) {
		struct err why = ERR_INIT;

		r = get_from(f.v[i], key, path, out, &why);
		if (r == 0)
			return 0;
		if (r != -ENOENT && !failed) {
			failed = r;
			first = why;
		}
	}
	if (!failed)
		return -ENOENT;
	if (err)
		*err = first;
	return failed;
}

/* --- Writing --------------------------------------------------------------------- */

struct change {
	const char *file, *key;
	const struct cred *cred; /* NULL: remove */
	bool plain;		 /* the file contains the secret */
	bool found;
};

/* is_docker - true if docker reads the file, and so needs docker's key for Docker Hub. */
static bool is_docker(const char *file)
{
	const char *slash = strrchr(file, '/');

	return strcmp(slash ? slash + 1 : file, "config.json") == 0;
}

static int edited(const struct change *c, int r, struct err *err)
{
	if (r == -EINVAL)
		return err_set(err, EINVAL, "%s: \"auths\" is not an object", c->file);
	return r < 0 ? err_nomem(err) : r;
}

static int edit_put(json_t *root, void *arg, struct err *err)
{
	struct change *c = arg;
	const char *helper = credfile_helper(root, c->key);
	const char *server = strcmp(c->key, HUB) == 0 ? HUB_URL : c->key;
	int r;

	if (helper) {
		r = credhelper_store(helper, server, c->cred, err);
		if (r < 0)
			return err_wrap(err, r, "%s", c->file);
	}
	c->plain = !helper;
	return edited(c, credfile_put(root, c->key, c->cred, helper != NULL, is_docker(c->file)),
		      err);
}

int creds_put(const char *key, const struct cred *c, char **file, struct err *err)
{
	struct files f _cleanup_files_ = { .n = 0 };
	struct change change = { .key = key, .cred = c };
	int r = list(&f, err);

	if (r < 0)
		return r;
	change.file = f.v[0];
	r = credfile_update(f.v[0], edit_put, &change, err);
	if (r < 0)
		return r;
	*file = NULL;
	if (change.plain && !(*file = strdup(f.v[0])))
		return err_nomem(err);
	return 0;
}

/* Only get tells whether a helper has a credential: erase often succeeds without one. */
static int helper_erase(const char *helper, const char *server, bool *found, struct err *err)
{
	struct cred c _cleanup_cred_ = { 0 };
	int r = credhelper_get(helper, server, &c, err);

	if (r == -ENOENT || r == -ENOPKG)
		return 0;
	if (r == 0)
		r = credhelper_erase(helper, server, err);
	if (r == 0)
		*found = true;
	return r == -ENOENT ? 0 : r;
}

static int edit_erase(json_t *root, void *arg, struct err *err)
{
	struct change *c = arg;
	const char *helper = credfile_helper(root, c->key);
	int r = 0;

	if (helper && strcmp(c->key, HUB) == 0)
		r = helper_erase(helper, HUB_URL, &c->found, err);
	if (helper && r == 0)
		r = helper_erase(helper, c->key, &c->found, err);
	if (r < 0)
		return err_wrap(err, r, "%s", c->file);
	r = edited(c, credfile_put(root, c->key, NULL, false, is_docker(c->file)), err);
	if (r > 0)
		c->found = true;
	return r;
}

int creds_erase(const char *key, bool *found, struct err *err)
{
	struct files f _cleanup_files_ = { .n = 0 };
	struct change change = { .key = key };
	struct stat st;
	int r = list(&f, err), failed = 0;
	size_t i;

	if (r < 0)
		return r;
	/* Remove as much as possible even if a file or helper fails. */
	for (i = 0; i < f.n; i++) {
		struct err why = ERR_INIT;

		if (stat(f.v[i], &st) < 0)
			continue;
		change.file = f.v[i];
		r = credfile_update(f.v[i], edit_erase, &change, &why);
		if (r < 0 && !failed) {
			failed = r;
			if (err)
				*err = why;
		}
	}
	*found = change.found;
	return failed;
}
