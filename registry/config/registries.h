/*
 * registries.conf: mapped names, insecure and blocked servers, and mirrors. Its settings for short
 * names are ignored: a name without a host always refers to Docker Hub.
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

/* One [[registry]] table. */
struct registry_entry {
	char *prefix;	/* "docker.io/library", "*.example.com" */
	char *location; /* NULL: names are not mapped */
	char *file;	/* that contains the table */
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
 * registries_load - read all files that apply to the user: $CONTAINERS_REGISTRIES_CONF, or
 * ~/.config/containers/registries.conf, or /etc/containers/registries.conf; and *.conf in
 * registries.conf.d next to it (or $CONTAINERS_REGISTRIES_CONF_DIR), whose entries replace those
 * with the same prefix. Missing files are no error.
 * out     registries_fini()
 * errors  -EINVAL an invalid file, with the line
 */
int registries_load(struct registries *out, struct err *err) MUST_CHECK;

/*
 * registries_add - parse the text of one file, and add or replace its entries. On error, all is
 * unchanged. what names the file in messages.
 */
int registries_add(struct registries *all, const char *text, size_t len, const char *what,
		   struct err *err) MUST_CHECK;
void registries_fini(struct registries *all);

/*
 * registries_find - find the entry with the longest prefix that matches a name.
 * name    host[:port][/path][:tag][@digest], with its host
 * match   length of the part of name that the prefix matches and location replaces
 * returns borrowed, or NULL
 */
const struct registry_entry *registries_find(const struct registries *all, const char *name,
					     size_t *match);

#endif
