/*
 * Base64 with two tables: there and back.
 */
#include "base/base64.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
	const unsigned char *in = data;
	char *out = len < SIZE_MAX / 2 ? malloc((len + 2) / 3 * 4 + 1) : NULL, *p = out;
	size_t i;

	if (!out)
		return NULL;
	for (i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
			     (left > 2 ? in[i + 2] : 0);

		*p++ = alphabet[v >> 18];
		*p++ = alphabet[v >> 12 & 63];
		*p++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
		*p++ = left > 2 ? alphabet[v & 63] : '=';
	}
	*p = '\0';
	return out;
}

int base64_decode(const char *text, size_t len, char **out, size_t *n)
{
	size_t padded = len, i, m = 0;
	uint32_t v = 0;
	char *p;

	while (len && padded - len < 2 && text[len - 1] == '=')
		len--;
	if (len % 4 == 1 || (padded != len && padded % 4 != 0))
		return -EINVAL;
	p = malloc(len / 4 * 3 + 4);
	if (!p)
		return -ENOMEM;
	for (i = 0; i < len; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!at) {
			wipe_free(p, m);
			return -EINVAL;
		}
		v = v << 6 | (uint32_t)(at - alphabet);
		if (i % 4 == 0)
			continue;
		p[m++] = (char)(v >> (6 - i % 4 * 2) & 0xff);
	}
	p[m] = '\0';
	*out = p;
	*n = m;
	return 0;
}
