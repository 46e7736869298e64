#!/usr/bin/python3
"""Damage a layer's index in place, the same way for the same seed.

    damageindex.py any SEED FILE     flip bits, overwrite or cut short, anywhere
    damageindex.py forge SEED FILE   change numbers of the header, entries, extents, attributes and spans, and
                                     correct all checksums

The form of the file is in imagefs-index(5).
"""

import random
import struct
import sys
import zlib

HEADER, SECTIONS = 432, 336
RECORD = {0: 72, 2: 24, 4: 80}


def damage(rng, data):
    for _ in range(rng.choice((1, 1, 3, 30))):
        at = rng.randrange(rng.choice((len(data), min(len(data), 4000))))
        kind = rng.randrange(8)
        if kind == 0:
            del data[at + 1:]
        elif kind == 1:
            n = min(rng.randrange(1, 4096), len(data) - at)
            data[at:at + n] = bytes(n)
        else:
            data[at] ^= 1 << rng.randrange(8)


def section(data, i):
    return struct.unpack_from("<QQ", data, SECTIONS + 16 * i)


def forge(rng, data):
    interesting = (0, 1, 2, 3, 71, 72, 255, 256, 4095, 65535, 1 << 16, 1 << 20, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
    for _ in range(rng.choice((1, 1, 2, 10))):
        which = rng.choice((-1, 0, 0, 0, 0, 1, 2, 3, 4))
        at, size = (8, HEADER - 8) if which < 0 else section(data, which)
        if size < 4 or at + size > len(data):
            continue
        if which in (1, 3):
            data[at + rng.randrange(size)] = rng.choice((0, ord("/"), ord("."), 255))
            continue
        # A field of a record, or a number of the header.
        record = RECORD.get(which, size)
        where = at + rng.randrange(size // record) * record + rng.randrange(record // 4) * 4
        old = struct.unpack_from("<I", data, where)[0]
        new = rng.choice((rng.choice(interesting), old + 1, old - 1, old ^ 1 << rng.randrange(32), rng.getrandbits(32)))
        struct.pack_into("<I", data, where, new & 0xffffffff)
    at, size = section(data, 4)
    if HEADER <= at + size <= len(data):
        struct.pack_into("<I", data, 16, zlib.crc32(data[HEADER:at + size]))
    struct.pack_into("<I", data, 12, 0)
    struct.pack_into("<I", data, 12, zlib.crc32(data[:HEADER]))


how, seed, path = sys.argv[1:]
with open(path, "r+b") as f:
    data = bytearray(f.read())
    {"any": damage, "forge": forge}[how](random.Random(int(seed)), data)
    f.seek(0)
    f.write(data)
    f.truncate()
