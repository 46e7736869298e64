/*
 * Configuration files of other programs. Administrators may use symbolic links for them, so links
 * are followed, unlike in a store. Sizes are bounded.
 */
#ifndef BASE_CONFFILE_H
#define BASE_CONFFILE_H

#include <stddef.h>

#include "base/err.h"

struct buf;

/*
 * conffile_read - read a whole regular file, or /dev/null.
 * max     bytes; a larger file is -EFBIG
 * out     appended to; unchanged on error
 * errors  -ENOENT no such file; -EINVAL not a regular file; others as the system call's, with the
 *         path
 */
int conffile_read(const char *path, size_t max, struct buf *out, struct err *err) MUST_CHECK;

/*
 * conffile_names - list the names in a directory that end in suffix, sorted. A missing directory
 * is empty.
 * names   *n names; the caller frees them with file_names_free()
 */
int conffile_names(const char *dir, const char *suffix, char ***names, size_t *n,
		   struct err *err) MUST_CHECK;

/*
 * conffile_home - the path of rest below the home directory ($HOME, else the user database).
 * out     caller frees; NULL if there is no home directory
 */
int conffile_home(const char *rest, char **out, struct err *err) MUST_CHECK;

#endif
