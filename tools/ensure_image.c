/*
 * Searches the store first, then the registry.
 */
#include "tools/ensure_image.h"
#include "tools/run/ensure_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "registry/pull.h"
#include "store/image/image.h"
#include "store/oci/image_config.h"
#include "store/oci/platform.h"
#include "store/oci/reference.h"

int ensure_platform(const char *platform, struct err *err)
{
	struct platform p;

	if (platform_parse(platform, &p) == 0)
		return 0;
	return err_set(err, EINVAL,
		       "invalid platform \"%.100s\": must be OS/ARCH[/VARIANT], OS or ARCH",
		       platform);
}

int ensure_check(const struct ensure_options *o, struct err *err)
{
	if (o->pull && strcmp(o->pull, "missing") != 0 && strcmp(o->pull, "always") != 0 &&
	    strcmp(o->pull, "never") != 0)
		return err_set(err, EINVAL,
			       "--pull is \"missing\", \"always\" or \"never\", not \"%s\"",
			       o->pull);
	return o->platform ? ensure_platform(o->platform, err) : 0;
}

/* Docker's message; -ENOENT, so that the requested platform is pulled. */
static int check_platform(const struct image *i, const char *name, const char *platform,
			  struct err *err)
{
	const struct descriptor d = image_config_platform(i->config);

	if (!platform || manifest_platform_fits(&d, platform))
		return 0;
	return err_set(err, ENOENT,
		       "image with reference %s was found but does not match the specified "
		       "platform: wanted %s, actual: %s/%s",
		       name, platform, d.os ? d.os : "", d.architecture ? d.architecture : "");
}

/* Docker calls the level of x86-64 a variant. */
static const char *host_variant(void)
{
#ifdef __x86_64__
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return "/v4";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
	    __builtin_cpu_supports("fma"))
		return "/v3";
	if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))
		return "/v2";
#endif
	return "";
}

/* In docker's words: programs of the image cannot run here, but its files are usable. */
static void warn_platform(const struct image *i)
{
	const struct descriptor d = image_config_platform(i->config);
	char image[PLATFORM_MAX], host[64];

	if (!manifest_platform_text(&d, image) || manifest_platform_runs(&d))
		return;
	text_neutralise(image);
	platform_host_name(host);
	fprintf(stderr,
		"WARNING: The requested image's platform (%s) does not match the detected host "
		"platform (%s%s) and no specific platform was requested\n",
		image, host, host_variant());
}

static int look(struct store *s, const char *name, const struct ensure_options *o,
		struct image **out, struct err *err)
{
	_cleanup_image_ struct image *i = NULL;
	int r = image_get(s, name, &i, err);

	if (r == 0)
		r = check_platform(i, name, o->platform, err);
	if (r == 0)
		*out = TAKE_PTR(i);
	return r;
}

/* Pull a missing image; if that fails, "No such image" is followed by the reason. */
static int pull_it(struct store *s, const char *name, const struct reference *ref,
		   const struct ensure_options *o, bool missing, struct err *err)
{
	struct pull_options how = { .platform = o->platform,
				    .plain_http = o->plain_http,
				    .quiet = o->quiet,
				    .to = stderr };
	_cleanup_free_ char *shown = reference_familiar(ref);
	struct buf first _cleanup_buf_ = BUF_INIT;
	bool found;
	int r;

	if (!shown || buf_printf(&first, "Unable to find image '%s' locally", shown) < 0)
		return err_nomem(err);
	if (missing)
		how.first = first.data;
	r = pull(s, ref, &how, &found, err);
	if (r < 0 && !found && missing)
		return err_wrap(err, r, "No such image: %s", name);
	return r;
}

static int find_or_pull(struct store *s, const char *name, const struct ensure_options *o,
			struct image **out, struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	bool always = o->pull && strcmp(o->pull, "always") == 0;
	bool never = o->pull && strcmp(o->pull, "never") == 0;
	int r = always ? -ENOENT : look(s, name, o, out, err);

	if (r != -ENOENT || never)
		return r;
	/* An ID cannot be pulled. */
	if (reference_parse(name, &ref, NULL) < 0)
		return always ? look(s, name, o, out, err) : r;
	r = pull_it(s, name, &ref, o, !always, err);
	return r < 0 ? r : look(s, name, o, out, err);
}

int ensure_image(struct store *s, const char *name, const struct ensure_options *o,
		 struct image **out, struct err *err)
{
	int r = find_or_pull(s, name, o, out, err);

	if (r == 0 && !o->platform)
		warn_platform(*out);
	return r;
}
