#!/usr/bin/python3
"""Do the same random work in two directories, and compare what each call says.

    samework.py SEED COUNT A B

Names are few, so that calls meet: over whiteouts, onto each other, in removed
directories, on files from below. A is the container, B a plain directory with
the same contents. A directory with something from below gives EXDEV when it is renamed, as in
overlayfs; then B is left alone.
"""

import ctypes
import errno
import os
import random
import stat
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
XATTRS = ["user.k", "user.one", "user.two"]


def renameat2(a, b, flags):
    if LIBC.renameat2(AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), flags) < 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))


def write(path, off, data):
    with open(path, "r+b", buffering=0) as f:
        f.seek(off)
        f.write(data)


def append(path, data):
    with open(path, "ab", buffering=0) as f:
        f.write(data)


def create(path, mode, data):
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    os.write(fd, data)
    os.close(fd)


def overwrite(path, data):
    fd = os.open(path, os.O_TRUNC | os.O_WRONLY)
    os.write(fd, data)
    os.close(fd)


def read(path):
    with open(path, "rb", buffering=0) as f:
        return f.read()


def look(path):
    st = os.lstat(path)
    r = [stat.S_IFMT(st.st_mode), st.st_mode]
    if os.geteuid() == 0:
        r += [st.st_uid, st.st_gid]
    if not stat.S_ISDIR(st.st_mode):
        r += [st.st_size, st.st_nlink, st.st_rdev]
    return r


def punch(path, off, length):
    with open(path, "r+b", buffering=0) as f:
        if LIBC.fallocate(f.fileno(), 3, ctypes.c_long(off), ctypes.c_long(length)) < 0:
            e = ctypes.get_errno()
            raise OSError(e, os.strerror(e))


class Work:
    def __init__(self, seed, a, b):
        self.rnd = random.Random(seed)
        self.roots = (a, b)
        self.user = os.geteuid() != 0

    def dirs(self):
        found = ["."]
        for path, names, _ in os.walk(self.roots[1]):
            for n in names:
                if not os.path.islink(os.path.join(path, n)):
                    found.append(os.path.relpath(os.path.join(path, n), self.roots[1]))
        return sorted(found)

    def path(self):
        d = self.rnd.choice(self.dirs())
        try:
            here = sorted(os.listdir(os.path.join(self.roots[1], d)))
        except OSError:
            here = []
        if here and self.rnd.random() < 0.6:
            n = self.rnd.choice(here)
        else:
            n = self.rnd.choice("abcdefgxyz") + self.rnd.choice(["", "", "1"])
        return os.path.normpath(os.path.join(d, n))

    def owner(self):
        # Without privilege B cannot have other owners.
        return (0, 0) if self.user else (self.rnd.randrange(5), self.rnd.randrange(5))

    def pick(self):
        r = self.rnd
        p, q = self.path(), self.path()
        data = bytes([r.randrange(256)]) * r.choice([0, 1, 100, 5000, 70000])
        off = r.choice([0, 1, 4095, 4096, 10000])
        # What a mode keeps a user out of in B, it does not in a container of that user's own.
        mode = r.choice([0o755, 0o700] if self.user else [0o644, 0o600, 0o755, 0o700])
        x = r.choice(XATTRS)
        uid, gid = self.owner()
        choices = [
            (6, "create", lambda d: create(d + p, mode, data)),
            (5, "mkdir", lambda d: os.mkdir(d + p, mode)),
            (4, "write", lambda d: write(d + p, off, data)),
            (3, "append", lambda d: append(d + p, data)),
            (2, "overwrite", lambda d: overwrite(d + p, data)),
            (2, "truncate", lambda d: os.truncate(d + p, off)),
            (2, "punch", lambda d: punch(d + p, off, 5000)),
            (5, "unlink", lambda d: os.unlink(d + p)),
            (4, "rmdir", lambda d: os.rmdir(d + p)),
            (10, "rename", lambda d: os.rename(d + p, d + q)),
            (2, "noreplace", lambda d: renameat2(d + p, d + q, 1)),
            (4, "exchange", lambda d: renameat2(d + p, d + q, 2)),
            (5, "link", lambda d: os.link(d + p, d + q, follow_symlinks=False)),
            (3, "symlink", lambda d: os.symlink("t" * r.randrange(1, 9), d + p)),
            (2, "mkfifo", lambda d: os.mkfifo(d + p, mode)),
            (3, "chmod", lambda d: os.chmod(d + p, mode)),
            (2, "utime", lambda d: os.utime(d + p, ns=(10**18 + off, 10**18 + 7 * off), follow_symlinks=False)),
            (2, "setxattr", lambda d: os.setxattr(d + p, x, data[:50], follow_symlinks=False)),
            (1, "removexattr", lambda d: os.removexattr(d + p, x, follow_symlinks=False)),
            (2, "getxattr", lambda d: os.getxattr(d + p, x, follow_symlinks=False)),
            (4, "read", lambda d: read(d + p)),
            (4, "look", lambda d: look(d + p)),
            (4, "list", lambda d: sorted(os.listdir(d + p))),
        ]
        if not self.user:
            choices.append((3, "chown", lambda d: os.chown(d + p, uid, gid, follow_symlinks=False)))
            choices.append((1, "mknod", lambda d: os.mknod(d + p, stat.S_IFCHR | mode, os.makedev(1, 3))))
        weights = [c[0] for c in choices]
        _, name, call = r.choices(choices, weights)[0]
        return "%s %s %s" % (name, p, q), name, call

    def do(self, call, root):
        # The same random numbers for both.
        state = self.rnd.getstate()
        try:
            return call(root + "/")
        except OSError as e:
            return "E" + errno.errorcode[e.errno]
        finally:
            self.rnd.setstate(state)

    def is_fifo(self, p):
        try:
            return not stat.S_ISREG(os.stat(self.roots[1] + "/" + p).st_mode) and \
                not stat.S_ISDIR(os.stat(self.roots[1] + "/" + p).st_mode)
        except OSError:
            return False

    def is_special(self, p):
        try:
            return not stat.S_ISREG(os.lstat(self.roots[1] + "/" + p).st_mode)
        except OSError:
            return False

    def step(self, i):
        text, name, call = self.pick()
        if name in ("write", "append", "overwrite", "read", "truncate", "punch") and self.is_fifo(text.split()[1]):
            return
        # fs.protected_hardlinks: a container's files are root's, so a user may link regular files only.
        if name == "link" and self.user and self.is_special(text.split()[1]):
            return
        a = self.do(call, self.roots[0])
        if a == "EEXDEV" and name in ("rename", "noreplace", "exchange"):
            return
        b = self.do(call, self.roots[1])
        self.rnd.random()
        if a != b and not {a, b} <= {"EEXIST", "ENOTEMPTY"}:
            sys.exit("call %d: %s: %.300r there, %.300r here" % (i, text, a, b))
        if os.environ.get("VERBOSE"):
            print(i, text, "" if a is None else repr(a)[:60])


def main():
    seed, count, a, b = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    os.umask(0o022)
    w = Work(seed, a, b)
    for i in range(count):
        w.step(i)


main()
