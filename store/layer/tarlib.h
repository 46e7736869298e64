/*
 * The only module that includes libarchive: names stay bytes, and failures of the machine are not
 * reported as damage.
 */
#ifndef STORE_LAYER_TARLIB_H
#define STORE_LAYER_TARLIB_H

#include <locale.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/err.h"

/*
 * tarlib_bytes - disable the conversion of names in this thread until the end of the scope.
 *
 *     _cleanup_tarlib_bytes_ locale_t before = tarlib_bytes();
 *     if (!before)
 *             return err_nomem(err);
 *
 * Names in pax records are UTF-8. In a UTF-8 locale, libarchive normalises them to form C, so two
 * files whose names differ only in that become one. In the C locale, it cannot convert non-ASCII
 * bytes and returns the name unchanged, with a warning.
 */
locale_t tarlib_bytes(void);
void tarlib_bytes_end(const locale_t *before);
#define _cleanup_tarlib_bytes_ __attribute__((cleanup(tarlib_bytes_end)))

/*
 * tarlib_begin - reset the state of tarlib_failed(), before a call into libarchive that may fail.
 */
void tarlib_begin(void);

/*
 * tarlib_failed - set the message of a failed call; a premature end is reported as truncated.
 * what     the message if the archive is at fault: "the tar is damaged"
 * returns  -ENOMEM and others if the machine is at fault (err_is_machine()); else -EINVAL
 */
int tarlib_failed(struct archive *a, const char *what, struct err *err) MUST_CHECK;

/* tarlib_version - of the libarchive in use. */
const char *tarlib_version(void);

#endif
