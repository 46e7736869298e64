#!/usr/bin/python3
"""More cases for tests/lib/calls.py, of the same form: names, directories and inode numbers."""

import ctypes
import errno
import itertools
import os
import socket
import stat
import sys
import time

from calls import LIBC, OWN, ROOT, fails, get, libc, main, of_root, put, rename2
from calls_rights import A, B, C, as_ids

PATH_MAX = 4096
KINDS = ("file", "dir", "fifo", "symlink", "device")


def make(kind, name, owner=(0, 0), mode=0o755):
    if kind == "file":
        put(name, b"data")
    elif kind == "dir":
        os.mkdir(name)
    elif kind == "fifo":
        os.mkfifo(name)
    elif kind == "symlink":
        os.symlink("nowhere", name)
    else:
        os.mknod(name, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.lchown(name, *owner)
    if kind != "symlink":
        os.chmod(name, mode)


def remove(name):
    if stat.S_ISDIR(os.lstat(name).st_mode):
        os.rmdir(name)
    else:
        os.unlink(name)


# --- how long ---

ONE = {
    "chmod": lambda p: os.chmod(p, 0o700), "chown": lambda p: os.chown(p, 0, 0), "lchown": lambda p: os.lchown(p, 0, 0),
    "truncate": lambda p: os.truncate(p, 0), "open": lambda p: os.close(os.open(p, os.O_RDONLY)),
    "utimensat": lambda p: os.utime(p, ns=(1, 2)), "stat": os.stat, "access": lambda p: libc("access", os.fsencode(p), 0),
    "setxattr": lambda p: os.setxattr(p, "user.x", b"v"), "getxattr": lambda p: os.getxattr(p, "user.x"),
    "statvfs": os.statvfs, "rename": lambda p: os.rename(p, "renamed"), "unlink": os.unlink,
}
MAKE = {
    "create": put, "mkdir": os.mkdir, "mkfifo": os.mkfifo, "symlink": lambda p: os.symlink("x", p),
    "mknod": lambda p: os.mknod(p, stat.S_IFREG | 0o644), "link": lambda p: os.link("from", p),
    "rename": lambda p: os.rename("from", p),
}


def path_of(length):
    """A path of that many bytes, and the directories on the way made."""
    parts = []
    while length > 201:
        parts.append("d" * 200)
        length -= 201
    here = os.open(".", os.O_RDONLY)
    for p in parts:
        if p not in os.listdir(here):
            os.mkdir(p, dir_fd=here)
        there = os.open(p, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(here)
    return "/".join(parts + ["e" * length])


def paths_of_4095_bytes(d):
    path, longer = path_of(PATH_MAX - 1), path_of(PATH_MAX)
    assert len(path) == PATH_MAX - 1
    for call in MAKE.values():
        put("from")
        fails(errno.ENAMETOOLONG, call, longer)
        call(path)
        os.lstat(path)
        remove(path)
    fails(errno.ENAMETOOLONG, os.lstat, longer)
    for call in ONE.values():
        put(path)
        os.setxattr(path, "user.x", b"v")
        call(path)
        fails(errno.ENAMETOOLONG, call, longer)
    os.symlink("t" * (PATH_MAX - 1), "l")
    assert os.readlink("l") == "t" * (PATH_MAX - 1)
    fails(errno.ENAMETOOLONG, os.symlink, "t" * PATH_MAX, "m")


def names_of_255_bytes(d):
    for directory in (".", "../dirs"):
        os.chdir(directory)
        for call in MAKE.values():
            put("from")
            for n in (256, 257, 300, 1000):
                fails(errno.ENAMETOOLONG, call, "n" * n)
                fails(errno.ENAMETOOLONG, call, "n" * n + "/x")
            call("n" * 255)
            os.lstat("n" * 255)
            remove("n" * 255)
        for call in ONE.values():
            put("n" * 255)
            os.setxattr("n" * 255, "user.x", b"v")
            call("n" * 255)
            fails(errno.ENAMETOOLONG, call, "n" * 256)
        os.unlink("renamed")


# --- who may remove and rename ---

@of_root
def sticky_directories(d):
    """Only who owns the directory or the file removes it, or renames it, from there or over it."""
    os.chmod(".", 0o777)
    for kind, of_dir, of_file, sticky in itertools.product(KINDS, (A, B, 0), (A, B, 0), (0, 0o1000)):
        make("dir", "p", (of_dir, of_dir), 0o777 | sticky)
        make(kind, "p/f", (of_file, of_file))
        may = not sticky or A in (of_dir, of_file)
        moves = may and (kind != "dir" or of_file == A)
        said = as_ids(A, A, [], lambda: os.rename("p/f", "g"))
        assert said == (None if moves else errno.EPERM if not may else errno.EACCES), (kind, of_dir, of_file, sticky, said)
        if said is None:
            os.rename("g", "p/f")
        said = as_ids(A, A, [], lambda: remove("p/f"))
        assert said == (None if may else errno.EPERM), (kind, of_dir, of_file, sticky, said)
        if not may:
            remove("p/f")
        os.rmdir("p")


@of_root
def sticky_directory_renamed_into(d):
    os.chmod(".", 0o777)
    for kind, of_dir, of_target, sticky in itertools.product(KINDS, (A, B), (A, B), (0, 0o1000)):
        make("dir", "p", (of_dir, of_dir), 0o777 | sticky)
        make(kind, "p/f", (of_target, of_target))
        make(kind, "mine", (A, A))
        may = not sticky or A in (of_dir, of_target)
        said = as_ids(A, A, [], lambda: os.rename("mine", "p/f"))
        assert said == (None if may else errno.EPERM), (kind, of_dir, of_target, sticky, said)
        assert os.lstat("p/f").st_uid == (A if may else of_target)
        remove("p/f")
        os.rmdir("p")
        if not may:
            remove("mine")


@of_root
def directory_permissions(d):
    """Each bit of a directory, for its owner, its group, a member of it by the way, and others."""
    os.chmod(".", 0o777)
    who = {6: (A, C, []), 3: (C, B, []), 2: (C, C, [B]), 0: (C, C, [])}
    for (shift, ids), bits in itertools.product(who.items(), range(8)):
        shift = 3 if shift == 2 else shift
        os.mkdir("m")
        os.mkdir("m/d")
        put("m/f")
        put("m/g")
        os.chmod("m/f", 0o666)
        os.chown("m", A, B)
        os.chmod("m", 0o777 & ~(7 << shift) | bits << shift)
        no = errno.EACCES
        x, w, r = bits & 1, bits & 3 == 3, bits & 4

        def said(call):
            return as_ids(*ids, call)

        assert said(lambda: ",".join(sorted(os.listdir("m")))) == ("d,f,g" if r else no), (shift, bits)
        assert said(lambda: os.stat("m/f") and None) == (None if x else no), (shift, bits)
        assert said(lambda: os.close(os.open("m/f", os.O_RDWR))) == (None if x else no), (shift, bits)
        for call in (lambda: put("m/n"), lambda: os.mkdir("m/e"), lambda: os.link("m/f", "m/l"), lambda: os.symlink("x", "m/s"),
                     lambda: os.mkfifo("m/p"), lambda: os.rename("m/f", "m/h"), lambda: os.unlink("m/g"), lambda: os.rmdir("m/d")):
            assert said(call) == (None if w else no), (shift, bits)
        for e in os.listdir("m"):
            remove("m/" + e)
        os.rmdir("m")


@of_root
def file_permissions(d):
    os.chmod(".", 0o777)
    who = {6: (A, C, []), 3: (C, B, []), 2: (C, C, [B]), 0: (C, C, [])}
    for (shift, ids), bits in itertools.product(who.items(), range(8)):
        shift = 3 if shift == 2 else shift
        put("f", b"#!/bin/true\n")
        os.chown("f", A, B)
        os.chmod("f", 0o777 & ~(7 << shift) | bits << shift)
        for flags, need in ((os.O_RDONLY, 4), (os.O_WRONLY, 2), (os.O_RDWR, 6), (os.O_RDONLY | os.O_TRUNC, 6), (os.O_WRONLY | os.O_APPEND, 2)):
            said = as_ids(*ids, lambda: os.close(os.open("f", flags)))
            assert said == (None if bits & need == need else errno.EACCES), (shift, bits, flags, said)
        said = as_ids(*ids, lambda: os.truncate("f", 3))
        assert said == (None if bits & 2 else errno.EACCES), (shift, bits)
        said = as_ids(*ids, lambda: "".join("ny"[os.access("f", b)] for b in (4, 2, 1)))
        assert said == "".join("ny"[bool(bits & b)] for b in (4, 2, 1)), (shift, bits, said)
        os.unlink("f")


@of_root
def owner_and_group_of_new_files(d):
    """The maker's, or the group of a set-gid directory; and no set-gid bit for who is no member."""
    os.umask(0)
    for mode, kind in itertools.product((0o777, 0o2777), ("file", "dir", "fifo", "symlink")):
        os.mkdir("m")
        os.chown("m", C, B)
        os.chmod("m", mode)
        calls = {"file": lambda: os.close(os.open("m/f", os.O_CREAT | os.O_WRONLY, 0o2775)), "dir": lambda: os.mkdir("m/f", 0o775),
                 "fifo": lambda: os.mkfifo("m/f", 0o664), "symlink": lambda: os.symlink("x", "m/f")}
        for groups in ([], [B]):
            assert as_ids(A, A, groups, calls[kind]) is None
            st = os.lstat("m/f")
            inherits = mode & 0o2000
            assert (st.st_uid, st.st_gid) == (A, B if inherits else A), (mode, kind)
            if kind == "file":
                kept = not inherits or B in groups
                assert stat.S_IMODE(st.st_mode) == (0o2775 if kept else 0o775), (oct(mode), groups, oct(st.st_mode))
            if kind == "dir":
                assert stat.S_IMODE(st.st_mode) == 0o775 | inherits
            remove("m/f")
        os.rmdir("m")


# --- rename ---

def rename_every_kind_over_every_kind(d):
    kinds = KINDS if ROOT else KINDS[:-1]
    for a, b in itertools.product(kinds, kinds + ("full",)):
        make(a, "a")
        make("dir" if b == "full" else b, "b")
        if b == "full":
            put("b/x")
        source, target = os.lstat("a"), os.lstat("b")
        want = 0
        if a == "dir" and b not in ("dir", "full"):
            want = errno.ENOTDIR
        elif a != "dir" and b in ("dir", "full"):
            want = errno.EISDIR
        elif b == "full":
            want = errno.ENOTEMPTY
        if want:
            fails(want, os.rename, "a", "b")
            assert os.lstat("a").st_ino == source.st_ino and os.lstat("b").st_ino == target.st_ino
        fails(errno.EEXIST, rename2, "a", "b", 1)
        rename2("a", "b", 2)
        assert os.lstat("a").st_ino == target.st_ino and os.lstat("b").st_ino == source.st_ino
        assert stat.S_IFMT(os.lstat("b").st_mode) == stat.S_IFMT(source.st_mode)
        rename2("b", "a", 2)
        if not want:
            os.rename("a", "b")
            assert os.lstat("b").st_ino == source.st_ino and os.listdir(".") == ["b"]
        if b == "full":
            os.unlink("b/x")
        for n in os.listdir("."):
            remove(n)


def rename_and_its_parents(d):
    os.makedirs("a/s/t")
    os.mkdir("b")
    put("f")
    for old, new in (("a", "a/x"), ("a", "a/s/t/x"), ("a", "a/s")):
        fails(errno.EINVAL, os.rename, old, new)
    fails(errno.EINVAL, rename2, "a", "a/s", 2)
    for old, new in (("a/s", "a"), ("b", "a")):
        fails(errno.ENOTEMPTY, os.rename, old, new)
    for old, new in ((".", "x"), ("..", "x"), ("b/.", "x")):
        fails(errno.EBUSY, os.rename, old, new)
    fails(errno.ENOTDIR, os.rename, "f", "x/")
    fails(errno.ENOTDIR, os.rename, "f/", "x")
    fails(errno.ENOTDIR, os.rename, "f", "f/x")
    fails(errno.ENOENT, os.rename, "f", "none/x")
    fails(errno.ENOENT, os.rename, "", "x")
    os.rename("b/", "c/")
    fd = os.open("a/s", os.O_RDONLY)
    os.rename("a/s", "c/s")
    assert os.stat("..", dir_fd=fd).st_ino == os.stat("c").st_ino == os.stat("c/s/..").st_ino
    assert os.listdir("a") == [] and os.listdir("c/s") == ["t"]
    put("c/s/t/deep")
    rename2("c/s", "a", 2)
    assert os.listdir("a/t") == ["deep"] and os.stat("a/..").st_ino == os.stat(".").st_ino
    assert os.stat("..", dir_fd=fd).st_ino == os.stat(".").st_ino


def links_of_directories(d):
    """st_nlink counts the directories in it, wherever they come from and go to."""
    os.mkdir("a")
    os.mkdir("b")
    os.mkdir("a/s")

    def links():
        return os.stat("a").st_nlink, os.stat("b").st_nlink

    assert links() == (3, 2)
    os.rename("a/s", "b/s")
    assert links() == (2, 3)
    put("a/f")
    rename2("a/f", "b/s", 2)
    assert links() == (3, 2) and os.stat("a/f").st_nlink == 2
    os.mkdir("a/g")
    os.rename("a/g", "a/f")
    assert links() == (3, 2)
    os.rmdir("a/f")
    os.symlink("b", "a/l")
    assert links() == (2, 2)


def rename_below_and_back(d):
    """What hides a name of the base is moved, exchanged and removed; the base's never shows again."""
    for i in range(3):
        os.rename("../dirs/one", "x")
        fails(errno.ENOENT, os.stat, "../dirs/one")
        os.mkdir("../dirs/one")
        assert os.listdir("../dirs/one") == []
        put("../dirs/one/in")
        rename2("x", "../dirs/one", 2)
        assert get("../dirs/one") == b"one\n" and os.listdir("x") == ["in"]
        os.unlink("x/in")
        os.rmdir("x")
    os.link("../dirs/one", "../dirs/new")
    os.rename("../dirs/new", "../dirs/two")
    assert os.path.samefile("../dirs/one", "../dirs/two") and os.stat("../dirs/one").st_nlink == 2
    os.rename("../dirs/one", "../dirs/two")
    assert os.stat("../dirs/one").st_nlink == 2
    os.unlink("../dirs/one")
    assert "one" not in os.listdir("../dirs") and get("../dirs/two") == b"one\n"
    os.mkdir("m")
    fails(errno.ENOTEMPTY, os.rename, "m", "../dirs/sub")
    os.unlink("../dirs/sub/x")
    os.rename("m", "../dirs/sub")
    assert os.listdir("../dirs/sub") == []
    put("../dirs/sub/y")
    os.rename("../dirs/sub", "n")
    assert os.listdir("n") == ["y"] and "sub" not in os.listdir("../dirs")


# --- lists ---

class Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_ulong), ("off", ctypes.c_long), ("len", ctypes.c_ushort), ("type", ctypes.c_ubyte), ("name", ctypes.c_char * 256)]


class Dir:
    """readdir(3) and where it stands."""

    def __init__(self, path):
        LIBC.opendir.restype = ctypes.c_void_p
        LIBC.readdir.restype = ctypes.POINTER(Dirent)
        LIBC.telldir.restype = ctypes.c_long
        self.p = ctypes.c_void_p(LIBC.opendir(os.fsencode(path)))

    def next(self):
        e = LIBC.readdir(self.p)
        return os.fsdecode(e.contents.name) if e else None

    def tell(self):
        return LIBC.telldir(self.p)

    def seek(self, where):
        LIBC.seekdir(self.p, ctypes.c_long(where))

    def close(self):
        LIBC.closedir(self.p)


def list_of_10000_seeks(d):
    os.mkdir("m")
    names = {"f%05d" % i for i in range(10000)}
    for n in names:
        os.close(os.open("m/" + n, os.O_CREAT | os.O_WRONLY))
    it, at, seen = Dir("m"), {}, []
    while True:
        where = it.tell()
        name = it.next()
        if name is None:
            break
        at[name] = where
        seen.append(name)
    assert len(seen) == 10002 and set(seen) == names | {".", ".."}
    for k in (9000, 1, 5000, 10001, 0, 2, 777):
        it.seek(at[seen[k]])
        assert it.next() == seen[k]
        assert k == 10001 or it.next() == seen[k + 1]
    # Entries come and go between two reads: those that stay are met once.
    it.seek(at[seen[100]])
    rest, gone = [], set()
    for k, name in enumerate(iter(it.next, None)):
        rest.append(name)
        if k % 2 == 0 and k < 6000 and seen[-1 - k // 2] not in (".", ".."):
            gone.add(seen[-1 - k // 2])
            os.unlink("m/" + seen[-1 - k // 2])
            os.close(os.open("m/new%d" % k, os.O_CREAT | os.O_WRONLY))
    stay = [n for n in seen[100:] if n not in gone]
    assert [n for n in rest if n in stay] == stay
    it.close()


def list_emptied_while_read(d):
    """What rm -r does: read some, remove them, read on, until nothing is left."""
    for directory in ("m", "../dirs/many"):
        if directory == "m":
            os.mkdir("m")
        for i in range(3000):
            put("%s/f%d" % (directory, i), b"")
        it = Dir(directory)
        for name in iter(it.next, None):
            if name not in (".", ".."):
                os.unlink(directory + "/" + name)
        it.close()
        assert os.listdir(directory) == []
        os.rmdir(directory)


# --- inode numbers ---

def drop_caches():
    if ROOT:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("2\n")


def numbers(top):
    """path -> (number, links) by lstat(2), which readdir(3) must agree with; of directories the number alone."""
    out = {}
    for here, _, _ in os.walk(top):
        for e in os.scandir(here):
            st = os.lstat(e.path)
            assert e.inode() == st.st_ino, e.path
            out[e.path] = (st.st_ino, 1 if stat.S_ISDIR(st.st_mode) else st.st_nlink)
    return out


def numbers_stay(d):
    os.chdir("../numbers")
    put("new")
    os.mkdir("newdir")
    os.link("new", "newdir/new2")
    os.symlink("x", "newsym")
    first = numbers(".")
    assert len({v[0] for v in first.values()}) == len(first) - 3
    drop_caches()
    assert numbers(".") == first
    os.chmod("file", 0o600)
    with open("link1", "ab") as f:
        f.write(b"more")
    os.chmod("dir", 0o700)
    os.lchown("sym", 0, 0)
    os.utime("fifo")
    put("dir/added")
    added = os.stat("dir/added").st_ino
    first["./dir/added"] = (added, 1)
    assert numbers(".") == first
    drop_caches()
    assert numbers(".") == first
    os.rename("file", "dir/moved")
    first["./dir/moved"] = first.pop("./file")
    os.rename("new", "newdir/moved")
    first["./newdir/moved"] = first.pop("./new")
    os.rename("newdir", "dir/newdir")
    for n in ("", "/new2", "/moved"):
        first["./dir/newdir" + n] = first.pop("./newdir" + n)
    assert numbers(".") == first
    drop_caches()
    assert numbers(".") == first
    # Numbers are used again only when they are free.
    for i in range(50):
        put("t%d" % i)
    held = [os.open("t%d" % i, os.O_RDONLY) for i in range(50)]
    for i in range(50):
        os.unlink("t%d" % i)
        put("u%d" % i)
    assert not {os.fstat(fd).st_ino for fd in held} & {v[0] for v in numbers(".").values()}


def links_nobody_looked_up(d):
    """The other names of a file are right when they are seen for the first time after a change."""
    drop_caches()
    ino = os.stat("../never/one").st_ino
    os.unlink("../never/one")
    drop_caches()
    with open("../never/two", "ab") as f:
        f.write(b"more\n")
    drop_caches()
    st = os.stat("../never/d/three")
    assert (st.st_ino, st.st_nlink, st.st_size) == (ino, 2, 12) and get("../never/d/three") == b"linked\nmore\n"
    assert os.path.samefile("../never/two", "../never/d/three")
    os.link("../never/two", "back")
    drop_caches()
    assert os.stat("../never/d/three").st_nlink == 3 and os.stat("back").st_ino == ino
    os.rename("back", "../never/two")
    os.rename("back", "../never/e")
    os.unlink("../never/two")
    os.unlink("../never/d/three")
    assert os.stat("../never/e").st_nlink == 1 and get("../never/e") == b"linked\nmore\n"


def attributes(*names):
    """What all names have in common, which they must: number, owner, links, type and mode, time; readdir's number, too."""
    seen = set()
    for name in names:
        st = os.lstat(name)
        listed, = [e.inode() for e in os.scandir(os.path.dirname(name) or ".") if e.name == os.path.basename(name)]
        assert listed == st.st_ino, name
        seen.add((st.st_ino, st.st_uid, st.st_gid, st.st_nlink, st.st_mode, st.st_size, st.st_mtime_ns))
    assert len(seen) == 1, seen
    return seen.pop()


def chown_every_name(kind, *names):
    """Owners given to one name after the other are those of all; what else the file is stays."""
    dirs = {os.path.dirname(n) or "." for n in names}
    before, times = attributes(*names), [os.stat(p).st_mtime_ns for p in dirs]
    assert before[3] == len(names) and stat.S_IFMT(before[4]) == kind, before
    for name, (uid, gid) in zip(names, ((33, 34), (0, 0), (5, 0))):
        os.lchown(name, uid, gid)
        shown = uid or OWN[0], gid or OWN[1]
        assert attributes(*names) == (before[0], *shown, *before[3:]), (name, attributes(*names), before)
    assert times == [os.stat(p).st_mtime_ns for p in dirs]
    return before


@of_root
def owners_of_linked_special_files(d):
    """A symbolic link, a fifo or a socket with several names stays one file when its owner changes."""
    os.mkdir("m")
    os.symlink("to/there", "l")
    os.mkfifo("p", 0o640)
    s = socket.socket(socket.AF_UNIX)
    s.bind("s")
    s.listen()
    for kind, name in (stat.S_IFLNK, "l"), (stat.S_IFIFO, "p"), (stat.S_IFSOCK, "s"):
        names = name, name + "2", "m/" + name
        for other in names[1:]:
            os.link(name, other, follow_symlinks=False)
        before = chown_every_name(kind, *names)
        # One more, and one less.
        os.link(names[1], "m/more", follow_symlinks=False)
        os.rename("m/more", "more-" + name)
        os.unlink(names[0])
        left = *names[1:], "more-" + name
        assert attributes(*left) == (before[0], 5, OWN[1], *before[3:])
    for name in "l2", "m/l", "more-l":
        assert os.readlink(name) == "to/there"
    c = socket.socket(socket.AF_UNIX)
    c.connect("more-s")
    os.chmod("m/p", 0o622)
    assert stat.S_IMODE(os.stat("more-p").st_mode) == 0o622
    r = os.open("p2", os.O_RDONLY | os.O_NONBLOCK)
    w = os.open("m/p", os.O_WRONLY)
    os.write(w, b"through")
    assert os.read(r, 10) == b"through"


def owners_of_linked_special_files_from_below(d):
    before = chown_every_name(stat.S_IFLNK, "../pairs/link", "../pairs/link2", "../pairs/d/link3")
    assert os.readlink("../pairs/d/link3") == "to/there"
    os.unlink("../pairs/link")
    assert attributes("../pairs/link2", "../pairs/d/link3")[:4] == (before[0], 5, OWN[1], 2)
    names = ["../pairs/pipe", "../pairs/d/pipe2", "p"]
    os.link(names[0], "p")
    chown_every_name(stat.S_IFIFO, *names)


def owner_of_a_special_file_in_use(d):
    """Without a name, or under one that was not the one that it was opened by."""
    for make in lambda: os.symlink("x", "f"), lambda: os.mkfifo("f"):
        for others in (0, 2) if ROOT else (0,):
            make()
            for i in range(others):
                os.link("f", "g%d" % i, follow_symlinks=False)
            fd = os.open("f", os.O_PATH | os.O_NOFOLLOW)
            ino = os.fstat(fd).st_ino
            os.unlink("f")
            libc("fchownat", fd, b"", 33, 34, 0x1000)
            st = os.fstat(fd)
            assert (st.st_ino, st.st_uid, st.st_gid, st.st_nlink) == (ino, 33, 34, others), st
            libc("fchownat", fd, b"", 35, 36, 0x1000)
            for i in range(others):
                assert attributes("g%d" % i)[:4] == (ino, 35, 36, others - i)
                os.unlink("g%d" % i)
            if stat.S_ISLNK(st.st_mode):
                assert os.readlink(b"", dir_fd=fd) == b"x"
            os.close(fd)


if __name__ == "__main__":
    main(sys.modules[__name__])
