/*
 * Output to a tar: ustar, pax headers only if needed, time 0 and owner 0, so that the same
 * members give the same bytes.
 */
#include "store/transfer/save_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "store/layer/tarlib.h"
#include "store/transfer/save_file.h"

#define BLOCK (1u << 20)

struct save_tar {
	struct save_sink sink; /* first member: pointers to both are converted */
	struct save_file file; /* fd -1: standard output */
	struct archive *archive;
	struct archive_entry *entry;
	bool given_up;
};

static struct save_tar *tar_of(struct save_sink *k)
{
	return (struct save_tar *)k;
}

static la_ssize_t write_block(struct archive *a, void *arg, const void *data, size_t len)
{
	const struct save_tar *t = arg;
	int r = -ECANCELED;

	if (!t->given_up)
		r = file_write_all(t->file.fd >= 0 ? t->file.fd : STDOUT_FILENO, data, len);
	if (r == 0)
		return (la_ssize_t)len;
	archive_set_error(a, -r, "%s", strerror(-r));
	return -1;
}

static int failed(struct save_tar *t, struct err *err)
{
	int code = archive_errno(t->archive);

	return err_set(err, code > 0 ? code : EIO, "cannot write: %s",
		       archive_error_string(t->archive));
}

static int put_header(struct save_tar *t, const char *path, unsigned type, unsigned mode,
		      uint64_t size, struct err *err)
{
	struct archive_entry *e = t->entry;

	archive_entry_clear(e);
	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, (__LA_MODE_T)mode);
	archive_entry_set_size(e, (la_int64_t)size);
	archive_entry_set_mtime(e, 0, 0);
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	return archive_write_header(t->archive, e) == ARCHIVE_OK ? 0 : failed(t, err);
}

static int tar_dir(struct save_sink *k, const char *path, struct err *err)
{
	return put_header(tar_of(k), path, AE_IFDIR, 0755, 0, err);
}

static int tar_begin(struct save_sink *k, const char *path, uint64_t size, struct err *err)
{
	return put_header(tar_of(k), path, AE_IFREG, 0644, size, err);
}

static int tar_write(struct save_sink *k, const void *data, size_t len, struct err *err)
{
	struct save_tar *t = tar_of(k);

	return archive_write_data(t->archive, data, len) == (la_ssize_t)len ? 0 : failed(t, err);
}

static int tar_end(struct save_sink *k, struct err *err)
{
	struct save_tar *t = tar_of(k);

	return archive_write_finish_entry(t->archive) == ARCHIVE_OK ? 0 : failed(t, err);
}

static int tar_commit(struct save_sink *k, struct err *err)
{
	struct save_tar *t = tar_of(k);

	if (archive_write_close(t->archive) != ARCHIVE_OK)
		return failed(t, err);
	return save_file_commit(&t->file, err);
}

static void tar_free(struct save_sink *k)
{
	struct save_tar *t = tar_of(k);

	/* archive_write_free() also closes: an incomplete tar must not get an end. */
	t->given_up = true;
	archive_write_free(t->archive);
	archive_entry_free(t->entry);
	save_file_fini(&t->file);
	free(t);
}

static const struct save_sink_ops tar_ops = {
	.dir = tar_dir,
	.begin = tar_begin,
	.write = tar_write,
	.end = tar_end,
	.commit = tar_commit,
	.free = tar_free,
};

int save_tar_open(const char *output, struct save_sink **out, struct err *err)
{
	struct save_tar *t = calloc(1, sizeof(*t));
	int r = 0;

	if (!t)
		return err_nomem(err);
	t->sink.ops = &tar_ops;
	t->file = (struct save_file)SAVE_FILE_INIT;
	t->entry = archive_entry_new();
	t->archive = archive_write_new();
	if (!t->entry || !t->archive)
		r = err_nomem(err);
	if (r == 0 && output)
		r = save_file_open(&t->file, output, err);
	if (r == 0 && (archive_write_set_format_pax_restricted(t->archive) != ARCHIVE_OK ||
		       archive_write_set_bytes_per_block(t->archive, BLOCK) != ARCHIVE_OK ||
		       archive_write_set_bytes_in_last_block(t->archive, 1) != ARCHIVE_OK ||
		       archive_write_open(t->archive, t, NULL, write_block, NULL) != ARCHIVE_OK))
		r = failed(t, err);
	if (r < 0) {
		tar_free(&t->sink);
		return r;
	}
	*out = &t->sink;
	return 0;
}
