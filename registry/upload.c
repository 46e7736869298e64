/*
 * A small blob is sent in the request that completes the upload. A large one is appended in chunks,
 * so that the upload can be resumed, and completed by a separate request once its digest is
 * verified.
 * spec    OCI distribution-spec, "Pushing blobs"
 */
#include "registry/upload.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "registry/client.h"
#include "registry/http/retry.h"

/* Blobs up to this size are sent in one request; hashing them first takes little time. */
#define WHOLE_MAX (4u << 20)
#define READ_BLOCK (256u * 1024)
/* Maximum number of attempts to start an upload. */
#define BEGIN_MAX 4

/* The digest of a blob, computed by a thread while the blob is sent. */
struct hashing {
	const struct upload *u;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	int r;
	struct err err;
};

static int hash_blob(const struct upload *u, atomic_bool *stop, struct err *err)
{
	_cleanup_free_ char *block = malloc(READ_BLOCK);
	struct hash *h = hash_new(u->digest);
	struct digest got;
	uint64_t off = 0;
	int r = block && h ? 0 : err_nomem(err);

	while (r == 0 && off < u->size && !(stop && atomic_load(stop))) {
		size_t n = (size_t)MIN((uint64_t)READ_BLOCK, u->size - off);

		r = file_pread_all(u->fd, block, n, off);
		if (r < 0) {
			r = err_sys(err, -r, "cannot read");
			break;
		}
		hash_update(h, block, n);
		off += n;
	}
	if (r == 0 && off == u->size) {
		if (hash_final(h, &got) < 0)
			r = err_nomem(err);
		else if (!digest_eq(&got, u->digest))
			r = err_set(err, EBADMSG, "it is damaged: its content has the digest %s",
				    got.str);
	}
	hash_free(h);
	return r;
}

static void *hash_run(void *arg)
{
	struct hashing *h = arg;

	h->r = hash_blob(h->u, &h->stop, &h->err);
	return NULL;
}

/* If no thread can be started, the blob is hashed after it was sent. */
static void hashing_start(struct hashing *h, const struct upload *u)
{
	h->u = u;
	h->running = pthread_create(&h->thread, NULL, hash_run, h) == 0;
}

static void hashing_stop(struct hashing *h)
{
	if (!h->running)
		return;
	atomic_store(&h->stop, true);
	pthread_join(h->thread, NULL);
	h->running = false;
}

static int hashing_end(struct hashing *h, struct err *err)
{
	if (!h->running)
		return hash_blob(h->u, NULL, err);
	pthread_join(h->thread, NULL);
	h->running = false;
	return h->r < 0 ? err_set(err, -h->r, "%s", h->err.msg) : 0;
}

/* An upload in progress. */
struct sender {
	const struct upload *u;
	struct hashing hashing;
	char *location;
	struct retry retry;
	uint64_t pos, most;	  /* bytes that the server has, and the maximum so far */
	atomic_uint_fast64_t out; /* pos plus the bytes that are in flight */
};

static void on_sent(void *arg, uint64_t bytes)
{
	struct sender *s = arg;

	s->u->progress(s->u->arg, atomic_fetch_add(&s->out, bytes) + bytes);
}

static struct client_body body(struct sender *s, uint64_t length)
{
	atomic_store(&s->out, s->pos);
	return (struct client_body){
		.fd = s->u->fd, .offset = s->pos, .length = length, .sent = on_sent, .arg = s
	};
}

/*
 * Returns 1 if the registry has the blob, 0 or -errno. Some registries answer for missing blobs,
 * too, with a length of 0 or a wrong one: these answers are ignored.
 */
static int is_there(const struct upload *u, struct err *err)
{
	int64_t size = -1;
	int r = client_blob_has(u->client, u->digest, &size, err);

	if (r == 1 && size >= 0 && (uint64_t)size != u->size) {
		log_debug("blob %s: the registry reports %lld bytes", u->digest->str,
			  (long long)size);
		return 0;
	}
	return r;
}

/* After a failed request with result r: wait, then ask the server what it has. 0: continue. */
static int recover(struct sender *s, int r, struct err *err)
{
	bool moved = s->pos > s->most;
	uint64_t have;

	if (!client_transient(r) && r != -EAGAIN)
		return r;
	if (moved)
		s->most = s->pos;
	if (!retry_wait(&s->retry, r, NULL, moved))
		return retry_reported(&s->retry, r, err);
	r = client_upload_status(s->u->client, &s->location, &have, err);
	if (r < 0)
		return r;
	if (have > s->u->size)
		return err_set(err, EPROTO, "the registry reports more bytes than the blob has");
	log_debug("blob %s: resumed at %llu", s->u->digest->str, (unsigned long long)have);
	s->pos = have;
	return 0;
}

/* Send a small blob with the request that completes the upload. */
static int send_whole(struct sender *s, struct err *err)
{
	struct client_body b = body(s, s->u->size);

	return client_upload_end(s->u->client, &s->location, s->u->digest, &b, err);
}

/* Append a large blob in as few requests as possible, then complete the upload. */
static int send_parts(struct sender *s, struct err *err)
{
	const struct upload *u = s->u;

	for (;;) {
		struct client_body b = body(s, u->size - s->pos);
		int r;

		if (s->pos < u->size) {
			r = client_upload_chunk(u->client, &s->location, &b, err);
			if (r == 0) {
				s->pos = u->size;
				continue;
			}
		} else {
			r = hashing_end(&s->hashing, err);
			if (r == 0)
				r = client_upload_end(u->client, &s->location, u->digest, &b, err);
			if (r == 0)
				return 0;
		}
		r = recover(s, r, err);
		if (r < 0)
			return r;
	}
}

/*
 * One upload from the start. -ENOENT: the server has dropped it. A failed upload of a small blob is
 * restarted, not resumed.
 */
static int send_once(struct sender *s, const char *mount_source, enum upload_result *out,
		     struct err *err)
{
	const struct upload *u = s->u;
	int r = -EAGAIN;

	if (mount_source)
		r = client_upload_begin(u->client, u->digest, mount_source, &s->location, NULL,
					err);
	/* Registries that do not support mounts, or do not know mount_source, fail in many ways. */
	if (r == -EAGAIN || (r < 0 && r != -ECANCELED && !client_transient(r)))
		r = client_upload_begin(u->client, NULL, NULL, &s->location, NULL, err);
	if (r < 0)
		return r;
	if (!s->location) {
		*out = UPLOAD_MOUNTED;
		return 0;
	}
	*out = UPLOAD_DONE;
	s->pos = 0;
	u->begins(u->arg);
	r = u->size <= WHOLE_MAX ? send_whole(s, err) : send_parts(s, err);
	if (r < 0 && r != -ENOENT && !client_transient(r))
		client_upload_cancel(u->client, s->location);
	free(TAKE_PTR(s->location));
	return r;
}

/* Returns true if another attempt to upload is worthwhile. */
static bool begin_anew(struct sender *s, int r, int begun)
{
	if (begun == BEGIN_MAX)
		return false;
	if (r == -ENOENT)
		return true;
	return s->u->size <= WHOLE_MAX && (client_transient(r) || r == -EAGAIN) &&
	       retry_wait(&s->retry, r, NULL, false);
}

static int send_blob(struct sender *s, enum upload_result *out, struct err *err)
{
	const struct upload *u = s->u;
	const char *mount_source = u->mount_source;
	int begun, r = 0;

	if (u->size <= WHOLE_MAX)
		r = hash_blob(u, NULL, err);
	else
		hashing_start(&s->hashing, u);
	for (begun = 1; r == 0; begun++) {
		r = send_once(s, mount_source, out, err);
		if (r == 0 || r == -ECANCELED)
			return r;
		mount_source = NULL;
		if ((client_transient(r) || r == -EAGAIN || r == -ENOENT) && is_there(u, NULL) == 1)
			return 0;
		if (!begin_anew(s, r, begun))
			return retry_reported(&s->retry, r, err);
		r = 0;
	}
	return r;
}

int upload_blob(const struct upload *u, enum upload_result *out, struct err *err)
{
	struct sender s = { .u = u, .hashing = { .err = ERR_INIT }, .retry = { .http = u->http } };
	int r = is_there(u, err);

	if (r == 1) {
		*out = UPLOAD_EXISTS;
		return 0;
	}
	if (r == 0)
		r = send_blob(&s, out, err);
	hashing_stop(&s.hashing);
	free(s.location);
	return r < 0 ? err_wrap(err, r, "blob %s", u->digest->str) : 0;
}
