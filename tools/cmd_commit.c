/*
 * imagefs commit: what changed in a container becomes an image.
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

#define CHANGES_MAX 256
#define PATTERNS_MAX 1024

struct request {
	const char *container, *reference;
	const char *changes[CHANGES_MAX];
	struct patterns include, exclude;
	struct commit_options options;
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

static int add_pattern(struct patterns *p, const char *option, const char *text, struct err *err)
{
	int r;

	if (p->n == PATTERNS_MAX)
		return err_set(err, EINVAL, "%s: at most %d patterns", option, PATTERNS_MAX);
	r = patterns_add(p, text, err);
	return r < 0 ? err_wrap(err, r, "%s %s", option, text) : 0;
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

enum { OPT_COMPRESSION = 256, OPT_TIMESTAMP, OPT_INCLUDE, OPT_EXCLUDE };

static const struct option longs[] = { { "author", required_argument, NULL, 'a' },
				       { "message", required_argument, NULL, 'm' },
				       { "change", required_argument, NULL, 'c' },
				       { "pause", optional_argument, NULL, 'p' },
				       { "compression", required_argument, NULL, OPT_COMPRESSION },
				       { "timestamp", required_argument, NULL, OPT_TIMESTAMP },
				       { "include", required_argument, NULL, OPT_INCLUDE },
				       { "exclude", required_argument, NULL, OPT_EXCLUDE },
				       { NULL, 0, NULL, 0 } };

/* One option; 0, or -errno: err says why. */
static int take_option(struct request *q, int opt, struct err *err)
{
	switch (opt) {
	case 'a':
		q->options.author = optarg;
		break;
	case 'm':
		q->options.message = optarg;
		break;
	case 'c':
		if (q->options.n_changes == CHANGES_MAX)
			return err_set(err, EINVAL, "at most %d --change", CHANGES_MAX);
		q->changes[q->options.n_changes++] = optarg;
		break;
	case 'p': /* docker's: writers always wait here */
		break;
	case OPT_COMPRESSION:
		return parse_codec(optarg, &q->options.codec, err);
	case OPT_TIMESTAMP:
		return epoch_parse(optarg, &q->options.timestamp, err);
	case OPT_INCLUDE:
		return add_pattern(&q->include, "--include", optarg, err);
	case OPT_EXCLUDE:
		return add_pattern(&q->exclude, "--exclude", optarg, err);
	}
	return 0;
}

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	struct request q = { .options = { .codec = CODEC_GZIP, .timestamp = -1 } };
	struct err err = ERR_INIT;
	int opt, r, status;

	q.options.changes = q.changes;
	q.options.include = &q.include;
	q.options.exclude = &q.exclude;
	r = epoch_env(&q.options.timestamp, &err);
	while (r >= 0 && (opt = verb_getopt(v, argc, argv, "a:m:c:p", longs)) != -1)
		r = take_option(&q, opt, &err);
	if (r < 0) {
		status = verb_fail(v, &err);
	} else if (argc - optind < 1 || argc - optind > 2) {
		status = verb_usage(v, "requires at least 1 and at most 2 arguments");
	} else {
		q.container = argv[optind];
		q.reference = argc - optind == 2 ? argv[optind + 1] : NULL;
		status = execute(g, &q, &err) < 0 ? verb_fail(v, &err) : 0;
	}
	patterns_fini(&q.include);
	patterns_fini(&q.exclude);
	return status;
}

const struct verb cmd_commit = {
	.name = "commit",
	.usage = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
	.summary = "Make an image of what changed in a container",
	.help = "Options:\n"
		"  -a, --author TEXT         who made it (\"Jane Doe <jane@example.com>\")\n"
		"  -c, --change INSTRUCTION  apply a Dockerfile instruction: CMD, ENTRYPOINT, ENV, "
		"EXPOSE,\n"
		"                            HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, "
		"VOLUME, WORKDIR\n"
		"  -m, --message TEXT        a comment, kept in the history\n"
		"  --compression FORM        of the new layer: gzip (default), zstd, none\n"
		"  --exclude PATTERN         leave out what changed there, and everything below\n"
		"  --include PATTERN         take only what changed there, and everything below\n"
		"  --timestamp TIME          of the new image: seconds since 1970 or RFC 3339 "
		"(else\n"
		"                            $SOURCE_DATE_EPOCH, else now); files keep their own "
		"times\n\n"
		"Example:\n"
		"  imagefs commit -m 'add motd' -c 'CMD [\"bash\"]' work debian:patched\n",
	.run = run,
};
