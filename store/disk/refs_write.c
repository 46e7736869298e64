/* A transaction with only index.json; if the file system is full, the spare file is used. */
#include "store/disk/refs_write.h"

#include <errno.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/disk/refs.h"
#include "store/disk/spare.h"
#include "store/disk/txn.h"

static int write_new(struct store *s, const struct refs *refs, struct err *err)
{
	struct txn *t = NULL;
	int r = txn_begin(s, &t, err);

	if (r == 0)
		r = refs_stage(t, refs, err);
	if (r == 0)
		r = txn_publish(t, err);
	txn_free(t);
	return r;
}

int refs_write(struct store *s, const struct refs *refs, struct err *err)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	int r = write_new(s, refs, err);

	if (r != -ENOSPC && r != -EDQUOT)
		return r;
	if (refs_text(refs, &text) < 0)
		return err_nomem(err);
	if (spare_use(s, text.data, text.len) == 0)
		return 0;
	/*
	 * On file systems that do not overwrite in place (btrfs), freeing the spare may make
	 * enough room.
	 */
	return spare_drop(s) == 0 ? write_new(s, refs, err) : r;
}
