/*
 * Names come from images and users. Normalisation makes them lower case, maps aliases, and drops
 * the default variant.
 */
#include "store/oci/platform.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

static bool set_part(const char *s, size_t n, char out[static PLATFORM_PART])
{
	size_t i;

	if (n >= PLATFORM_PART)
		return false;
	for (i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)s[i]);
	out[n] = '\0';
	return true;
}

static void normalise(struct platform *p)
{
	/* variant: implied by the alias; NULL: keep the given one */
	static const struct {
		const char *word, *arch, *variant;
	} arches[] = {
		{ "i386", "386", "" },	     { "x86_64", "amd64", NULL },
		{ "x86-64", "amd64", NULL }, { "aarch64", "arm64", NULL },
		{ "armhf", "arm", "v7" },    { "armel", "arm", "v6" },
	};
	/* as: the normalised variant; "": the default, which is dropped */
	static const struct {
		const char *arch, *variant, *as;
	} variants[] = {
		{ "amd64", "v1", "" }, { "arm64", "8", "" }, { "arm64", "v8", "" },
		{ "arm", "", "v7" },   { "arm", "5", "v5" }, { "arm", "6", "v6" },
		{ "arm", "7", "v7" },  { "arm", "8", "v8" },
	};
	size_t i;

	p->any = !p->variant[0];
	if (strcmp(p->os, "macos") == 0)
		strcpy(p->os, "darwin");
	for (i = 0; i < ARRAY_SIZE(arches); i++) {
		if (strcmp(p->arch, arches[i].word) != 0)
			continue;
		strcpy(p->arch, arches[i].arch);
		if (arches[i].variant) {
			strcpy(p->variant, arches[i].variant);
			p->any = !p->variant[0];
		}
		break;
	}
	for (i = 0; i < ARRAY_SIZE(variants); i++)
		if (strcmp(p->arch, variants[i].arch) == 0 &&
		    strcmp(p->variant, variants[i].variant) == 0) {
			strcpy(p->variant, variants[i].as);
			break;
		}
}

/* Read the next part, up to '/' or the end. */
static bool take_part(const char **s, char out[static PLATFORM_PART])
{
	size_t n = strspn(*s, WORD);

	if (n == 0 || ((*s)[n] && (*s)[n] != '/') || !set_part(*s, n, out))
		return false;
	*s += n;
	return true;
}

/* Split into one to three parts. Returns their number; 0: invalid. */
static int split(const char *s, struct platform *out)
{
	char *const parts[] = { out->os, out->arch, out->variant };
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	while (n < ARRAY_SIZE(parts) && take_part(&s, parts[n])) {
		n++;
		if (!*s++)
			return (int)n;
	}
	return 0;
}

/* Translates uname(2)'s machine to Go's architecture, as image indexes use it. */
void platform_host_name(char out[static 64])
{
	static const struct {
		const char *machine, *platform;
	} known[] = {
		{ "x86_64", "amd64" },
		{ "aarch64", "arm64" },
		{ "armv7l", "arm/v7" },
		{ "armv6l", "arm/v6" },
		{ "i686", "386" },
		{ "i386", "386" },
		{ "ppc64le", "ppc64le" },
		{ "s390x", "s390x" },
		{ "riscv64", "riscv64" },
#if __BYTE_ORDER == __LITTLE_ENDIAN
		{ "mips", "mipsle" }, /* uname(2) does not tell the byte order */
		{ "mips64", "mips64le" },
#endif
		{ "loongarch64", "loong64" },
	};
	struct utsname u;
	size_t i;

	uname(&u);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(u.machine, known[i].machine) == 0) {
			snprintf(out, 64, "linux/%s", known[i].platform);
			return;
		}
	}
	snprintf(out, 64, "linux/%.50s", u.machine);
}

void platform_host(struct platform *out)
{
	char name[64];

	platform_host_name(name);
	split(name, out);
	normalise(out);
}

static bool is_one_of(const char *word, const char *const *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(word, v[i]) == 0)
			return true;
	return false;
}

int platform_parse(const char *text, struct platform *out)
{
	static const char *const systems[] = { "linux",	 "windows", "darwin",  "freebsd",
					       "netbsd", "openbsd", "solaris", "plan9" };
	static const char *const arches[] = { "386",	 "amd64",   "arm",	"arm64",  "loong64",
					      "mips",	 "mips64",  "mips64le", "mipsle", "ppc64",
					      "ppc64le", "riscv64", "s390x",	"wasm" };
	struct platform host, p;
	int n = split(text, &p);

	platform_host(&host);
	if (n == 0)
		return -EINVAL;
	normalise(&p);
	if (n == 1 && is_one_of(p.os, systems, ARRAY_SIZE(systems))) {
		strcpy(p.arch, host.arch);
		strcpy(p.variant, host.variant);
	} else if (n == 1) {
		strcpy(p.arch, p.os);
		strcpy(p.os, host.os);
		normalise(&p);
		if (!is_one_of(p.arch, arches, ARRAY_SIZE(arches)))
			return -EINVAL;
	}
	*out = p;
	return 0;
}

bool platform_set(const char *os, const char *arch, const char *variant, struct platform *out)
{
	struct platform p = { .any = false };

	if (!os || !*os || !arch || !*arch)
		return false;
	if (!variant)
		variant = "";
	if (!set_part(os, strlen(os), p.os) || !set_part(arch, strlen(arch), p.arch) ||
	    !set_part(variant, strlen(variant), p.variant))
		return false;
	normalise(&p);
	*out = p;
	return true;
}

int platform_fit(const struct platform *a, const struct platform *b)
{
	if (strcmp(a->os, b->os) != 0 || strcmp(a->arch, b->arch) != 0)
		return -1;
	if (strcmp(a->variant, b->variant) == 0)
		return 0;
	return a->any || b->any ? 1 : -1;
}
