/* Shared by the parts of save: the selected images, and the output. */
#ifndef STORE_TRANSFER_SAVE_PRIVATE_H
#define STORE_TRANSFER_SAVE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/image/image.h"
#include "store/transfer/save.h"

struct buf;

/* A name of a saved image. */
struct save_name {
	char *full;	/* "docker.io/library/ubuntu:20.04" */
	char *familiar; /* "ubuntu:20.04" */
	char *tag;	/* "20.04" */
};

struct save_image {
	struct image *image;
	struct save_name *names;
	size_t n_names;		     /* 0: saved by its ID */
	const struct digest *parent; /* its parent, if saved, too; NULL: none. Borrowed */
};

/* The images in the requested order, without duplicates. */
struct save_set {
	struct save_image *v;
	size_t n;
};

/* Append to out; 0 or -ENOMEM. */
int save_json_index(const struct save_set *set, enum save_format format,
		    struct buf *out) MUST_CHECK;
int save_json_manifest(const struct save_set *set, struct buf *out) MUST_CHECK;

/* The output for members. The caller sorts paths; a directory precedes its contents. */
struct save_sink;

struct save_sink_ops {
	int (*dir)(struct save_sink *k, const char *path, struct err *err);
	/* A member: begin, write exactly size bytes, end. */
	int (*begin)(struct save_sink *k, const char *path, uint64_t size, struct err *err);
	int (*write)(struct save_sink *k, const void *data, size_t len, struct err *err);
	int (*end)(struct save_sink *k, struct err *err);
	/* The output is complete: make it visible. */
	int (*commit)(struct save_sink *k, struct err *err);
	/* Free; removes uncommitted output. */
	void (*free)(struct save_sink *k);
};

struct save_sink {
	const struct save_sink_ops *ops;
};

/* output NULL: standard output */
int save_tar_open(const char *output, struct save_sink **out, struct err *err) MUST_CHECK;
int save_dir_open(const char *output, struct save_sink **out, struct err *err) MUST_CHECK;

#endif
