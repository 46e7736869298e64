/*
 * The file is read with pread(2) only: a mapping would show later changes, and truncation would
 * raise SIGBUS.
 */
#include "store/layer/layer_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "store/layer/checksum.h"
#include "store/layer/decode.h"
#include "store/layer/layer_check.h"

/* Memory used by all indexes, and its limit; 0: half of the machine's memory. */
static _Atomic uint64_t in_use;
static uint64_t limit;

struct layer_index {
	size_t reserved; /* its share of in_use */
	int windows_fd;	 /* -1: no windows */
	char *data;	 /* from the header to the end of SECTION_SPANS */
	const struct layer_header *h;
};

void layer_index_path(const struct digest *blob, char out[static LAYER_PATH_MAX])
{
	char path[DIGEST_MAX];

	digest_path(blob, path);
	snprintf(out, LAYER_PATH_MAX, "imagefs/layers/%s.idx", path);
}

/* An unreadable index is treated like a damaged one: it is regenerated. */
static int read_part(int fd, void *data, size_t len, uint64_t off)
{
	int r = file_pread_all(fd, data, len, off);

	return r == -EIO ? -EBADMSG : r;
}

int layer_index_peek(int fd, const struct digest *blob, struct layer_header *out)
{
	struct layer_header h;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	r = read_part(fd, &h, sizeof(h), 0);
	if (r == 0)
		r = layer_check_header(&h, blob, (uint64_t)st.st_size);
	if (r == 0)
		*out = h;
	return r;
}

void layer_index_set_limit(uint64_t bytes)
{
	limit = bytes;
}

/* Indexes of another user's store may be huge: they must not exhaust the daemon's memory. */
static int take_memory(struct layer_index *ix, size_t size)
{
	uint64_t most = limit;

	if (!most)
		most = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 2;
	ix->reserved = size;
	if (atomic_fetch_add(&in_use, size) + size > most)
		return -ENOMEM;
	ix->data = malloc(size);
	return ix->data ? 0 : -ENOMEM;
}

static int read_body(struct layer_index *ix, int fd, const struct layer_header *h)
{
	uint64_t end = h->section[SECTION_SPANS].offset + h->section[SECTION_SPANS].size;
	size_t body = (size_t)end - sizeof(*h);
	int r;

	r = take_memory(ix, (size_t)end);
	if (r < 0)
		return r;
	/* Keep the header that was checked: the file may have changed. */
	memcpy(ix->data, h, sizeof(*h));
	ix->h = (const void *)ix->data;
	r = read_part(fd, ix->data + sizeof(*h), body, sizeof(*h));
	if (r < 0)
		return r;
	if (checksum_crc32(0, ix->data + sizeof(*h), body) != h->body_crc)
		return -EBADMSG;
	return layer_check(ix->data);
}

int layer_index_load(int fd, const struct digest *blob, struct layer_index **out)
{
	struct layer_index *ix;
	struct layer_header h;
	int r = layer_index_peek(fd, blob, &h);

	if (r < 0)
		return r;
	ix = calloc(1, sizeof(*ix));
	if (!ix)
		return -ENOMEM;
	ix->windows_fd = -1;
	r = read_body(ix, fd, &h);
	if (r == 0 && h.section[SECTION_WINDOWS].size) {
		ix->windows_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		r = ix->windows_fd < 0 ? -errno : 0;
	}
	if (r < 0) {
		layer_index_free(ix);
		return r;
	}
	*out = ix;
	return 0;
}

void layer_index_free(struct layer_index *ix)
{
	if (!ix)
		return;
	if (ix->windows_fd >= 0)
		close(ix->windows_fd);
	free(ix->data);
	atomic_fetch_sub(&in_use, ix->reserved);
	free(ix);
}

const struct layer_header *layer_index_header(const struct layer_index *ix)
{
	return ix->h;
}

const void *layer_index_at(const struct layer_index *ix, enum layer_section s, uint64_t first,
			   uint64_t n, size_t size)
{
	uint64_t have = ix->h->section[s].size / size;

	if (s == SECTION_WINDOWS || first > have || n > have - first)
		return NULL;
	return ix->data + ix->h->section[s].offset + first * size;
}

int layer_index_window(const struct layer_index *ix, const struct layer_span *s,
		       unsigned char out[static LAYER_WINDOW_MAX], size_t *len)
{
	unsigned char packed[ZSTD_COMPRESSBOUND(LAYER_WINDOW_MAX)];
	size_t want = s->window_plain ? s->window_plain : LAYER_WINDOW_MAX, n;

	if (s->window_len > sizeof(packed) ||
	    file_pread_all(ix->windows_fd, packed, s->window_len,
			   ix->h->section[SECTION_WINDOWS].offset + s->window) < 0 ||
	    checksum_crc32(0, packed, s->window_len) != s->window_crc)
		return -EUCLEAN;
	n = ZSTD_decompress(out, LAYER_WINDOW_MAX, packed, s->window_len);
	if (ZSTD_isError(n) && decode_zstd_error(n) == -ENOMEM)
		return -ENOMEM;
	if (ZSTD_isError(n) || (n != want && !(n == 0 && s->window_plain == 0)))
		return -EUCLEAN;
	*len = n;
	return 0;
}
