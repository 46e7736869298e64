/*
 * Reading the members of an image archive in one pass over the tar stream.
 *
 * The stream may be a pipe, and the JSON that describes a member often comes last. So JSON is
 * kept in memory, and everything that may be a layer is ingested as it streams by; what turns out
 * to be unused is dropped. Nothing is extracted to a path. As with tar, the last of several
 * members with the same name wins.
 */
#include "store/transfer/load_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/map.h"
#include "base/progress.h"
#include "store/disk/blob.h"
#include "store/disk/txn.h"
#include "store/layer/tarlib.h"

#define READ_BLOCK (1u << 20)
#define SNIFF_LEN 512
#define TEXT_TOTAL_MAX (64u << 20)
#define MEMBERS_MAX 200000
#define BLOBS_MAX 20000
#define STRANGERS_MAX 10000
#define LINKS_MAX 16
/* Limit of path components that are links. */
#define LINK_DEPTH_MAX 32

enum member_kind { MEMBER_TEXT, MEMBER_BLOB, MEMBER_LINK, MEMBER_OTHER };

struct member {
	char *path;
	enum member_kind kind;
	struct buf text; /* for MEMBER_TEXT */
	/* for MEMBER_BLOB, and for MEMBER_TEXT that was requested as a layer */
	struct ingest_result *blob;
	char *target; /* for MEMBER_LINK: a path; NULL: it leaves the archive */
};

struct load_archive {
	struct load_source source; /* first member: pointers to both are converted */
	struct txn *txn;
	struct progress *progress;
	int fd;
	char *block;
	uint64_t bytes_read;
	const char *no_tar; /* name of another archive format, by its magic; NULL: unknown */
	int read_error;
	struct member **v;
	size_t n, cap;
	struct map by_path; /* path -> struct member; the last one of a name */
	size_t n_blobs;	    /* number of ingested blobs */
	size_t text_bytes, strangers;
};

static struct load_archive *archive_of(struct load_source *src)
{
	return (struct load_archive *)src;
}

static void member_free(struct member *m)
{
	free(m->path);
	buf_fini(&m->text);
	free(m->blob);
	free(m->target);
	free(m);
}
DEFINE_CLEANUP_PTR(struct member, member_free);

static la_ssize_t read_block(struct archive *a, void *arg, const void **data)
{
	struct load_archive *la = arg;
	ssize_t n;

	do
		n = read(la->fd, la->block, READ_BLOCK);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		la->read_error = errno;
		archive_set_error(a, errno, "%s", strerror(errno));
		return -1;
	}
	if (!la->bytes_read)
		la->no_tar = codec_no_tar(la->block, (size_t)n);
	la->bytes_read += (uint64_t)n;
	progress_add(la->progress, (uint64_t)n);
	*data = la->block;
	return n;
}

/* Get the digest that a member "blobs/sha256/<hex>" must have. */
static bool blob_path(const char *path, struct digest *out)
{
	char text[DIGEST_MAX];
	const char *slash;

	if (strncmp(path, "blobs/", 6) != 0 || strlen(path + 6) >= sizeof(text))
		return false;
	strcpy(text, path + 6);
	slash = strchr(text, '/');
	if (!slash)
		return false;
	text[slash - text] = ':';
	return digest_parse(text, out, NULL) == 0;
}

static bool looks_like_json(const unsigned char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!strchr(" \t\r\n", p[i]) || !p[i])
			return p[i] == '{' || p[i] == '[';
	return false;
}

/* True for a tar header with a valid checksum, or the zeros of an empty tar. */
static bool looks_like_tar(const unsigned char *p, size_t len)
{
	unsigned sum = 8 * ' ', want = 0;
	bool zero = true;
	size_t i;

	if (len < SNIFF_LEN)
		return false;
	for (i = 0; i < SNIFF_LEN; i++) {
		if (i < 148 || i >= 156)
			sum += p[i];
		zero = zero && !p[i];
	}
	for (i = 148; i < 156 && p[i] == ' '; i++)
		;
	for (; i < 156 && p[i] >= '0' && p[i] <= '7'; i++)
		want = want * 8 + (p[i] - '0');
	return zero || sum == want;
}

static enum member_kind sniff(const char *path, const void *data, size_t len, int64_t size)
{
	size_t n = strlen(path);
	struct digest d;

	if (size <= BLOB_JSON_MAX && looks_like_json(data, len))
		return MEMBER_TEXT;
	if (blob_path(path, &d) || codec_sniff(data, len) != CODEC_NONE ||
	    looks_like_tar(data, len))
		return MEMBER_BLOB;
	if (size == 0 && n >= 4 && strcmp(path + n - 4, ".tar") == 0)
		return MEMBER_BLOB;
	return MEMBER_OTHER;
}

/* A member being read: its first bytes determine its kind. */
struct intake {
	struct load_archive *la;
	struct member *m;
	int64_t size;
	bool decided;
	struct digest like; /* unset: unknown */
	struct buf head;    /* bytes read before the kind was determined */
	struct ingest *ingest;
};

static int intake_begin(struct intake *in, const void *data, size_t len, struct err *err)
{
	struct load_archive *la = in->la;

	in->decided = true;
	in->m->kind = sniff(in->m->path, data, len, in->size);
	if (in->m->kind == MEMBER_BLOB && la->n_blobs == BLOBS_MAX)
		return err_set(err, E2BIG, "more than %d layers", BLOBS_MAX);
	if (in->m->kind == MEMBER_BLOB)
		return ingest_begin(la->txn, digest_is_set(&in->like) ? &in->like : NULL,
				    &in->ingest, err);
	if (in->m->kind != MEMBER_TEXT)
		return 0;
	la->text_bytes += (size_t)in->size;
	if (la->text_bytes > TEXT_TOTAL_MAX)
		return err_set(err, E2BIG, "more than %u bytes of JSON", TEXT_TOTAL_MAX);
	return buf_reserve(&in->m->text, (size_t)in->size) < 0 ? err_nomem(err) : 0;
}

static int intake_feed(struct intake *in, const void *data, size_t len, struct err *err)
{
	switch (in->m->kind) {
	case MEMBER_TEXT:
		return buf_append(&in->m->text, data, len) < 0 ? err_nomem(err) : 0;
	case MEMBER_BLOB:
		return ingest_write(in->ingest, data, len, err);
	default:
		return 0;
	}
}

static int intake_write(struct intake *in, const void *data, size_t len, struct err *err)
{
	int r;

	if (!in->decided && (in->head.len || len < SNIFF_LEN)) {
		if (buf_append(&in->head, data, len) < 0)
			return err_nomem(err);
		if (in->head.len < SNIFF_LEN)
			return 0;
		data = in->head.data;
		len = in->head.len;
	}
	if (!in->decided) {
		r = intake_begin(in, data, len, err);
		if (r < 0)
			return r;
	}
	return intake_feed(in, data, len, err);
}

static int finish_blob(struct load_archive *la, struct ingest *ingest, struct ingest_result **out,
		       struct err *err)
{
	_cleanup_free_ struct ingest_result *result = calloc(1, sizeof(*result));
	int r;

	if (!result) {
		ingest_abort(ingest);
		return err_nomem(err);
	}
	r = ingest_end(ingest, result, err);
	if (r < 0)
		return r;
	la->n_blobs++;
	free(*out);
	*out = TAKE_PTR(result);
	return 0;
}

static int intake_end(struct intake *in, struct err *err)
{
	int r = 0;

	if (!in->decided) {
		r = intake_begin(in, buf_str(&in->head), in->head.len, err);
		if (r == 0)
			r = intake_feed(in, buf_str(&in->head), in->head.len, err);
	}
	if (r < 0)
		return r;
	if (in->m->kind == MEMBER_TEXT)
		return 0;
	if (in->m->kind == MEMBER_BLOB)
		return finish_blob(in->la, TAKE_PTR(in->ingest), &in->m->blob, err);
	if (++in->la->strangers > STRANGERS_MAX)
		return err_set(err, E2BIG, "more than %d files that are not layers", STRANGERS_MAX);
	return 0;
}

/*
 * Limits of an image archive. A root file system may exceed any of them; then a message about the
 * limit would not help the user.
 */
static int too_much(const struct load_archive *la, int r, struct err *err)
{
	static const char *const names[] = { "manifest.json", "index.json", "repositories" };
	size_t i;

	if (r != -E2BIG)
		return r;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (map_get(&la->by_path, names[i]))
			return r;
	return err_set(err, EINVAL, "not an image archive: it holds ordinary files; " LOAD_NO_TREE);
}

static int read_failed(const struct load_archive *la, struct archive *a, const char *what,
		       struct err *err)
{
	if (la->read_error)
		return err_sys(err, la->read_error, "cannot read");
	return tarlib_failed(a, what, err);
}

static int next_error(const struct load_archive *la, struct archive *a, struct err *err)
{
	if (!la->read_error && !la->bytes_read)
		return err_set(err, EINVAL, "it is empty");
	if (!la->n && la->no_tar)
		return err_set(err, EINVAL, "not an image archive: it is %s, not a tar",
			       la->no_tar);
	return read_failed(la, a, la->n ? "damaged archive" : "not an image archive", err);
}

/* Read the contents of a regular member. */
static int read_member(struct load_archive *la, struct archive *a, int64_t size, struct member *m,
		       struct err *err)
{
	struct intake in = { .la = la, .m = m, .size = size };
	la_int64_t pos = 0;
	int r = 0;

	blob_path(m->path, &in.like);
	while (r == 0) {
		const void *data;
		size_t len;
		la_int64_t off;
		int e;

		tarlib_begin();
		e = archive_read_data_block(a, &data, &len, &off);
		if (e == ARCHIVE_EOF)
			break;
		if (e != ARCHIVE_OK && e != ARCHIVE_WARN)
			r = read_failed(la, a, m->path, err);
		else if (off != pos)
			r = err_set(err, ENOTSUP, "%s: a sparse member", m->path);
		else if (len)
			r = intake_write(&in, data, len, err);
		pos += (la_int64_t)len;
	}
	if (r == 0 && pos != size)
		r = err_set(err, EINVAL, "%s: shorter than its header says", m->path);
	if (r == 0)
		r = intake_end(&in, err);
	if (in.ingest)
		ingest_abort(in.ingest);
	buf_fini(&in.head);
	return r;
}

/*
 * Resolve a link's target: a hard link is relative to the archive's root, a symbolic link to its
 * own directory.
 */
static int link_target(const char *path, const char *target, bool hard, char **out)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash;
	int r;

	if (!dir)
		return -ENOMEM;
	slash = strrchr(dir, '/');
	*(slash && !hard ? slash : dir) = '\0';
	if (!hard && target[0] == '/')
		return 0;
	r = load_path(dir, target, !hard, out);
	return r == -EINVAL ? 0 : r;
}

static int add_member(struct load_archive *la, struct member *m)
{
	struct member *before = map_get(&la->by_path, m->path);

	if (la->n == la->cap) {
		size_t cap = la->cap ? la->cap * 2 : 64;
		struct member **v = realloc(la->v, cap * sizeof(struct member *));

		if (!v)
			return -ENOMEM;
		la->v = v;
		la->cap = cap;
	}
	if (map_put(&la->by_path, m->path, m) < 0)
		return -ENOMEM;
	if (before) {
		la->text_bytes -= before->text.len;
		buf_fini(&before->text);
	}
	la->v[la->n++] = m;
	return 0;
}

static int take_entry(struct load_archive *la, struct archive *a, struct archive_entry *e,
		      struct err *err)
{
	_cleanup_(cleanup_member_free) struct member *m = NULL;
	const char *path = archive_entry_pathname(e);
	const char *hard = archive_entry_hardlink(e), *soft = archive_entry_symlink(e);
	int r;

	if (!path)
		return err_set(err, EINVAL, "a member's name cannot be read");
	if (archive_entry_filetype(e) == AE_IFDIR && !hard)
		return 0;
	if (la->n == MEMBERS_MAX)
		return err_set(err, E2BIG, "more than %d members", MEMBERS_MAX);
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_nomem(err);
	r = load_path("", path, false, &m->path);
	if (r == -EINVAL)
		return err_set(err, EINVAL, "member %s: not a name inside the archive", path);
	if (r < 0)
		return err_nomem(err);
	m->kind = MEMBER_OTHER;
	if (hard || archive_entry_filetype(e) == AE_IFLNK) {
		m->kind = MEMBER_LINK;
		if (!hard && !soft)
			return err_set(err, EINVAL, "%s: its target cannot be read", m->path);
		r = link_target(m->path, hard ? hard : soft, hard != NULL, &m->target);
		if (r < 0)
			return err_nomem(err);
	} else if (archive_entry_filetype(e) == AE_IFREG) {
		r = read_member(la, a, archive_entry_size(e), m, err);
		if (r < 0)
			return r;
	}
	if (add_member(la, m) < 0)
		return err_nomem(err);
	TAKE_PTR(m);
	return 0;
}

/* Read the rest, so that the writer of a pipe does not get SIGPIPE. */
static void drain(struct load_archive *la)
{
	if (lseek(la->fd, 0, SEEK_CUR) < 0)
		while (read(la->fd, la->block, READ_BLOCK) > 0)
			;
}

static int read_all(struct load_archive *la, struct archive *a, struct err *err)
{
	_cleanup_tarlib_bytes_ locale_t before = tarlib_bytes();
	struct archive_entry *e;
	int r;

	if (!before)
		return err_nomem(err);
	tarlib_begin();
	/* Only filters that are built in: libarchive must not run a helper program. */
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK)
		return tarlib_failed(a, "libarchive was built without gzip, bzip2, xz or zstd",
				     err);
	if (archive_read_open(a, la, NULL, read_block, NULL) != ARCHIVE_OK)
		return next_error(la, a, err);
	for (;;) {
		tarlib_begin();
		r = archive_read_next_header(a, &e);
		if (r == ARCHIVE_EOF)
			break;
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return next_error(la, a, err);
		r = take_entry(la, a, e, err);
		if (r < 0)
			return too_much(la, r, err);
	}
	if (!la->bytes_read)
		return next_error(la, a, err);
	drain(la);
	return 0;
}

/* Length of the prefix of path that is a link; 0: none. */
static size_t find_link(const struct load_archive *la, const char *path, struct member **out)
{
	size_t n = strcspn(path, "/"), depth;

	for (depth = 0; depth < LINK_DEPTH_MAX; depth++) {
		*out = map_getn(&la->by_path, path, n);
		if (*out && (*out)->kind == MEMBER_LINK)
			return n;
		if (!path[n])
			break;
		n += 1 + strcspn(path + n + 1, "/");
	}
	return 0;
}

/*
 * Find a member, following links, also to directories; -ENOENT, -EXDEV out of the archive,
 * -ELOOP.
 */
static int find(const struct load_archive *la, const char *path, struct member **out)
{
	_cleanup_free_ char *here = strdup(path);
	int hops, r;

	for (hops = 0; here && hops < LINKS_MAX; hops++) {
		struct member *m = map_get(&la->by_path, here);
		char *next;
		size_t n;

		if (m && m->kind != MEMBER_LINK) {
			*out = m;
			return 0;
		}
		n = m ? strlen(here) : find_link(la, here, &m);
		if (!n)
			return -ENOENT;
		if (!m->target)
			return -EXDEV;
		r = load_path(m->target, here + n, false, &next);
		if (r < 0)
			return r;
		free(here);
		here = next;
	}
	return here ? -ELOOP : -ENOMEM;
}

static int find_error(int r, const char *path, struct err *err)
{
	switch (r) {
	case -EXDEV:
		return err_set(err, EINVAL, "%.512s: a link out of the archive", path);
	case -ELOOP:
		return err_set(err, EINVAL, "%.512s: too many links", path);
	case -ENOMEM:
		return err_nomem(err);
	default:
		return err_set(err, ENOENT, "%.512s is missing", path);
	}
}

static bool archive_has(struct load_source *src, const char *path)
{
	struct member *m;

	return find(archive_of(src), path, &m) != -ENOENT;
}

static int archive_text(struct load_source *src, const char *path, struct buf *out, struct err *err)
{
	struct member *m;
	int r = find(archive_of(src), path, &m);

	if (r < 0)
		return find_error(r, path, err);
	if (m->kind == MEMBER_BLOB && m->blob->size > BLOB_JSON_MAX)
		return err_set(err, EFBIG, "%s: larger than %u bytes", path, BLOB_JSON_MAX);
	if (m->kind != MEMBER_TEXT)
		return err_set(err, EINVAL, "%s: not JSON", path);
	return buf_append(out, buf_str(&m->text), m->text.len) < 0 ? err_nomem(err) : 0;
}

static int archive_layer(struct load_source *src, const char *path, const struct digest *like,
			 struct ingest_result *out, struct err *err)
{
	struct load_archive *la = archive_of(src);
	struct ingest *in;
	struct member *m;
	int r = find(la, path, &m);

	if (r < 0)
		return find_error(r, path, err);
	if (m->kind == MEMBER_TEXT && !m->blob) {
		/* A tar whose first name begins with a bracket was taken for JSON. */
		r = ingest_begin(la->txn, like, &in, err);
		if (r < 0)
			return r;
		r = ingest_write(in, buf_str(&m->text), m->text.len, err);
		if (r < 0) {
			ingest_abort(in);
			return r;
		}
		r = finish_blob(la, in, &m->blob, err);
		if (r < 0)
			return r;
	}
	if (!m->blob)
		return err_set(err, EINVAL, "%s: not a layer", path);
	if (like && !digest_eq(like, &m->blob->digest))
		return err_set(err, EBADMSG, "blob %s is damaged: its content has the digest %s",
			       like->str, m->blob->digest.str);
	*out = *m->blob;
	return 0;
}

static const char *archive_next(struct load_source *src, size_t *pos)
{
	struct load_archive *la = archive_of(src);

	return *pos < la->n ? la->v[(*pos)++]->path : NULL;
}

static void release(struct load_source *src)
{
	struct load_archive *la = archive_of(src);
	size_t i;

	for (i = 0; i < la->n; i++)
		member_free(la->v[i]);
	free(la->v);
	map_fini(&la->by_path, NULL);
	free(la->block);
	free(la);
}

static const struct load_source_ops archive_ops = {
	.no_image = "not an image archive: neither index.json, manifest.json nor repositories in "
		    "it; " LOAD_NO_TREE,
	.has = archive_has,
	.text = archive_text,
	.layer = archive_layer,
	.next = archive_next,
	.free = release,
};

int load_archive_open(struct txn *t, int fd, struct progress *p, struct load_source **out,
		      struct err *err)
{
	struct load_archive *la = calloc(1, sizeof(*la));
	struct archive *a = archive_read_new();
	int r;

	if (la)
		la->block = malloc(READ_BLOCK);
	if (!la || !la->block || !a) {
		archive_read_free(a);
		free(la ? la->block : NULL);
		free(la);
		return err_nomem(err);
	}
	la->source.ops = &archive_ops;
	la->txn = t;
	la->progress = p;
	la->fd = fd;
	r = read_all(la, a, err);
	archive_read_free(a);
	if (r < 0) {
		release(&la->source);
		return r;
	}
	*out = &la->source;
	return 0;
}
