/*
 * A CRC is a remainder, so a run of bytes can be replaced by a shorter one with the same
 * remainder: four lanes of 16 bytes are folded over the data, then into one. zlib processes the
 * remaining 16 bytes and inputs that are too short to fold.
 */
#include "store/layer/checksum.h"

#include <zlib.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define LANE 16
#define STRIDE (4 * (size_t)LANE)
/* zlib is as fast for shorter data. */
#define FOLD_MIN (4 * STRIDE)

#define HAS_CLMUL __attribute__((target("pclmul,sse2")))

/* Move a lane ahead by the distance that the factors stand for. */
HAS_CLMUL static inline __m128i moved(__m128i lane, __m128i by)
{
	return _mm_xor_si128(_mm_clmulepi64_si128(lane, by, 0x00),
			     _mm_clmulepi64_si128(lane, by, 0x11));
}

HAS_CLMUL static inline __m128i load(const unsigned char *p, size_t lane)
{
	return _mm_loadu_si128((const __m128i *)(p + lane * LANE));
}

/*
 * len     a multiple of STRIDE, not 0
 *
 * The factors are x^(n+32) and x^(n-32) modulo the CRC's polynomial, lowest bit first and shifted
 * by one bit, for n = 512 bits (a stride) and n = 128 bits (a lane).
 */
HAS_CLMUL static uint32_t fold(uint32_t crc, const unsigned char *p, size_t len)
{
	const __m128i stride = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
	const __m128i lane = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
	__m128i a = load(p, 0), b = load(p, 1), c = load(p, 2), d = load(p, 3);
	unsigned char rest[LANE];

	a = _mm_xor_si128(a, _mm_cvtsi32_si128((int)~crc));
	while (p += STRIDE, len -= STRIDE) {
		a = _mm_xor_si128(moved(a, stride), load(p, 0));
		b = _mm_xor_si128(moved(b, stride), load(p, 1));
		c = _mm_xor_si128(moved(c, stride), load(p, 2));
		d = _mm_xor_si128(moved(d, stride), load(p, 3));
	}
	b = _mm_xor_si128(moved(a, lane), b);
	c = _mm_xor_si128(moved(b, lane), c);
	d = _mm_xor_si128(moved(c, lane), d);
	_mm_storeu_si128((__m128i *)rest, d);
	/* zlib's register is zero if the CRC so far is all ones. */
	return (uint32_t)crc32_z(UINT32_MAX, rest, LANE);
}

uint32_t checksum_crc32(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *p = data;

	if (len >= FOLD_MIN && __builtin_cpu_supports("pclmul")) {
		size_t n = len - len % STRIDE;

		crc = fold(crc, p, n);
		p += n;
		len -= n;
	}
	return (uint32_t)crc32_z(crc, p, len);
}

#else

uint32_t checksum_crc32(uint32_t crc, const void *data, size_t len)
{
	return (uint32_t)crc32_z(crc, data, len);
}

#endif
