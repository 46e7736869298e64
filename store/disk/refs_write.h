/* Writing index.json alone, for example when images are removed. */
#ifndef STORE_DISK_REFS_WRITE_H
#define STORE_DISK_REFS_WRITE_H

#include "base/err.h"

struct refs;
struct store;

/*
 * refs_write - replace index.json. Works on a full file system, too. The exclusive lock is held.
 */
int refs_write(struct store *s, const struct refs *refs, struct err *err) MUST_CHECK;

#endif
