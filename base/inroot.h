/*
 * Paths as they are meant inside a root directory whose contents nobody vouches for: links lead
 * nowhere else, "..", too, and nothing is opened that could wait or act.
 */
#ifndef BASE_INROOT_H
#define BASE_INROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct err;

/* inroot_find - what is at the end of a path that has no links in it, opened with O_PATH; -ELOOP, -errno. */
int inroot_find(int rootfd, const char *path);

/* inroot_open - a regular file below rootfd, for reading; -EINVAL where it is none, -errno. */
int inroot_open(int rootfd, const char *path);

/* What inroot_place() made, the outermost first, so that it can be taken back. */
struct inroot_made {
	struct inroot_made_one {
		char *path; /* below the root, without links */
		bool dir;
		struct timespec before; /* mtime of the directory it was made in */
	} * v;
	size_t n;
};

/*
 * inroot_place - where path leads inside the root, as a path without links that begins with '/'.
 * What is missing is made: directories (0755), and as its last part a directory or an empty file (0644).
 * made    what was made is noted there, and the directories around keep their mtime; may be NULL
 * out     caller frees
 * errors  -ENOTDIR, -EISDIR: the last part is there and of the other kind; -EINVAL: of none; -ELOOP
 */
enum inroot_kind { INROOT_DIR, INROOT_FILE };
int inroot_place(int rootfd, const char *path, enum inroot_kind kind, struct inroot_made *made,
		 char **out);

/* inroot_where - the same, and nothing is made: what is missing has no links. */
int inroot_where(int rootfd, const char *path, char **out);

/* inroot_unmake - take back what is empty still; the directories around look as before. m is empty then. */
void inroot_unmake(int rootfd, struct inroot_made *m);

#endif
