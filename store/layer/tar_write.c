/*
 * ustar headers are written by hand, because the output is guaranteed to be reproducible. pax
 * records hold what does not fit.
 */
#include "store/layer/tar_write.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define BLOCK 512u

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type,
		linkname[100], magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8],
		prefix[155], pad[12];
};

/* The length in a pax record includes its own digits. */
static int put_record(struct buf *out, const char *key, const void *value, size_t len)
{
	size_t body = strlen(key) + len + 3, total = body;
	char number[24];
	int n;

	do {
		n = snprintf(number, sizeof(number), "%zu", total);
		if (body + (size_t)n == total)
			break;
		total = body + (size_t)n;
	} while (true);
	if (buf_printf(out, "%s %s=", number, key) < 0 || buf_append(out, value, len) < 0)
		return -ENOMEM;
	return buf_putc(out, '\n');
}

static int put_number(struct buf *out, const char *key, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)v);

	return put_record(out, key, text, (size_t)n);
}

/*
 * The key of a pax record ends at the first '='. libarchive's record escapes the name instead.
 * Readers that do not know it omit the attribute; with a plain record they would set another
 * attribute.
 */
static int put_escaped_xattr(struct buf *out, const char *name, const void *value, size_t len)
{
	struct buf key _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *text = base64_encode(value, len);
	int r = text ? buf_puts(&key, "LIBARCHIVE.xattr.") : -ENOMEM;

	for (; r == 0 && *name; name++)
		r = isalnum((unsigned char)*name) || strchr("._-", *name)
			    ? buf_putc(&key, *name)
			    : buf_printf(&key, "%%%02X", (unsigned char)*name);
	return r < 0 ? -ENOMEM : put_record(out, buf_str(&key), text, strcspn(text, "="));
}

int tar_xattr(struct buf *out, const char *name, const void *value, size_t len)
{
	char key[300];

	if (strchr(name, '='))
		return put_escaped_xattr(out, name, value, len);
	snprintf(key, sizeof(key), "SCHILY.xattr.%s", name);
	return put_record(out, key, value, len);
}

/*
 * Write a NUL-terminated octal number. A value that does not fit is 0 here and goes to a pax
 * record.
 */
static bool octal(char *field, size_t size, uint64_t v)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%0*llo", (int)size - 1, (unsigned long long)v);

	if ((size_t)n >= size) {
		memset(field, '0', size - 1);
		return false;
	}
	memcpy(field, text, size);
	return true;
}

/* Split a path over 100 bytes at a '/' into prefix and name, if possible. */
static bool put_name(struct ustar *h, const char *path)
{
	size_t len = strlen(path);
	const char *slash;

	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return true;
	}
	for (slash = strchr(path + len - sizeof(h->name) - 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		size_t prefix = (size_t)(slash - path);

		if (prefix == 0 || prefix > sizeof(h->prefix) || !slash[1])
			break;
		memcpy(h->prefix, path, prefix);
		memcpy(h->name, slash + 1, len - prefix - 1);
		return true;
	}
	memcpy(h->name, path, sizeof(h->name));
	return false;
}

static int pax_mtime(struct buf *pax, struct timespec t)
{
	char text[48];
	int64_t sec = t.tv_sec;
	long nsec = t.tv_nsec;
	const char *sign = "";
	int n;

	if (sec < 0) {
		/* -1.25 s is -2 s and 750000000 ns. */
		sign = "-";
		sec = nsec ? -(sec + 1) : -sec;
		nsec = nsec ? 1000000000L - nsec : 0;
	}
	n = snprintf(text, sizeof(text), "%s%lld", sign, (long long)sec);
	if (nsec) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09ld", nsec);
		while (text[n - 1] == '0')
			n--;
	}
	return put_record(pax, "mtime", text, (size_t)n);
}

uint64_t tar_pieces_size(const struct tar_entry *e)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < e->n_pieces; i++)
		sum += e->pieces[i].length;
	return sum;
}

/*
 * Format the map that precedes a sparse file's data: the number of ranges, then their positions;
 * an empty range marks a hole at the end.
 */
static int sparse_map(const struct tar_entry *e, struct buf *out)
{
	const struct tar_piece *last = e->n_pieces ? &e->pieces[e->n_pieces - 1] : NULL;
	uint64_t size = (uint64_t)e->st.st_size;
	bool hole = !last || last->offset + last->length < size;
	size_t i;

	if (buf_printf(out, "%zu\n", e->n_pieces + hole) < 0)
		return -ENOMEM;
	for (i = 0; i < e->n_pieces; i++)
		if (buf_printf(out, "%llu\n%llu\n", (unsigned long long)e->pieces[i].offset,
			       (unsigned long long)e->pieces[i].length) < 0)
			return -ENOMEM;
	if (hole && buf_printf(out, "%llu\n0\n", (unsigned long long)size) < 0)
		return -ENOMEM;
	while (out->len % BLOCK)
		if (buf_putc(out, '\0') < 0)
			return -ENOMEM;
	return 0;
}

/*
 * Add the records of a sparse file. Readers without support unpack the map and the data under
 * another name.
 */
static int sparse_records(const struct tar_entry *e, struct buf *pax)
{
	if (put_record(pax, "GNU.sparse.major", "1", 1) < 0 ||
	    put_record(pax, "GNU.sparse.minor", "0", 1) < 0 ||
	    put_record(pax, "GNU.sparse.name", e->path, strlen(e->path)) < 0 ||
	    put_number(pax, "GNU.sparse.realsize", (uint64_t)e->st.st_size) < 0)
		return -ENOMEM;
	return 0;
}

static char type_flag(const struct tar_entry *e)
{
	if (e->hardlink)
		return '1';
	switch (e->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return '5';
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

/* Fill the header; values that do not fit go to pax. */
static int fill(struct ustar *h, const char *path, const struct tar_entry *e, uint64_t size,
		struct buf *pax)
{
	bool device = S_ISCHR(e->st.st_mode) || S_ISBLK(e->st.st_mode);
	int64_t sec = e->st.st_mtim.tv_sec;
	int r = 0;

	memcpy(h->magic,
	       "ustar\0"
	       "00",
	       8);
	h->type = type_flag(e);
	octal(h->mode, sizeof(h->mode), e->st.st_mode & 07777);
	if (!put_name(h, path))
		r = put_record(pax, "path", path, strlen(path));
	if (r == 0 && e->target) {
		size_t len = strlen(e->target);

		memcpy(h->linkname, e->target, MIN(len, sizeof(h->linkname)));
		if (len > sizeof(h->linkname))
			r = put_record(pax, "linkpath", e->target, len);
	}
	if (!octal(h->size, sizeof(h->size), size) && r == 0)
		r = put_number(pax, "size", size);
	if (!octal(h->uid, sizeof(h->uid), e->st.st_uid) && r == 0)
		r = put_number(pax, "uid", e->st.st_uid);
	if (!octal(h->gid, sizeof(h->gid), e->st.st_gid) && r == 0)
		r = put_number(pax, "gid", e->st.st_gid);
	if ((!octal(h->mtime, sizeof(h->mtime), sec < 0 ? 0 : (uint64_t)sec) || sec < 0 ||
	     e->st.st_mtim.tv_nsec) &&
	    r == 0)
		r = pax_mtime(pax, e->st.st_mtim);
	octal(h->devmajor, sizeof(h->devmajor), device ? major(e->st.st_rdev) : 0);
	octal(h->devminor, sizeof(h->devminor), device ? minor(e->st.st_rdev) : 0);
	return r;
}

static int put_header(const struct sink *s, struct ustar *h, struct err *err)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0, i;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (i = 0; i < sizeof(*h); i++)
		sum += p[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum & 0777777);
	h->checksum[7] = ' ';
	return sink_write(s, h, sizeof(*h), err);
}

/* Write the pax records as an entry in front of their own. */
static int put_pax(const struct sink *s, const char *path, const struct buf *pax, struct err *err)
{
	const char *base = strrchr(path, '/');
	struct ustar h = { 0 };
	int r;

	_Static_assert(sizeof(h) == BLOCK, "a tar header is one block");
	snprintf(h.name, sizeof(h.name), "PaxHeaders.0/%.80s", base && base[1] ? base + 1 : path);
	memcpy(h.magic,
	       "ustar\0"
	       "00",
	       8);
	h.type = 'x';
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.gid, sizeof(h.gid), 0);
	octal(h.size, sizeof(h.size), pax->len);
	octal(h.mtime, sizeof(h.mtime), 0);
	octal(h.devmajor, sizeof(h.devmajor), 0);
	octal(h.devminor, sizeof(h.devminor), 0);
	r = put_header(s, &h, err);
	if (r == 0)
		r = sink_write(s, pax->data, pax->len, err);
	return r < 0 ? r : tar_pad(s, pax->len, err);
}

/*
 * The name in the header: with a trailing '/' for a directory; a sparse file has a special one.
 */
static int header_name(const struct tar_entry *e, bool sparse, struct buf *out)
{
	const char *base = strrchr(e->path, '/');

	if (sparse)
		return buf_printf(out, "GNUSparseFile.0/%.80s", base ? base + 1 : e->path);
	if (buf_puts(out, e->path) < 0)
		return -ENOMEM;
	return S_ISDIR(e->st.st_mode) ? buf_putc(out, '/') : 0;
}

int tar_header(const struct sink *s, const struct tar_entry *e, struct err *err)
{
	struct buf pax _cleanup_buf_ = BUF_INIT;
	struct buf path _cleanup_buf_ = BUF_INIT;
	struct buf map _cleanup_buf_ = BUF_INIT;
	bool data = S_ISREG(e->st.st_mode) && !e->hardlink, sparse = data && e->pieces;
	uint64_t size = data ? (uint64_t)e->st.st_size : 0;
	struct ustar h = { 0 };
	int r;

	if (sparse) {
		if (sparse_map(e, &map) < 0 || sparse_records(e, &pax) < 0)
			return err_nomem(err);
		size = map.len + tar_pieces_size(e);
	}
	if (header_name(e, sparse, &path) < 0 || fill(&h, buf_str(&path), e, size, &pax) < 0 ||
	    (!e->hardlink && buf_append(&pax, e->xattrs.data, e->xattrs.len) < 0))
		return err_nomem(err);
	if (pax.len) {
		r = put_pax(s, e->path, &pax, err);
		if (r < 0)
			return r;
	}
	r = put_header(s, &h, err);
	return r < 0 || !sparse ? r : sink_write(s, map.data, map.len, err);
}

int tar_pad(const struct sink *s, uint64_t size, struct err *err)
{
	static const char zeros[BLOCK];
	size_t n = (size_t)(-size & (BLOCK - 1));

	return n ? sink_write(s, zeros, n, err) : 0;
}

int tar_end(const struct sink *s, struct err *err)
{
	static const char zeros[2 * BLOCK];

	return sink_write(s, zeros, sizeof(zeros), err);
}
