/*
 * Blobs are verified one at a time. A layer passes through the threads of ingest, which hash and
 * decode it and create an index for the comparison in one pass.
 */
#include "store/upkeep/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/progress.h"
#include "base/text.h"
#include "store/disk/blob.h"
#include "store/disk/layout.h"
#include "store/disk/partial.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/disk/txn.h"
#include "store/layer/ingest.h"
#include "store/layer/layer_copy.h"
#include "store/layer/layer_index.h"
#include "store/upkeep/verify_private.h"

#define BLOCK (256u * 1024)

static const char *const algorithms[] = { "sha256", "sha512" };

void verify_say(struct verify *v, bool broken, const char *fmt, ...)
{
	struct buf line _cleanup_buf_ = BUF_INIT;
	char text[1600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (broken)
		v->result->broken++;
	progress_hide(v->progress);
	if (text_escape(&line, text) == 0)
		v->o->say(buf_str(&line));
}

void verify_not_checked(struct verify *v, const char *what, const char *why)
{
	v->result->unchecked++;
	verify_say(v, false, "%s: not checked: %s", what, why);
}

static int mark(struct map *m, const struct digest *d, struct err *err)
{
	return map_put(m, d->str, m) < 0 ? err_nomem(err) : 0;
}

/* Hash the contents of fd; 0, -errno. */
static int hash_fd(struct verify *v, int fd, const struct digest *like, struct digest *out)
{
	_cleanup_free_ void *block = malloc(BLOCK);
	struct hash *h = hash_new(like);
	int r = block && h ? 0 : -ENOMEM;

	while (r == 0) {
		ssize_t n = read(fd, block, BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		if (n <= 0)
			break;
		hash_update(h, block, (size_t)n);
		progress_add(v->progress, (uint64_t)n);
	}
	if (r == 0)
		r = hash_final(h, out);
	hash_free(h);
	return r;
}

/*
 * True if the path is not a regular file. Other errors may come from this process: too many open
 * files, no permission.
 */
static bool is_no_file(int r)
{
	return r == -EINVAL || r == -ELOOP || r == -ENXIO;
}

/* Compare a file with want: 1 equal, 0 different, -ENOENT missing, -errno unknown. */
static int compare(struct store *s, const char *path, const struct buf *want)
{
	_cleanup_close_ int fd = beneath_open(s->fd, path, O_RDONLY, 0);
	_cleanup_free_ char *block = malloc(BLOCK);
	struct stat st;
	size_t off;
	int r;

	if (fd < 0)
		return is_no_file(fd) ? 0 : fd;
	if (!block)
		return -ENOMEM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != want->len)
		return 0;
	for (off = 0; off < want->len; off += BLOCK) {
		size_t n = MIN((size_t)BLOCK, want->len - off);

		r = file_pread_all(fd, block, n, off);
		if (r < 0)
			return r;
		if (memcmp(block, want->data + off, n) != 0)
			return 0;
	}
	return 1;
}

/* Compare the contents of a seekable copy with the layer's: 1, 0, -errno. */
static int same_bytes(const struct layer_copy *c, const struct ingest_result *res)
{
	_cleanup_free_ void *frame = malloc(LAYER_COPY_FRAME);
	struct hash *h = hash_new(&res->diff_id);
	struct digest got;
	uint64_t i, left = res->plain_size;
	int r = frame && h ? 0 : -ENOMEM;

	for (i = 0; left > 0 && r == 0; i++) {
		size_t n = (size_t)MIN((uint64_t)LAYER_COPY_FRAME, left);

		r = layer_copy_read(c, i, frame, n);
		if (r == 0)
			hash_update(h, frame, n);
		left -= n;
	}
	if (r == 0)
		r = hash_final(h, &got);
	hash_free(h);
	return r < 0 ? r : digest_eq(&got, &res->diff_id);
}

/* Check a seekable copy: 1 intact, or missing, which is fine for a cache; 0 damaged; -errno. */
static int check_copy(struct store *s, const struct digest *d, const struct ingest_result *res)
{
	char path[DIGEST_MAX + 32];
	struct layer_copy *c;
	int fd, r;

	layer_copy_path(d, path);
	fd = beneath_open(s->fd, path, O_RDONLY, 0);
	if (fd < 0)
		return fd == -ENOENT ? 1 : is_no_file(fd) ? 0 : fd;
	r = layer_copy_open(fd, d, res->plain_size, &c);
	if (r == 0) {
		r = same_bytes(c, res);
		layer_copy_free(c);
	}
	return r == -EBADMSG ? 0 : r;
}

static int publish(struct verify *v, struct txn *t, struct err *err)
{
	int r = store_lock(v->store, STORE_LOCK_SHARED, err);

	if (r < 0)
		return r;
	r = txn_publish(t, err);
	store_changed(v->store);
	store_unlock(v->store);
	return r;
}

/* Write index and seekable copy of an intact layer again. */
static int regenerate(struct verify *v, const struct digest *d, const struct buf *index, bool copy,
		      struct err *err)
{
	char path[LAYER_PATH_MAX], name[16];
	_cleanup_close_ int fd = -1;
	struct txn *t;
	int r = txn_begin(v->store, &t, err);

	if (r < 0)
		return r;
	r = fd = txn_create(t, name, err);
	if (r >= 0 && (r = file_write_all(fd, index->data, index->len)) < 0)
		err_sys(err, -r, "cannot write a layer index");
	if (r >= 0) {
		layer_index_path(d, path);
		r = txn_add(t, name, path, err);
	}
	if (r >= 0 && copy)
		r = layer_copy_make(t, d, true, err);
	if (r >= 0)
		r = publish(v, t, err);
	txn_free(t);
	return r;
}

/* Repair index and copy of an intact blob, or record that the index is damaged. */
static int repair(struct verify *v, const struct digest *d, const struct buf *index, bool copy,
		  struct err *err)
{
	struct err why = ERR_INIT;

	if (v->o->repair && regenerate(v, d, index, copy, &why) == 0) {
		verify_say(v, false, "index of blob %s: regenerated", d->str);
		return 0;
	}
	if (v->o->repair)
		verify_say(v, false, "index of blob %s: cannot be regenerated: %s", d->str,
			   why.msg);
	v->result->left++;
	return mark(&v->stale, d, err);
}

/* Compare a layer's index and copy with those generated by this pass. */
static int check_index(struct verify *v, const struct digest *d, const struct ingest_result *res,
		       const struct buf *index, struct err *err)
{
	char path[LAYER_PATH_MAX], what[DIGEST_MAX + 32];
	bool copy = ((const struct layer_header *)index->data)->flags & LAYER_COPY, broken;
	int r, c = copy ? check_copy(v->store, d, res) : 1;

	layer_index_path(d, path);
	r = compare(v->store, path, index);
	/* The blob may have been collected, with its index. */
	if (r == -ENOENT && !blob_exists(v->store, d, -1))
		return 0;
	broken = r == 0 || r == -ENOENT;
	if (broken)
		verify_say(v, true, "index of blob %s: %s", d->str,
			   r == 0 ? "damaged, or not of this blob" : "missing");
	else if (r < 0) {
		snprintf(what, sizeof(what), "index of blob %s", d->str);
		verify_not_checked(v, what, strerror(-r));
	}
	v->result->indexes++;
	if (c == 0)
		verify_say(v, true, "seekable copy of blob %s: damaged", d->str);
	if (c < 0) {
		snprintf(what, sizeof(what), "seekable copy of blob %s", d->str);
		verify_not_checked(v, what, strerror(-c));
	}
	/*
	 * A layer cannot be opened without its index. A damaged copy alone is regenerated on use.
	 */
	if (!broken && c == 0 && !v->o->repair) {
		v->result->left++;
		return 0;
	}
	return broken || c == 0 ? repair(v, d, index, copy, err) : 0;
}

static int bad_blob(struct verify *v, const struct digest *d, const char *why, struct err *err)
{
	verify_say(v, true, "blob %s: %s", d->str, why);
	v->result->left++;
	return mark(&v->bad, d, err);
}

static int blob_not_checked(struct verify *v, const struct digest *d, const char *why)
{
	char what[DIGEST_MAX + 8];

	snprintf(what, sizeof(what), "blob %s", d->str);
	verify_not_checked(v, what, why);
	return 0;
}

static int check_layer(struct verify *v, int fd, const struct digest *d, struct err *err)
{
	bool layer = map_get(&v->layers, d->str);
	struct buf index _cleanup_buf_ = BUF_INIT;
	struct ingest_result res = { 0 };
	struct err why = ERR_INIT;
	int r = ingest_look(fd, d, v->progress, &res, &index, &why);

	if (r < 0)
		r = blob_not_checked(v, d, why.msg);
	else if (!digest_eq(&res.digest, d))
		r = bad_blob(v, d, "its content does not match its digest", err);
	else if (res.layer_error && layer)
		r = bad_blob(v, d, res.layer_message, err);
	else if (!res.layer_error)
		r = check_index(v, d, &res, &index, err);
	return r;
}

int verify_bad_still(struct verify *v, const struct digest *d, struct err *err)
{
	_cleanup_close_ int fd = blob_open(v->store, d, NULL, err);
	struct digest got;
	int r;

	if (fd < 0)
		return fd == -ENOENT || is_no_file(fd) ? 1 : fd;
	r = hash_fd(v, fd, d, &got);
	return r < 0 ? err_sys(err, -r, "blob %s", d->str) : !digest_eq(&got, d);
}

static int check_blob(struct verify *v, const struct digest *d, struct err *err)
{
	char index[LAYER_PATH_MAX];
	_cleanup_close_ int fd = -1;
	struct err why = ERR_INIT;
	struct digest got;
	uint64_t size;
	int r;

	fd = blob_open(v->store, d, &size, &why);
	if (fd == -ENOENT)
		return 0; /* reported for those that need it */
	if (is_no_file(fd))
		return bad_blob(v, d, "cannot be opened as a file", err);
	if (fd < 0)
		return blob_not_checked(v, d, strerror(-fd));
	v->result->blobs++;
	v->result->bytes += size;
	layer_index_path(d, index);
	if (map_get(&v->layers, d->str) || beneath_exists(v->store->fd, index))
		return check_layer(v, fd, d, err);
	r = hash_fd(v, fd, d, &got);
	if (r < 0)
		return blob_not_checked(v, d, strerror(-r));
	return digest_eq(&got, d) ? 0
				  : bad_blob(v, d, "its content does not match its digest", err);
}

/* The sorted names in a directory of the store; a missing one is empty. */
static int names_in(struct store *s, const char *path, char ***names, size_t *n)
{
	_cleanup_close_ int fd = beneath_dir(s->fd, path);

	*names = NULL;
	*n = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return file_names(fd, names, n);
}

static int each_blob(struct verify *v, const char *algorithm, struct err *err)
{
	char path[32], text[DIGEST_MAX + 300];
	char **names;
	size_t n, i;
	int r;

	snprintf(path, sizeof(path), "blobs/%s", algorithm);
	r = names_in(v->store, path, &names, &n);
	if (r < 0)
		return err_sys(err, -r, "store %s: %s", v->store->path, path);
	for (i = 0; i < n && r == 0; i++) {
		struct digest d;

		snprintf(text, sizeof(text), "%s:%s", algorithm, names[i]);
		if (digest_parse(text, &d, NULL) < 0) {
			if (v->o->n)
				continue;
			verify_say(v, false, "leftover %s/%s: not a blob's name; harmless", path,
				   names[i]);
			v->result->tmp_sweep++;
		} else if (!v->o->n || map_get(&v->wanted, d.str)) {
			r = check_blob(v, &d, err);
		}
	}
	file_names_free(names);
	return r;
}

static uint64_t bytes_in(struct store *s, const char *algorithm)
{
	char path[32];
	char **names;
	size_t n, i;
	uint64_t sum = 0;
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "blobs/%s", algorithm);
	fd = beneath_dir(s->fd, path);
	if (fd < 0 || file_names(fd, &names, &n) < 0)
		return 0;
	for (i = 0; i < n; i++) {
		struct stat st;

		if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			sum += (uint64_t)st.st_size;
	}
	file_names_free(names);
	return sum;
}

int verify_blobs(struct verify *v, struct err *err)
{
	uint64_t total = 0;
	size_t i;
	int r = 0;

	for (i = 0; !v->o->n && i < ARRAY_SIZE(algorithms); i++)
		total += bytes_in(v->store, algorithms[i]);
	v->progress = progress_bar("Verifying", total, v->o->quiet);
	for (i = 0; i < ARRAY_SIZE(algorithms) && r == 0; i++)
		r = each_blob(v, algorithms[i], err);
	progress_end(TAKE_PTR(v->progress));
	return r;
}

/* Files named DIGEST + suffix without the blob belong to nothing. */
static int orphans(struct verify *v, const char *dir_path, const char *algorithm,
		   const char *suffix, struct err *err)
{
	char path[64], text[DIGEST_MAX + 300];
	char **names;
	size_t n, i;
	int r;

	snprintf(path, sizeof(path), "imagefs/%s/%s", dir_path, algorithm);
	r = names_in(v->store, path, &names, &n);
	if (r < 0)
		return err_sys(err, -r, "store %s: %s", v->store->path, path);
	for (i = 0; i < n; i++) {
		size_t len = strlen(names[i]), end = strlen(suffix);
		struct digest d;

		snprintf(text, sizeof(text), "%s:%.*s", algorithm, (int)(len > end ? len - end : 0),
			 names[i]);
		if (len > end && strcmp(names[i] + len - end, suffix) == 0 &&
		    digest_parse(text, &d, NULL) == 0 && blob_exists(v->store, &d, -1))
			continue;
		verify_say(v, false, "leftover %s/%s: belongs to no blob; harmless", path,
			   names[i]);
		v->result->tmp_sweep++;
	}
	file_names_free(names);
	return 0;
}

/* Other tools recognise a layout by this file and refuse a damaged one. */
static int check_layout(struct verify *v, struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_close_ int fd = -1;
	struct txn *t;
	const char *version;
	char name[16];
	int r = file_read(v->store->fd, "oci-layout", 4096, &text, NULL);

	if (r == 0)
		r = json_parse(buf_str(&text), text.len, "oci-layout", &j, NULL);
	if (r < 0 && err_is_machine(r)) {
		verify_not_checked(v, "oci-layout", strerror(-r));
		return 0;
	}
	version = r == 0 ? json_str(j, "imageLayoutVersion") : NULL;
	if (version && strcmp(version, "1.0.0") == 0)
		return 0;
	verify_say(v, true, "oci-layout: %s", r == -ENOENT ? "missing" : "damaged");
	if (!v->o->repair) {
		v->result->left++;
		return 0;
	}
	r = txn_begin(v->store, &t, err);
	if (r < 0)
		return r;
	r = fd = txn_create(t, name, err);
	if (r >= 0 && (r = file_write_all(fd, STORE_OCI_LAYOUT, strlen(STORE_OCI_LAYOUT))) < 0)
		err_sys(err, -r, "oci-layout");
	if (r >= 0) {
		txn_replace(t, name, "oci-layout");
		r = publish(v, t, err);
	}
	txn_free(t);
	if (r == 0)
		verify_say(v, false, "oci-layout: regenerated");
	return r;
}

/* Report transactions without an owner. */
static void dead_transactions(struct verify *v)
{
	_cleanup_close_ int tmp = beneath_dir(v->store->imagefs_fd, "tmp");
	char **names;
	size_t n, i;

	if (tmp < 0 || file_names(tmp, &names, &n) < 0)
		return;
	for (i = 0; i < n; i++) {
		_cleanup_close_ int fd =
			openat(tmp, names[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

		/*
		 * A container that is being created or removed has no lock of its own; its
		 * process holds the store's.
		 */
		if (fd < 0 || lock_try(fd, LOCK_MODE_EXCLUSIVE, "tmp dir", names[i]) < 0 ||
		    lock_try(v->store->lock_fd, LOCK_MODE_EXCLUSIVE, "store", v->store->path) < 0)
			continue;
		store_unlock(v->store);
		verify_say(v, false, "leftover imagefs/tmp/%s: from a killed command; harmless",
			   names[i]);
		v->result->tmp_sweep++;
	}
	file_names_free(names);
}

static void say_partial(void *arg, const char *path)
{
	struct verify *v = arg;

	verify_say(v, false,
		   "leftover %s: from an interrupted pull, which can be resumed; harmless", path);
	v->result->tmp_sweep++;
}

int verify_leftovers(struct verify *v, struct err *err)
{
	uint64_t bytes;
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(algorithms) && r == 0; i++) {
		r = orphans(v, "layers", algorithms[i], ".idx", err);
		if (r == 0)
			r = orphans(v, "cache", algorithms[i], ".zst", err);
	}
	partial_sweep(v->store, true, say_partial, v, &bytes);
	dead_transactions(v);
	return r;
}

int verify(struct store *s, const struct verify_options *o, struct verify_result *out,
	   struct err *err)
{
	struct verify v = { .store = s, .o = o, .result = out };
	int r;

	memset(out, 0, sizeof(*out));
	r = verify_collect(&v, err);
	if (r == 0 && !o->n)
		r = check_layout(&v, err);
	if (r == 0)
		r = verify_blobs(&v, err);
	if (r == 0)
		r = verify_images(&v, err);
	if (r == 0 && !o->n)
		r = verify_containers(&v, err);
	if (r == 0 && !o->n)
		r = verify_leftovers(&v, err);
	map_fini(&v.wanted, NULL);
	map_fini(&v.layers, NULL);
	map_fini(&v.bad, NULL);
	map_fini(&v.stale, NULL);
	return r;
}
