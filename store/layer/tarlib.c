/* Character conversion and errors of libarchive. */
#include "store/layer/tarlib.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"

locale_t tarlib_bytes(void)
{
	locale_t bytes = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);

	return bytes ? uselocale(bytes) : (locale_t)0;
}

void tarlib_bytes_end(const locale_t *before)
{
	if (*before)
		freelocale(uselocale(*before));
}

void tarlib_begin(void)
{
	errno = 0;
}

/* The messages for a premature end in tar, gzip, zstd, bzip2 and xz. */
static bool is_cut(const char *why)
{
	return why && (strstr(why, "runcated") || strstr(why, "No progress is possible"));
}

/*
 * Not every failed allocation is reported as such: decompressors only say "decompression failed".
 * But malloc(3) sets errno, and nothing in between resets it.
 */
int tarlib_failed(struct archive *a, const char *what, struct err *err)
{
	int code = errno == ENOMEM ? ENOMEM : archive_errno(a);
	const char *why = archive_error_string(a);

	if (code == ENOMEM)
		return err_nomem(err);
	if (err_is_machine(-code))
		return err_set(err, code, "%s", why ? why : "cannot read");
	if (is_cut(why))
		return err_set(err, EINVAL, "it is cut short: %s", why);
	return err_set(err, EINVAL, "%s: %s", what, why ? why : "unknown error");
}

const char *tarlib_version(void)
{
	const char *text = archive_version_string(), *space = strchr(text, ' ');

	return space ? space + 1 : text;
}
