/*
 * A store with one layer that has a bit of everything, its index as bytes to be damaged, and what a
 * reader must see as text to compare with.
 */
#ifndef TESTS_DAMAGE_H
#define TESTS_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"
#include "store/layer/layer_index.h"

struct damage {
	char dir[32];
	struct store *s;
	struct digest blob;
	char path[LAYER_PATH_MAX]; /* of the index, in the store */
	struct buf index;	   /* as it was written */
	struct buf truth;
};

/*
 * damage_begin - the same layer every time, in gzip, or where copy is set packed so that it needs a
 * seekable copy. All that fails ends the process.
 */
struct damage *damage_begin(bool copy);
void damage_end(struct damage *d);

/*
 * damage_put - data becomes the contents of the file path in the store: the same file, over the old
 * bytes.
 */
void damage_put(const struct damage *d, const char *path, const struct buf *data);

/* damage_sign - correct the checksums of an index, as somebody who wants it believed would. */
void damage_sign(struct buf *index);

/* damage_show - all of a tree as text: names, attributes, contents; an error where it stands. */
void damage_show(const struct tree *t, struct buf *out);

/* damage_any - a number below n, from damage_seed on. */
extern uint32_t damage_seed;
uint32_t damage_any(uint32_t n);

/* damage_some - flip bits, overwrite or cut short somewhere. */
void damage_some(struct buf *b);

#endif
