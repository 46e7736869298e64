/*
 * One blob to a repository. A small one goes with the request that finishes it. A large one is
 * appended to an upload first, so that it can go on where it was cut, and is finished by a request of
 * its own once its digest is known to be right.
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

/* Up to here a blob goes in one request, which hashing it first does not delay. */
#define WHOLE_MAX (4u << 20)
#define READ_BLOCK (256u * 1024)
/* How often an upload is begun. */
#define BEGIN_MAX 4

/* The digest of a blob, found by a thread of its own while it is sent. */
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

/* Without a thread it is hashed at the end. */
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

/* An upload under way. */
struct sender {
	const struct upload *u;
	struct hashing hashing;
	char *location;
	struct retry retry;
	uint64_t pos, most;	  /* bytes that are there, and the most that ever were */
	atomic_uint_fast64_t out; /* and with those that are on their way */
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
 * 1: the registry has the blob, 0 or -errno. Some answer with a length of 0, or of something else, whether they
 * have it or not: that says nothing.
 */
static int is_there(const struct upload *u, struct err *err)
{
	int64_t size = -1;
	int r = client_blob_has(u->client, u->digest, &size, err);

	if (r == 1 && size >= 0 && (uint64_t)size != u->size) {
		log_debug("blob %s: the registry says that it has %lld bytes of it", u->digest->str,
			  (long long)size);
		return 0;
	}
	return r;
}

/* After a request that failed with r: wait, and find out what the server has. 0: go on. */
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
		return err_set(err, EPROTO, "the registry has more of it than there is");
	log_debug("blob %s: goes on at %llu", s->u->digest->str, (unsigned long long)have);
	s->pos = have;
	return 0;
}

/* A small one: with the request that ends the upload. */
static int send_whole(struct sender *s, struct err *err)
{
	struct client_body b = body(s, s->u->size);

	return client_upload_end(s->u->client, &s->location, s->u->digest, &b, err);
}

/* A large one: appended in as few requests as it takes, then ended. */
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
 * One upload from its beginning. -ENOENT: the server has forgotten it. A small one that failed is not
 * gone on with, but begun anew.
 */
static int send_once(struct sender *s, const char *origin, enum upload_result *out, struct err *err)
{
	const struct upload *u = s->u;
	int r = -EAGAIN;

	if (origin)
		r = client_upload_begin(u->client, u->digest, origin, &s->location, NULL, err);
	/* Some know nothing of mounts, or of that repository, and each says so in its own way. */
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

/* Is another upload worth it? */
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
	const char *origin = u->origin;
	int begun, r = 0;

	if (u->size <= WHOLE_MAX)
		r = hash_blob(u, NULL, err);
	else
		hashing_start(&s->hashing, u);
	for (begun = 1; r == 0; begun++) {
		r = send_once(s, origin, out, err);
		if (r == 0 || r == -ECANCELED)
			return r;
		origin = NULL;
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
