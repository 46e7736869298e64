#!/usr/bin/python3
"""More cases for tests/lib/calls.py, of the same form: who may do what, and which rights a call takes away.

The ids other than root's are those of nobody; their cases need root's mount.
"""

import ctypes
import errno
import itertools
import mmap
import os
import stat
import struct
import subprocess
import sys
import time

from calls import OWN, ROOT, fails, get, libc, main, of_root, put

A, B, C = 1234, 2345, 3456


def as_ids(uid, gid, groups, call):
    """What call says as somebody: None, an errno, or the text that it returns. Runs in a child."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            os.setgroups(groups)
            os.setgid(gid)
            os.setuid(uid)
            os.write(w, (call() or "").encode())
        except OSError as e:
            code = e.errno
        os._exit(code)
    os.close(w)
    text = os.read(r, 1000).decode()
    os.close(r)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code or text or None


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def opened(path, flags, call):
    fd = os.open(path, flags)
    try:
        call(fd)
    finally:
        os.close(fd)


def change_mapped(fd):
    with mmap.mmap(fd, 0) as m:
        m[:1] = b"y"


# Each changes the contents of the file it is given; the first 4 bytes of "long" are what is copied.
CHANGES = {
    "write": lambda p: opened(p, os.O_WRONLY, lambda fd: os.write(fd, b"y")),
    "append": lambda p: opened(p, os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, b"y")),
    "truncate": lambda p: os.truncate(p, 2),
    "ftruncate": lambda p: opened(p, os.O_RDWR, lambda fd: os.ftruncate(fd, 2)),
    "open": lambda p: os.close(os.open(p, os.O_WRONLY | os.O_TRUNC)),
    "fallocate": lambda p: opened(p, os.O_RDWR, lambda fd: libc("fallocate", fd, 0, ctypes.c_long(0), ctypes.c_long(99))),
    "punch": lambda p: opened(p, os.O_RDWR, lambda fd: libc("fallocate", fd, 3, ctypes.c_long(0), ctypes.c_long(3))),
    "copy": lambda p: opened("from", os.O_RDONLY, lambda a: opened(p, os.O_WRONLY, lambda b: os.copy_file_range(a, b, 4))),
    "splice": lambda p: opened("from", os.O_RDONLY, lambda a: opened(p, os.O_WRONLY, lambda b: os.sendfile(b, a, 0, 4))),
}


@of_root
def every_change_clears_set_id(d):
    os.chmod(".", 0o777)
    put("from", b"from")
    for (name, change), (mode, left) in itertools.product(
            CHANGES.items(), ((0o4777, 0o777), (0o2777, 0o777), (0o6777, 0o777), (0o6766, 0o766), (0o1666, 0o1666))):
        put("f", b"contents")
        os.chmod("f", mode)
        change("f")
        assert mode_of("f") == mode, ("root", name, oct(mode), oct(mode_of("f")))
        assert as_ids(A, A, [], lambda: change("f")) is None
        assert mode_of("f") == left, (name, oct(mode), oct(mode_of("f")))
        os.unlink("f")


@of_root
def setgid_without_execution_stays_for_members(d):
    """It meant mandatory locking once: a member of the group does not lose it by writing."""
    for gid, groups, left in ((B, [], 0o2766), (C, [A, B], 0o2766), (C, [A], 0o766)):
        put("f", b"contents")
        os.chown("f", 0, B)
        os.chmod("f", 0o2766)
        assert as_ids(A, gid, groups, lambda: CHANGES["write"]("f")) is None
        assert mode_of("f") == left, oct(mode_of("f"))
        os.unlink("f")


@of_root
def no_rights_of_the_owner_after_a_change(d):
    """The next one to run a set-id program that somebody changed has nothing of its owner's, at once.

    A file that was open before it was copied up is written to in another way than one that was not.
    """
    os.chmod(".", 0o777)
    before = os.open("../program", os.O_RDONLY)
    with open("/usr/bin/id", "rb") as f:
        program = f.read()
    put("from", program[:4])

    def effective():
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(w, 1)
            os.execv(path, ["id", "-u"])
        os.close(w)
        out = os.read(r, 100).decode().strip()
        os.close(r)
        os.waitpid(pid, 0)
        return out

    for name, path in itertools.product(("write", "copy", "splice", "fallocate"), ("id", "../program")):
        put(path, program, 0o755)
        os.chmod(path, 0o4777)
        assert as_ids(A, A, [], effective) == "0", "the mount has no suid"
        change = CHANGES[name]
        if name == "write":
            change = lambda p: opened(p, os.O_WRONLY, lambda fd: os.write(fd, program[:4]))  # noqa: E731
        assert as_ids(A, A, [], lambda: change(path)) is None
        assert as_ids(A, A, [], effective) == str(A), (name, path)
    os.close(before)


def ctime_moves(path, call, *args, **kw):
    before = os.lstat(path).st_ctime_ns
    time.sleep(0.01)
    call(*args, **kw)
    assert os.lstat(path).st_ctime_ns > before, (path, args)


def chown_leaves_times_alone(d):
    """The file's own, and those of its directory, whatever has to be done on the disk for it."""
    os.mkdir("m")
    put("m/f")
    os.mkdir("m/d")
    os.symlink("nowhere", "m/l")
    os.mkfifo("m/p")
    before = os.stat("m").st_mtime_ns
    time.sleep(0.01)
    for name in ("m/f", "m/d", "m/l", "m/p"):
        os.utime(name, ns=(5000000003, 7000000009), follow_symlinks=False)
        os.lchown(name, A, B)
        st = os.lstat(name)
        assert (st.st_uid, st.st_gid, st.st_mtime_ns) == (A, B, 7000000009), name
        assert times_asked("m")[2] * 10**9 + times_asked("m")[3] == before, name


def chown_to_nobody_else(d):
    """A chown(2) with the present owner, or without IDs, still changes ctime."""
    put("f")
    os.mkdir("m")
    os.symlink("nowhere", "l")
    os.mkfifo("p")
    for name, ids in itertools.product("fmlp", ((-1, -1), (-1, 0), (0, -1), (0, 0))):
        ctime_moves(name, os.lchown, name, *ids)
        st = os.lstat(name)
        assert (st.st_uid, st.st_gid) == OWN, name
    for ids in ((-1, -1), (-1, 0), (0, -1), (0, 0)):
        os.chmod("f", 0o6755)
        os.chown("f", *ids)
        assert mode_of("f") == 0o755, ids
        os.chmod("f", 0o6755)
        opened("f", os.O_RDONLY, lambda fd: os.fchown(fd, *ids))
        assert mode_of("f") == 0o755, ids
        os.chmod("m", 0o6755)
        os.chown("m", *ids)
        assert mode_of("m") == 0o6755, ids
    assert os.readlink("l") == "nowhere" and stat.S_ISFIFO(os.stat("p").st_mode)


@of_root
def chown_by_a_stranger_to_the_group(d):
    """Set-gid without execution goes too, where the owner is no member of the group."""
    for gid, groups, left in ((B, [], 0o2745), (C, [B], 0o2745), (C, [], 0o745)):
        for ids in ((-1, -1), (A, -1), (-1, C)):
            put("f")
            os.chown("f", A, B)
            os.chmod("f", 0o6745)
            assert as_ids(A, gid, groups + [C], lambda: os.chown("f", *ids)) is None
            assert mode_of("f") == left, (gid, groups, ids, oct(mode_of("f")))
            os.unlink("f")


@of_root
def chown_by_those_who_may(d):
    """The owner can change the group to one of its own groups. All other changes are refused.

    A chown(2) without IDs by another user is refused if the file has set-ID bits, which it would clear.
    Without such bits it succeeds.
    """
    os.chmod(".", 0o777)
    cases = itertools.product(((A, [A]), (A, [A, B]), (B, [B, C])), (-1, A, B), (-1, A, B, C), ("f", "m", "l"))
    for (uid, groups), to, gid, name in cases:
        put("f", mode=0o755)
        os.mkdir("m")
        os.symlink("nowhere", "l")
        os.lchown(name, A, A)
        if name != "l":
            os.chmod(name, 0o6755)
        owner = uid == A
        may = owner if name == "f" else True
        may = may and (to == -1 or (owner and to == A)) and (gid == -1 or (owner and gid in groups))
        said = as_ids(uid, groups[0], groups, lambda: os.lchown(name, to, gid))
        assert said == (None if may else errno.EPERM), (uid, groups, to, gid, name, said)
        st = os.lstat(name)
        assert st.st_uid == A and st.st_gid == (gid if may and gid != -1 else A)
        if name == "f":
            assert mode_of("f") == (0o755 if may else 0o6755), (uid, groups, to, gid)
        if name == "m":
            assert mode_of("m") == 0o6755
        os.unlink("f")
        os.rmdir("m")
        os.unlink("l")
    # S_ISGID without execution is nothing that a member would lose.
    put("f")
    os.chown("f", A, B)
    os.chmod("f", 0o2744)
    assert as_ids(C, B, [], lambda: os.chown("f", -1, -1)) is None and mode_of("f") == 0o2744
    assert as_ids(C, C, [], lambda: os.chown("f", -1, -1)) == errno.EPERM and mode_of("f") == 0o2744
    before = times_asked("../suid2")
    assert as_ids(C, C, [], lambda: os.chown("../suid2", -1, -1)) == errno.EPERM
    assert times_asked("../suid2") == before, "copied up"


def times_asked(path, flags=0x2000):
    """st_ctime and st_mtime, not from the kernel's cache: statx(2) with AT_STATX_FORCE_SYNC."""
    buf = ctypes.create_string_buffer(256)
    libc("statx", -100, os.fsencode(path), flags, 0x7FF, buf)
    return struct.unpack_from("=qI4xqI", buf, 96)


def copy_up_changes_directories_at_once(d):
    """Else tar(1) calls each of them changed while it is read."""
    above = ("../copied/sub", "../copied", "..")
    for name in ("one", "two"):
        for path in above:
            os.stat(path)
        put("../copied/sub/" + name)
        shown = [times_asked(path, 0) for path in above]
        assert shown == [times_asked(path) for path in above], name


def access_as_root(d):
    """Root may read and write what it likes, and execute what is somebody's to execute."""
    put("f")
    os.chmod("f", 0)
    os.mkdir("m")
    os.chmod("m", 0)
    for path, mode in itertools.product(("f", "../named"), (0o600, 0o001, 0o010, 0o100, 0o666)):
        os.chmod(path, mode)
        executes = bool(mode & 0o111)
        for kind in ({}, {"effective_ids": True}):
            assert os.access(path, os.R_OK | os.W_OK, **kind), (path, oct(mode))
            assert os.access(path, os.X_OK, **kind) == executes, (path, oct(mode))
            assert os.access(path, os.R_OK | os.X_OK, **kind) == executes, (path, oct(mode))
    assert not os.access("../etc/passwd", os.X_OK) and os.access("../suid2", os.X_OK)
    assert os.access("m", os.R_OK | os.W_OK | os.X_OK) and os.access(".", os.X_OK)
    os.chdir("m")
    assert os.listdir(".") == [] and not os.access("../f2", os.F_OK)
    assert subprocess.call(["sh", "-c", "[ ! -x ../../etc/passwd ] && [ -r ../f ] && [ -w ../f ]"]) == 0


def unchanged_when_refused(path, code, call, *args, **kw):
    before = times_asked(path)
    fails(code, call, path, *args, **kw)
    assert times_asked(path) == before, (path, args)


def xattrs_that_cannot_be(d):
    """Refused with the same words for a new file and one from below, which is not copied for it."""
    put("f")
    os.setxattr("f", "user.k", b"v")
    for path in ("f", "../named"):
        assert os.listxattr(path) == ["user.k"]
        for name in ("foo.x", "x", "system.x", "user", "User.x"):
            unchanged_when_refused(path, errno.ENOTSUP, os.setxattr, name, b"v")
            unchanged_when_refused(path, errno.ENOTSUP, os.getxattr, name)
            unchanged_when_refused(path, errno.ENOTSUP, os.removexattr, name)
        unchanged_when_refused(path, errno.EINVAL, os.setxattr, "user.", b"v")
        unchanged_when_refused(path, errno.EINVAL, os.getxattr, "user.")
        unchanged_when_refused(path, errno.EINVAL, os.removexattr, "user.")
        unchanged_when_refused(path, errno.ERANGE, os.setxattr, "user." + "n" * 251, b"v")
        unchanged_when_refused(path, errno.ERANGE, os.setxattr, "", b"v")
        unchanged_when_refused(path, errno.ENODATA, os.removexattr, "user.none")
        unchanged_when_refused(path, errno.ENODATA, os.setxattr, "user.none", b"v", os.XATTR_REPLACE)
        unchanged_when_refused(path, errno.EEXIST, os.setxattr, "user.k", b"v", os.XATTR_CREATE)
        unchanged_when_refused(path, errno.EINVAL, os.setxattr, "user.k", b"v", 4)
        unchanged_when_refused(path, errno.E2BIG, os.setxattr, "user.k", b"v" * 65537)
        for name in ("user.overlay.x", "user.containers.override_stat"):
            unchanged_when_refused(path, errno.EPERM, os.setxattr, name, b"v")
    os.symlink("f", "l")
    os.mkfifo("p")
    for path in ("l", "p", "../fifo"):
        fails(errno.EPERM, os.setxattr, path, "user.x", b"v", follow_symlinks=False)
        fails(errno.ENODATA, os.getxattr, path, "user.x", follow_symlinks=False)
        assert os.listxattr(path, follow_symlinks=False) == []


def xattr_sizes(d):
    put("f")
    os.setxattr("f", "user.none", b"")
    assert os.getxattr("f", "user.none") == b""
    os.setxattr("f", "user.x", b"0123456789")
    buffer = ctypes.create_string_buffer(9)
    fails(errno.ERANGE, libc, "getxattr", b"f", b"user.x", buffer, 9)
    assert libc("getxattr", b"f", b"user.x", buffer, 0) == 10
    fails(errno.ERANGE, libc, "listxattr", b"f", buffer, 9)
    assert libc("listxattr", b"f", None, 0) == len(b"user.none\0user.x\0")
    n = 0
    try:
        for n in range(1, 2000):
            os.setxattr("f", "user.n%d" % n, b"x" * 20)
    except OSError as e:
        # What an inode has room for is the store's file system's to say.
        assert e.errno in (errno.ENOSPC, errno.E2BIG), e
        n -= 1
    assert n > 30 and len(os.listxattr("f")) == n + 2
    for i in range(1, n + 1):
        os.removexattr("f", "user.n%d" % i)
    assert sorted(os.listxattr("f")) == ["user.none", "user.x"]
    try:
        os.setxattr("f", "user.x", b"y" * 65536)
        assert os.getxattr("f", "user.x") == b"y" * 65536
    except OSError as e:
        assert e.errno == errno.ENOSPC, e
        assert os.getxattr("f", "user.x") == b"0123456789"


@of_root
def xattrs_of_root(d):
    """Only root can write trusted.* and security.*, and only root sees trusted.*."""
    os.chmod(".", 0o777)
    put("f", mode=0o666)
    os.chmod("f", 0o666)
    os.chown("f", A, A)
    for path in ("f", "../named2"):
        os.chmod(path, 0o666)
        for name in ("trusted.x", "security.x", "user.x"):
            os.setxattr(path, name, b"v")
        assert {"security.x", "trusted.x", "user.x"} <= set(os.listxattr(path))

        def stranger():
            assert "trusted.x" not in os.listxattr(path) and "user.x" in os.listxattr(path)
            assert os.getxattr(path, "security.x") == b"v" and os.getxattr(path, "user.x") == b"v"
            fails(errno.ENODATA, os.getxattr, path, "trusted.x")
            fails(errno.EPERM, os.setxattr, path, "trusted.x", b"w")
            fails(errno.EPERM, os.setxattr, path, "security.x", b"w")
            fails(errno.EPERM, os.removexattr, path, "trusted.x")
            os.setxattr(path, "user.y", b"w")

        assert as_ids(B, B, [], stranger) is None
        assert os.getxattr(path, "user.y") == b"w" and os.getxattr(path, "trusted.x") == b"v"


def access_lists(d):
    """They are set, read and removed as on a disk, and say the mode; tests/mount/acl compares the rest with overlayfs."""
    put("f")
    os.mkdir("m")
    acl = bytes.fromhex("02000000" "01000600ffffffff" "02000400d2040000" "04000400ffffffff" "10000600ffffffff" "20000400ffffffff")
    access, default = "system.posix_acl_access", "system.posix_acl_default"
    for path in ("f", "m", "../named", "../empty"):
        os.setxattr(path, access, acl)
        assert os.getxattr(path, access) == acl and access in os.listxattr(path)
        assert mode_of(path) == 0o664
        os.chmod(path, 0o600)
        # The owner's entry, the mask and that of the others are at 4, 28 and 36.
        assert os.getxattr(path, access) == acl[:30] + b"\0\0" + acl[32:38] + b"\0\0" + acl[40:]
        os.removexattr(path, access)
        fails(errno.ENODATA, os.getxattr, path, access)
        if os.path.isdir(path):
            os.setxattr(path, default, acl)
            os.mkdir(path + "/sub")
            assert os.getxattr(path + "/sub", default) == acl
            os.rmdir(path + "/sub")
            os.removexattr(path, default)
        else:
            fails(errno.EACCES, os.setxattr, path, default, acl)
        assert not [n for n in os.listxattr(path) if n.startswith("system.")]
    os.symlink("f", "l")
    fails(errno.ENOTSUP, os.setxattr, "l", access, acl, follow_symlinks=False)


if __name__ == "__main__":
    main(sys.modules[__name__])
