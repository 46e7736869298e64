/*
 * imagefs commit: what changed in a container becomes an image.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "store/commit.h"
#include "store/container.h"
#include "store/hold.h"
#include "store/mounts.h"
#include "store/reference.h"
#include "store/store.h"
#include "tools/epoch.h"
#include "tools/verb.h"

#define CHANGES_MAX 256

struct request {
	const char *container, *reference;
	const char *changes[CHANGES_MAX];
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

static int commit_held(struct store *s, struct request *q, struct digest *id, struct err *err)
{
	struct hold hold _cleanup_hold_ = HOLD_INIT;
	_cleanup_container_ struct container *c = NULL;
	int r;

	r = container_open(s, q->container, &c, err);
	if (r == 0)
		r = hold_begin(s, c, &hold, err);
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
	r = verb_store(g, &s, err);
	if (r < 0)
		return r;
	r = commit_held(s, q, &id, err);
	if (r == 0) {
		mounts_refresh(s);
		puts(id.str);
	}
	store_close(s);
	return r;
}

enum { OPT_COMPRESSION = 256, OPT_TIMESTAMP, OPT_INCLUDE, OPT_EXCLUDE };

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "author", required_argument, NULL, 'a' },
		{ "message", required_argument, NULL, 'm' },
		{ "change", required_argument, NULL, 'c' },
		{ "pause", optional_argument, NULL, 'p' },
		{ "compression", required_argument, NULL, OPT_COMPRESSION },
		{ "timestamp", required_argument, NULL, OPT_TIMESTAMP },
		{ "include", required_argument, NULL, OPT_INCLUDE },
		{ "exclude", required_argument, NULL, OPT_EXCLUDE },
		{ NULL, 0, NULL, 0 }
	};
	struct request q = { .options = { .codec = CODEC_GZIP, .timestamp = -1 } };
	struct err err = ERR_INIT;
	int opt, r = 0;

	q.options.changes = q.changes;
	if (epoch_env(&q.options.timestamp, &err) < 0)
		return verb_fail(v, &err);
	while (r == 0 && (opt = verb_getopt(v, argc, argv, "a:m:c:p", longs)) != -1) {
		switch (opt) {
		case 'a':
			q.options.author = optarg;
			break;
		case 'm':
			q.options.message = optarg;
			break;
		case 'c':
			if (q.options.n_changes == CHANGES_MAX)
				return verb_usage(v, "at most %d --change", CHANGES_MAX);
			q.changes[q.options.n_changes++] = optarg;
			break;
		case 'p': /* docker's: writers always wait here */
			break;
		case OPT_COMPRESSION:
			r = parse_codec(optarg, &q.options.codec, &err);
			break;
		case OPT_TIMESTAMP:
			r = epoch_parse(optarg, &q.options.timestamp, &err);
			break;
		default:
			r = err_set(&err, ENOTSUP, "--include, --exclude: not in this version yet");
		}
	}
	if (r < 0)
		return verb_fail(v, &err);
	if (argc - optind < 1 || argc - optind > 2)
		return verb_usage(v, "requires at least 1 and at most 2 arguments");
	q.container = argv[optind];
	q.reference = argc - optind == 2 ? argv[optind + 1] : NULL;
	return execute(g, &q, &err) < 0 ? verb_fail(v, &err) : 0;
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
		"  --timestamp TIME          of the new image: seconds since 1970 or RFC 3339 "
		"(else\n"
		"                            $SOURCE_DATE_EPOCH, else now); files keep their own "
		"times\n\n"
		"Example:\n"
		"  imagefs commit -m 'add motd' -c 'CMD [\"bash\"]' work debian:patched\n",
	.run = run,
};
