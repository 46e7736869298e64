/*
 * A TOML parser for the configuration files of other container tools. Each value has its line
 * number. Numbers and dates are kept as text, because they are not used.
 * spec    TOML 1.0
 */
#ifndef REGISTRY_CONFIG_TOML_H
#define REGISTRY_CONFIG_TOML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/map.h"

enum toml_type { TOML_STRING, TOML_BOOL, TOML_OTHER, TOML_ARRAY, TOML_TABLE };

/* How a table was defined, which decides what may be added to it; 0 for other types. */
enum toml_made { TOML_PLAIN, TOML_IMPLICIT, TOML_HEADER, TOML_DOTTED, TOML_INLINE, TOML_TABLES };

struct toml {
	enum toml_type type;
	enum toml_made made;
	size_t line;
	char *text;	 /* TOML_STRING: without NULs; TOML_OTHER: as written */
	bool yes;	 /* TOML_BOOL */
	struct toml **v; /* TOML_ARRAY: n of them */
	size_t n;
	struct map keys; /* TOML_TABLE: struct toml */
};

/*
 * toml_parse - parse len bytes into a table.
 * what    names the source in messages
 * out     toml_free()
 * errors  -EINVAL "WHAT: line N: why"; -ENOMEM
 */
int toml_parse(const char *data, size_t len, const char *what, struct toml **out,
	       struct err *err) MUST_CHECK;
void toml_free(struct toml *t);

/* toml_get - a member of a table, borrowed; NULL if missing. */
const struct toml *toml_get(const struct toml *table, const char *key);

#endif
