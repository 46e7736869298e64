#!/usr/bin/python3
"""More cases for tests/calls.py, of the same form: who may do what, and which rights a call takes away.

The ids other than root's are those of nobody; their cases need root's mount.
"""

import ctypes
import errno
import itertools
import mmap
import os
import stat
import sys
import time

from calls import ROOT, fails, get, libc, main, put

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


def every_change_clears_set_id(d):
    if not ROOT:
        return
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


def setgid_without_execution_stays_for_members(d):
    """It meant mandatory locking once: a member of the group does not lose it by writing."""
    if not ROOT:
        return
    for gid, groups, left in ((B, [], 0o2766), (C, [A, B], 0o2766), (C, [A], 0o766)):
        put("f", b"contents")
        os.chown("f", 0, B)
        os.chmod("f", 0o2766)
        assert as_ids(A, gid, groups, lambda: CHANGES["write"]("f")) is None
        assert mode_of("f") == left, oct(mode_of("f"))
        os.unlink("f")


def no_rights_of_the_owner_after_a_change(d):
    """The next one to run a set-id program that somebody changed has nothing of its owner's, at once.

    A file that was open before it was copied up is written to in another way than one that was not.
    """
    if not ROOT:
        return
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


if __name__ == "__main__":
    main(sys.modules[__name__])
