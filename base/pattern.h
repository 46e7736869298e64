/*
 * Patterns of paths below a root, as --include and --exclude take them: '*', '?' and '[...]' within
 * one name, '**' for any number of directories, a backslash before what means itself. A pattern
 * begins at the root, and what it means it means with everything below.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct err;

struct patterns {
	char ***v; /* each the names that it is made of; NULL at its end */
	size_t n;
};

#define PATTERNS_INIT   \
	{               \
		NULL, 0 \
	}
#define _cleanup_patterns_ __attribute__((cleanup(patterns_fini)))

/*
 * patterns_add - one more. "/a/b", "./a/b/" and "a/b" are the same.
 * errors  -EINVAL empty, too long, or with ".." in it
 */
int patterns_add(struct patterns *p, const char *text, struct err *err);

/* patterns_match - true where one of them means the path (without a '/' at its beginning), or what it lies in. */
bool patterns_match(const struct patterns *p, const char *path);

void patterns_fini(struct patterns *p);

#endif
