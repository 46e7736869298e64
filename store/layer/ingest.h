/*
 * Ingest: adding a blob in a single pass that writes, hashes and decodes it, hashes the decoded
 * stream and indexes it. The caller (an archive's reader, a download, a layer being written)
 * pushes bytes. A second thread decodes, and a third one reads the tar.
 */
#ifndef STORE_LAYER_INGEST_H
#define STORE_LAYER_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/oci/codec.h"
#include "store/oci/digest.h"

struct buf;
struct ingest;
struct partial;
struct progress;
struct txn;

struct ingest_result {
	struct digest digest;	 /* of the blob */
	struct digest diff_id;	 /* of the uncompressed tar */
	uint64_t size;		 /* bytes of the blob */
	uint64_t plain_size;	 /* bytes uncompressed */
	enum codec codec;	 /* detected; media types are not trusted */
	int layer_error;	 /* 0, or -errno: the blob is not a valid layer */
	char layer_message[512]; /* the reason */
};

/*
 * ingest_begin - start adding a blob.
 * like    the expected digest, for its algorithm; may be NULL
 * threads one thread feeds an ingest
 */
int ingest_begin(struct txn *t, const struct digest *like, struct ingest **out,
		 struct err *err) MUST_CHECK;

/*
 * ingest_begin_partial - continue a download: the existing content of the partial file is
 * processed first, then new data is appended to it.
 * p       borrowed; must outlive the ingest
 * have    length of the existing content: the offset at which the download continues
 *
 * At the end, the blob is added to the transaction only if it is a layer with p's digest. The
 * file remains p's in any case.
 */
int ingest_begin_partial(struct txn *t, struct partial *p, struct ingest **out, uint64_t *have,
			 struct err *err) MUST_CHECK;

/* ingest_write - push the next bytes. Errors of the layer's format are reported at the end. */
int ingest_write(struct ingest *in, const void *data, size_t len, struct err *err) MUST_CHECK;

/*
 * ingest_end - finish: add the blob and its index to the transaction. in is freed in any case. A
 * blob that is not a layer (layer_error) is not an error here, because an archive may contain
 * other files. It is added without an index.
 */
int ingest_end(struct ingest *in, struct ingest_result *out, struct err *err) MUST_CHECK;

/* ingest_abort - discard the blob and free in. */
void ingest_abort(struct ingest *in);

/*
 * ingest_fd - ingest an existing file from its current offset.
 * keep    the blob is in the store already: only create the index
 */
int ingest_fd(struct txn *t, int fd, const struct digest *like, bool keep,
	      struct ingest_result *out, struct err *err) MUST_CHECK;

/*
 * ingest_look - the same pass without writing.
 * progress  counts the bytes read; may be NULL
 * index     the index is appended, if the blob is a layer
 */
int ingest_look(int fd, const struct digest *like, struct progress *progress,
		struct ingest_result *out, struct buf *index, struct err *err) MUST_CHECK;

#endif
