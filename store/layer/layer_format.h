/*
 * The on-disk format of the layer index: little endian, sections aligned to 8 bytes.
 * imagefs-index(5) describes it; layer_check() validates it.
 */
#ifndef STORE_LAYER_LAYER_FORMAT_H
#define STORE_LAYER_LAYER_FORMAT_H

#include <stdint.h>

#define LAYER_MAGIC "IMGFSIDX"
#define LAYER_VERSION 4u

#define LAYER_NONE UINT32_MAX

/* Limits of an index; a layer that exceeds them is refused. */
#define LAYER_ENTRIES_MAX (16u << 20)
#define LAYER_PATH_LEN_MAX 65535u /* of a hard link's target */
/*
 * Limit of the total length of a layer's paths after resolving symbolic links, which bounds the
 * time for it.
 */
#define LAYER_LINK_BYTES_MAX (1u << 28)
#define LAYER_XATTR_VALUE_MAX 65536u
/* Limit of attributes per file. */
#define LAYER_XATTRS_PER_FILE_MAX 4096u
#define LAYER_ID_MAX 0xfffffffeu
/* Size of all sections except SECTION_WINDOWS: the part that is kept in memory. */
#define LAYER_BODY_MAX UINT32_MAX
#define LAYER_WINDOW_MAX 32768u

enum layer_section {
	SECTION_ENTRIES, /* struct layer_entry[], breadth first; children side by side, sorted */
	SECTION_NAMES,	 /* names and link targets, each followed by a NUL */
	SECTION_EXTENTS, /* struct layer_extent[] */
	SECTION_XATTRS,	 /* sequences of struct layer_xattr, name, NUL, value; padded to 4 bytes */
	SECTION_SPANS,	 /* struct layer_span[], sorted by plain offset */
	SECTION_WINDOWS, /* zstd frames of up to 32 KiB: the history of a span's decoder */
	SECTION_COUNT
};

struct layer_header {
	char magic[8];
	uint32_t version;
	uint32_t header_crc; /* CRC-32 of the header with this field 0 */
	uint32_t body_crc; /* CRC-32 of all sections but SECTION_WINDOWS (each window has one in its
				span) */
	uint32_t codec;	   /* enum codec of the blob */
	uint32_t flags;	   /* LAYER_COPY */
	uint32_t n_links;  /* entries of type ENTRY_LINK */
	uint64_t blob_size;
	uint64_t plain_size;
	/* total size of files and symbolic links, each inode once: the size that docker shows */
	uint64_t content_size;
	uint64_t file_size; /* of the index */
	char blob_digest[136];
	char diff_id[136];
	struct {
		uint64_t offset, size; /* bytes in the index */
	} section[SECTION_COUNT];
};

/*
 * The compression has no restart points: contents are read from the seekable copy in the cache.
 */
#define LAYER_COPY 1u

enum entry_type {
	ENTRY_DIR = 1,
	ENTRY_FILE,
	ENTRY_SYMLINK,
	ENTRY_CHAR,
	ENTRY_BLOCK,
	ENTRY_FIFO,
	ENTRY_WHITEOUT, /* the entry's name is the hidden name */
	ENTRY_LINK	/* a hard link to a path in a lower layer */
};

/* The directory has no entry of its own; it is implied by entries below it. */
#define ENTRY_IMPLICIT 1u
/*
 * The directory hides the lower layers' contents: it has .wh..wh..opq, or a whiteout of its own
 * name next to it.
 */
#define ENTRY_OPAQUE 2u
/* There is a whiteout of the same name. */
#define ENTRY_WHITED 4u

struct layer_entry {
	uint32_t name;	   /* offset in SECTION_NAMES */
	uint16_t name_len; /* bytes */
	uint8_t type;	   /* enum entry_type */
	uint8_t flags;
	uint32_t parent; /* position of the directory; the root is its own parent */
	uint32_t mode;	 /* 07777 */
	uint32_t uid, gid;
	int64_t mtime; /* s since 1970, UTC */
	uint32_t mtime_nsec;
	uint32_t inode;	  /* position of the first entry of the hard-link group, or its own */
	uint32_t nlink;	  /* names of the hard-link group in this layer */
	uint32_t xattr;	  /* offset in SECTION_XATTRS */
	uint32_t n_xattr; /* number of attributes */
	uint32_t first;	  /* directory: first child; file: first extent; link, symlink: target in
			     SECTION_NAMES */
	uint32_t count;	  /* children; extents; bytes of the target */
	uint32_t reserved;
	uint64_t size; /* file: bytes; device: major << 32 | minor */
};

/*
 * Bytes [logical, logical + length) of a file are at offset plain; ranges without an extent are
 * holes.
 */
struct layer_extent {
	uint64_t logical, plain, length;
};

/*
 * A restart point: a member, a frame or an uncompressed block starts here. No window is needed.
 */
#define SPAN_START 1u

/*
 * Uncompressed bytes up to the next span. They are decoded from blob bytes [blob, blob_end); the
 * last of these may also belong to the next span.
 */
struct layer_span {
	uint64_t plain;
	uint64_t blob, blob_end;
	uint64_t window; /* offset in SECTION_WINDOWS */
	uint32_t window_len;
	uint32_t window_crc;   /* CRC-32 of these window_len bytes */
	uint16_t window_plain; /* length of the window, 32768 written as 0 with window_len not 0 */
	uint8_t bits;	       /* of blob[-1] that belong to this span (gzip: 0 to 7) */
	uint8_t flags;
	uint32_t reserved;
	unsigned char sha256[32]; /* of blob bytes [blob - (bits > 0), blob_end) */
};

_Static_assert(sizeof(struct layer_header) == 432 && sizeof(struct layer_entry) == 72 &&
		       sizeof(struct layer_span) == 80,
	       "imagefs-index(5) gives these sizes");

struct layer_xattr {
	uint16_t name_len; /* without the NUL */
	uint16_t reserved;
	uint32_t value_len;
};

#endif
