/*
 * Several threads upload the blobs. The first failure stops the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/progress.h"
#include "base/text.h"
#include "base/workers.h"
#include "registry/client.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"
#include "registry/mount_sources.h"
#include "registry/push_private.h"
#include "registry/upload.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/txn.h"
#include "store/image/image.h"
#include "store/oci/reference.h"

/* Docker's default number of parallel uploads. */
#define WORKERS 5
/* Maximum number of attempts to put a manifest that the registry stores under a wrong digest. */
#define PUT_MAX 6
#define SHORT_ID 12

struct sending;

/* A blob to send, listed once even if the image contains it several times. */
struct item {
	struct sending *sending;
	const struct descriptor *desc;
	size_t layer; /* the first line that shows it; n_layers for the config */
};

struct sending {
	struct push *push;
	const struct image *image;
	struct client *client;
	struct txn *pinned;
	struct map mount_sources; /* digest -> repository */
	struct progress *progress;
	struct item *items;
	size_t n_items;
};

/* Docker shows a layer's DiffID, and the top layer first. */
static const char *line_id(const struct image *image, size_t line, char out[static SHORT_ID + 1])
{
	size_t i = image->manifest.n_layers - 1 - line;

	snprintf(out, SHORT_ID + 1, "%.*s", SHORT_ID, digest_hex(&image->diff_ids[i]));
	return out;
}

static const struct descriptor *line_layer(const struct image *image, size_t line)
{
	return &image->manifest.layers[image->manifest.n_layers - 1 - line];
}

/* Print one of docker's lines, or update the progress bar. */
static void say_line(struct sending *s, size_t line, const char *state, uint64_t total)
{
	char id[SHORT_ID + 1], text[512];

	line_id(s->image, line, id);
	progress_state(s->progress, line, id, state, total);
	if (s->push->options->quiet || progress_replaces_stdout(s->progress))
		return;
	snprintf(text, sizeof(text), "%s: %s", id, state);
	progress_print(s->progress, stdout, text);
}

/* If an image contains a layer twice, both of its lines show the state. */
static void print_layer_state(struct sending *s, const struct item *item, const char *state)
{
	size_t i;

	for (i = item->layer; i < s->image->manifest.n_layers; i++)
		if (digest_eq(&line_layer(s->image, i)->digest, &item->desc->digest))
			say_line(s, i, state, 0);
}

static void say_preparing(struct sending *s)
{
	size_t i, n = s->image->manifest.n_layers;

	for (i = 0; i < n; i++)
		say_line(s, i, "Preparing", 0);
	for (i = WORKERS; i < n; i++)
		say_line(s, i, "Waiting", 0);
}

/* List the layers in the order of the lines, each once, then the config. */
static int list_items(struct sending *s, struct err *err)
{
	size_t i, k, n = s->image->manifest.n_layers;

	s->items = calloc(n + 1, sizeof(*s->items));
	if (!s->items)
		return err_nomem(err);
	for (i = 0; i <= n; i++) {
		const struct descriptor *d =
			i < n ? line_layer(s->image, i) : &s->image->manifest.config;

		for (k = 0; k < s->n_items; k++)
			if (digest_eq(&s->items[k].desc->digest, &d->digest))
				break;
		if (k == s->n_items)
			s->items[s->n_items++] =
				(struct item){ .sending = s, .desc = d, .layer = i };
	}
	return 0;
}

/* Keep all blobs in the store until they are sent. */
static int pin(struct sending *s, struct err *err)
{
	size_t i;
	int r = txn_begin_reading(s->push->store, &s->pinned, err);

	if (r == 0)
		r = blob_keep(s->pinned, &s->image->desc.digest, err);
	for (i = 0; i < s->n_items && r == 0; i++)
		r = blob_keep(s->pinned, &s->items[i].desc->digest, err);
	return r;
}

static int open_item(struct sending *s, const struct item *item, struct err *err)
{
	const struct descriptor *d = item->desc;
	_cleanup_close_ int fd = -1;
	char path[DIGEST_MAX + 8];
	struct stat st;

	blob_store_path(&d->digest, path);
	fd = txn_open(s->pinned, path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, fd < 0 ? -fd : errno, "blob %s", d->digest.str);
	if (!S_ISREG(st.st_mode) || st.st_size != d->size)
		return err_set(err, EBADMSG,
			       "blob %s is damaged: it has %lld byte%s instead of %lld",
			       d->digest.str, (long long)st.st_size, TEXT_S(st.st_size),
			       (long long)d->size);
	return TAKE_FD(fd);
}

static void count_sent(void *arg, uint64_t done)
{
	struct item *item = arg;

	progress_set_line(item->sending->progress, item->layer, done);
}

static void begins(void *arg)
{
	struct item *item = arg;
	struct sending *s = item->sending;
	char id[SHORT_ID + 1];

	if (item->layer < s->image->manifest.n_layers)
		progress_state(s->progress, item->layer, line_id(s->image, item->layer, id),
			       "Pushing", (uint64_t)item->desc->size);
}

/*
 * A repository of the server that has the blob; NULL: unknown. SHA-512 is excluded: docker-registry
 * reports such a mount as successful, but then does not find the blob.
 */
static const char *mount_source_of(const struct sending *s, const struct digest *d)
{
	return strncmp(d->str, "sha256:", 7) == 0 ? map_get(&s->mount_sources, d->str) : NULL;
}

static int send_item(struct workers *w, size_t i, void *arg, struct err *err)
{
	struct sending *s = arg;
	struct item *item = &s->items[i];
	struct upload u = { .client = s->client,
			    .http = s->push->http,
			    .digest = &item->desc->digest,
			    .size = (uint64_t)item->desc->size,
			    .mount_source = mount_source_of(s, &item->desc->digest),
			    .progress = count_sent,
			    .begins = begins,
			    .arg = item };
	_cleanup_close_ int fd = -1;
	enum upload_result what;
	char state[300] = "Pushed";
	int r;

	(void)w;
	fd = u.fd = open_item(s, item, err);
	if (fd < 0)
		return fd;
	r = upload_blob(&u, &what, err);
	if (r < 0)
		return r;
	if (what == UPLOAD_EXISTS)
		snprintf(state, sizeof(state), "Layer already exists");
	else if (what == UPLOAD_MOUNTED)
		snprintf(state, sizeof(state), "Mounted from %s", u.mount_source);
	print_layer_state(s, item, state);
	return 0;
}

static void stop(void *arg)
{
	struct sending *s = arg;

	http_cancel(s->push->http);
}

static int send_all(struct sending *s, struct err *err)
{
	static const struct workers_ops ops = { .job = send_item, .stop = stop };

	return workers_run(&ops, s->n_items, WORKERS, s, err);
}

/*
 * Mount sources are paths of names. If registries.conf maps the names, the repositories on the
 * server have other paths.
 */
static int resolve_mount_sources(struct sending *s, const struct reference *ref, struct err *err)
{
	const struct endpoint *to = s->push->endpoint;
	struct map_slot *slot;
	size_t i = 0;
	int r = 0;

	if (strcmp(to->path, ref->path) == 0)
		return 0;
	while (r == 0 && (slot = (struct map_slot *)map_next(&s->mount_sources, &i))) {
		struct reference from = *ref;
		_cleanup_endpoints_ struct endpoints endpoints = ENDPOINTS_INIT;
		const struct endpoint *e;
		char *path = NULL;

		from.path = slot->value;
		r = hosts_resolve(&from, s->push->options->plain_http, &endpoints, err);
		if (r < 0)
			return r;
		e = endpoints_own(&endpoints);
		/*
		 * A name mapped to another server cannot be mounted: use the own path, which is
		 * skipped.
		 */
		path = strdup(strcmp(e->host, to->host) == 0 ? e->path : to->path);
		if (!path)
			return err_nomem(err);
		free(slot->value);
		slot->value = path;
	}
	return 0;
}

/* A mount requires pull access to the source repository. */
static int ask_for_mount_sources(struct sending *s, struct err *err)
{
	const struct map_slot *slot;
	size_t i = 0;
	int r = 0;

	while (r == 0 && (slot = map_next(&s->mount_sources, &i)))
		if (strcmp(slot->value, s->push->endpoint->path) != 0)
			r = client_also(s->client, slot->value, err);
	return r;
}

/* Read the manifest and its media type. */
static int read_manifest(struct sending *s, struct buf *text, struct err *err)
{
	return blob_get(s->push->store, s->pinned, &s->image->desc.digest, BLOB_JSON_MAX, text,
			err);
}

/* If the registry stores a changed manifest, put it again, so that the tag does not refer to it. */
static int put_manifest(struct sending *s, const char *tag, const char *media_type,
			const struct buf *text, const struct digest *digest, struct err *err)
{
	bool wrong = false; /* the tag refers to a changed manifest */
	int tries, r = -EBADMSG;

	for (tries = 0; tries < PUT_MAX && (r == -EBADMSG || (wrong && r < 0 && r != -ECANCELED));
	     tries++) {
		r = client_manifest_put(s->client, tag, media_type, text->data, text->len, digest,
					err);
		wrong |= r == -EBADMSG;
	}
	return r < 0 ? err_wrap(err, r, "manifest %s", digest->str) : 0;
}

/*
 * Convert and put a manifest for a registry that refuses OCI manifests. Manifests made by others
 * are not converted, because signatures and references by digest would no longer match.
 */
static int put_as_docker(struct sending *s, const struct reference *ref, struct buf *text,
			 struct digest *digest, struct err *err)
{
	_cleanup_free_ char *shown = reference_familiar(ref);
	struct buf docker _cleanup_buf_ = BUF_INIT;
	int ours = manifest_is_ours(&s->image->manifest, buf_str(text), text->len), r;

	if (ours < 0 || !shown)
		return err_nomem(err);
	if (!ours)
		return err_wrap(err, -ENOTSUP,
				"the registry refuses OCI manifests, and this manifest was created "
				"elsewhere, so it is not converted (skopeo copy --format "
				"v2s2 can convert it)");
	r = manifest_write_docker(&s->image->manifest, &docker, err);
	if (r < 0)
		return err_wrap(err, r, "the registry refuses OCI manifests");
	if (digest_of(docker.data, docker.len, digest) < 0)
		return err_nomem(err);
	r = put_manifest(s, ref->tag, MEDIA_DOCKER_MANIFEST, &docker, digest, err);
	if (r < 0)
		return r;
	progress_end(TAKE_PTR(s->progress));
	log_warn("%s: the registry refuses OCI manifests; pushed as a Docker manifest (schema 2)",
		 shown);
	buf_fini(text);
	*text = docker;
	docker = (struct buf)BUF_INIT;
	return 0;
}

static int send_manifest(struct sending *s, const struct reference *ref, struct digest *pushed,
			 struct err *err)
{
	const struct descriptor *d = &s->image->desc;
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct digest digest = d->digest;
	char line[512];
	int r = read_manifest(s, &text, err);

	if (r < 0)
		return r;
	r = put_manifest(s, ref->tag, d->media_type, &text, &digest, err);
	if (r == -ENOTSUP && strcmp(d->media_type, MEDIA_OCI_MANIFEST) == 0)
		r = put_as_docker(s, ref, &text, &digest, err);
	if (r < 0)
		return r;
	*pushed = digest;
	/* The last line is printed below the progress bars. */
	progress_end(TAKE_PTR(s->progress));
	snprintf(line, sizeof(line), "%s: digest: %s size: %zu", ref->tag, digest.str, text.len);
	if (!s->push->options->quiet)
		progress_print(NULL, stdout, line);
	return 0;
}

static int send_image(struct sending *s, const struct reference *ref, struct digest *pushed,
		      struct err *err)
{
	int r;

	r = manifest_check_layers(&s->image->manifest, err);
	if (r == 0)
		r = list_items(s, err);
	if (r == 0)
		r = pin(s, err);
	/* The image was removed after it was opened. */
	if (r == -ENOENT && !blob_exists(s->push->store, &s->image->desc.digest, -1))
		return err_set(err, ENOENT, "the image was removed during the push");
	if (r == 0)
		r = mount_sources_find(s->push->store, ref, &s->image->manifest, &s->mount_sources,
				       err);
	if (r == 0)
		r = resolve_mount_sources(s, ref, err);
	if (r == 0)
		r = client_open(s->push->http, s->push->auth, s->push->endpoint, "pull,push",
				&s->client, err);
	if (r == 0)
		r = ask_for_mount_sources(s, err);
	if (r < 0)
		return r;
	s->progress = progress_lines(s->image->manifest.n_layers, s->push->options->quiet);
	say_preparing(s);
	r = send_all(s, err);
	return r == 0 ? send_manifest(s, ref, pushed, err) : r;
}

int push_image(struct push *p, const struct image *image, const struct reference *ref,
	       struct digest *pushed, struct err *err)
{
	struct sending s = { .push = p, .image = image };
	int r = send_image(&s, ref, pushed, err);

	progress_end(s.progress);
	client_free(s.client);
	map_fini(&s.mount_sources, free);
	free(s.items);
	txn_free(s.pinned);
	return r;
}
