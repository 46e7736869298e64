/* Magic numbers of compressions and archives. */
#include "store/oci/codec.h"

#include <string.h>

#include "store/oci/manifest.h"

enum codec codec_sniff(const void *data, size_t len)
{
	const unsigned char *p = data;

	if (len >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return CODEC_GZIP;
	if (len >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
		return CODEC_ZSTD;
	/* A zstd stream may begin with a skippable frame (zstd:chunked, pzstd). */
	if (len >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0)
		return CODEC_ZSTD;
	if (len >= 4 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9')
		return CODEC_BZIP2;
	if (len >= 6 && memcmp(p,
			       "\xfd"
			       "7zXZ\0",
			       6) == 0)
		return CODEC_XZ;
	return CODEC_NONE;
}

const char *codec_no_tar(const void *data, size_t len)
{
	static const struct {
		const char *magic, *what;
	} known[] = {
		{ "PK\3\4", "a zip file" },	{ "PK\5\6", "a zip file" },
		{ "7z\xbc\xaf", "a 7z file" },	{ "Rar!", "a rar file" },
		{ "hsqs", "a squashfs image" }, { "QFI\xfb", "a qcow2 image" },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len >= 4 && memcmp(data, known[i].magic, 4) == 0)
			return known[i].what;
	return NULL;
}

const char *codec_name(enum codec c)
{
	static const char *const names[] = { "none", "gzip", "zstd", "bzip2", "xz" };

	return names[c];
}

const char *codec_media_type(enum codec c)
{
	switch (c) {
	case CODEC_GZIP:
		return MEDIA_OCI_LAYER_GZIP;
	case CODEC_ZSTD:
		return MEDIA_OCI_LAYER_ZSTD;
	default:
		return MEDIA_OCI_LAYER;
	}
}
