/*
 * registries.conf: for which names another place is asked, which servers are trusted without
 * a certificate, which are forbidden, and the mirrors of each. What is said there of short names
 * does not count here: a name without a host is always Docker Hub's.
 * spec    containers-registries.conf(5), versions 1 and 2; containers-registries.conf.d(5)
 */
#ifndef REGISTRY_CONFIG_REGISTRIES_H
#define REGISTRY_CONFIG_REGISTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum mirror_use { MIRROR_ALWAYS, MIRROR_DIGESTS, MIRROR_TAGS };

struct registry_mirror {
	char *location;
	bool insecure;
	enum mirror_use use;
};

/* One [[registry]]. */
struct registry_entry {
	char *prefix;	/* "docker.io/library", "*.example.com" */
	char *location; /* NULL: the name stays as it is */
	char *file;	/* that says so */
	bool insecure, blocked;
	struct registry_mirror *mirrors;
	size_t n_mirrors;
};

struct registries {
	struct registry_entry *v;
	size_t n;
};

#define _cleanup_registries_ __attribute__((cleanup(registries_fini)))

/*
 * registries_load - all files that count for this user: $CONTAINERS_REGISTRIES_CONF, else
 * ~/.config/containers/registries.conf, else /etc/containers/registries.conf; and the *.conf in
 * registries.conf.d beside them (or $CONTAINERS_REGISTRIES_CONF_DIR), where an entry replaces one
 * of the same prefix. No file is fine.
 * out     registries_fini()
 * errors  -EINVAL a damaged file, with its line
 */
int registries_load(struct registries *out, struct err *err) MUST_CHECK;

/* registries_add - the text of one file, what by name; entries are added and replaced in all. On error all is as before. */
int registries_add(struct registries *all, const char *text, size_t len, const char *what,
		   struct err *err) MUST_CHECK;
void registries_fini(struct registries *all);

/*
 * registries_find - the entry with the longest prefix that fits a name.
 * name    host[:port][/path][:tag][@digest], with its host
 * match   how many bytes of name the prefix takes: what a location stands for
 * returns borrowed, or NULL
 */
const struct registry_entry *registries_find(const struct registries *all, const char *name,
					     size_t *match);

#endif
