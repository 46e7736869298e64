/*
 * As in containers/image, only the first existing directory is used.
 */
#include "registry/config/certs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/conffile.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"

#define MAX_CA (4 * 1024 * 1024)
#define USER_DIR ".config/containers/certs.d"
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"

/* directory - host's directory below dir if it exists and is accessible; otherwise *out is NULL. */
static int directory(const char *dir, const char *host, char **out, struct err *err)
{
	_cleanup_free_ char *path = path_join(dir, host);
	struct stat st;

	*out = NULL;
	if (!path)
		return err_nomem(err);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		*out = TAKE_PTR(path);
	} else if (errno == EACCES) {
		log_debug("%s: skipped: %s", path, strerror(errno));
	}
	return 0;
}

static int find_directory(const char *host, char **out, struct err *err)
{
	static const char *const system_dirs[] = { "/etc/containers/certs.d",
						   "/etc/docker/certs.d" };
	_cleanup_free_ char *user = NULL;
	size_t i;
	int r = conffile_home(USER_DIR, &user, err);

	*out = NULL;
	if (r == 0 && user)
		r = directory(user, host, out, err);
	for (i = 0; r == 0 && !*out && i < ARRAY_SIZE(system_dirs); i++)
		r = directory(system_dirs[i], host, out, err);
	return r;
}

/* As other tools do, skip files that are not PEM, but with a warning. */
static int add_ca(const char *path, struct buf *all, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r = conffile_read(path, MAX_CA, &text, err);

	if (r < 0)
		return r;
	if (strlen(buf_str(&text)) != text.len || !strstr(buf_str(&text), PEM_BEGIN)) {
		log_warn("%s: not a PEM certificate", path);
		return 0;
	}
	if (all->len + text.len > MAX_CA)
		return err_set(err, EFBIG, "%s: more than %d bytes of certificates", path, MAX_CA);
	if (buf_append(all, text.data, text.len) < 0 || buf_putc(all, '\n') < 0)
		return err_nomem(err);
	return 0;
}

static int read_cas(const char *dir, char **out, struct err *err)
{
	struct buf all _cleanup_buf_ = BUF_INIT;
	char **names;
	size_t n, i;
	int r = conffile_names(dir, ".crt", &names, &n, err);

	if (r < 0)
		return r;
	for (i = 0; r == 0 && i < n; i++) {
		_cleanup_free_ char *path = path_join(dir, names[i]);

		r = path ? add_ca(path, &all, err) : err_nomem(err);
	}
	file_names_free(names);
	if (r < 0 || all.len == 0)
		return r;
	*out = buf_take(&all);
	return 0;
}

static char *with_suffix(const char *dir, const char *name, size_t stem, const char *suffix)
{
	struct buf path _cleanup_buf_ = BUF_INIT;

	if (buf_printf(&path, "%s/%.*s%s", dir, (int)stem, name, suffix) < 0)
		return NULL;
	return buf_take(&path);
}

/* partner - the path of NAME.to for NAME.from, which must exist. */
static int partner(const char *dir, const char *name, const char *from, const char *to, char **out,
		   struct err *err)
{
	_cleanup_free_ char *path = with_suffix(dir, name, strlen(name) - strlen(from), to);
	struct stat st;

	if (!path)
		return err_nomem(err);
	if (stat(path, &st) < 0 && strcmp(from, ".cert") == 0)
		return err_set(
			err, EINVAL,
			"missing key %s for client certificate %s/%s (a certificate to trust must "
			"end in .crt)",
			path, dir, name);
	if (stat(path, &st) < 0)
		return err_set(err, EINVAL, "missing client certificate %s for key %s/%s", path,
			       dir, name);
	*out = TAKE_PTR(path);
	return 0;
}

/* pairs - every NAME.from must have a NAME.to; the first pair is used. */
static int pairs(const char *dir, const char *from, const char *to, char **first, char **second,
		 struct err *err)
{
	char **names;
	size_t n, i;
	int r = conffile_names(dir, from, &names, &n, err);

	if (r < 0)
		return r;
	if (n > 1 && first)
		log_debug("%s: only %s is used of %zu client certificates", dir, names[0], n);
	for (i = 0; r == 0 && i < n; i++) {
		_cleanup_free_ char *other = NULL;

		r = partner(dir, names[i], from, to, &other, err);
		if (r < 0 || !first || *first)
			continue;
		*first = path_join(dir, names[i]);
		*second = TAKE_PTR(other);
		r = *first ? 0 : err_nomem(err);
	}
	file_names_free(names);
	return r;
}

int certs_find(const char *host, char **ca_pem, char **cert, char **key, struct err *err)
{
	_cleanup_free_ char *dir = NULL, *ca = NULL, *c = NULL, *k = NULL;
	int r = find_directory(host, &dir, err);

	if (r == 0 && dir) {
		log_debug("certificates for %s: %s", host, dir);
		r = read_cas(dir, &ca, err);
		if (r == 0)
			r = pairs(dir, ".cert", ".key", &c, &k, err);
		if (r == 0)
			r = pairs(dir, ".key", ".cert", NULL, NULL, err);
	}
	if (r < 0)
		return r;
	*ca_pem = TAKE_PTR(ca);
	*cert = TAKE_PTR(c);
	*key = TAKE_PTR(k);
	return 0;
}

int certs_ca(const char *host, char **ca_pem, struct err *err)
{
	_cleanup_free_ char *dir = NULL;
	int r = find_directory(host, &dir, err);

	*ca_pem = NULL;
	return r == 0 && dir ? read_cas(dir, ca_pem, err) : r;
}
