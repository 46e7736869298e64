/*
 * CRC-32 for gzip and the layer index, computed with carry-less multiplication if the processor
 * has it, else by zlib.
 * spec    RFC 1952 section 8
 */
#ifndef STORE_LAYER_CHECKSUM_H
#define STORE_LAYER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* checksum_crc32 - the CRC of data that follows bytes with the CRC crc; 0 at the beginning. */
uint32_t checksum_crc32(uint32_t crc, const void *data, size_t len);

#endif
