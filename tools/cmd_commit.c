/*
 * imagefs commit: an image from a container's changes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/pattern.h"
#include "base/text.h"
#include "store/container/commit.h"
#include "store/container/container.h"
#include "store/container/container_lock.h"
#include "store/disk/store.h"
#include "store/oci/reference.h"
#include "tools/epoch.h"
#include "tools/verb.h"

struct request {
	const char *container, *reference;
	const char *compression, *timestamp; /* NULL: not given */
	struct option_list changes, includes, excludes;
	struct patterns include, exclude;
	struct commit_options options;
};

static const struct option_spec options[] = {
	{ 'a', "author", "TEXT", "author of the image (\"Jane Doe <jane@example.com>\")",
	  OPTION(struct request, options.author) },
	{ 'c', "change", "INSTRUCTION",
	  "apply a Dockerfile instruction: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, "
	  "ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR",
	  OPTION(struct request, changes) },
	{ 'm', "message", "TEXT", "comment for the history",
	  OPTION(struct request, options.message) },
	{ 'p', "pause", NULL, "accepted and ignored: writers always block while the image is made",
	  OPTION_IGNORE },
	{ 0, "compression", "FORM", "compression of the new layer: gzip (default), zstd, none",
	  OPTION(struct request, compression), .values = "gzip|zstd|none" },
	{ 0, "exclude", "PATTERN", "exclude matching changes and everything below them",
	  OPTION(struct request, excludes) },
	{ 0, "include", "PATTERN", "include only matching changes and everything below them",
	  OPTION(struct request, includes) },
	{ 0, "timestamp", "TIME",
	  "creation time: seconds since 1970 or RFC 3339 (default: $SOURCE_DATE_EPOCH, else now); "
	  "files keep their own times",
	  OPTION(struct request, timestamp) },
	OPTIONS_END,
};

static int parse_codec(const char *s, enum codec *out, struct err *err)
{
	static const enum codec codecs[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(codecs); i++) {
		if (strcmp(s, codec_name(codecs[i])) == 0) {
			*out = codecs[i];
			return 0;
		}
	}
	return err_set(err, EINVAL, "--compression %s: must be gzip, zstd or none", s);
}

static int add_patterns(struct patterns *p, const char *option, const struct option_list *texts,
			struct err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < texts->n; i++) {
		r = patterns_add(p, texts->v[i], err);
		if (r < 0)
			err_wrap(err, r, "%s %s", option, texts->v[i]);
	}
	return r;
}

/* Parse the options' values. 0, or -errno with *err set. */
static int read_options(struct request *q, struct err *err)
{
	int r = epoch_env(&q->options.timestamp, err);

	if (r == 0 && q->timestamp)
		r = epoch_parse(q->timestamp, &q->options.timestamp, err);
	if (r == 0 && q->compression)
		r = parse_codec(q->compression, &q->options.codec, err);
	if (r == 0)
		r = add_patterns(&q->include, "--include", &q->includes, err);
	if (r == 0)
		r = add_patterns(&q->exclude, "--exclude", &q->excludes, err);
	q->options.changes = q->changes.v;
	q->options.n_changes = q->changes.n;
	q->options.include = &q->include;
	q->options.exclude = &q->exclude;
	return r;
}

static int commit_held(struct store *s, struct request *q, struct digest *id, struct err *err)
{
	struct container_flock container_lock _cleanup_container_lock_ = CONTAINER_LOCK_INIT;
	_cleanup_container_ struct container *c = NULL;
	int r;

	r = container_open(s, q->container, &c, err);
	if (r == 0)
		r = container_lock_shared(s, c, &container_lock, err);
	return r < 0 ? r : commit(s, c, &q->options, id, err);
}

static int execute(const struct globals *g, struct request *q, struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *full = NULL;
	struct digest id;
	struct store *s;
	int r;

	if (q->reference) {
		r = reference_parse(q->reference, &ref, err);
		if (r < 0)
			return r;
		if (digest_is_set(&ref.digest))
			return err_set(err, EINVAL, "%s: a new image cannot be named by a digest",
				       q->reference);
		full = reference_full(&ref);
		if (!full)
			return err_nomem(err);
		q->options.name = full;
	}
	q->options.quiet = g->quiet;
	r = verb_store_to_write(g, &s, err);
	if (r < 0)
		return r;
	r = commit_held(s, q, &id, err);
	if (r == 0)
		puts(id.str);
	store_close(s);
	return r;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct request q = { .options = { .codec = CODEC_GZIP, .timestamp = -1 } };
	struct err err = ERR_INIT;
	int status;

	verb_options(v, &argc, &argv, &q);
	if (argc < 1 || argc > 2) {
		status = verb_usage(v, "requires at least 1 and at most 2 arguments");
	} else {
		q.container = argv[0];
		q.reference = argc == 2 ? argv[1] : NULL;
		status = read_options(&q, &err) < 0 || execute(g, &q, &err) < 0 ? verb_fail(v, &err)
										: 0;
	}
	patterns_fini(&q.include);
	patterns_fini(&q.exclude);
	option_list_fini(&q.changes);
	option_list_fini(&q.includes);
	option_list_fini(&q.excludes);
	return status;
}

const struct verb cmd_commit = {
	.name = "commit",
	.summary = "Create a new image from the changes of a container",
	.arguments = "CONTAINER [REPOSITORY[:TAG]]",
	.options = options,
	.help = "Example:\n"
		"  imagefs commit -m 'add motd' -c 'CMD [\"bash\"]' work debian:patched\n",
	.run = run,
};
