#!/usr/bin/python3
"""Work that is cut off by a kill of the daemon, and what must be left of it.

    crashwork.py do KIND TREE LOG       until something fails; each line of LOG is something that is done and synced
    crashwork.py check KIND TREE LOG BASE    after a new mount; BASE is what TREE was at first
    crashwork.py list                   the kinds

TREE begins with what tests/lib/worktree.py makes. The log lies outside of it.
"""

import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile

LIBC = ctypes.CDLL(None, use_errno=True)
GIT = dict(os.environ, GIT_AUTHOR_NAME="A", GIT_AUTHOR_EMAIL="a@example.com", GIT_COMMITTER_NAME="A",
           GIT_COMMITTER_EMAIL="a@example.com", GIT_CONFIG_NOSYSTEM="1")


def need(condition, *what):
    if not condition:
        sys.exit("crashwork: " + " ".join(str(w) for w in what))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def synced(path, data, mode="wb"):
    with open(path, mode) as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())


def numbers(log):
    return [int(line) for line in log]


class Replace:
    """Files that come by rename, and one that is replaced each time."""

    def content(self, i):
        return b"%d " % i * 3000

    def do(self, top, log):
        os.makedirs(top + "/made")
        for i in range(10**9):
            name = "%s/made/f%d" % (top, i)
            synced(name + ".new", self.content(i), "xb")
            os.rename(name + ".new", name)
            os.link(name, name + ".link")
            os.unlink(name + ".link")
            synced(top + "/state.new", self.content(i))
            os.rename(top + "/state.new", top + "/state")
            log(i)

    def check(self, top, log, base):
        last = max(numbers(log))
        for i in range(last + 1):
            need(read("%s/made/f%d" % (top, i)) == self.content(i), "f%d is torn" % i)
        need(read(top + "/state") in (self.content(last), self.content(last + 1)), "state is torn")


class Append:
    """Files that grow line by line, one of them from below."""

    FILES = ["pages/p00", "pages/p01", "new"]

    def line(self, i):
        return b"line %d %s\n" % (i, b"x" * (i % 300))

    def do(self, top, log):
        for i in range(10**9):
            for name in self.FILES:
                synced("%s/%s" % (top, name), self.line(i), "ab")
            log(i)

    def check(self, top, log, base):
        last = max(numbers(log))
        for name in self.FILES:
            begin = read("%s/%s" % (base, name)) if name != "new" else b""
            lines = [begin] + [self.line(i) for i in range(last + 2)]
            have = read("%s/%s" % (top, name))
            need(b"".join(lines).startswith(have), name, "is no prefix")
            need(have.startswith(b"".join(lines[:-1])), name, "lacks synced lines")


class Sqlite:
    """Transactions of two rows each."""

    mode = "wal"

    def do(self, top, log):
        db = sqlite3.connect(top + "/db", isolation_level=None)
        db.execute("pragma journal_mode=" + self.mode)
        db.execute("pragma synchronous=full")
        db.execute("create table t (i, side, b)")
        for i in range(10**9):
            db.execute("begin")
            db.execute("insert into t values (?, 'left', ?)", (i, b"l" * (i % 9000)))
            db.execute("insert into t values (?, 'right', ?)", (i, b"r" * (i % 700)))
            db.execute("commit")
            log(i)

    def check(self, top, log, base):
        db = sqlite3.connect(top + "/db")
        need(db.execute("pragma integrity_check").fetchall() == [("ok",)], "the database is damaged")
        last = max(numbers(log))
        rows = db.execute("select i, count(*) from t group by i order by i").fetchall()
        need([r[0] for r in rows[:last + 1]] == list(range(last + 1)), "transactions are missing")
        need(len(rows) <= last + 2 and all(r[1] == 2 for r in rows), "half a transaction")
        db.close()


class SqliteDelete(Sqlite):
    mode = "delete"


class Git:
    """Commits with core.fsync=all."""

    def git(self, top, *args):
        return subprocess.run(["git", "-C", top + "/repo", "-c", "core.fsync=all", "-c", "gc.auto=0",
                               "-c", "safe.directory=*", *args],
                              env=dict(GIT, HOME=top), check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout.decode()

    def do(self, top, log):
        os.mkdir(top + "/repo")
        self.git(top, "init", "-q")
        for i in range(10**9):
            for k in range(10):
                with open("%s/repo/f%d" % (top, k), "a") as f:
                    f.write("%d %d\n" % (i, k))
            self.git(top, "add", ".")
            self.git(top, "commit", "-q", "-m", str(i))
            if i % 5 == 4:
                self.git(top, "gc", "-q")
            log(self.git(top, "rev-parse", "HEAD").strip())

    def check(self, top, log, base):
        for d, _, names in os.walk(top + "/repo/.git"):
            for n in names:
                if n.endswith(".lock"):
                    os.unlink(os.path.join(d, n))
        self.git(top, "fsck", "--full", "--strict")
        have = self.git(top, "rev-list", "HEAD").split()
        need(set(log) <= set(have) and len(have) <= len(log) + 1, "commits are missing")
        self.git(top, "reset", "-q", "--hard")
        need(self.git(top, "status", "--porcelain") == "", "not clean")


class Untar:
    """Trees out of an archive."""

    def do(self, top, log):
        archive = os.environ["ARCHIVE"]
        for i in range(10**9):
            d = "%s/out%d" % (top, i)
            os.mkdir(d)
            subprocess.run(["tar", "-xf", archive, "-C", d, "./old"], check=True, stderr=subprocess.DEVNULL)
            log(i)
            if i % 3 == 2:
                shutil.rmtree("%s/out%d/old/d01" % (top, i - 2))

    def check(self, top, log, base):
        last = max(numbers(log))
        want = {}
        for d, _, names in os.walk(base + "/old"):
            for n in names:
                path = os.path.join(d, n)
                want[os.path.relpath(path, base)] = os.readlink(path) if os.path.islink(path) else read(path)
        for i in range(last + 2):
            for rel, data in want.items():
                path = "%s/out%d/%s" % (top, i, rel)
                if not os.path.lexists(path):
                    need(i > last or "/d01/" in path and i % 3 == 0, path, "is missing")
                elif os.path.islink(path):
                    need(os.readlink(path) == data or i > last, path, "is torn")
                elif i <= last:
                    need(read(path) == data, path, "is torn")
                else:
                    # A placeholder of tar's stands for a link until the end.
                    need(isinstance(data, str) or data.startswith(read(path)), path, "is torn")


class Storm:
    """Renames of all kinds: nothing is lost, nothing is there twice."""

    COUNT = 40

    def rename(self, a, b, flags):
        if LIBC.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), flags) < 0 and ctypes.get_errno() not in (2, 17):
            raise OSError(ctypes.get_errno(), a)

    def do(self, top, log):
        for k in range(4):
            os.makedirs("%s/storm/%d" % (top, k))
        for k in range(self.COUNT):
            synced("%s/storm/%d/n%d" % (top, k % 4, k), b"token %d\n" % k)
        log(0)
        for i in range(10**9):
            a = "%s/storm/%d/n%d" % (top, i * 7 % 4, i * 13 % 60)
            b = "%s/storm/%d/n%d" % (top, i * 11 % 4, i * 29 % 60)
            self.rename(a, b, 1 + (i % 3 == 0))
            if i % 50 == 0:
                self.rename("%s/storm/%d" % (top, i // 50 % 4), "%s/storm/5" % top, 1)
                self.rename("%s/storm/5" % top, "%s/storm/%d" % (top, i // 50 % 4), 1)

    def check(self, top, log, base):
        have = sorted(read(os.path.join(d, n)) for d, _, names in os.walk(top + "/storm") for n in names)
        need(have == sorted(b"token %d\n" % k for k in range(self.COUNT)), "tokens:", have)


class Links:
    """Names of files, those of a group from below too."""

    def do(self, top, log):
        for i in range(10**9):
            d = "%s/old/d%02d" % (top, i % 40)
            os.link(d + "/again", "%s/b/l%d" % (d, i))
            if i >= 80:
                os.unlink("%s/b/l%d" % (d, i - 80))
            synced(d + "/b/f01", b"round %d\n" % i, "ab")
            log(i)

    def check(self, top, log, base):
        last = max(numbers(log))
        for k in range(40):
            d = "%s/old/d%02d" % (top, k)
            names = [d + "/again"] + [d + "/b/" + n for n in os.listdir(d + "/b") if n == "f01" or n[0] == "l"]
            inodes = {os.stat(n).st_ino for n in names}
            need(len(inodes) == 1 and os.stat(names[0]).st_nlink == len(names), d, inodes, names)
            rounds = range(k, last + 1, 40)
            synced_lines = read("%s/old/d%02d/again" % (base, k)) + b"".join(b"round %d\n" % i for i in rounds)
            need(read(names[0]).startswith(synced_lines), d, "lacks lines")
            for i in rounds:
                need(i + 80 <= last + 1 or os.path.exists("%s/b/l%d" % (d, i)), d, "lacks a name", i)


class CopyUp:
    """Large files from below get a line at their end, or one in the middle."""

    def names(self):
        return ["large/f%d" % (i % 8) for i in range(10**6)]

    def do(self, top, log):
        for i, name in enumerate(self.names()):
            if i < 4:
                synced("%s/%s" % (top, name), b"end %d\n" % i, "ab")
            else:
                with open("%s/%s" % (top, name), "r+b") as f:
                    f.seek(1000000)
                    f.write(b"middle %06d\n" % i)
                    f.flush()
                    os.fsync(f.fileno())
            log(i)

    def check(self, top, log, base):
        last = max(numbers(log))
        for k in range(8):
            name = "large/f%d" % k
            have, now = read("%s/%s" % (top, name)), read("%s/%s" % (base, name))
            states = [now]
            for i in range(k, last + 2, 8):
                line = b"middle %06d\n" % i
                now = now + b"end %d\n" % i if i < 4 else now[:1000000] + line + now[1000000 + len(line):]
                states.append(now)
            # The last one may have been under way.
            sure = len(range(k, last + 1, 8))
            need(have in states[sure:], name, "is torn")


class Long:
    """One long file after another, in large pieces."""

    PIECE, PIECES = 1 << 20, 48

    def piece(self, gen, i):
        return b"%08d%08d" % (gen, i) * (self.PIECE // 16)

    def do(self, top, log):
        for gen in range(10**9):
            with open("%s/long%d" % (top, gen), "wb", buffering=0) as f:
                for i in range(self.PIECES):
                    f.write(self.piece(gen, i))
                    if i % 4 == 3:
                        os.fsync(f.fileno())
                        log(gen, i + 1)
            if gen:
                os.unlink("%s/long%d" % (top, gen - 1))

    def check(self, top, log, base):
        gen, count = (int(n) for n in log[-1].split())
        have = read("%s/long%d" % (top, gen))
        need(len(have) >= count * self.PIECE, "synced pieces are missing")
        want = b"".join(self.piece(gen, i) for i in range(self.PIECES))
        need(want.startswith(have), "torn")


def names_below(d):
    found = set()
    for w, dirs, names in os.walk(d):
        found |= {os.path.relpath(os.path.join(w, n), d) for n in dirs + names}
    return found


class Trees:
    """Directories from below go and come again."""

    def do(self, top, log):
        for i in range(40):
            d = "%s/old/d%02d" % (top, i)
            shutil.rmtree(d)
            os.mkdir(d)
            synced(d + "/new", b"new %d\n" % i)
            log(i)
        for i in range(10**9):
            d = "%s/old/d%02d" % (top, i % 40)
            os.mkdir(d + "/more")
            synced(d + "/more/x", b"")
            shutil.rmtree(d + "/more")

    def check(self, top, log, base):
        last = max(numbers(log))
        for i in range(40):
            d = "%s/old/d%02d" % (top, i)
            below, was = names_below(d), names_below("%s/old/d%02d" % (base, i))
            if i <= last:
                need("new" in below and below <= {"new", "more", "more/x"} and read(d + "/new") == b"new %d\n" % i, d, below)
                continue
            need(i == last + 1 or below == was, d, "lost something:", was - below)
            for n in below - {"new"}:
                a, b = "%s/%s" % (d, n), "%s/old/d%02d/%s" % (base, i, n)
                need(os.path.lexists(b), a, "is back")
                need(not os.path.isfile(a) or os.path.islink(a) or read(a) == read(b), a, "is torn")


KINDS = {"replace": Replace, "append": Append, "sqlite_wal": Sqlite, "sqlite_delete": SqliteDelete, "git": Git,
         "untar": Untar, "rename": Storm, "links": Links, "copy_up": CopyUp, "long": Long, "trees": Trees}


def main():
    if sys.argv[1] == "list":
        print("\n".join(KINDS))
        return
    kind, top, path = KINDS[sys.argv[2]](), sys.argv[3], sys.argv[4]
    if sys.argv[1] == "check":
        log = read(path).decode().splitlines()
        need(log, "nothing was done before the kill")
        kind.check(top, log, sys.argv[5])
        print(len(log), "done")
        return
    with open(path, "a") as out:
        def log(*what):
            out.write(" ".join(str(w) for w in what) + "\n")
            out.flush()
        try:
            kind.do(top, log)
        except (OSError, sqlite3.Error, subprocess.CalledProcessError, shutil.Error) as e:
            print("ended by", repr(e))


main()
