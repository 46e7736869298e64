/*
 * CRC-32 of every length, alignment and beginning: as zlib has it.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <zlib.h>

#include "store/layer/checksum.h"

#define SIZE 4096

static void crc_is_known(void **state)
{
	(void)state;
	assert_int_equal(checksum_crc32(0, NULL, 0), 0);
	assert_int_equal(checksum_crc32(0, "123456789", 9), 0xcbf43926);
}

/* Each piece in memory of just its length, so that a sanitizer sees what is read behind it. */
static void crc_is_zlibs(void **state)
{
	unsigned char *data = malloc(SIZE);
	uint32_t seed = 1, i, from;
	size_t n;

	(void)state;
	assert_non_null(data);
	for (i = 0; i < SIZE; i++) {
		seed = seed * 1664525u + 1013904223u;
		data[i] = (unsigned char)(seed >> 24);
	}
	for (n = 0; n <= SIZE; n++) {
		const unsigned char *p = data + SIZE - n;

		for (from = 0; from < 3; from++) {
			uint32_t crc = from * 0x7fffffffu + from / 2;

			assert_int_equal(checksum_crc32(crc, p, n), crc32_z(crc, p, n));
		}
	}
	free(data);
}

static void crc_goes_on(void **state)
{
	static unsigned char data[SIZE];
	size_t n;

	(void)state;
	for (n = 0; n < SIZE; n++)
		data[n] = (unsigned char)(n * n >> 3);
	for (n = 0; n <= SIZE; n += 7)
		assert_int_equal(checksum_crc32(checksum_crc32(0, data, n), data + n, SIZE - n),
				 crc32_z(0, data, SIZE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_known),
		cmocka_unit_test(crc_is_zlibs),
		cmocka_unit_test(crc_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
