#!/usr/bin/python3
"""A small image for the container tests, as a docker archive: smallimage.py FILE.

Two layers, small:1. Every type of file, names to hide and to replace, a hard-link group in three
places, files that only root may read, set-id bits, a hole, an opaque directory in the image itself.
"""

import hashlib
import io
import json
import sys
import tarfile

REG, DIR, LNK, SYM = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE
TIME = 1600000000.25


def layer(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, kind, mode, data, owner, pax in entries:
            i = tarfile.TarInfo(name)
            i.type, i.mode, i.mtime, i.pax_headers = kind, mode, TIME, pax
            i.uid, i.gid = owner
            if kind in (LNK, SYM):
                i.linkname = data
            elif kind == tarfile.CHRTYPE:
                i.devmajor, i.devminor = data
            elif kind == REG:
                i.size = len(data)
            t.addfile(i, io.BytesIO(data) if kind == REG else None)
    return out.getvalue()


def e(name, kind=REG, mode=0o644, data=b"", owner=(0, 0), **pax):
    return name, kind, mode, data, owner, {"SCHILY.xattr." + k.replace("__", "."): v for k, v in pax.items()}


LOWER = [
    e("./", DIR, 0o755),
    e("copied/", DIR, 0o755),
    e("copied/sub/", DIR, 0o755),
    e("copied/sub/one", data=b"one\n"),
    e("copied/sub/two", data=b"two\n"),
    e("dir/", DIR, 0o750, owner=(5, 6)),
    e("dir/a", mode=0o640, data=b"a" * 5000, owner=(7, 8), user__k="v"),
    e("dir/b", data=b"b\n"),
    e("dir/sub/", DIR, 0o755),
    e("dir/sub/deep/", DIR, 0o711),
    e("dir/sub/deep/file", data=b"deep\n"),
    e("dir2/", DIR, 0o755),
    e("dir2/x", data=b"x\n"),
    e("dir2/y", data=b"y\n"),
    e("dirs/", DIR, 0o755),
    e("dirs/many/", DIR, 0o755),
    e("dirs/many/a", data=b"a\n"),
    e("dirs/many/b", data=b"b\n"),
    e("dirs/one", data=b"one\n"),
    e("dirs/sub/", DIR, 0o755),
    e("dirs/sub/x", data=b"x\n"),
    e("dirs/two", data=b"two\n"),
    e("empty/", DIR, 0o755),
    e("etc/", DIR, 0o755),
    e("etc/passwd", data=b"root:x:0:0::/root:/bin/sh\n"),
    e("etc/shadow", mode=0o000, data=b"secret\n", owner=(0, 42)),
    e("files/", DIR, 0o755),
    e("files/alone", data=b"alone\n"),
    e("files/appended", data=b"appended\n"),
    e("files/dir/", DIR, 0o755),
    e("files/locked", data=b"locked\n"),
    e("files/locked2", data=b"locked\n"),
    e("files/locked3", data=b"locked\n"),
    e("files/mapped", data=b"a" * 9000),
    e("files/one", data=b"one of two\n"),
    e("files/two", LNK, data="files/one"),
    e("files/read", data=b"read\n"),
    e("files/sized", data=b"sized\n"),
    e("files/space", data=bytes(range(1, 251)) * 80),
    e("files/timed", data=b"timed\n"),
    e("files/timeddir/", DIR, 0o755),
    e("files/timedlink", SYM, 0o777, "timed"),
    e("links/", DIR, 0o755),
    e("links/d/", DIR, 0o755),
    e("links/one", data=b"linked\n"),
    e("links/two", LNK, data="links/one"),
    e("links/d/three", LNK, data="links/one"),
    e("never/", DIR, 0o755),
    e("never/d/", DIR, 0o755),
    e("never/one", data=b"linked\n"),
    e("never/two", LNK, data="never/one"),
    e("never/d/three", LNK, data="never/one"),
    e("numbers/", DIR, 0o755),
    e("numbers/dir/", DIR, 0o755),
    e("numbers/dir/x", data=b"x\n"),
    e("numbers/fifo", tarfile.FIFOTYPE, 0o600),
    e("numbers/file", data=b"file\n"),
    e("numbers/link1", data=b"links\n"),
    e("numbers/link2", LNK, data="numbers/link1"),
    e("numbers/dir/link3", LNK, data="numbers/link1"),
    e("numbers/sym", SYM, 0o777, "file"),
    e("sym", SYM, 0o777, "etc/passwd", owner=(11, 12)),
    e("suid", mode=0o6755, data=b"#!/bin/true\n"),
    e("suid2", mode=0o6755, data=b"#!/bin/true\n"),
    e("fifo", tarfile.FIFOTYPE, 0o600, owner=(3, 4)),
    e("null", tarfile.CHRTYPE, 0o666, (1, 3)),
    e("big", data=bytes(range(256)) * 12000),
    e("tmp/", DIR, 0o1777),
    e("covered/", DIR, 0o755),
    e("covered/old", data=b"old\n"),
    e("attr", data=b"attr\n", user__k="v"),
    e("exchanged", data=b"exchanged\n"),
    e("moved", data=b"moved\n"),
    e("named", data=b"named\n", user__k="v"),
    e("named2", data=b"named\n", user__k="v"),
    e("owned", data=b"owned\n"),
    e("pair/", DIR, 0o755),
    e("pair/one", data=b"pair\n"),
    e("pair/two", LNK, data="pair/one"),
    e("pairs/", DIR, 0o755),
    e("pairs/d/", DIR, 0o755),
    e("pairs/link", SYM, 0o777, "to/there"),
    e("pairs/link2", LNK, data="pairs/link"),
    e("pairs/d/link3", LNK, data="pairs/link"),
    e("pairs/pipe", tarfile.FIFOTYPE, 0o640),
    e("pairs/d/pipe2", LNK, data="pairs/pipe"),
    e("program", data=b"none yet\n"),
    e("runs", data=b"no program yet\n"),
    e("stays/", DIR, 0o755),
    e("stays/x", data=b"x\n"),
    e("tree/", DIR, 0o755),
    e("tree/below", data=b"below\n"),
    e("tree/more/", DIR, 0o755),
    e("tree/more/below", data=b"below\n"),
    e("tree2/", DIR, 0o755),
    e("tree2/below", data=b"below\n"),
]
UPPER = [
    e("covered/", DIR, 0o755),
    e("covered/.wh..wh..opq"),
    e("covered/new", data=b"new\n"),
]


def main():
    layers = [layer(LOWER), layer(UPPER)]
    ids = ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": ids}}).encode()
    names = ["%d/layer.tar" % i for i in range(len(layers))]
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["small:1"], "Layers": names}]).encode()
    with tarfile.open(sys.argv[1], "w") as t:
        for name, data in [("config.json", config), *zip(names, layers), ("manifest.json", manifest)]:
            i = tarfile.TarInfo(name)
            i.size = len(data)
            t.addfile(i, io.BytesIO(data))


main()
