/*
 * CRC-32 as gzip and the layer index have it, by the processor's carry-less multiplication where it
 * has one, else by zlib.
 * spec    RFC 1952 section 8
 */
#ifndef STORE_LAYER_CHECKSUM_H
#define STORE_LAYER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* checksum_crc32 - go on from crc, which is that of what came before; 0 at the beginning. */
uint32_t checksum_crc32(uint32_t crc, const void *data, size_t len);

#endif
