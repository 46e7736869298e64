/*
 * Path patterns for --include and --exclude: '*', '?' and '[...]' match within one name, '**'
 * matches any number of directories, a backslash quotes the next character. Patterns are anchored
 * at the root. A pattern that matches a directory also matches everything below it.
 */
#ifndef BASE_PATTERN_H
#define BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct patterns {
	char ***v; /* each a list of names that ends with NULL */
	size_t n;
};

#define PATTERNS_INIT   \
	{               \
		NULL, 0 \
	}
#define _cleanup_patterns_ __attribute__((cleanup(patterns_fini)))

/*
 * patterns_add - add a pattern. "/a/b", "./a/b/" and "a/b" are equivalent.
 * errors  -EINVAL empty, too long, or contains ".."; -ENOMEM
 */
int patterns_add(struct patterns *p, const char *text, struct err *err) MUST_CHECK;

/*
 * patterns_match - true if a pattern matches path or one of its parents. path has no leading '/'.
 */
bool patterns_match(const struct patterns *p, const char *path);

void patterns_fini(struct patterns *p);

#endif
