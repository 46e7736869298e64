/*
 * From a reference to an image: indexes down to the manifest of the platform, the config, the
 * layers, and finally the name.
 */
#include "registry/pull.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/text.h"
#include "registry/auth/auth.h"
#include "registry/client.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"
#include "registry/pull_private.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/oci/image_config.h"
#include "store/oci/reference.h"

#define INDEX_DEPTH_MAX 4
#define TAGS_MAX 10000
/* How many names of skipped tags are printed. */
#define SKIPPED_SHOWN 5

DEFINE_CLEANUP_PTR(struct txn, txn_free);
DEFINE_CLEANUP_PTR(struct client, client_free);
DEFINE_CLEANUP_PTR(struct auth, auth_free);
DEFINE_CLEANUP_PTR(struct http, http_free);

/* A pull from one endpoint. */
struct pull {
	struct store *store;
	const struct pull_options *options;
	struct http *http;
	struct client *client;
	bool found;    /* a registry has a manifest of that name */
	bool printed;  /* a line was printed */
	bool newer;    /* a name was added or changed */
	bool artifact; /* the last manifest was not an image */
};

/* A manifest as it was received. */
struct found {
	struct client_manifest m;
	char *media; /* media type; heap */
	bool is_index;
};

static void found_fini(struct found *f)
{
	client_manifest_fini(&f->m);
	free(f->media);
	memset(f, 0, sizeof(*f));
}

static void __attribute__((format(printf, 2, 3))) print_line(struct pull *p, const char *fmt, ...)
{
	struct buf line _cleanup_buf_ = BUF_INIT;
	char text[1024];
	va_list ap;

	if (p->options->quiet)
		return;
	if (!p->printed && p->options->first)
		progress_print(NULL, p->options->to, p->options->first);
	p->printed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (text_escape(&line, text) == 0)
		progress_print(NULL, p->options->to, buf_str(&line));
}

/* --- Media types --------------------------------------------------------------- */

static bool is_known(const char *media)
{
	return manifest_media_is_index(media) || manifest_media_is_manifest(media);
}

static int check_schema(const json_t *j, const char *said, struct err *err)
{
	const json_t *version = json_object_get(j, "schemaVersion");

	if ((json_is_integer(version) && json_integer_value(version) == 1) ||
	    (said && strstr(said, "distribution.manifest.v1+")))
		return err_set(err, ENOTSUP,
			       "manifest schema 1 is not supported: it is obsolete; push the image "
			       "again with a newer tool");
	return 0;
}

/*
 * Content-Type and mediaType must agree, because a document that one tool reads as an index and
 * another as an image is a security problem. If neither is set, the members decide.
 */
static int find_media(struct found *f, struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	const char *said = f->m.media_type, *own, *media;
	int r;

	if (said && (strncmp(said, "text/html", 9) == 0))
		return err_set(err, EPROTO,
			       "the registry answered with a web page instead of a manifest");
	r = json_parse(buf_str(&f->m.text), f->m.text.len, "manifest", &j, err);
	if (r < 0)
		return r == -EINVAL ? (err ? (err->code = EPROTO) : 0, -EPROTO) : r;
	if (!json_is_object(j))
		return err_set(err, EPROTO, "manifest: not a JSON object");
	r = check_schema(j, said, err);
	if (r < 0)
		return r;
	own = json_str(j, "mediaType");
	if (own && is_known(said) && strcmp(own, said) != 0)
		return err_set(err, EPROTO, "manifest: sent as %s, but its mediaType is %s", said,
			       own);
	media = own ? own : is_known(said) ? said : NULL;
	if (!media)
		media = json_object_get(j, "manifests") ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST;
	if (!is_known(media))
		return err_set(err, ENOTSUP,
			       "not a container image: its manifest is of type \"%s\"", media);
	f->is_index = manifest_media_is_index(media);
	f->media = strdup(media);
	return f->media ? 0 : err_nomem(err);
}

static int get_manifest(struct pull *p, const char *ref, struct found *out, struct err *err)
{
	static const char *const accept[] = {
		MEDIA_OCI_MANIFEST,
		MEDIA_OCI_INDEX,
		MEDIA_DOCKER_MANIFEST,
		MEDIA_DOCKER_LIST,
		/* Schema 1 is requested only to report it as unsupported. */
		"application/vnd.docker.distribution.manifest.v1+prettyjws",
		"application/vnd.docker.distribution.manifest.v1+json",
		NULL,
	};
	int r = client_manifest_get(p->client, ref, accept, &out->m, err);

	p->artifact = false;
	if (r < 0)
		return r;
	r = find_media(out, err);
	p->artifact = r == -ENOTSUP;
	return r;
}

/* Descend one level, from an index to a manifest or another index. */
static int descend(struct pull *p, struct found *f, struct err *err)
{
	struct found next = { 0 };
	struct index x;
	int pos, r;

	r = index_parse(buf_str(&f->m.text), f->m.text.len, &x, err);
	if (r < 0)
		return r;
	r = pos = index_choose(&x, p->options->platform, err);
	if (r >= 0)
		r = get_manifest(p, x.entries[pos].digest.str, &next, err);
	if (r == 0 && (uint64_t)x.entries[pos].size != next.m.text.len)
		r = err_set(err, EBADMSG, "manifest %s: has %zu byte%s, its descriptor says %lld",
			    x.entries[pos].digest.str, next.m.text.len, TEXT_S(next.m.text.len),
			    (long long)x.entries[pos].size);
	index_fini(&x);
	if (r < 0) {
		found_fini(&next);
		return r;
	}
	found_fini(f);
	*f = next;
	return 0;
}

/* --- One image ------------------------------------------------------------------ */

static int take_bytes(void *arg, const void *data, size_t len, struct err *err)
{
	return buf_append(arg, data, len) < 0 ? err_nomem(err) : 0;
}

static int forget_bytes(void *arg, struct err *err)
{
	(void)err;
	buf_clear(arg);
	return 0;
}

/* Read the config from the store or the registry, and add it to the transaction. */
static int get_config(struct pull *p, struct pull_image *image, struct buf *out, struct err *err)
{
	const struct client_sink sink = { .sink = take_bytes, .restart = forget_bytes, .arg = out };
	const struct descriptor *d = &image->manifest.config;
	struct digest got;
	int r;

	if (d->size > BLOB_JSON_MAX)
		return err_set(err, EFBIG, "config %s: larger than %u bytes", d->digest.str,
			       BLOB_JSON_MAX);
	if (!blob_exists(p->store, &d->digest, d->size) ||
	    blob_get(p->store, NULL, &d->digest, BLOB_JSON_MAX, out, NULL) < 0) {
		buf_clear(out);
		r = client_blob_get(p->client, &d->digest, (uint64_t)d->size, 0, &sink, err);
		if (r < 0)
			return err_wrap(err, r, "image config");
	}
	if (digest_like(buf_str(out), out->len, &d->digest, &got) < 0)
		return err_nomem(err);
	if (!digest_eq(&got, &d->digest))
		return err_set(err, EBADMSG,
			       "config %s: the registry sent content with the digest %s",
			       d->digest.str, got.str);
	return blob_put_like(image->txn, buf_str(out), out->len, &d->digest, err);
}

/* Docker also warns and continues. */
static void check_platform(const struct pull *p, const json_t *config)
{
	const struct descriptor d = image_config_platform(config);

	if (p->options->platform && !manifest_platform_fits(&d, p->options->platform))
		log_warn("the image's platform is %s/%s, not %s", d.os ? d.os : "?",
			 d.architecture ? d.architecture : "?", p->options->platform);
}

static int read_config(struct pull *p, struct pull_image *image, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *j = NULL;
	int r = get_config(p, image, &text, err);

	if (r == 0)
		r = json_parse(buf_str(&text), text.len, "image config", &j, err);
	if (r == 0)
		r = image_config_check(j, image->manifest.n_layers, &image->diff_ids, err);
	if (r < 0)
		return r;
	image->id = image->manifest.config.digest;
	check_platform(p, j);
	return 0;
}

/* Add manifest, config and layers. Afterwards only the name is missing. */
static int get_image(struct pull *p, const struct found *f, struct pull_image *image,
		     struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	size_t i;
	int r;

	r = read_config(p, image, err);
	if (r == 0)
		r = blob_put_like(image->txn, buf_str(&f->m.text), f->m.text.len, &f->m.digest,
				  err);
	if (r == 0)
		r = refs_read(p->store, &refs, err);
	if (r < 0)
		return r;
	for (i = 0; i < refs.n; i++)
		image->known |= digest_eq(&refs.v[i].id, &image->id);
	image->desc.media_type = strdup(f->media);
	image->desc.digest = f->m.digest;
	image->desc.size = (int64_t)f->m.text.len;
	if (!image->desc.media_type)
		return err_nomem(err);
	image->progress = progress_lines(image->manifest.n_layers, p->options->quiet);
	r = pull_layers(image, err);
	progress_end(TAKE_PTR(image->progress));
	return r;
}

static void image_fini(struct pull_image *image)
{
	manifest_fini(&image->manifest);
	descriptor_fini(&image->desc);
	free(image->diff_ids);
}

/* The name to set: with the digest if the reference has one, otherwise with the tag. */
static char *name_of(const struct reference *ref)
{
	struct reference by_digest = { .domain = ref->domain, .path = ref->path };

	if (!digest_is_set(&ref->digest))
		return reference_full(ref);
	by_digest.digest = ref->digest;
	return reference_full(&by_digest);
}

/* Nothing is written if the name already refers to the image. */
static int name_image(struct pull *p, struct pull_image *image, const char *name,
		      const struct digest *digest, struct err *err)
{
	struct image_name n = {
		.name = name, .desc = image->desc, .id = image->id, .repo_digest = *digest
	};
	_cleanup_refs_ struct refs refs = { 0 };
	const struct ref *old;
	bool by_digest = strchr(name, '@');
	int r = refs_read(p->store, &refs, err);

	if (r < 0)
		return r;
	old = by_digest ? refs_find_digest(&refs, name, digest) : refs_find(&refs, name);
	if (old && by_digest && !digest_eq(&old->repo_digest, digest))
		old = NULL;
	if (!old || !digest_eq(&old->id, &image->id))
		p->newer = true;
	else if (!image->fetched && digest_eq(&old->desc.digest, &image->desc.digest) &&
		 digest_eq(&old->repo_digest, digest))
		return 0;
	return image_publish(image->txn, &n, 1, err);
}

/* Explain an error in docker's words, which users search for. */
static int explain(int r, const struct reference *ref, const char *shown, struct err *err)
{
	_cleanup_free_ char *repo = reference_repo(ref);

	if (r == -ENOENT)
		return err_wrap(err, r, "manifest for %s not found", shown);
	if (r == -EACCES)
		return err_wrap(err, r,
				"pull access denied for %s, repository does not exist or may "
				"require 'imagefs login'",
				repo ? repo : shown);
	return err_wrap(err, r, "%s", shown);
}

/* Follow indexes down to the manifest of one image. */
static int find_image(struct pull *p, struct found *f, struct pull_image *image, struct err *err)
{
	int depth, r = 0;

	for (depth = 0; f->is_index && r == 0; depth++)
		r = depth == INDEX_DEPTH_MAX
			    ? err_set(err, EINVAL, "image index %s: nested too deep",
				      f->m.digest.str)
			    : descend(p, f, err);
	if (r < 0)
		return r;
	r = manifest_parse(buf_str(&f->m.text), f->m.text.len, &image->manifest, err);
	if (r == 0)
		r = manifest_check_layers(&image->manifest, err);
	p->artifact = r == -ENOTSUP;
	return r;
}

/* Pull one manifest. pulling is the name that the user knows, for the first line. */
static int pull_manifest(struct pull *p, struct found *f, const char *pulling, const char *path,
			 const char *name, struct err *err)
{
	_cleanup_(cleanup_txn_free) struct txn *t = NULL;
	struct pull_image image = {
		.store = p->store, .options = p->options, .http = p->http, .client = p->client
	};
	struct digest digest = f->m.digest;
	int r = find_image(p, f, &image, err);

	/* Nothing is printed for manifests that are not images. */
	if (!p->artifact)
		print_line(p, "%s: Pulling from %s", pulling, path);
	if (r == 0)
		r = txn_begin(p->store, &t, err);
	image.txn = t;
	if (r == 0)
		r = get_image(p, f, &image, err);
	if (r == 0)
		r = name_image(p, &image, name, &digest, err);
	image_fini(&image);
	if (r == 0)
		print_line(p, "Digest: %s", digest.str);
	return r;
}

static int pull_one(struct pull *p, const struct reference *ref, struct err *err)
{
	_cleanup_free_ char *name = name_of(ref), *shown = NULL;
	struct reference named = *ref;
	struct found f = { 0 };
	bool by_digest = digest_is_set(&ref->digest);
	int r;

	if (by_digest)
		named.tag = NULL;
	shown = reference_familiar(&named);
	if (!name || !shown)
		return err_nomem(err);
	r = get_manifest(p, by_digest ? ref->digest.str : ref->tag, &f, err);
	if (r < 0) {
		found_fini(&f);
		return explain(r, ref, shown, err);
	}
	p->found = true;
	r = pull_manifest(p, &f, by_digest ? shown : ref->tag, ref->path, name, err);
	found_fini(&f);
	return r < 0 ? err_wrap(err, r, "%s", shown) : 0;
}

/* --- All tags ---------------------------------------------------------------------- */

struct tags {
	char **v;
	size_t n;
};

static int add_tag(void *arg, const char *tag, struct err *err)
{
	struct tags *tags = arg;
	char **v;

	if (tags->n == TAGS_MAX)
		return err_set(err, E2BIG, "more than %d tags", TAGS_MAX);
	v = realloc(tags->v, (tags->n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(err);
	tags->v = v;
	v[tags->n] = strdup(tag);
	return v[tags->n] ? (tags->n++, 0) : err_nomem(err);
}

/* Set *out to ref with a tag that the registry listed; an invalid tag is an error. */
static int with_tag(const struct reference *ref, const char *tag, struct reference *out,
		    struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;

	if (buf_printf(&text, "%s/%s:%s", ref->domain, ref->path, tag) < 0)
		return err_nomem(err);
	if (strpbrk(tag, ":/@") || reference_parse(buf_str(&text), out, NULL) < 0)
		return err_set(err, EPROTO, "the registry lists \"%s\", which is not a valid tag",
			       tag);
	return 0;
}

/* Registries without a referrers API store signatures and attestations under tags of a digest. */
static bool is_referrers_tag(const char *tag)
{
	size_t n = strncmp(tag, "sha256-", 7) == 0 ? 64 : strncmp(tag, "sha512-", 7) == 0 ? 128 : 0;

	return n && strspn(tag + 7, "0123456789abcdef") >= MIN(n, (size_t)64);
}

/* Tags that are not images, reported in one line. */
struct skipped {
	struct buf names; /* of the first few that are not referrers tags */
	size_t n, referrers;
};

static int skip(struct skipped *s, const char *tag)
{
	s->n++;
	if (is_referrers_tag(tag)) {
		s->referrers++;
		return 0;
	}
	if (s->n - s->referrers > SKIPPED_SHOWN)
		return 0;
	return buf_printf(&s->names, "%s%s", s->names.len ? ", " : "", tag);
}

static void tell_skipped(const struct skipped *s, const char *repo)
{
	bool named = s->names.len, one = s->n == 1;
	char rest[64] = "";

	if (s->n - s->referrers > SKIPPED_SHOWN)
		snprintf(rest, sizeof(rest), ", ...");
	if (s->referrers)
		snprintf(rest + strlen(rest), sizeof(rest) - strlen(rest), "%s%zu of referrers",
			 named ? ", " : "", s->referrers);
	if (s->n)
		log_warn("%s: skipped %zu %s: %.600s%s", repo, s->n,
			 one ? "tag that is not a container image"
			     : "tags that are not container images",
			 buf_str(&s->names), rest);
}

/* Pull each tag that is an image. */
static int pull_each(struct pull *p, const struct reference *ref, const char *repo,
		     const struct tags *tags, struct skipped *skipped, struct err *err)
{
	struct err no_image = ERR_INIT;
	size_t i, done = 0;

	for (i = 0; i < tags->n; i++) {
		_cleanup_reference_ struct reference tagged = { 0 };
		struct err why = ERR_INIT;
		int r = with_tag(ref, tags->v[i], &tagged, &why);

		p->artifact = r == 0 && is_referrers_tag(tags->v[i]);
		if (r == 0 && !p->artifact)
			r = pull_one(p, &tagged, &why);
		if (p->artifact) {
			if (skip(skipped, tags->v[i]) < 0)
				return err_nomem(err);
			if (r < 0)
				no_image = why;
		} else if (r < 0) {
			return err_set(err, -r, "%s", why.msg);
		} else {
			done++;
		}
	}
	if (done)
		return 0;
	return no_image.code && tags->n == 1
		       ? err_set(err, no_image.code, "%s", no_image.msg)
		       : err_set(err, ENOTSUP, "%s: none of its tags is a container image", repo);
}

static int pull_tags(struct pull *p, const struct reference *ref, struct err *err)
{
	_cleanup_free_ char *repo = reference_repo(ref);
	struct skipped skipped = { BUF_INIT, 0, 0 };
	struct tags tags = { 0 };
	size_t i;
	int r;

	if (!repo)
		return err_nomem(err);
	r = client_tags(p->client, add_tag, &tags, err);
	if (r < 0)
		r = explain(r, ref, repo, err);
	else if (!tags.n)
		r = err_set(err, ENOENT, "%s: the repository has no tags", repo);
	else
		r = pull_each(p, ref, repo, &tags, &skipped, err);
	if (r == 0)
		tell_skipped(&skipped, repo);
	buf_fini(&skipped.names);
	for (i = 0; i < tags.n; i++)
		free(tags.v[i]);
	free(tags.v);
	return r;
}

static int pull_from(struct pull *p, const struct endpoint *e, const struct reference *ref,
		     struct err *err)
{
	_cleanup_(cleanup_http_free) struct http *http = NULL;
	_cleanup_(cleanup_auth_free) struct auth *auth = NULL;
	_cleanup_(cleanup_client_free) struct client *client = NULL;
	int r = http_new(NULL, &http, err);

	if (r == 0)
		r = auth_new(http, &auth, err);
	if (r == 0)
		r = client_open(http, auth, e, "pull", &client, err);
	if (r < 0)
		return r;
	p->http = http;
	p->client = client;
	return p->options->all_tags ? pull_tags(p, ref, err) : pull_one(p, ref, err);
}

/* Local errors: another server would not help. */
static bool is_local(int r)
{
	return r == -ENOMEM || r == -ENOSPC || r == -EDQUOT || r == -EROFS || r == -EMFILE;
}

int pull(struct store *s, const struct reference *ref, const struct pull_options *o, bool *found,
	 struct err *err)
{
	_cleanup_endpoints_ struct endpoints at = ENDPOINTS_INIT;
	struct pull p = { .store = s, .options = o };
	_cleanup_free_ char *shown = NULL;
	struct reference named = *ref;
	struct err missed = ERR_INIT;
	size_t i;
	int r;

	if (found)
		*found = false;
	r = hosts_resolve(ref, o->plain_http, &at, err);
	if (r < 0)
		return r;
	for (i = 0; i < at.n; i++) {
		struct err why = ERR_INIT;

		r = pull_from(&p, &at.v[i], ref, &why);
		if (found)
			*found = p.found;
		if (r == 0)
			break;
		if (i + 1 < at.n && !is_local(r)) {
			log_debug("mirror %s: %s", at.v[i].host, why.msg);
			/* A mirror may lack an image. */
			if (r != -ENOENT)
				err_set(&missed, -r, "mirror %s: %s", at.v[i].host, why.msg);
			continue;
		}
		return err_set(err, -r, "%s", why.msg);
	}
	if (missed.code)
		log_warn("%s", missed.msg);
	if (digest_is_set(&ref->digest))
		named.tag = NULL;
	shown = o->all_tags ? reference_repo(ref) : reference_familiar(&named);
	if (!shown)
		return err_nomem(err);
	print_line(&p, "Status: %s for %s",
		   p.newer ? "Downloaded newer image" : "Image is up to date", shown);
	return 0;
}
