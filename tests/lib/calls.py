#!/usr/bin/python3
"""System calls on a container's tree, one case a function: calls.py list root|user; calls.py DIR CASE.

DIR holds the small image (tests/lib/smallimage.py), and may have been changed by other cases: each works
below a directory of its own name, or on files of the image that no other case touches.
What holds for a plain file system must hold here.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import socket
import stat
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
ROOT = os.geteuid() == 0
# The owner that root's files have: in an ordinary user's mount, that user.
OWN = os.geteuid(), os.getegid()


def of_root(case):
    """A case for root's mount alone: other ids are used in it, or devices."""
    case.of_root = True
    return case


def fails(code, call, *args, **kw):
    try:
        call(*args, **kw)
    except OSError as e:
        assert e.errno == code, "%s, not %s" % (errno.errorcode[e.errno], errno.errorcode[code])
        return
    raise AssertionError("no error, not %s" % errno.errorcode[code])


def libc(name, *args):
    r = getattr(LIBC, name)(*args)
    if r < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))
    return r


def rename2(a, b, flags):
    libc("renameat2", -100, os.fsencode(a), -100, os.fsencode(b), flags)


def put(path, data=b"x", mode=0o644):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    os.write(fd, data)
    os.close(fd)


def get(path):
    with open(path, "rb") as f:
        return f.read()


def as_other(call):
    """What call says as uid 1234, which the mount must let in (allow_other); runs in a child."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(1234)
            os.setuid(1234)
            call()
            os._exit(0)
        except OSError as e:
            os._exit(e.errno)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- files ---

def open_reading_copies_nothing(d):
    before = os.statvfs(".")
    assert len(get("/proc/self/mounts")) and before
    st = os.stat("dir2/y")
    assert get("dir2/y") == b"y\n"
    fd = os.open("dir2/y", os.O_RDWR)
    assert os.read(fd, 10) == b"y\n"
    os.close(fd)
    assert os.stat("dir2/y").st_mtime_ns == st.st_mtime_ns


def create_exclusive(d):
    put("f")
    fails(errno.EEXIST, os.open, "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.symlink("nowhere", "l")
    fails(errno.EEXIST, os.open, "l", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    fails(errno.ENOENT, os.open, "none/f", os.O_CREAT | os.O_WRONLY)
    fails(errno.ENOTDIR, os.open, "f/g", os.O_CREAT | os.O_WRONLY)


def create_mode_and_umask(d):
    os.umask(0o027)
    fd = os.open("f", os.O_CREAT | os.O_WRONLY, 0o777)
    os.close(fd)
    assert stat.S_IMODE(os.stat("f").st_mode) == 0o750
    os.mkdir("m", 0o777)
    assert stat.S_IMODE(os.stat("m").st_mode) == 0o750


def create_unwritable_stays_open(d):
    fd = os.open("f", os.O_CREAT | os.O_RDWR, 0o444)
    os.write(fd, b"written")
    os.close(fd)
    assert get("f") == b"written"
    assert stat.S_IMODE(os.stat("f").st_mode) == 0o444


def append(d):
    put("f", b"one")
    a = os.open("f", os.O_WRONLY | os.O_APPEND)
    b = os.open("f", os.O_WRONLY | os.O_APPEND)
    os.write(a, b"two")
    os.write(b, b"three")
    os.pwrite(a, b"four", 0)
    assert get("f") == b"onetwothreefour"


def append_from_below(d):
    with open("../links/../dir2/x", "ab") as f:
        f.write(b"more\n")
    assert get("../dir2/x") == b"x\nmore\n"


def truncating_open(d):
    put("f", b"long contents")
    os.close(os.open("f", os.O_WRONLY | os.O_TRUNC))
    assert os.stat("f").st_size == 0


def truncate_beyond_end(d):
    put("f", b"ab")
    os.truncate("f", 10000)
    assert get("f") == b"ab" + b"\0" * 9998
    os.truncate("f", 1)
    assert get("f") == b"a"


def truncate_from_below(d):
    os.truncate("../big", 100000)
    assert get("../big") == (bytes(range(256)) * 12000)[:100000]


def fallocate_and_punch(d):
    put("f", b"d" * 100000)
    with open("f", "r+b") as f:
        libc("fallocate", f.fileno(), 3, ctypes.c_long(4096), ctypes.c_long(8192))
        libc("fallocate", f.fileno(), 0, ctypes.c_long(0), ctypes.c_long(200000))
    data = get("f")
    assert len(data) == 200000 and data[4096:12288] == b"\0" * 8192 and data[12288:100000] == b"d" * 87712


def seek_data_and_hole(d):
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, 1 << 20)
    os.pwrite(fd, b"x" * 4096, 1 << 19)
    assert os.lseek(fd, 0, os.SEEK_DATA) == 1 << 19
    assert os.lseek(fd, 1 << 19, os.SEEK_HOLE) == (1 << 19) + 4096
    fails(errno.ENXIO, os.lseek, fd, 1 << 20, os.SEEK_DATA)
    assert os.lseek(fd, -1, os.SEEK_END) == (1 << 20) - 1


def seek_sees_mapped_write(d):
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.ftruncate(fd, 1 << 20)
    with mmap.mmap(fd, 1 << 20) as m:
        m[1 << 19:(1 << 19) + 4096] = b"x" * 4096
        assert os.lseek(fd, 0, os.SEEK_DATA) == 1 << 19
        assert m[1 << 19] == 120
    os.close(fd)


def copy_range(d):
    put("f", bytes(range(256)) * 100)
    a, b = os.open("f", os.O_RDONLY), os.open("g", os.O_CREAT | os.O_WRONLY)
    assert os.copy_file_range(a, b, 1000, 100, 10) == 1000
    assert get("g") == b"\0" * 10 + (bytes(range(256)) * 100)[100:1100]


def copy_range_from_below(d):
    a, b = os.open("../etc/passwd", os.O_RDONLY), os.open("g", os.O_CREAT | os.O_WRONLY)
    n = os.copy_file_range(a, b, 5, 0)
    assert n == 5 and get("g") == get("../etc/passwd")[:5]


def direct_io(d):
    fd = os.open("f", os.O_CREAT | os.O_RDWR | os.O_DIRECT)
    m = mmap.mmap(-1, 8192)
    m[:] = b"q" * 8192
    assert os.write(fd, m) == 8192
    os.close(fd)
    assert get("f") == b"q" * 8192


def mmap_shared(d):
    put("f", b"a" * 10000)
    with open("f", "r+b") as f:
        m = mmap.mmap(f.fileno(), 0)
        m[5000:5005] = b"HELLO"
        m.flush()
        m.close()
    assert get("f")[4999:5006] == b"aHELLOa"


def mmap_shared_from_below(d):
    put_back = get("../dir/a")
    with open("../dir/a", "r+b") as f:
        m = mmap.mmap(f.fileno(), 0)
        m[0:5] = b"HELLO"
        m.flush()
        m.close()
    assert get("../dir/a") == b"HELLO" + put_back[5:]


def mapped_write_changes_times(d):
    put("f", b"a" * 5000)
    os.utime("f", (1, 1))
    with open("f", "r+b") as f:
        with mmap.mmap(f.fileno(), 5000) as m:
            m[0] = 98
            m.flush()
    for _ in range(100):
        if os.stat("f").st_mtime > 1:
            break
        time.sleep(0.01)
    assert os.stat("f").st_mtime > 1 and get("f")[:2] == b"ba"


def sync_calls(d):
    with open("f", "wb") as f:
        f.write(b"data")
        f.flush()
        os.fsync(f.fileno())
        os.fdatasync(f.fileno())
    fd = os.open(".", os.O_RDONLY)
    os.fsync(fd)
    os.fsync(os.open("../covered/new", os.O_RDONLY))


def nameless_file(d):
    os.umask(0o022)
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o666)
    st = os.fstat(fd)
    assert st.st_nlink == 0 and stat.S_IMODE(st.st_mode) == 0o644
    os.write(fd, b"hello")
    os.fchmod(fd, 0o600)
    assert os.listdir(".") == []
    link = b"/proc/self/fd/%d" % fd
    libc("linkat", -100, link, -100, b"named", 0x400)
    named = os.stat("named")
    assert (named.st_ino, named.st_nlink, named.st_size) == (st.st_ino, 1, 5)
    os.write(fd, b" more")
    assert get("named") == b"hello more"
    os.unlink("named")
    assert os.fstat(fd).st_nlink == 0
    os.close(fd)
    fd = os.open("../dir", os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o600)
    fails(errno.ENOENT, libc, "linkat", -100, b"/proc/self/fd/%d" % fd, -100, b"named", 0x400)
    os.close(fd)


def locks(d):
    put("f")
    a, b = open("f", "r+b"), open("f", "r+b")
    fcntl.flock(a, fcntl.LOCK_EX)
    fails(errno.EWOULDBLOCK, fcntl.flock, b, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(a, fcntl.LOCK_UN)
    fcntl.lockf(a, fcntl.LOCK_EX)
    assert os.waitstatus_to_exitcode(os.system("true")) == 0


def large_write(d):
    data = os.urandom(5 << 20)
    put("f", data)
    assert get("f") == data


# --- what others have open ---

def reader_sees_copy_up(d):
    fd = os.open("../covered/new", os.O_RDONLY)
    assert os.read(fd, 100) == b"new\n"
    put("../covered/new", b"other contents\n")
    assert os.pread(fd, 100, 0) == b"other contents\n"
    assert os.fstat(fd).st_ino == os.stat("../covered/new").st_ino


def number_stays_at_copy_up(d):
    before = os.stat("../dir/sub/deep/file")
    above = os.stat("../dir/sub/deep")
    with open("../dir/sub/deep/file", "ab") as f:
        f.write(b"!")
    assert os.stat("../dir/sub/deep/file").st_ino == before.st_ino
    after = os.stat("../dir/sub/deep")
    assert (after.st_ino, after.st_mode, after.st_mtime_ns) == (above.st_ino, above.st_mode, above.st_mtime_ns)
    for e in os.scandir("../dir/sub/deep"):
        assert e.inode() == before.st_ino


def unlinked_stays_open(d):
    put("f", b"one")
    fd = os.open("f", os.O_RDWR)
    os.unlink("f")
    assert os.fstat(fd).st_nlink == 0
    os.write(fd, b"two")
    os.ftruncate(fd, 5)
    os.fchmod(fd, 0o600)
    assert os.pread(fd, 10, 0) == b"two\0\0"
    put("f", b"new")
    assert os.pread(fd, 10, 0) == b"two\0\0" and get("f") == b"new"
    assert os.fstat(fd).st_ino != os.stat("f").st_ino


def unlinked_from_below_stays_open(d):
    r, w = os.open("../dir/b", os.O_RDONLY), os.open("../dir/b", os.O_RDWR)
    os.unlink("../dir/b")
    assert os.fstat(r).st_nlink == 0
    assert os.read(r, 10) == b"b\n"
    os.pwrite(w, b"c", 0)
    assert os.pread(w, 10, 0) == b"c\n"
    assert os.fstat(w).st_nlink == 0
    fails(errno.ENOENT, os.stat, "../dir/b")


def replaced_stays_open(d):
    put("f", b"old")
    put("g", b"new")
    fd = os.open("f", os.O_RDONLY)
    os.rename("g", "f")
    assert os.read(fd, 10) == b"old" and os.fstat(fd).st_nlink == 0
    assert get("f") == b"new"


def removed_directory_in_use(d):
    os.mkdir("m")
    fd = os.open("m", os.O_RDONLY)
    os.rmdir("m")
    assert os.listdir(fd) == [] and os.fstat(fd).st_nlink == 0
    fails(errno.ENOENT, os.open, "x", os.O_CREAT | os.O_WRONLY, dir_fd=fd)


# --- names ---

def long_names(d):
    n = "n" * 255
    put(n)
    os.mkdir("m" * 255)
    assert sorted(os.listdir(".")) == ["m" * 255, n]
    os.rename(n, "o" * 255)
    for call in (os.mkdir, os.stat, os.unlink, os.mkfifo):
        fails(errno.ENAMETOOLONG, call, "n" * 256)
    fails(errno.ENAMETOOLONG, os.symlink, "x", "n" * 256)
    fails(errno.ENAMETOOLONG, os.rename, "o" * 255, "n" * 256)
    fails(errno.ENAMETOOLONG, os.link, "o" * 255, "n" * 256)


def strange_names(d):
    names = [b"new\nline", b"\xff\xfe", b" ", b"-rf", b"\x1b[31m", "grün".encode(), b"...", b"a\\b"]
    for n in names:
        put(n, n)
    assert sorted(os.listdir(b".")) == sorted(names)
    for n in names:
        assert get(n) == n


def whiteout_names(d):
    """They are names like others here; what they do to a layer is commit's affair (tests/mount/commit)."""
    put("f", b"f")
    os.mkdir("m")
    put(".wh.f", b"other")
    os.mkdir(".wh.m")
    put(".wh.m/.wh..wh..opq", b"deep")
    os.symlink("x", ".wh.l")
    os.link("f", ".wh.link")
    os.rename(".wh.m", ".wh.moved")
    os.mkfifo(".wh.p")
    assert sorted(os.listdir(".")) == [".wh.f", ".wh.l", ".wh.link", ".wh.moved", ".wh.p", "f", "m"]
    assert (get("f"), get(".wh.f"), get(".wh.moved/.wh..wh..opq")) == (b"f", b"other", b"deep")
    for n in ".wh.f", ".wh.l", ".wh.link", ".wh.p", ".wh.moved/.wh..wh..opq":
        os.unlink(n)
    os.rmdir(".wh.moved")
    assert sorted(os.listdir(".")) == ["f", "m"]


def deep_path(d):
    here = os.open(".", os.O_RDONLY)
    for i in range(300):
        os.mkdir("d" * 100, dir_fd=here)
        there = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    fd = os.open("f", os.O_CREAT | os.O_RDWR, dir_fd=here)
    os.write(fd, b"down here")
    os.close(fd)
    fd = os.open("f", os.O_RDONLY, dir_fd=here)
    assert os.read(fd, 100) == b"down here"
    assert subprocess.call(["rm", "-rf", "d" * 100]) == 0


def dots(d):
    os.mkdir("m")
    assert os.stat("m/..").st_ino == os.stat(".").st_ino
    assert os.stat("m/.").st_ino == os.stat("m").st_ino
    inos = {e.name: e.inode() for e in os.scandir("..")}
    for name, ino in inos.items():
        assert os.lstat("../" + name).st_ino == ino, name


def path_through_file(d):
    fails(errno.ENOTDIR, os.stat, "../etc/passwd/x")
    fails(errno.ENOENT, os.stat, "../etc/none")
    fails(errno.ENOENT, os.stat, "../etc/none/x")


# --- directories ---

def remove_below_and_make_again(d):
    assert subprocess.call(["rm", "-r", "../covered2", "-f"]) == 0
    os.mkdir("../empty/e")
    put("../empty/e/x")
    fails(errno.ENOTEMPTY, os.rmdir, "../empty")
    os.unlink("../empty/e/x")
    os.rmdir("../empty/e")
    os.rmdir("../empty")
    fails(errno.ENOENT, os.stat, "../empty")
    os.mkdir("../empty")
    assert os.listdir("../empty") == []
    fails(errno.EEXIST, os.mkdir, "../empty")


def remove_tree_from_below(d):
    fails(errno.ENOTEMPTY, os.rmdir, "../tree")
    assert subprocess.call(["rm", "-r", "../tree"]) == 0
    fails(errno.ENOENT, os.stat, "../tree")
    os.mkdir("../tree")
    assert os.listdir("../tree") == []
    put("../tree/below")
    assert os.listdir("../tree") == ["below"]


def wrong_types(d):
    put("f")
    os.mkdir("m")
    fails(errno.ENOTDIR, os.rmdir, "f")
    fails(errno.EISDIR, os.unlink, "m")
    fails(errno.EISDIR, os.rename, "f", "m")
    fails(errno.ENOTDIR, os.rename, "m", "f")
    fails(errno.EINVAL, os.rename, "m", "m/n")
    fails(errno.EISDIR, os.open, "m", os.O_WRONLY)
    fails(errno.EINVAL, os.readlink, "f")


def list_while_changing(d):
    for i in range(3000):
        put("f%d" % i, b"")
    seen = []
    with os.scandir(".") as it:
        for k, e in enumerate(it):
            seen.append(e.name)
            if k % 3 == 0:
                os.unlink(e.name)
            put("new%d" % k, b"")
    old = [n for n in seen if n.startswith("f")]
    assert len(old) == 3000 and len(set(seen)) == len(seen)


def list_rewinds(d):
    put("f")
    libc_dir = LIBC.opendir
    libc_dir.restype = ctypes.c_void_p
    LIBC.readdir.restype = ctypes.c_void_p

    def names(p):
        n = 0
        while LIBC.readdir(ctypes.c_void_p(p)):
            n += 1
        return n

    p = libc_dir(b".")
    assert names(p) == 3
    put("g")
    LIBC.rewinddir(ctypes.c_void_p(p))
    assert names(p) == 4
    LIBC.closedir(ctypes.c_void_p(p))


# --- rename ---

def rename_over(d):
    put("a", b"a")
    put("b", b"b")
    os.rename("a", "b")
    assert get("b") == b"a" and os.listdir(".") == ["b"]
    os.mkdir("m")
    os.mkdir("n")
    os.rename("m", "n")
    put("n/x")
    os.mkdir("m")
    fails(errno.ENOTEMPTY, os.rename, "m", "n")
    fails(errno.ENOENT, os.rename, "none", "x")


def rename_links_of_one_file(d):
    put("a")
    os.link("a", "b")
    os.rename("a", "b")
    assert sorted(os.listdir(".")) == ["a", "b"]


def rename_from_below(d):
    ino = os.stat("../moved").st_ino
    os.rename("../moved", "here")
    fails(errno.ENOENT, os.stat, "../moved")
    assert get("here") == b"moved\n" and os.stat("here").st_ino == ino
    os.rename("here", "../moved")
    assert get("../moved") == b"moved\n" and "moved" in os.listdir("..")


def rename_directory_from_below(d):
    fails(errno.EXDEV, os.rename, "../dir2", "dir2")
    assert subprocess.call(["mv", "../stays", "moved"]) == 0
    assert get("moved/x") == b"x\n"
    fails(errno.ENOENT, os.stat, "../stays")


def rename_new_directory_over_below(d):
    os.mkdir("m")
    put("m/mine")
    assert subprocess.call("rm -r ../tree2/*", shell=True) == 0
    os.rename("m", "../tree2")
    assert os.listdir("../tree2") == ["mine"]


def rename_noreplace(d):
    put("a", b"a")
    put("b", b"b")
    fails(errno.EEXIST, rename2, "a", "b", 1)
    rename2("a", "c", 1)
    assert get("c") == b"a"
    fails(errno.EEXIST, rename2, "c", "../etc/passwd", 1)


def rename_exchange(d):
    put("a", b"a")
    os.mkdir("m")
    put("m/x", b"x")
    rename2("a", "m", 2)
    assert get("m") == b"a" and get("a/x") == b"x"
    put("b", b"b")
    rename2("b", "../exchanged", 2)
    assert get("b") == b"exchanged\n" and get("../exchanged") == b"b"
    fails(errno.ENOENT, rename2, "b", "none", 2)
    fails(errno.EINVAL, rename2, "b", "c", 4)


# --- links ---

def hard_links(d):
    put("a", b"a")
    os.link("a", "b")
    assert os.stat("a").st_nlink == 2 and os.path.samefile("a", "b")
    with open("b", "ab") as f:
        f.write(b"b")
    assert get("a") == b"ab"
    os.unlink("a")
    assert os.stat("b").st_nlink == 1
    fails(errno.EEXIST, os.link, "b", "../etc")
    os.mkdir("m")
    fails(errno.EPERM, os.link, "m", "n")


def hard_links_from_below(d):
    assert os.stat("../links/one").st_nlink == 3
    with open("../links/two", "ab") as f:
        f.write(b"more\n")
    for n in ("one", "two", "d/three"):
        assert get("../links/" + n) == b"linked\nmore\n", n
        assert os.stat("../links/" + n).st_nlink == 3
    assert os.path.samefile("../links/one", "../links/d/three")
    os.link("../links/one", "four")
    os.unlink("../links/one")
    assert os.stat("four").st_nlink == 3


def hard_links_below_removed_one(d):
    assert os.stat("../pair/one").st_nlink == 2
    os.unlink("../pair/one")
    assert os.stat("../pair/two").st_nlink == 1
    with open("../pair/two", "ab") as f:
        f.write(b"!")
    assert get("../pair/two") == b"pair\n!"
    fails(errno.ENOENT, os.stat, "../pair/one")


def symlinks(d):
    os.symlink("../etc/passwd", "l")
    assert os.readlink("l") == "../etc/passwd" and get("l")[:4] == b"root"
    os.symlink("t" * 4000, "long")
    assert os.readlink("long") == "t" * 4000
    assert os.lstat("l").st_size == 13
    os.symlink("loop", "loop")
    fails(errno.ELOOP, open, "loop")


# --- attributes ---

def times(d):
    put("f")
    os.utime("f", ns=(1234567890123456789, 987654321987654321))
    st = os.stat("f")
    assert st.st_mtime_ns == 987654321987654321 and st.st_atime_ns == 1234567890123456789
    before = os.stat("f").st_ctime_ns
    time.sleep(0.02)
    os.chmod("f", 0o600)
    assert os.stat("f").st_ctime_ns > before
    os.symlink("x", "l")
    os.utime("l", ns=(5, 7), follow_symlinks=False)
    assert os.lstat("l").st_mtime_ns == 7


def times_of_directory(d):
    os.mkdir("m")
    before = os.stat("m").st_mtime_ns
    for call in (lambda: put("m/f"), lambda: os.rename("m/f", "m/g"), lambda: os.link("m/g", "m/h"),
                 lambda: os.unlink("m/g"), lambda: os.mkdir("m/d"), lambda: os.rmdir("m/d")):
        time.sleep(0.01)
        call()
        now = os.stat("m").st_mtime_ns
        assert now > before
        before = now


def times_of_write(d):
    put("f")
    before = os.stat("f").st_mtime_ns
    time.sleep(0.02)
    with open("f", "ab") as f:
        f.write(b"x")
    assert os.stat("f").st_mtime_ns > before


def modes(d):
    for mode in (0o000, 0o400, 0o644, 0o777, 0o1777, 0o4755, 0o2755, 0o6711):
        put("f")
        os.chmod("f", mode)
        assert stat.S_IMODE(os.stat("f").st_mode) == mode
        os.unlink("f")
    os.mkdir("m")
    os.chmod("m", 0o000)
    put("m/x")
    assert os.listdir("m") == ["x"]


def owner_of_new_files(d):
    put("f")
    os.mkdir("m")
    os.symlink("x", "l")
    os.mkfifo("p")
    for n in "fmlp":
        st = os.lstat(n)
        assert (st.st_uid, st.st_gid) == OWN, n


def setgid_directory(d):
    os.mkdir("m")
    os.chown("m", -1, 77)
    os.chmod("m", 0o2775)
    put("m/f")
    os.mkdir("m/d")
    assert os.stat("m/f").st_gid == 77 and os.stat("m/d").st_gid == 77
    assert os.stat("m/d").st_mode & stat.S_ISGID


def chown_any(d):
    put("f")
    os.chown("f", 1234, 5678)
    st = os.stat("f")
    assert (st.st_uid, st.st_gid) == (1234, 5678)
    os.chown("f", -1, 9)
    assert os.stat("f").st_uid == 1234 and os.stat("f").st_gid == 9
    os.symlink("f", "l")
    os.lchown("l", 3, 4)
    assert (os.lstat("l").st_uid, os.readlink("l")) == (3, "f")
    os.mkfifo("p")
    os.chown("p", 3, 4)
    assert os.stat("p").st_gid == 4 and stat.S_ISFIFO(os.stat("p").st_mode)
    os.chown("../owned", 100, 200)
    assert get("../owned") == b"owned\n" and os.stat("../owned").st_uid == 100


def chown_clears_set_id(d):
    put("f")
    os.chmod("f", 0o6755)
    os.chown("f", 5, 5)
    assert stat.S_IMODE(os.stat("f").st_mode) == 0o755
    assert stat.S_IMODE(os.stat("../suid").st_mode) == 0o6755
    os.chown("../suid", 5, 5)
    assert stat.S_IMODE(os.stat("../suid").st_mode) == 0o755


def write_clears_set_id(d):
    os.chmod(".", 0o777)
    for n in ("write", "truncate"):
        put(n)
        os.chmod(n, 0o6777)

    def write():
        with open("write", "r+b", buffering=0) as f:
            f.write(b"y")

    def both():
        write()
        os.truncate("truncate", 0)

    # Root's own writes leave the bits, as on any Linux file system.
    if ROOT:
        write()
        assert stat.S_IMODE(os.stat("write").st_mode) == 0o6777
        assert as_other(both) == 0
    else:
        both()
    assert stat.S_IMODE(os.stat("write").st_mode) == 0o777
    assert stat.S_IMODE(os.stat("truncate").st_mode) == 0o777


def special_files(d):
    os.mkfifo("p", 0o600)
    assert stat.S_ISFIFO(os.stat("p").st_mode)
    r = os.open("p", os.O_RDONLY | os.O_NONBLOCK)
    w = os.open("p", os.O_WRONLY)
    os.write(w, b"through")
    assert os.read(r, 10) == b"through"
    s = socket.socket(socket.AF_UNIX)
    s.bind("s")
    s.listen()
    c = socket.socket(socket.AF_UNIX)
    c.connect("s")
    assert stat.S_ISSOCK(os.stat("s").st_mode)


def devices(d):
    if not ROOT:
        fails(errno.EPERM, os.mknod, "n", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        return
    os.mknod("n", stat.S_IFCHR | 0o640, os.makedev(1, 3))
    os.mknod("b", stat.S_IFBLK | 0o600, os.makedev(300, 70000))
    assert os.stat("n").st_rdev == os.makedev(1, 3) and os.stat("b").st_rdev == os.makedev(300, 70000)
    assert stat.S_IMODE(os.stat("n").st_mode) == 0o640
    with open("n", "wb") as f:
        f.write(b"into nothing")
    fails(errno.EPERM, os.mknod, "w", stat.S_IFCHR | 0o600, os.makedev(0, 0))


def device_from_below(d):
    os.chmod("../null", 0o600)
    st = os.stat("../null")
    assert st.st_rdev == os.makedev(1, 3) and stat.S_IMODE(st.st_mode) == 0o600
    os.chmod("../fifo", 0o622)
    assert stat.S_ISFIFO(os.stat("../fifo").st_mode) and os.stat("../fifo").st_uid == 3


def xattrs(d):
    put("f")
    os.setxattr("f", "user.a", b"1")
    os.setxattr("f", "user.b", b"")
    assert os.getxattr("f", "user.a") == b"1" and sorted(os.listxattr("f")) == ["user.a", "user.b"]
    fails(errno.EEXIST, os.setxattr, "f", "user.a", b"2", os.XATTR_CREATE)
    fails(errno.ENODATA, os.setxattr, "f", "user.c", b"2", os.XATTR_REPLACE)
    os.removexattr("f", "user.a")
    fails(errno.ENODATA, os.getxattr, "f", "user.a")
    os.mkdir("m")
    os.setxattr("m", "user.d", b"x" * 1000)
    assert len(os.getxattr("m", "user.d")) == 1000


def xattrs_from_below(d):
    assert os.getxattr("../attr", "user.k") == b"v"
    fails(errno.ENODATA, os.removexattr, "../attr", "user.none")
    os.setxattr("../attr", "user.n", b"new")
    assert sorted(os.listxattr("../attr")) == ["user.k", "user.n"]


def xattrs_of_the_form(d):
    os.mkdir("m")
    put("f")
    for n in ("user.overlay.opaque", "user.overlay.whiteout", "user.containers.override_stat"):
        fails(errno.EPERM, os.setxattr, "m", n, b"y")
        fails(errno.ENODATA, os.getxattr, "m", n)
    if ROOT:
        fails(errno.EPERM, os.setxattr, "m", "trusted.overlay.opaque", b"y")
        os.setxattr("f", "trusted.mine", b"y")
        assert os.listxattr("f") == ["trusted.mine"]
    fails(errno.ENOTSUP, os.setxattr, "f", "system.other", b"y")


@of_root
def file_capability(d):
    put("f")
    cap = bytes.fromhex("0100000202000000000000000000000000000000")
    os.setxattr("f", "security.capability", cap)
    assert os.getxattr("f", "security.capability") == cap
    with open("f", "ab", buffering=0) as f:
        f.write(b"x")
    fails(errno.ENODATA, os.getxattr, "f", "security.capability")


def only_root_may_read(d):
    assert get("../etc/shadow") == b"secret\n"
    if ROOT:
        assert as_other(lambda: get("../etc/shadow")) == errno.EACCES


@of_root
def sticky_directory(d):
    put("../tmp/roots")
    assert as_other(lambda: os.unlink("../tmp/roots")) in (errno.EPERM, errno.EACCES)
    assert as_other(lambda: put("../tmp/others")) == 0
    st = os.stat("../tmp/others")
    assert (st.st_uid, st.st_gid) == (1234, 1234)
    assert as_other(lambda: os.unlink("../tmp/others")) == 0
    assert as_other(lambda: put("../etc/passwd")) == errno.EACCES


def filesystem(d):
    s = os.statvfs(".")
    assert s.f_namemax == 255 and s.f_blocks > 0 and s.f_bavail > 0


def runs_a_program(d):
    put("script", b"#!/bin/sh\necho ran\n", 0o755)
    assert subprocess.check_output(["./script"]) == b"ran\n"


def main(module):
    """What a file of cases does when it is run: those in it are the functions of its own that take d."""
    cases = {k: v for k, v in list(vars(module).items())
             if getattr(v, "__code__", None) and v.__code__.co_varnames[:1] == ("d",)
             and v.__module__ == module.__name__}
    if sys.argv[1] == "list":
        print("\n".join(k for k, v in cases.items() if sys.argv[2] == "root" or not hasattr(v, "of_root")))
        return
    name = sys.argv[2]
    os.umask(0o022)
    own = os.path.join(sys.argv[1], "case-" + name)
    os.mkdir(own)
    os.chdir(own if name != "open_reading_copies_nothing" else sys.argv[1])
    cases[name](own)


if __name__ == "__main__":
    main(sys.modules[__name__])
