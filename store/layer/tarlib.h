/*
 * libarchive, which is included here only, as it is used here: names stay bytes, and what the machine lacks is not called damage.
 */
#ifndef STORE_LAYER_TARLIB_H
#define STORE_LAYER_TARLIB_H

#include <locale.h>

#include <archive.h>
#include <archive_entry.h>

struct err;

/*
 * tarlib_bytes - until the end of the block no name passes a conversion on this thread.
 *
 *     _cleanup_tarlib_bytes_ locale_t before = tarlib_bytes();
 *     if (!before)
 *             return err_nomem(err);
 *
 * A pax record is UTF-8. In a UTF-8 locale libarchive puts it into normal form C, and two
 * files whose names differ only so become one. In the C locale it can convert nothing over 127,
 * and hands such a name on as it is, with a warning.
 */
locale_t tarlib_bytes(void);
void tarlib_bytes_end(const locale_t *before);
#define _cleanup_tarlib_bytes_ __attribute__((cleanup(tarlib_bytes_end)))

/*
 * tarlib_begin - before a call into libarchive that may fail: what tarlib_failed() looks at.
 */
void tarlib_begin(void);

/*
 * tarlib_failed - the message of a call that failed; one that ends too early is said to be cut short.
 * what     what it means where the archive is at fault: "the tar is damaged"
 * returns  -ENOMEM and the like where the machine is at fault (err_is_machine()); else -EINVAL
 */
int tarlib_failed(struct archive *a, const char *what, struct err *err);

#endif
