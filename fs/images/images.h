/*
 * The tree DIR/images: every image of the store, read-only.
 */
#ifndef FS_IMAGES_IMAGES_H
#define FS_IMAGES_IMAGES_H

#include "base/err.h"

struct fs;
struct images;
struct session;
struct session_ops;

/* What session_open() needs; the operations' userdata is a struct images. */
extern const struct session_ops images_session;

/* images_new - fs is borrowed. Released with images_free() after its session. */
int images_new(struct fs *fs, struct images **out, struct err *err) MUST_CHECK;
void images_free(struct images *im);

/* images_attach - the session that shows it, for notifications; before session_start(). */
void images_attach(struct images *im, struct session *s);

/* images_refresh - read the references again and tell the kernel what changed. The caller holds no
 * locks. */
void images_refresh(struct images *im);

#endif
