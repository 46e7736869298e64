#!/usr/bin/python3
"""The tree that the workloads begin with: worktree.py DIR, always the same.

    project/   a program of 30 sources and 40 headers, with a Makefile
    old/       1,000 files in 40 directories, symbolic and hard links
    pages/     a text that compresses well and lines to be changed
    large/     eight files of 3 MB
"""

import os
import random
import sys

TIME = 1600000000
MAKEFILE = """CFLAGS = -O1 -Wall -Iinclude -MMD
OBJECTS = $(patsubst src/%.c,build/%.o,$(wildcard src/*.c))
build/program: build/main.o build/libparts.a
	$(CC) -o $@ build/main.o -Lbuild -lparts
build/libparts.a: $(filter-out build/main.o,$(OBJECTS))
	$(AR) rcs $@ $^
build/%.o: src/%.c
	@mkdir -p build
	$(CC) $(CFLAGS) -c -o $@ $<
-include $(wildcard build/*.d)
"""


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def project(rnd, d):
    write(d + "/Makefile", MAKEFILE)
    for i in range(40):
        parts = "".join('#include "h%02d.h"\n' % k for k in range(i + 1, min(i + 3, 40)))
        write("%s/include/h%02d.h" % (d, i), "#ifndef H%02d\n#define H%02d\n%sstatic inline int h%02d(int x)\n"
              "{\n\treturn x * %d + %d;\n}\n#endif\n" % (i, i, parts, i, rnd.randrange(1, 99), rnd.randrange(99)))
    for i in range(30):
        write("%s/src/part%02d.c" % (d, i), '#include "h%02d.h"\n#include <stdio.h>\nint part%02d(int x);\n'
              "int part%02d(int x)\n{\n\tprintf(\"%%d\\n\", x);\n\treturn h%02d(x) %% 1000003;\n}\n" % (i, i, i, i))
    write(d + "/src/main.c", "".join("int part%02d(int x);\n" % i for i in range(30)) + "int main(void)\n{\n\tint x = 1;\n" +
          "".join("\tx = part%02d(x);\n" % i for i in range(30)) + "\treturn 0;\n}\n")


def old(rnd, d):
    for i in range(40):
        for k in range(25):
            write("%s/d%02d/%s/f%02d" % (d, i, "ab"[k % 2], k), rnd.randbytes(rnd.choice([0, 10, 300, 4096, 9000])))
        os.symlink("../d%02d/a/f00" % ((i + 7) % 40), "%s/d%02d/link" % (d, i))
        os.link("%s/d%02d/b/f01" % (d, i), "%s/d%02d/again" % (d, i))
        os.mkdir("%s/d%02d/empty" % (d, i))
        os.chmod("%s/d%02d/a/f02" % (d, i), 0o755)
        os.chmod("%s/d%02d/a/f04" % (d, i), 0o400)


def main():
    top = sys.argv[1]
    rnd = random.Random(5)
    os.umask(0o022)
    project(rnd, top + "/project")
    old(rnd, top + "/old")
    for i in range(40):
        write("%s/pages/p%02d" % (top, i), "".join("%d word %d\n" % (n, rnd.randrange(9)) for n in range(400)))
    for i in range(8):
        write("%s/large/f%d" % (top, i), rnd.randbytes(3 << 20))
    for path, names, files in os.walk(top, topdown=False):
        for n in files + ["."]:
            os.utime(os.path.join(path, n), ns=(TIME * 10**9, TIME * 10**9), follow_symlinks=False)


main()
