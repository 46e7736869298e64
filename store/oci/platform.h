/*
 * Platforms: OS/ARCH[/VARIANT]. A platform has several spellings ("x86_64" is "amd64"), which are
 * normalised as containerd does before they are compared.
 * spec    OCI image-spec image-index.md; containerd platforms
 */
#ifndef STORE_OCI_PLATFORM_H
#define STORE_OCI_PLATFORM_H

#include <stdbool.h>

#include "base/err.h"

#define PLATFORM_PART 32

struct platform {
	char os[PLATFORM_PART], arch[PLATFORM_PART], variant[PLATFORM_PART];
	bool any; /* no variant was given */
};

/* platform_host_name - OS/ARCH[/VARIANT] of this machine in Go's terms. */
void platform_host_name(char out[static 64]);

/* platform_host - this machine's platform. */
void platform_host(struct platform *out);

/*
 * platform_parse - parse a user's OS/ARCH[/VARIANT]. OS or ARCH alone: the other one is this
 * machine's.
 * returns 0 or -EINVAL
 */
int platform_parse(const char *text, struct platform *out) MUST_CHECK;

/*
 * platform_set - set from an image's members; variant may be NULL. Returns false if they are
 * invalid.
 */
bool platform_set(const char *os, const char *arch, const char *variant, struct platform *out);

/* platform_fit - 0: same; 1: same except for a missing variant; -1: different. */
int platform_fit(const struct platform *a, const struct platform *b) MUST_CHECK;

#endif
