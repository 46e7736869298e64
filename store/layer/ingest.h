/*
 * Ingest: a blob comes in once, and in that one pass it is written, hashed,
 * inflated, hashed again and indexed. Bytes are pushed in by whoever has them
 * (an archive's reader, a download, a layer being written); a thread inflates
 * and a thread reads the tar behind it.
 */
#ifndef STORE_LAYER_INGEST_H
#define STORE_LAYER_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/oci/codec.h"
#include "store/oci/digest.h"

struct buf;
struct err;
struct ingest;
struct partial;
struct progress;
struct txn;

struct ingest_result {
	struct digest digest;	 /* of the bytes as they came */
	struct digest diff_id;	 /* of the uncompressed tar */
	uint64_t size;		 /* bytes as they came */
	uint64_t plain_size;	 /* bytes uncompressed */
	enum codec codec;	 /* sniffed, never taken from a media type */
	int layer_error;	 /* 0, or -errno: the bytes are no valid layer */
	char layer_message[512]; /* and why */
};

/*
 * ingest_begin - start with one blob. One thread feeds it.
 * like    the digest that is expected, for its algorithm; may be NULL
 */
int ingest_begin(struct txn *t, const struct digest *like, struct ingest **out, struct err *err);

/*
 * ingest_begin_partial - go on with a blob that is still coming: what its file has goes through
 * first, then what is written is appended to it.
 * p       borrowed; must outlive the ingest
 * have    bytes that were there: where the rest begins
 * At the end the blob is in the transaction only if it is what p is for, and a layer; whatever it
 * turns out to be, its file stays p's.
 */
int ingest_begin_partial(struct txn *t, struct partial *p, struct ingest **out, uint64_t *have,
			 struct err *err);

/* ingest_write - the next bytes. What is wrong with them as a layer shows at the end. */
int ingest_write(struct ingest *in, const void *data, size_t len, struct err *err);

/*
 * ingest_end - the blob and its index are in the transaction now, under
 * their digests. in is freed in any case.
 * A blob that is no layer (layer_error) is not an error here: an archive may
 * hold other things. It is then in the transaction without an index.
 */
int ingest_end(struct ingest *in, struct ingest_result *out, struct err *err);

/* ingest_abort - forget it; in is freed, nothing stays in the transaction. */
void ingest_abort(struct ingest *in);

/*
 * ingest_fd - the whole of it for a file that is there already, from its
 * current offset on. keep: the blob itself is in the store, only the index is made.
 */
int ingest_fd(struct txn *t, int fd, const struct digest *like, bool keep,
	      struct ingest_result *out, struct err *err);

/*
 * ingest_look - the same pass, and nothing is written.
 * progress  goes on with what is read; may be NULL
 * index     the index's bytes are appended, where it is a layer
 */
int ingest_look(int fd, const struct digest *like, struct progress *progress,
		struct ingest_result *out, struct buf *index, struct err *err);

#endif
