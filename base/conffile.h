/*
 * Configuration that other programs keep and administrators link together: read through symbolic
 * links and bounded, unlike the files of a store.
 */
#ifndef BASE_CONFFILE_H
#define BASE_CONFFILE_H

#include <stddef.h>

struct buf;
struct err;

/*
 * conffile_read - a file whole, also /dev/null.
 * max     bytes; more is -EFBIG
 * out     appended to; unchanged on error
 * errors  -ENOENT it is not there; others as the system's, with the path
 */
int conffile_read(const char *path, size_t max, struct buf *out, struct err *err);

/*
 * conffile_names - the names in a directory that end in suffix, sorted; none where it is not there.
 * names   *n of them, file_names_free()
 */
int conffile_names(const char *dir, const char *suffix, char ***names, size_t *n, struct err *err);

/* conffile_home - rest below the user's home ($HOME, else the user database); NULL in *out: there is none. */
int conffile_home(const char *rest, char **out, struct err *err);

#endif
