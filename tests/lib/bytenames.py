#!/usr/bin/python3
"""Names that differ in their bytes alone, in every form that a tar has for a name.

    bytenames.py make DIR        DIR: an OCI layout with the image docker.io/library/bytes:1, two layers
    bytenames.py check TREE      the image's tree
    bytenames.py change TREE     work in a container of it
    bytenames.py changed TREE    the tree after that work
    bytenames.py tar FILE        the image's tree as a tar
    bytenames.py tar-changed FILE
"""

import base64
import os
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tarlayer import *  # noqa: E402,F403

NAMES = [
    "\u00e9".encode(),  # composed
    "e\u0301".encode(),  # decomposed, as a Mac packs it
    "\ud55c\uae00".encode(),
    "\u1112\u1161\u11ab\u1100\u1173\u11af".encode(),  # the same two Hangul syllables in letters
    "\u212b".encode(),  # three that compose to one
    "\u00c5".encode(),
    "A\u030a".encode(),
    "q\u0307\u0323".encode(),  # two orders of the same marks
    "q\u0323\u0307".encode(),
    "\u0301".encode(),
    b"latin-\xe9",
    b"\xff\xfe",
    b"\xc0\xaf",
    b"\xed\xa0\x80",  # half a surrogate pair, a whole one, and what it would stand for
    b"\xed\xa0\xbd\xed\xb8\x80",
    "\U0001f600".encode(),
    b"\xf4\x90\x80\x80",
    "\ufffd".encode(),
]


def record(charset=None):
    """path and linkpath are pax records; the header has other names."""

    def add(tar, name, kind, data, link):
        pax = {"hdrcharset": charset} if charset else {}
        pax["path"] = name
        if link:
            pax["linkpath"] = link
        tar.entry("short", kind, data, pax=pax, link="short" if link else "")

    return add


def in_header(magic):
    def add(tar, name, kind, data, link):
        tar.entry(name, kind, data, link=link, magic=magic)

    return add


def prefix(tar, name, kind, data, link):
    head, _, tail = name.rpartition(b"/")
    tar.entry(tail, kind, data, link=link, prefix=head)


def gnu(tar, name, kind, data, link):
    tar.gnu_long(b"L", name)
    if link:
        tar.gnu_long(b"K", link)
    tar.entry("short", kind, data, link="short" if link else "", magic=b"ustar  \0")


FORMS = {
    b"v7": in_header(b"\0" * 8),
    b"ustar": in_header(b"ustar\x0000"),
    b"prefix": prefix,
    b"gnu": gnu,
    b"pax": record(),
    b"pax-utf8": record("ISO-IR 10646 2000 UTF-8"),
    b"pax-binary": record("BINARY"),
}


def image():
    """Two layers, and what comes of them: path -> contents, or a link's target behind "->", or None for
    a directory; names of attributes of the file "attributes"."""
    low, high = Tar(), Tar()
    tree, attributes = {}, {}
    for form, add in FORMS.items():
        tree[form] = None
        for i, name in enumerate(NAMES):
            number = b"%02d" % i
            path, below = form + b"/" + name, form + b"/" + name + b".d"
            add(low, path, b"0", name, b"")
            add(low, form + b"/hard" + number, b"1", b"", path)
            add(low, form + b"/soft" + number, b"2", b"", name)
            add(low, below + b"/in", b"0", b"in", b"")
            add(low, below + b"/gone", b"0", b"gone", b"")
            add(high, below + b"/.wh.gone", b"0", b"", b"")
            add(low, form + b"/out-" + name, b"0", b"out", b"")
            tree.update({path: name, form + b"/hard" + number: name, form + b"/soft" + number: b"->" + name,
                         below: None, below + b"/in": b"in"})
            # A name goes, those that look like it stay; and a link across layers finds the right one.
            if i % 2:
                add(high, form + b"/.wh.out-" + name, b"0", b"", b"")
            else:
                tree[form + b"/out-" + name] = b"out"
            add(high, form + b"/high" + number, b"1", b"", path)
            tree[form + b"/high" + number] = name
    pax = {}
    for i, name in enumerate(NAMES):
        key = b"user." + name
        attributes[key] = name
        if i % 2:
            escaped = b"".join(b"%%%02X" % c for c in key)
            pax[b"LIBARCHIVE.xattr." + escaped] = base64.b64encode(name).rstrip(b"=")
        else:
            pax[b"SCHILY.xattr." + key] = name
    low.entry("attributes", pax=pax)
    tree[b"attributes"] = b""
    return [low, high], tree, attributes


def changed():
    """What change() makes of the tree."""
    _, tree, attributes = image()
    for i, name in enumerate(NAMES):
        path = b"pax/" + name
        if i % 3 == 0:
            del tree[path]
        elif i % 3 == 1:
            tree[b"gnu/moved-" + name] = tree.pop(path)
        for same in (path, b"gnu/moved-" + name, b"pax/hard%02d" % i, b"pax/high%02d" % i):
            if same in tree:
                tree[same] = name + b" and more"
        tree[b"new/" + name] = b"new " + name
        tree[b"new/soft%02d" % i] = b"->" + name
        del tree[b"ustar/" + name + b".d/in"], tree[b"ustar/" + name + b".d"]
        attributes[b"user.new-" + name] = name
    tree[b"new"] = None
    return tree, attributes


def change(top):
    def at(path):
        return os.path.join(top, path)

    os.mkdir(at(b"new"))
    for i, name in enumerate(NAMES):
        with open(at(b"pax/" + name), "ab") as f:
            f.write(b" and more")
        if i % 3 == 0:
            os.unlink(at(b"pax/" + name))
        elif i % 3 == 1:
            os.rename(at(b"pax/" + name), at(b"gnu/moved-" + name))
        with open(at(b"new/" + name), "wb") as f:
            f.write(b"new " + name)
        os.symlink(name, at(b"new/soft%02d" % i))
        os.unlink(at(b"ustar/" + name + b".d/in"))
        os.rmdir(at(b"ustar/" + name + b".d"))
        os.setxattr(at(b"attributes"), b"user.new-" + name, name)


def same(what, got, want):
    for key in sorted(set(got) | set(want)):
        if got.get(key, "missing") != want.get(key, "missing"):
            sys.exit(f"{what} {key!r}: {got.get(key, 'missing')!r}, expected {want.get(key, 'missing')!r}")


def check(top, tree, attributes):
    found = {}
    for directory, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(directory, name)
            short = path[len(top) + 1:]
            if os.path.islink(path):
                found[short] = b"->" + os.readlink(path)
            elif os.path.isdir(path):
                found[short] = None
            else:
                with open(path, "rb") as f:
                    found[short] = f.read()
    same("path", found, tree)
    path = os.path.join(top, b"attributes")
    have = {os.fsencode(n): os.getxattr(path, n) for n in os.listxattr(path)}
    same("attribute", have, attributes)


def check_tar(path, tree, attributes):
    found, have = {}, {}
    with tarfile.open(path, encoding="utf-8", errors="surrogateescape") as t:
        for m in t:
            name = os.fsencode(m.name)
            name = name[2:] if name.startswith(b"./") else name
            if m.isdir():
                found[name] = None
            elif m.issym():
                found[name] = b"->" + os.fsencode(m.linkname)
            else:
                found[name] = t.extractfile(m).read()
            if name == b"attributes":
                have = {os.fsencode(k)[len("SCHILY.xattr."):]: os.fsencode(v)
                        for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")}
    found.pop(b".", None)
    same("member", found, tree)
    same("attribute", have, attributes)


def main():
    verb, path = sys.argv[1], os.fsencode(sys.argv[2])
    layers, tree, attributes = image()
    if verb == "make":
        write_layout(sys.argv[2], [layer(t) for t in layers], "docker.io/library/bytes:1")
    elif verb == "change":
        change(path)
    elif verb == "check":
        check(path, tree, attributes)
    elif verb == "changed":
        check(path, *changed())
    elif verb == "tar":
        check_tar(path, tree, attributes)
    elif verb == "tar-changed":
        check_tar(path, *changed())
    else:
        sys.exit(__doc__)


main()
