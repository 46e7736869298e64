/*
 * Platforms: OS/ARCH[/VARIANT], and which of them are the same. One platform has several names ("x86_64" is
 * "amd64"); they are compared in the form that containerd gives them.
 * spec    OCI image-spec image-index.md; containerd platforms
 */
#ifndef STORE_OCI_PLATFORM_H
#define STORE_OCI_PLATFORM_H

#include <stdbool.h>

#define PLATFORM_PART 32

struct platform {
	char os[PLATFORM_PART], arch[PLATFORM_PART], variant[PLATFORM_PART];
	bool any; /* no variant was named */
};

/* platform_host - this machine's. */
void platform_host(struct platform *out);

/*
 * platform_parse - what a user types: OS/ARCH[/VARIANT]; OS or ARCH alone leave the other to this machine.
 * returns 0 or -EINVAL
 */
int platform_parse(const char *text, struct platform *out);

/* platform_set - of the words that an image has for it; variant may be NULL. false: they are none. */
bool platform_set(const char *os, const char *arch, const char *variant, struct platform *out);

/* platform_fit - 0 they are the same; 1 but for a variant that one of them does not name; -1 they differ. */
int platform_fit(const struct platform *a, const struct platform *b);

#endif
