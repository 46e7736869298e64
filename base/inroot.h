/*
 * Path resolution inside an untrusted root directory. Symbolic links and ".." cannot lead out of
 * the root. Only regular files are opened, so that opening cannot block or have side effects.
 */
#ifndef BASE_INROOT_H
#define BASE_INROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"

/*
 * inroot_find - open a path without following links (O_PATH). A descriptor or -errno; -ELOOP for
 * a link on the way.
 */
int inroot_find(int rootfd, const char *path) MUST_CHECK;

/*
 * inroot_open - open a regular file below rootfd for reading. A descriptor or -errno; -EINVAL:
 * not a regular file.
 */
int inroot_open(int rootfd, const char *path) MUST_CHECK;

/* What inroot_create() created, outermost first, for inroot_undo(). */
struct inroot_created {
	struct inroot_created_one {
		char *path; /* below the root, without links */
		bool dir;
		struct timespec before; /* mtime of the parent directory before */
	} * v;
	size_t n;
};

/*
 * inroot_create - resolve path inside the root and create what is missing: directories (0755) and,
 * as the last part, a directory or an empty file (0644).
 * created    receives what was created; parent directories keep their mtime then. May be NULL
 * out     the path without links, beginning with '/'; caller frees
 * errors  -ENOTDIR, -EISDIR the last part exists with the other type; -EINVAL it is neither a
 *         directory nor a regular file; -ELOOP too many links
 */
enum inroot_kind { INROOT_DIR, INROOT_FILE };
int inroot_create(int rootfd, const char *path, enum inroot_kind kind,
		  struct inroot_created *created, char **out) MUST_CHECK;

/*
 * inroot_resolve - like inroot_create(), but create nothing. Missing parts are taken as they are.
 */
int inroot_resolve(int rootfd, const char *path, char **out) MUST_CHECK;

/*
 * inroot_undo - remove the created files and directories that are still empty and restore the
 * mtime of their parents. Frees the contents of m.
 */
void inroot_undo(int rootfd, struct inroot_created *m);

#endif
