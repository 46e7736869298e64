#!/usr/bin/python3
"""Write to files that stay open, as fast as it goes, or look whether a copy of them is of one moment.

    steadywriter.py write DIR   until it is killed: each round writes its number all over the first file,
                                then the second, and so on; prints a line when all of them are open
    steadywriter.py check DIR   no file is torn, none is a round ahead of one before it, or more than
                                one behind; prints the round
"""

import os
import sys

FILES, SIZE = 12, 256 * 1024


def write(d):
    os.makedirs(d, exist_ok=True)
    fds = [os.open("%s/f%02d" % (d, i), os.O_RDWR | os.O_CREAT) for i in range(FILES)]
    n = 0
    while True:
        for fd in fds:
            os.pwrite(fd, b"%07d\n" % n * (SIZE // 8), 0)
        if n == 0:
            print("open", flush=True)
        n += 1


def check(d):
    rounds = []
    for i in range(FILES):
        with open("%s/f%02d" % (d, i), "rb") as f:
            data = f.read()
        if len(data) != SIZE or data != data[:8] * (SIZE // 8):
            sys.exit("f%02d is torn: %d bytes, %r to %r" % (i, len(data), data[:8], data[-8:]))
        rounds.append(int(data[:8]))
    if rounds != sorted(rounds, reverse=True) or rounds[0] > rounds[-1] + 1:
        sys.exit("not of one moment: %s" % rounds)
    print(rounds[0])


{"write": write, "check": check}[sys.argv[1]](sys.argv[2])
