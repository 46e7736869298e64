/* libarchive reads the headers. The position of data is its count of consumed bytes. */
#include "store/layer/layer_tar.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/text.h"
#include "store/layer/layer_build.h"
#include "store/layer/tarlib.h"

#define BLOCK_SIZE 512

struct source {
	ssize_t (*pull)(void *ctx, const void **data);
	void *ctx;
	const void *first; /* read ahead to detect an empty stream */
	ssize_t first_len;
	uint64_t total; /* bytes read */
	bool padded;	/* zero padding was appended */
	int error;	/* -errno of a failed pull */
};

/*
 * Some writers (umoci insert) omit the padding after the last file. Go's reader, and so every
 * other tool, accepts that; libarchive requires a full block. Contents may not extend into the
 * padding: see add_extents().
 */
static la_ssize_t pad(struct source *s, const void **block)
{
	static const char zeros[BLOCK_SIZE];

	if (s->padded || s->total % BLOCK_SIZE == 0)
		return 0;
	s->padded = true;
	*block = zeros;
	return (la_ssize_t)(BLOCK_SIZE - s->total % BLOCK_SIZE);
}

static la_ssize_t pull(struct archive *a, void *arg, const void **block)
{
	struct source *s = arg;
	ssize_t n;

	if (s->first_len > 0) {
		*block = s->first;
		n = s->first_len;
		s->first_len = 0;
		s->total += (uint64_t)n;
		return n;
	}
	n = s->padded ? 0 : s->pull(s->ctx, block);
	if (n < 0) {
		s->error = (int)n;
		archive_set_error(a, (int)-n, "cannot read");
		return -1;
	}
	s->total += (uint64_t)n;
	return n ? n : pad(s, block);
}

static int entry_type(struct archive_entry *e, enum entry_type *out)
{
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
	case 0:
		*out = ENTRY_FILE;
		return 0;
	case AE_IFDIR:
		*out = ENTRY_DIR;
		return 0;
	case AE_IFLNK:
		*out = ENTRY_SYMLINK;
		return 0;
	case AE_IFCHR:
		*out = ENTRY_CHAR;
		return 0;
	case AE_IFBLK:
		*out = ENTRY_BLOCK;
		return 0;
	case AE_IFIFO:
		*out = ENTRY_FIFO;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Convert and validate a header from libarchive. */
static int convert(struct archive_entry *e, struct build_entry *out, struct err *err)
{
	int64_t uid = archive_entry_uid(e), gid = archive_entry_gid(e);
	int64_t size = archive_entry_size(e);

	memset(out, 0, sizeof(*out));
	out->path = archive_entry_pathname(e);
	if (!out->path)
		return err_set(err, EINVAL, "an entry without a name");
	out->hardlink = archive_entry_hardlink(e);
	/*
	 * A hard link has the type of its target, whatever its own mode says (docker writes one).
	 */
	out->type = ENTRY_FILE;
	if (!out->hardlink && entry_type(e, &out->type) < 0)
		return err_set(err, EINVAL, "an entry of an unknown type");
	if (uid < 0 || uid > LAYER_ID_MAX || gid < 0 || gid > LAYER_ID_MAX)
		return err_set(err, EINVAL, "owner %lld:%lld is out of range", (long long)uid,
			       (long long)gid);
	if (size < 0)
		return err_set(err, EINVAL, "a negative size");
	out->uid = (uint32_t)uid;
	out->gid = (uint32_t)gid;
	out->mode = (uint32_t)archive_entry_mode(e) & 07777;
	out->mtime = archive_entry_mtime(e);
	out->mtime_nsec = (uint32_t)archive_entry_mtime_nsec(e) % 1000000000u;
	/* For -4.75 in a pax record, libarchive (3.6) returns -4 and +0.75. */
	if (out->mtime < 0 && out->mtime_nsec) {
		out->mtime--;
		out->mtime_nsec = 1000000000u - out->mtime_nsec;
	}
	out->size = (uint64_t)size;
	if (out->type == ENTRY_SYMLINK) {
		out->target = archive_entry_symlink(e);
		if (!out->target)
			return err_set(err, EINVAL, "a symbolic link without a target");
	}
	if (out->type == ENTRY_CHAR || out->type == ENTRY_BLOCK)
		out->size = (uint64_t)(uint32_t)archive_entry_rdevmajor(e) << 32 |
			    (uint32_t)archive_entry_rdevminor(e);
	return 0;
}

static int add_xattrs(struct archive_entry *e, struct layer_build *b, uint32_t node,
		      struct err *err)
{
	const char *name;
	const void *value;
	size_t len;
	int r;

	/*
	 * libarchive returns the last attribute first; of several with the same name, the builder
	 * keeps the first.
	 */
	archive_entry_xattr_reset(e);
	while (archive_entry_xattr_next(e, &name, &value, &len) == ARCHIVE_OK) {
		r = name ? layer_build_xattr(b, node, name, value, len, err)
			 : err_set(err, EINVAL, "an extended attribute without a name");
		if (r < 0)
			return r;
	}
	return 0;
}

static int failed(struct archive *a, const struct source *s, struct err *err)
{
	if (s->error)
		return err_sys(err, -s->error, "cannot read");
	return tarlib_failed(a, archive_format(a) ? "the tar is damaged" : "not a tar", err);
}

/*
 * After archive_read_data_block(), libarchive's count of filtered bytes is the position of that
 * block in the stream.
 */
static int add_extents(struct archive *a, const struct source *s, struct layer_build *b,
		       uint32_t node, struct err *err)
{
	const void *block;
	size_t len;
	la_int64_t offset;
	int r;

	tarlib_begin();
	while ((r = archive_read_data_block(a, &block, &len, &offset)) == ARCHIVE_OK) {
		struct layer_extent x = { (uint64_t)offset, (uint64_t)archive_filter_bytes(a, 0),
					  len };

		if (s->padded && x.plain + x.length > s->total)
			return err_set(err, EINVAL, "the tar is cut short: it ends inside a file");
		r = layer_build_extent(b, node, &x, err);
		if (r < 0)
			return r;
	}
	return r == ARCHIVE_EOF ? 0 : failed(a, s, err);
}

static int add(struct archive *a, const struct source *s, struct archive_entry *e,
	       struct layer_build *b, struct err *err)
{
	struct build_entry entry;
	uint32_t node;
	int r = convert(e, &entry, err);

	if (r == 0)
		r = layer_build_add(b, &entry, &node, err);
	if (r < 0 || node == LAYER_NONE)
		return r;
	r = add_xattrs(e, b, node, err);
	if (r == 0 && entry.type == ENTRY_FILE)
		r = add_extents(a, s, b, node, err);
	return r;
}

static int read_entries(struct archive *a, const struct source *s, struct layer_build *b,
			struct err *err)
{
	struct buf name _cleanup_buf_ = BUF_INIT;
	struct archive_entry *e;
	int r;

	for (;;) {
		tarlib_begin();
		r = archive_read_next_header(a, &e);
		if (r == ARCHIVE_EOF)
			return 0;
		/*
		 * ARCHIVE_WARN: a non-ASCII name, which is fine. ARCHIVE_RETRY: a bad checksum,
		 * which is not.
		 */
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return failed(a, s, err);
		r = add(a, s, e, b, err);
		if (r < 0) {
			const char *path = archive_entry_pathname(e);

			text_escape(&name, path ? path : "");
			return err_wrap(err, r, "entry \"%.300s\"", buf_str(&name));
		}
	}
}

int layer_tar_read(ssize_t (*source)(void *ctx, const void **data), void *ctx,
		   struct layer_build *b, struct err *err)
{
	struct source s = { .pull = source, .ctx = ctx };
	_cleanup_tarlib_bytes_ locale_t before = tarlib_bytes();
	struct archive *a;
	int r;

	if (!before)
		return err_nomem(err);
	/* An empty stream is an empty layer; libarchive would report an unknown format. */
	s.first_len = source(ctx, &s.first);
	if (s.first_len < 0)
		return err_sys(err, (int)-s.first_len, "cannot read");
	if (s.first_len == 0)
		return 0;
	a = archive_read_new();
	if (!a)
		return err_nomem(err);
	tarlib_begin();
	/* Only tar is enabled: the readers of other formats are not safe for hostile input. */
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open(a, &s, NULL, pull, NULL) != ARCHIVE_OK)
		r = failed(a, &s, err);
	else
		r = read_entries(a, &s, b, err);
	archive_read_free(a);
	return r;
}
