#!/usr/bin/python3
"""More cases for tests/lib/calls.py, of the same form: open files and what is in them."""

import ctypes
import errno
import fcntl
import mmap
import os
import stat
import struct
import subprocess
import sys
import time

from calls import fails, get, libc, main, put

PROC = "/proc/self/fd/%d"


def child(call):
    """call in another process; raises what it raised, as far as an errno says it."""
    pid = os.fork()
    if pid == 0:
        code = 255
        try:
            call()
            code = 0
        except OSError as e:
            code = e.errno
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code != 255, "a check failed in the child"
    if code:
        raise OSError(code, os.strerror(code))


# --- after the last name went ---

def use_removed(fd, reader, links):
    """Everything that a descriptor is good for."""
    os.fchmod(fd, 0o4710)
    assert stat.S_IMODE(os.fstat(reader).st_mode) == 0o4710
    os.fchown(fd, 7, 8)
    st = os.fstat(reader)
    assert (st.st_uid, st.st_gid, st.st_nlink) == (7, 8, links)
    assert stat.S_IMODE(st.st_mode) == (0o4710 if stat.S_ISDIR(st.st_mode) else 0o710)
    os.utime(fd, ns=(5000000003, 7000000009))
    st = os.fstat(reader)
    assert (st.st_atime_ns, st.st_mtime_ns) == (5000000003, 7000000009)
    os.setxattr(fd, "user.mine", b"v")
    assert os.getxattr(reader, "user.mine") == b"v" and "user.mine" in os.listxattr(reader)
    os.removexattr(fd, "user.mine")
    fails(errno.ENODATA, os.getxattr, reader, "user.mine")
    os.fsync(fd)
    assert os.fstat(fd).st_nlink == links and os.fstat(fd).st_ino == os.fstat(reader).st_ino


def use_removed_file(fd, reader, links):
    use_removed(fd, reader, links)
    os.pwrite(fd, b"hello", 3)
    assert os.pread(reader, 5, 3) == b"hello"
    os.ftruncate(fd, 6)
    assert os.fstat(reader).st_size == 6 and os.pread(reader, 9, 3) == b"hel"
    libc("fallocate", fd, 0, ctypes.c_long(0), ctypes.c_long(5000))
    assert os.fstat(reader).st_size == 5000
    again = os.open(PROC % fd, os.O_RDWR)
    os.pwrite(again, b"again", 0)
    os.close(again)
    assert os.pread(reader, 5, 0) == b"again"
    with mmap.mmap(fd, 5000) as m:
        m[0:3] = b"map"
        m.flush()
    assert os.pread(reader, 5, 0) == b"mapin"
    assert os.fstat(fd).st_nlink == links


def link_back(fd, name):
    libc("linkat", -100, os.fsencode(PROC % fd), -100, os.fsencode(name), 0x400)


def removed_file_is_used(d):
    put("f", b"contents")
    for path in ("f", "../files/alone"):
        fd, reader = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY)
        os.unlink(path)
        use_removed_file(fd, reader, 0)
        fails(errno.ENOENT, link_back, fd, "back")
        fails(errno.ENOENT, os.stat, path)
        put(path, b"another")
        assert os.fstat(fd).st_nlink == 0 and os.stat(path).st_ino != os.fstat(fd).st_ino
        os.close(fd)
        assert os.pread(reader, 3, 0) == b"map" and get(path) == b"another"
        os.close(reader)


def file_with_another_name_is_used(d):
    put("f", b"contents")
    os.link("f", "g")
    for path, other in (("f", "g"), ("../files/one", "../files/two")):
        fd, reader = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY)
        os.unlink(path)
        use_removed_file(fd, reader, 1)
        assert get(other)[:5] == b"mapin" and os.stat(other).st_ino == os.fstat(fd).st_ino
        link_back(fd, path)
        assert os.fstat(fd).st_nlink == 2 and os.path.samefile(path, other)
        os.unlink(other)
        os.unlink(path)
        assert os.fstat(fd).st_nlink == 0
        fails(errno.ENOENT, link_back, fd, other)
        os.close(fd)
        os.close(reader)


def removed_directory_is_used(d):
    os.mkdir("m")
    for path in ("m", "../files/dir"):
        fd, reader = os.open(path, os.O_RDONLY), os.open(path, os.O_RDONLY)
        os.rmdir(path)
        os.mkdir(path)
        use_removed(fd, reader, 0)
        assert os.listdir(fd) == [] and os.stat(path).st_ino != os.fstat(fd).st_ino
        for call in (lambda: os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=fd), lambda: os.mkdir("x", dir_fd=fd),
                     lambda: os.symlink("y", "x", dir_fd=fd), lambda: os.rename(path, "x", dst_dir_fd=fd),
                     lambda: os.stat("x", dir_fd=fd)):
            fails(errno.ENOENT, call)
        os.close(fd)
        os.close(reader)


# --- opening ---

def reading_without_a_trace(d):
    put("f", b"contents")
    os.utime("f", ns=(10**18, 10**18))
    fd = os.open("f", os.O_RDONLY | os.O_NOATIME)
    assert os.read(fd, 100) == b"contents"
    os.close(fd)
    assert os.stat("f").st_atime_ns == 10**18
    held = os.open("../files/read", os.O_RDONLY)
    with open("../files/read", "ab") as f:
        f.write(b"more\n")
    os.utime("../files/read", ns=(10**18, 10**18))
    fd = os.open("../files/read", os.O_RDONLY | os.O_NOATIME)
    assert os.read(fd, 100) == b"read\nmore\n"
    os.close(fd)
    assert os.stat("../files/read").st_atime_ns == 10**18
    os.close(held)


def modes_of_opening(d):
    put("f", b"0123456789")
    os.mkdir("m")
    r, w = os.open("f", os.O_RDONLY), os.open("f", os.O_WRONLY)
    fails(errno.EBADF, os.write, r, b"x")
    fails(errno.EBADF, os.read, w, 1)
    fails(errno.EINVAL, os.ftruncate, r, 0)
    p = os.open("f", os.O_PATH)
    fails(errno.EBADF, os.read, p, 1)
    fails(errno.EBADF, os.fchmod, p, 0o600)
    fails(errno.EISDIR, os.open, "m", os.O_RDWR)
    fails(errno.EISDIR, os.open, "m", os.O_CREAT | os.O_RDONLY)
    fails(errno.ENOTDIR, os.open, "f", os.O_RDONLY | os.O_DIRECTORY)
    os.symlink("f", "l")
    fails(errno.ELOOP, os.open, "l", os.O_RDONLY | os.O_NOFOLLOW)
    os.symlink("made", "to")
    os.close(os.open("to", os.O_CREAT | os.O_WRONLY))
    assert os.stat("made").st_size == 0 and os.path.islink("to")
    os.mkfifo("p")
    fails(errno.ENXIO, os.open, "p", os.O_WRONLY | os.O_NONBLOCK)
    fails(errno.ENXIO, os.open, "../fifo", os.O_WRONLY | os.O_NONBLOCK)
    assert get("f") == b"0123456789"


def program_that_runs_is_busy(d):
    with open("/bin/sleep", "rb") as f:
        put("own", f.read(), 0o755)
    for path in ("own", "../runs"):
        if path != "own":
            with open(path, "wb") as f:
                f.write(get("own"))
            os.chmod(path, 0o755)
        p = subprocess.Popen([os.path.abspath(path), "100"])
        for _ in range(200):
            if os.readlink("/proc/%d/exe" % p.pid).endswith(os.path.basename(path)):
                break
            time.sleep(0.01)
        size = os.stat(path).st_size
        fails(errno.ETXTBSY, os.open, path, os.O_WRONLY)
        fails(errno.ETXTBSY, os.open, path, os.O_RDWR | os.O_TRUNC)
        fails(errno.ETXTBSY, os.truncate, path, 0)
        assert os.stat(path).st_size == size and p.poll() is None
        p.kill()
        p.wait()
        w = os.open(path, os.O_WRONLY)
        fails(errno.ETXTBSY, os.execv, os.path.abspath(path), [path])
        os.close(w)


def appending_together(d):
    for path in ("f", "../files/appended"):
        if path == "f":
            put(path, b"")
        pids = []
        for k in range(4):
            pid = os.fork()
            if pid == 0:
                fd = os.open(path, os.O_WRONLY | os.O_APPEND)
                for i in range(200):
                    os.write(fd, b"%d %03d\n" % (k, i))
                os._exit(0)
            pids.append(pid)
        assert all(os.waitpid(pid, 0)[1] == 0 for pid in pids)
        lines = [l for l in get(path).split(b"\n") if b" " in l]
        assert sorted(lines) == sorted(b"%d %03d" % (k, i) for k in range(4) for i in range(200)), path


def append_flag_comes_and_goes(d):
    put("f", b"0123")
    fd = os.open("f", os.O_WRONLY)
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b"4")
    assert get("f") == b"01234" and os.lseek(fd, 0, os.SEEK_CUR) == 5
    fcntl.fcntl(fd, fcntl.F_SETFL, 0)
    os.pwrite(fd, b"x", 0)
    assert get("f") == b"x1234"


# --- contents ---

def far_away(d):
    fd = os.open("f", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"end", (1 << 40) - 3)
    assert os.fstat(fd).st_size == 1 << 40 and os.fstat(fd).st_blocks < 1000
    assert os.pread(fd, 10, (1 << 40) - 5) == b"\0\0end"
    assert os.pread(fd, 10, 1 << 40) == b""
    assert os.lseek(fd, 0, os.SEEK_DATA) >= (1 << 40) - 65536
    fails(errno.EINVAL, os.lseek, fd, -1, os.SEEK_SET)
    fails(errno.EFBIG, os.ftruncate, fd, 1 << 62)
    os.ftruncate(fd, 5)
    assert os.pread(fd, 10, 0) == b"\0" * 5


def sizes(d):
    for path in ("f", "../files/sized"):
        if path == "f":
            put(path, b"0123456789")
        for n in (123, 4095, 4096, 12345, 567, 7, 0, 70000):
            before = os.stat(path)
            time.sleep(0.005)
            os.truncate(path, n)
            st = os.stat(path)
            assert st.st_size == n and st.st_mtime_ns > before.st_mtime_ns and st.st_ctime_ns > before.st_ctime_ns
        assert get(path) == b"\0" * 70000
    fails(errno.EISDIR, os.truncate, ".", 1)
    fails(errno.EINVAL, libc, "truncate", b"f", ctypes.c_long(-1))
    fails(errno.EFAULT, libc, "truncate", ctypes.c_void_p(1), ctypes.c_long(1))


def fallocate(path, mode, at, size):
    fd = os.open(path, os.O_RDWR)
    try:
        libc("fallocate", fd, mode, ctypes.c_long(at), ctypes.c_long(size))
    finally:
        os.close(fd)


KEEP, PUNCH, COLLAPSE, ZERO, INSERT = 1, 2, 8, 16, 32


def fallocate_all_modes(d):
    data = bytes(range(1, 251)) * 80
    for path in ("f", "../files/space"):
        if path == "f":
            put(path, data)
        assert get(path) == data
        fallocate(path, KEEP, 0, 50000)
        assert get(path) == data
        fallocate(path, KEEP | PUNCH, 4096, 5000)
        want = data[:4096] + b"\0" * 5000 + data[9096:]
        assert get(path) == want
        fallocate(path, ZERO | KEEP, 100, 10)
        want = want[:100] + b"\0" * 10 + want[110:]
        assert get(path) == want
        fallocate(path, ZERO, 19990, 20)
        want = want[:19990] + b"\0" * 20
        assert get(path) == want
        fallocate(path, 0, 20000, 100)
        want += b"\0" * 90
        assert get(path) == want
        # What moves the rest of a file is for this kernel's FUSE to refuse, or to be done right.
        for mode in (COLLAPSE, INSERT):
            try:
                fallocate(path, mode, 4096, 4096)
                hole = b"\0" * 4096 if mode == INSERT else b""
                want = want[:4096] + hole + want[4096 + (4096 if mode == COLLAPSE else 0):]
            except OSError as e:
                assert e.errno == errno.EOPNOTSUPP, e
            assert get(path) == want
        fails(errno.EINVAL, fallocate, path, 0, 0, 0)
        fails(errno.EINVAL, fallocate, path, 0, -1, 10)
        fails(errno.EOPNOTSUPP, fallocate, path, PUNCH, 0, 10)
        fd = os.open(path, os.O_RDONLY)
        fails(errno.EBADF, libc, "fallocate", fd, 0, ctypes.c_long(0), ctypes.c_long(10))
        os.close(fd)


def copying_ranges(d):
    data = bytes(range(256)) * 100
    put("f", data)
    a, b = os.open("f", os.O_RDWR), os.open("g", os.O_CREAT | os.O_RDWR)
    assert os.copy_file_range(a, b, 1 << 20, 25000, 5000) == 600
    assert get("g") == b"\0" * 5000 + data[25000:]
    assert os.copy_file_range(a, b, 10, 30000, 0) == 0
    assert os.copy_file_range(a, a, 1000, 0, 5000) == 1000
    assert get("f") == data[:5000] + data[:1000] + data[6000:]
    fails(errno.EINVAL, os.copy_file_range, a, a, 1000, 0, 500)
    assert os.copy_file_range(a, b, 10) == 10 and os.lseek(a, 0, os.SEEK_CUR) == 10
    below = os.open("../big", os.O_RDONLY)
    put("h", b"")
    c, done = os.open("h", os.O_WRONLY), 0
    size = os.fstat(below).st_size
    while done < size:
        done += os.copy_file_range(below, c, size - done)
    assert get("h") == get("../big")
    fails(errno.EBADF, os.copy_file_range, below, os.open("h", os.O_WRONLY | os.O_APPEND), 10, 0, 0)


# --- mappings ---

def mapping_and_writing_agree(d):
    for path in ("f", "../files/mapped"):
        if path == "f":
            put(path, b"a" * 9000)
        reader = os.open(path, os.O_RDONLY)
        seen = mmap.mmap(reader, 9000, mmap.MAP_SHARED, mmap.PROT_READ)
        own = mmap.mmap(reader, 9000, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
        assert seen[:3] == b"aaa"
        own[0:3] = b"own"
        fd = os.open(path, os.O_RDWR)
        os.pwrite(fd, b"written", 5000)
        assert seen[4999:5008] == b"awrittena", path
        assert own[:4] == b"owna" and os.pread(reader, 4, 0) == b"aaaa"
        with mmap.mmap(fd, 9000) as m:
            m[6000:6006] = b"mapped"
            assert os.pread(reader, 8, 5999) == b"amappeda", path
            assert seen[5999:6007] == b"amappeda", path

            def other():
                with open(path, "rb") as f:
                    f.seek(5999)
                    assert f.read(8) == b"amappeda"
            child(other)
        os.ftruncate(fd, 100)
        assert get(path) == b"a" * 100
        seen.close()
        own.close()


def mapping_times(d):
    put("f", b"a" * 100)
    before = os.stat("f").st_mtime_ns
    time.sleep(0.02)
    with open("f", "r+b") as f, mmap.mmap(f.fileno(), 100) as m:
        m[0:1] = b"b"
        m.flush()
    assert os.stat("f").st_mtime_ns > before


# --- locks ---

def locked(fd, kind, start, size):
    """F_GETLK: (type, pid) of what is in the way."""
    r = fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack("hhqqi4x", kind, 0, start, size, 0))
    return struct.unpack("hhqqi4x", r)[::4]


def locks_of_two(d):
    """Of other processes: a whole file, ranges of it, and ranges that belong to a descriptor."""
    put("f", b"x" * 100)
    for path in ("f", "../files/locked"):
        fd = os.open(path, os.O_RDWR)
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 20)
        me = os.getpid()

        def other(copied=False):
            mine = os.open(path, os.O_RDWR)
            if copied:
                os.write(mine, b"y")
            assert locked(mine, fcntl.F_WRLCK, 25, 1) == (fcntl.F_WRLCK, me)
            assert locked(mine, fcntl.F_WRLCK, 30, 0)[0] == fcntl.F_UNLCK
            fcntl.lockf(mine, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 30)
            fails(errno.EAGAIN, fcntl.lockf, mine, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 29)
            fails(errno.EAGAIN, fcntl.lockf, mine, fcntl.LOCK_SH | fcntl.LOCK_NB, 0, 0)
        child(other)
        # The lock is of the file, wherever it lies: also after its copy-up.
        child(lambda: other(True))
        fcntl.lockf(fd, fcntl.LOCK_UN)
        child(lambda: fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB))
        again = os.open(path, os.O_RDONLY)
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(again)
        child(lambda: fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB))
        os.close(fd)


def locks_of_descriptions(d):
    for path in ("f", "../files/locked2"):
        if path == "f":
            put(path)
        a, b = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
        whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
        none = struct.pack("hhqqi4x", fcntl.F_UNLCK, 0, 0, 0, 0)
        fcntl.fcntl(a, fcntl.F_OFD_SETLK, whole)
        fails(errno.EAGAIN, fcntl.fcntl, b, fcntl.F_OFD_SETLK, whole)
        os.write(b, b"copied up")
        fails(errno.EAGAIN, fcntl.fcntl, b, fcntl.F_OFD_SETLK, whole)
        fcntl.fcntl(a, fcntl.F_OFD_SETLK, none)
        fcntl.fcntl(b, fcntl.F_OFD_SETLK, whole)
        os.close(b)
        fcntl.fcntl(a, fcntl.F_OFD_SETLK, whole)
        os.close(a)


def flock_of_two(d):
    put("f")
    for path in ("f", "../files/locked3"):
        fd = os.open(path, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_SH)

        def other():
            mine = os.open(path, os.O_RDWR)
            fcntl.flock(mine, fcntl.LOCK_SH | fcntl.LOCK_NB)
            os.write(mine, b"copied up")
            fails(errno.EWOULDBLOCK, fcntl.flock, mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        child(other)
        fails(errno.EWOULDBLOCK, child, lambda: fcntl.flock(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB))
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)
        child(lambda: fcntl.flock(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB))


# --- times ---

class Timespec(ctypes.Structure):
    _fields_ = [("s", ctypes.c_long), ("n", ctypes.c_long)]


NOW, OMIT = 0x3fffffff, 0x3ffffffe


def utimensat(path, atime, mtime):
    libc("utimensat", -100, os.fsencode(path), (Timespec * 2)(Timespec(*atime), Timespec(*mtime)), 0x100)


def times_of_all_kinds(d):
    os.mkdir("m")
    os.mkfifo("p")
    os.symlink("nowhere", "l")
    put("f")
    for path in ("f", "m", "p", "l", "../files/timed", "../files/timedlink", "../files/timeddir"):
        for a, m in (((1 << 31, 1), ((1 << 31) + 5, 999999999)), ((1 << 32, 5), (1 << 33, 0)), ((-5, 1), (-100000, 2)), ((0, 0), (0, 0))):
            utimensat(path, a, m)
            st = os.lstat(path)
            assert (st.st_atime_ns, st.st_mtime_ns) == (a[0] * 10**9 + a[1], m[0] * 10**9 + m[1]), (path, a, m)
        before = os.lstat(path)
        utimensat(path, (0, OMIT), (0, OMIT))
        after = os.lstat(path)
        assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)
        start = time.time_ns() - 20 * 10**6
        utimensat(path, (0, OMIT), (0, NOW))
        st = os.lstat(path)
        assert st.st_atime_ns == 0 and start <= st.st_mtime_ns < start + 10**11 and st.st_ctime_ns >= start
        utimensat(path, (0, NOW), (7, 8))
        st = os.lstat(path)
        assert st.st_atime_ns >= start and st.st_mtime_ns == 7000000008
        fails(errno.EINVAL, utimensat, path, (0, 1000000000), (0, 0))


def change_time_of_everything(d):
    """st_ctime moves with each change that succeeds, and with none that fails."""
    os.mkdir("m")
    put("f", b"0123456789")
    put("other")
    fd = os.open("f", os.O_RDWR)
    changes = (
        lambda: os.chmod("f", 0o600), lambda: os.chmod("f", 0o600), lambda: os.chown("f", 0, 0),
        lambda: os.link("f", "m/f"), lambda: os.unlink("m/f"), lambda: os.rename("f", "g"),
        lambda: os.rename("g", "f"), lambda: os.write(fd, b"x"), lambda: os.ftruncate(fd, 20),
        lambda: os.truncate("f", 10), lambda: os.utime("f", ns=(5, 5)), lambda: os.setxattr("f", "user.a", b"v"),
        lambda: os.removexattr("f", "user.a"), lambda: libc("fallocate", fd, 0, ctypes.c_long(0), ctypes.c_long(99)),
        lambda: libc("renameat2", -100, b"f", -100, b"other", 2), lambda: libc("renameat2", -100, b"f", -100, b"other", 2),
        lambda: os.ftruncate(fd, 0), lambda: os.close(os.open("f", os.O_WRONLY | os.O_TRUNC)))
    for i, call in enumerate(changes):
        before = os.fstat(fd).st_ctime_ns
        time.sleep(0.005)
        call()
        assert os.fstat(fd).st_ctime_ns > before, "change %d" % i
    before = os.fstat(fd), os.stat("m")
    time.sleep(0.005)
    fails(errno.EEXIST, os.link, "other", "f")
    fails(errno.EISDIR, os.rename, "f", "m")
    fails(errno.ENOTDIR, os.rename, "m", "f")
    fails(errno.EINVAL, os.rename, "m", "m/x")
    fails(errno.EEXIST, os.mkdir, "f")
    fails(errno.EEXIST, os.symlink, "x", "f")
    fails(errno.ENOTDIR, os.rmdir, "f")
    fails(errno.ENOENT, os.unlink, "m/f")
    fails(errno.ENODATA, os.removexattr, "f", "user.none")
    fails(errno.EINVAL, libc, "truncate", b"f", ctypes.c_long(-1))
    for old, new in zip(before, (os.fstat(fd), os.stat("m"))):
        assert (old.st_ctime_ns, old.st_mtime_ns) == (new.st_ctime_ns, new.st_mtime_ns)


if __name__ == "__main__":
    main(sys.modules[__name__])
