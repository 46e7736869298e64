#!/usr/bin/python3
"""Oddities of layers: each case makes the layers of one image and says what must come of it.

    oddities.py list                 the names of all cases
    oddities.py make DIR             DIR/NAME: an OCI layout for each case
    oddities.py expect               a line for each case: NAME "accept", "either", or "refuse PATTERN"
    oddities.py check NAME ROOTFS    look at the image's tree; exit status 1 and a reason on stderr
    oddities.py check-layers NAME DIR   the same for the view of single layers, where a case has one
"""

import base64
import os
import random
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tarlayer import *  # noqa: E402,F403

CASES = {}


class Case:
    def __init__(self, name, make, refuse, either):
        self.name, self.make, self.refuse, self.either = name, make, refuse, either


def case(refuse=None, either=False):
    """The function yields its layers first and gets a Tree to check then."""

    def register(make):
        CASES[make.__name__] = Case(make.__name__, make, refuse, either)
        return make

    return register


class Tree:
    """Assertions on a directory tree; paths are str or bytes, relative to its root."""

    def __init__(self, root):
        self.root = os.fsencode(root)

    def path(self, path):
        return os.path.join(self.root, os.fsencode(path))

    def stat(self, path):
        return os.lstat(self.path(path))

    def want(self, what, got, expected):
        if got != expected:
            raise AssertionError(f"{what}: got {got!r}, expected {expected!r}")

    def missing(self, *paths):
        for path in paths:
            if os.path.lexists(self.path(path)):
                raise AssertionError(f"{path!r} is there")

    def names(self, path, *names):
        self.want(f"names in {path!r}", sorted(os.listdir(self.path(path))),
                  sorted(os.fsencode(n) for n in names))

    def attributes(self, path, st, wanted):
        for key, value in wanted.items():
            if key == "mode":
                got = stat.S_IMODE(st.st_mode)
            elif key == "rdev":
                got = (os.major(st.st_rdev), os.minor(st.st_rdev))
            else:
                got = getattr(st, "st_" + key)
            self.want(f"{key} of {path!r}", got, value)

    def is_type(self, path, test, wanted):
        st = self.stat(path)
        if not test(st.st_mode):
            raise AssertionError(f"type of {path!r}: mode {st.st_mode:o}")
        self.attributes(path, st, wanted)
        return st

    def file(self, path, data=None, **wanted):
        st = self.is_type(path, stat.S_ISREG, wanted)
        if data is not None:
            with open(self.path(path), "rb") as f:
                got = f.read()
            if got != as_bytes(data):
                raise AssertionError(f"contents of {path!r}: {got[:60]!r}, {len(got)} bytes")
            self.want(f"size of {path!r}", st.st_size, len(got))

    def dir(self, path, **wanted):
        self.is_type(path, stat.S_ISDIR, wanted)

    def symlink(self, path, target, **wanted):
        self.is_type(path, stat.S_ISLNK, wanted)
        self.want(f"target of {path!r}", os.readlink(self.path(path)), as_bytes(target))

    def char(self, path, major, minor, **wanted):
        self.is_type(path, stat.S_ISCHR, {"rdev": (major, minor), **wanted})

    def block(self, path, major, minor, **wanted):
        self.is_type(path, stat.S_ISBLK, {"rdev": (major, minor), **wanted})

    def fifo(self, path, **wanted):
        self.is_type(path, stat.S_ISFIFO, wanted)

    def linked(self, *paths, nlink=None):
        """All are names of one inode."""
        inodes = {self.stat(p).st_ino for p in paths}
        self.want(f"inodes of {paths!r}", len(inodes), 1)
        for p in paths:
            self.want(f"nlink of {p!r}", self.stat(p).st_nlink, nlink or len(paths))

    def not_linked(self, a, b):
        if self.stat(a).st_ino == self.stat(b).st_ino:
            raise AssertionError(f"{a!r} and {b!r} are one inode")

    def xattr(self, path, name, value):
        try:
            got = os.getxattr(self.path(path), name, follow_symlinks=False)
        except OSError as e:
            got = e.strerror
        self.want(f"{name} of {path!r}", got, as_bytes(value))

    def no_xattr(self, path, name):
        if name in os.listxattr(self.path(path), follow_symlinks=False):
            raise AssertionError(f"{path!r} has {name}")


# --- whiteouts ------------------------------------------------------------


def lower():
    """What the whiteout cases hide."""
    return (Tar().dir("d", mode=0o700, uid=7).file("d/a", "a").file("d/b", "b").dir("d/sub")
            .file("d/sub/x", "x").file("keep", "keep").dir("usr").dir("usr/lib")
            .file("usr/lib/so", "so").symlink("lib", "usr/lib").symlink("dead", "nowhere"))


LOWER_ROOT = ("d", "keep", "usr", "lib", "dead")


@case()
def whiteout_file():
    t = yield layer(lower()), layer(Tar().wh("d/a"))
    t.names("d", "b", "sub")
    t.dir("d", mode=0o700, uid=7)


@case()
def whiteout_directory():
    t = yield layer(lower()), layer(Tar().wh("d"))
    t.names("", "keep", "usr", "lib", "dead")


@case()
def whiteout_of_nothing():
    t = yield layer(lower()), layer(Tar().wh("d/none").wh("none/none").file("n", "n"))
    t.names("d", "a", "b", "sub")
    t.file("n", "n")


@case()
def whiteout_of_symlink():
    t = yield layer(lower()), layer(Tar().wh("lib").wh("dead"))
    t.missing("lib", "dead")
    t.file("usr/lib/so", "so")


@case()
def whiteout_through_symlinked_parent():
    t = yield layer(lower()), layer(Tar().wh("lib/so"))
    t.names("usr/lib")
    t.symlink("lib", "usr/lib")


@case()
def opaque_through_symlinked_parent():
    t = yield layer(lower()), layer(Tar().file("lib/.wh..wh..opq"))
    t.symlink("lib", "usr/lib")
    t.names("usr/lib")


@case()
def whiteout_below_a_dead_link():
    t = yield layer(Tar().symlink("a", "nowhere").file("b", "b")), layer(Tar().wh("a/x"))
    t.names("", "a", "b")
    t.symlink("a", "nowhere")


@case()
def whiteout_before_same_name():
    t = yield layer(lower()), layer(Tar().wh("keep").file("keep", "new"))
    t.file("keep", "new")


@case()
def whiteout_after_same_name():
    t = yield layer(lower()), layer(Tar().file("keep", "new").wh("keep"))
    t.file("keep", "new")


@case()
def whiteout_then_entries_below():
    t = yield layer(lower()), layer(Tar().wh("d").dir("d").file("d/new", "new"))
    t.names("d", "new")
    t.dir("d", mode=0o755, uid=0)


@case()
def whiteout_after_entries_below():
    t = yield layer(lower()), layer(Tar().dir("d").file("d/new", "new").wh("d"))
    t.names("d", "new")


@case()
def whiteout_then_file_below_without_directory():
    t = yield layer(lower()), layer(Tar().wh("d").file("d/new", "new"))
    t.names("d", "new")


@case()
def whiteout_in_the_lowest_layer():
    t = yield layer(Tar().wh("x").file("x", "x").dir("d").opaque("d").file("d/a", "a")),
    t.names("", "x", "d")
    t.names("d", "a")


@case()
def whiteout_over_three_layers():
    t = yield (layer(lower()), layer(Tar().wh("d/a").wh("keep")),
               layer(Tar().file("d/a", "again").file("keep", "again")))
    t.file("d/a", "again")
    t.file("keep", "again")
    t.names("d", "a", "b", "sub")


@case()
def whiteout_as_hard_link():
    t = yield layer(lower()), layer(Tar().file("f", "f").link("d/.wh.a", "f"))
    t.names("d", "b", "sub")
    t.file("f", "f", nlink=1)


@case()
def whiteout_as_hard_link_to_whiteout():
    t = yield layer(lower()), layer(Tar().wh("keep").link("d/.wh.a", ".wh.keep"))
    t.names("d", "b", "sub")
    t.missing("keep")


@case()
def whiteout_as_symlink():
    t = yield layer(lower()), layer(Tar().symlink("d/.wh.a", "b"))
    t.names("d", "b", "sub")


@case()
def whiteout_with_content():
    t = yield layer(lower()), layer(Tar().file("d/.wh.a", "not empty" * 100).file("z", "z"))
    t.names("d", "b", "sub")
    t.file("z", "z")


@case()
def whiteout_of_a_dotted_name():
    t = yield (layer(Tar().file(".x", "x").file("..y", "y").file(".wh", "w")),
               layer(Tar().wh(".x").wh("..y")))
    t.names("", ".wh")


@case()
def opaque_before_children():
    t = yield layer(lower()), layer(Tar().dir("d").opaque("d").file("d/new", "new"))
    t.names("d", "new")


@case()
def opaque_after_children():
    t = yield layer(lower()), layer(Tar().dir("d").file("d/new", "new").file("d/a", "A").opaque("d"))
    t.names("d", "new", "a")
    t.file("d/a", "A")


@case()
def opaque_without_directory_entry():
    t = yield layer(lower()), layer(Tar().opaque("d").file("d/new", "new"))
    t.names("d", "new")
    t.dir("d", mode=0o700, uid=7)


@case()
def opaque_at_root():
    t = yield layer(lower()), layer(Tar().opaque("").file("only", "only"))
    t.names("", "only")


@case()
def opaque_in_the_middle():
    t = yield (layer(lower()), layer(Tar().dir("d").opaque("d").file("d/mid", "mid")),
               layer(Tar().dir("d", mode=0o711).file("d/top", "top")))
    t.names("d", "mid", "top")
    t.dir("d", mode=0o711)


@case()
def opaque_keeps_subdirectories_of_its_layer():
    t = yield (layer(lower()),
               layer(Tar().dir("d").dir("d/sub").file("d/sub/y", "y").opaque("d")))
    t.names("d", "sub")
    t.names("d/sub", "y")


@case()
def aufs_names_are_hidden():
    t = yield (layer(lower().dir(".wh..wh.plnk").file(".wh..wh.plnk/1.2", "p")
                     .file(".wh..wh.aufs").dir(".wh..wh.orph").file("d/.wh..wh.x", "x")),
               layer(Tar().file("n", "n")))
    t.names("", "n", *LOWER_ROOT)
    t.names("d", "a", "b", "sub")


@case(refuse=r"\.wh\.")
def whiteout_of_no_name():
    yield layer(lower()), layer(Tar().file("d/.wh."))


@case(refuse=r"\.wh\.")
def whiteout_of_dot():
    yield layer(lower()), layer(Tar().file("d/.wh.."))


@case(refuse=r"\.wh\.")
def whiteout_of_dot_dot():
    yield layer(lower()), layer(Tar().file("d/.wh..."))


@case()
def overlay_xattrs_have_no_power():
    t = yield (layer(lower()), layer(Tar().dir("d", pax={
        "SCHILY.xattr.trusted.overlay.opaque": "y", "SCHILY.xattr.user.overlay.opaque": "y"})
        .file("keep", "", pax={"SCHILY.xattr.user.overlay.whiteout": "y"})))
    t.names("d", "a", "b", "sub")
    t.file("keep", "")


@case()
def device_0_0_is_no_whiteout():
    t = yield layer(lower()), layer(Tar().char("keep", 0, 0))
    t.char("keep", 0, 0)


# --- paths ------------------------------------------------------------------


@case()
def leading_dot_slash():
    t = yield layer(Tar().dir("./").dir("./d").file("./d/f", "f").link("./d/l", "./d/f")),
    t.names("", "d")
    t.linked("d/f", "d/l")


@case()
def leading_slash():
    t = yield layer(Tar().dir("/d").file("/d/f", "f").link("/d/l", "/d/f").file("//d///g", "g")),
    t.names("d", "f", "l", "g")
    t.linked("d/f", "d/l")


@case()
def dots_and_slashes_inside():
    t = yield layer(Tar().dir("d").file("d/./f", "f").file("d//g", "g").dir("./d/./e/")),
    t.names("d", "f", "g", "e")


@case(refuse=r"\.\.")
def dot_dot_first():
    yield layer(Tar().file("../f", "f")),


@case(refuse=r"\.\.")
def dot_dot_inside():
    yield layer(Tar().dir("d").file("d/../../f", "f")),


@case(refuse=r"\.\.")
def dot_dot_last():
    yield layer(Tar().dir("d").dir("d/..")),


@case(refuse=r"\.\.")
def dot_dot_in_a_hard_link():
    yield layer(Tar().file("f", "f").link("l", "../f")),


@case()
def dot_dot_in_a_symlink_target():
    t = yield layer(Tar().symlink("s", "../../../etc/passwd").symlink("e", "/abs/../x")),
    t.symlink("s", "../../../etc/passwd")
    t.symlink("e", "/abs/../x")


@case()
def names_that_start_with_dots():
    t = yield layer(Tar().file("...", "3").file("..a", "a").dir(".b")),
    t.names("", "...", "..a", ".b")


@case()
def missing_parents():
    t = yield layer(Tar().file("a/b/c", "c", uid=5)),
    t.dir("a", mode=0o755, uid=0, gid=0)
    t.dir("a/b", mode=0o755, uid=0, gid=0)
    t.file("a/b/c", "c", uid=5)


@case()
def missing_parents_keep_the_lower_layers_metadata():
    t = yield layer(lower()), layer(Tar().file("d/new", "new"))
    t.dir("d", mode=0o700, uid=7, mtime=TIME)
    t.names("d", "a", "b", "sub", "new")


@case()
def parent_after_child():
    t = yield layer(Tar().file("d/f", "f").dir("d", mode=0o710, uid=3)),
    t.dir("d", mode=0o710, uid=3)
    t.file("d/f", "f")


@case()
def no_root_entry():
    t = yield layer(Tar().file("f", "f")),
    t.dir("", mode=0o755, uid=0, gid=0)


@case()
def root_entry_metadata():
    t = yield layer(Tar().dir("./", mode=0o1751, uid=11, gid=12).file("f", "f")),
    t.dir("", mode=0o1751, uid=11, gid=12, mtime=TIME)


@case()
def root_entry_in_the_upper_layer():
    t = yield layer(Tar().dir("./", mode=0o700)), layer(Tar().file("f").dir(".", mode=0o711, gid=4))
    t.dir("", mode=0o711, gid=4)


@case()
def root_entry_as_slash():
    t = yield layer(Tar().dir("/", mode=0o711).file("f", "f")),
    t.dir("", mode=0o711)


@case(refuse="root")
def root_as_file():
    yield layer(Tar().file(".", "x")),


@case(refuse="root")
def root_as_symlink():
    yield layer(Tar().file("f").symlink("./", "/etc")),


@case(either=True)
def root_as_hard_link():
    t = yield layer(Tar().file("f").link(".", "f")),
    t.dir("")


@case()
def symlinked_parent_in_the_same_layer():
    t = yield layer(Tar().dir("usr").dir("usr/lib").symlink("lib", "usr/lib").file("lib/x", "x")),
    t.symlink("lib", "usr/lib")
    t.file("usr/lib/x", "x")


@case()
def symlinked_parent_in_a_lower_layer():
    t = yield layer(lower()), layer(Tar().file("lib/x", "x").dir("lib/more", mode=0o700))
    t.symlink("lib", "usr/lib")
    t.names("usr/lib", "so", "x", "more")
    t.dir("usr/lib/more", mode=0o700)


@case()
def symlinked_parent_absolute():
    t = yield (layer(Tar().dir("real").symlink("abs", "/real")),
               layer(Tar().file("abs/x", "x")))
    t.file("real/x", "x")


@case()
def symlinked_parent_climbs_out():
    t = yield (layer(Tar().dir("real").dir("d").symlink("d/up", "../../../../real")),
               layer(Tar().file("d/up/x", "x")))
    t.file("real/x", "x")


@case()
def symlinked_parent_twice():
    t = yield (layer(Tar().dir("real").dir("real/in").symlink("a", "b").symlink("b", "real")),
               layer(Tar().file("a/in/x", "x").wh("b/in/none")))
    t.file("real/in/x", "x")


@case(either=True)
def symlinked_parent_loop():
    t = yield layer(Tar().symlink("a", "b").symlink("b", "a")), layer(Tar().file("a/x", "x"))
    t.dir("")


@case(either=True)
def symlinked_parent_dangling():
    t = yield layer(Tar().symlink("a", "nowhere")), layer(Tar().file("a/x", "x"))
    t.dir("")


@case()
def symlink_replaced_by_directory():
    t = yield layer(lower()), layer(Tar().dir("lib", mode=0o700).file("lib/x", "x"))
    t.dir("lib", mode=0o700)
    t.names("lib", "x")
    t.names("usr/lib", "so")


@case()
def symlink_then_file_of_the_same_name():
    t = yield layer(Tar().dir("etc").file("etc/p", "p", mode=0o600).symlink("s", "etc/p")
                    .file("s", "new", mode=0o666)),
    t.file("s", "new", mode=0o666)
    t.file("etc/p", "p", mode=0o600)


@case()
def directory_replaced_by_file():
    t = yield layer(lower()), layer(Tar().file("d", "file now"))
    t.file("d", "file now")


@case()
def directory_replaced_by_symlink():
    t = yield layer(lower()), layer(Tar().symlink("d", "usr"))
    t.symlink("d", "usr")


@case()
def symlink_of_any_mode():
    """The mode of a symbolic link means nothing, and no file system keeps one."""
    t = yield (layer(Tar().symlink("a", "x", mode=0o644).symlink("none", "x", mode=0).link("hard", "a")),
               layer(Tar().symlink("b", "x", mode=0o4755).link("lower", "a")))
    for name in "a", "none", "hard", "b", "lower":
        t.symlink(name, "x", mode=0o777)
    t.linked("a", "hard", "lower")


@case()
def file_replaced_by_directory():
    t = yield layer(lower()), layer(Tar().dir("keep").file("keep/in", "in"))
    t.file("keep/in", "in")


@case(either=True)
def entry_below_a_lower_file():
    t = yield layer(Tar().file("f", "f")), layer(Tar().file("f/x", "x"))
    t.dir("")


# --- hard links -----------------------------------------------------------


@case()
def hard_link_group():
    t = yield layer(Tar().file("a", "data", mode=0o640).link("b", "a").link("c", "b")),
    t.linked("a", "b", "c", nlink=3)
    t.file("c", "data", mode=0o640)


@case()
def hard_link_to_symlink():
    t = yield layer(Tar().file("f", "f").symlink("s", "f").link("h", "s")),
    t.symlink("h", "f")
    t.linked("s", "h", nlink=2)
    t.file("f", "f", nlink=1)


@case()
def hard_link_to_fifo_and_device():
    t = yield layer(Tar().fifo("p").link("q", "p").char("c", 1, 3).link("e", "c")),
    t.linked("p", "q", nlink=2)
    t.linked("c", "e", nlink=2)


@case()
def hard_links_with_types_in_their_modes():
    """docker's modes have the bits of stat(2)'s st_mode, a hard link those of what it names."""
    t = yield (layer(Tar().symlink("s", "x", mode=0o120777).link("s2", "s", mode=0o120777)
                     .fifo("p", mode=0o10640).link("p2", "p", mode=0o10640)
                     .char("n", 1, 3, mode=0o20600).link("n2", "n", mode=0o20600)
                     .file("f", "f", mode=0o100604).link("f2", "f", mode=0o100604)),
               layer(Tar().link("s3", "s", mode=0o120777).link("f3", "f", mode=0o140604)))
    t.symlink("s2", "x")
    t.fifo("p2", mode=0o640)
    t.char("n2", 1, 3, mode=0o600)
    t.file("f3", "f", mode=0o604)
    t.linked("s", "s2", "s3")
    t.linked("p", "p2")
    t.linked("n", "n2")
    t.linked("f", "f2", "f3")


@case()
def hard_link_to_a_lower_file():
    t = yield (layer(Tar().file("a", "data", mode=0o600, uid=9)), layer(Tar().link("b", "a")))
    t.linked("a", "b", nlink=2)
    t.file("b", "data", mode=0o600, uid=9)


@case()
def hard_link_to_a_lower_group():
    t = yield (layer(Tar().file("a", "data").link("b", "a")), layer(Tar().link("c", "b").link("d", "c")))
    t.linked("a", "b", "c", "d", nlink=4)


@case()
def hard_link_to_a_lower_name_that_is_replaced():
    t = yield (layer(Tar().file("a", "old")), layer(Tar().link("b", "a").file("a", "new")))
    t.file("a", "new", nlink=1)
    t.file("b", "old", nlink=1)


@case()
def hard_link_group_loses_a_name_above():
    t = yield (layer(Tar().file("a", "data").link("b", "a").link("c", "a")),
               layer(Tar().wh("b")))
    t.linked("a", "c", nlink=2)


@case()
def hard_link_group_broken_above():
    t = yield layer(Tar().file("a", "data").link("b", "a")), layer(Tar().file("a", "new"))
    t.file("a", "new", nlink=1)
    t.file("b", "data", nlink=1)


@case()
def hard_link_through_symlinked_parent():
    t = yield layer(lower()), layer(Tar().link("hard", "lib/so"))
    t.linked("hard", "usr/lib/so", nlink=2)


@case()
def hard_link_target_in_the_same_layer_wins():
    t = yield (layer(Tar().file("a", "old")), layer(Tar().file("a", "new").link("b", "a")))
    t.linked("a", "b", nlink=2)
    t.file("b", "new")


@case()
def hard_link_to_a_name_replaced_later():
    t = yield layer(Tar().file("a", "old").link("b", "a").file("a", "new")),
    t.file("a", "new", nlink=1)
    t.file("b", "old", nlink=1)


@case()
def hard_link_replaces_a_name():
    t = yield layer(Tar().file("a", "a").file("b", "b").link("b", "a")),
    t.linked("a", "b", nlink=2)
    t.file("b", "a")


@case(refuse="missing|nothing|no such|not exist|does not|is not there")
def hard_link_to_nothing():
    yield layer(Tar().file("f").link("l", "nothing")),


@case(refuse="missing|nothing|no such|not exist|does not|is not there")
def hard_link_to_nothing_above():
    yield layer(lower()), layer(Tar().link("l", "d/nothing"))


@case(refuse="director")
def hard_link_to_directory():
    yield layer(Tar().dir("d").link("l", "d")),


@case(refuse="director")
def hard_link_to_lower_directory():
    yield layer(lower()), layer(Tar().link("l", "d/sub"))


@case(either=True)
def hard_link_to_itself():
    t = yield layer(Tar().link("l", "l")),
    t.names("")


@case(either=True)
def hard_link_forward():
    t = yield layer(Tar().link("l", "f").file("f", "f")),
    t.linked("l", "f", nlink=2)


@case(either=True)
def hard_link_with_body():
    t = yield layer(Tar().file("a", "data").entry("b", b"1", b"data", link="a").file("c", "c")),
    t.file("a", "data")
    t.file("b", "data")
    t.file("c", "c")


# --- duplicates -------------------------------------------------------------


@case()
def duplicate_file():
    t = yield layer(Tar().file("f", "first").file("f", "second, longer", mode=0o600, uid=4)),
    t.file("f", "second, longer", mode=0o600, uid=4, nlink=1)


@case()
def duplicate_directory_keeps_children():
    t = yield layer(Tar().dir("d", mode=0o700).file("d/f", "f").dir("d", mode=0o711)),
    t.dir("d", mode=0o711)
    t.file("d/f", "f")


@case()
def duplicate_directory_then_file():
    t = yield layer(Tar().dir("d").file("d/f", "f").file("d", "file")),
    t.file("d", "file")


@case()
def duplicate_file_then_directory():
    t = yield layer(Tar().file("d", "file").dir("d").file("d/f", "f")),
    t.file("d/f", "f")


@case()
def duplicate_by_another_spelling():
    t = yield layer(Tar().dir("d").file("d/f", "1").file("./d/f", "2").file("/d//f", "3")),
    t.names("d", "f")
    t.file("d/f", "3")


@case()
def case_twins():
    t = yield layer(Tar().file("File", "1").file("file", "2").dir("FILE")),
    t.names("", "File", "file", "FILE")
    t.file("File", "1")
    t.file("file", "2")


# --- headers ------------------------------------------------------------


@case()
def pax_global_header():
    t = yield layer(Tar().global_pax(comment="0123456789abcdef").file("f", "f")
                    .global_pax(mtime="5").file("g", "g")),
    t.names("", "f", "g")
    t.file("f", "f", mtime=TIME)


@case()
def pax_long_path():
    name = "/".join(["part" * 30] * 8)
    t = yield layer(Tar().file(name, "deep").link("l", name).symlink("s", "x" * 400)),
    t.file(name, "deep", nlink=2)
    t.symlink("s", "x" * 400)


@case()
def gnu_long_path():
    name = "gnu/" + "n" * 200
    t = yield layer(Tar().gnu_long(b"L", name).raw(header(name, size=1, magic=b"ustar  \0") + pad(b"g"))
                    .gnu_long(b"K", name).raw(header("hard", b"1", link=name, magic=b"ustar  \0"))
                    .gnu_long(b"K", "t" * 300).raw(header("soft", b"2", link="t", magic=b"ustar  \0"))),
    t.linked(name, "hard", nlink=2)
    t.symlink("soft", "t" * 300)
    t.file("hard", "g")


@case()
def ustar_prefix():
    t = yield layer(Tar().entry("name", prefix=b"some/prefix/" + b"p" * 100, data=b"x")),
    t.file("some/prefix/" + "p" * 100 + "/name", "x")


@case()
def old_v7_header():
    t = yield layer(Tar().entry("f", b"\0", b"v7", magic=b"\0" * 8).entry("d/", b"\0", magic=b"\0" * 8)
                    .entry("d/g", b"7", b"contiguous")),
    t.file("f", "v7")
    t.dir("d")
    t.file("d/g", "contiguous")


@case()
def base256_numbers():
    t = yield layer(Tar().entry("f", data=b"12345", size_field=base256(5, 12), uid_field=base256(3000000, 8),
                                gid_field=base256(4000000000, 8), mtime_field=base256(TIME, 12))
                    .file("g", "g")),
    t.file("f", "12345", uid=3000000, gid=4000000000, mtime=TIME)
    t.file("g", "g")


@case()
def base256_negative_mtime():
    t = yield layer(Tar().entry("f", data=b"x", mtime_field=base256(-86400, 12))),
    t.file("f", "x", mtime_ns=-86400 * 10**9)


@case()
def pax_mtime_nanoseconds():
    t = yield layer(Tar().file("f", "f", pax={"mtime": "1700000000.123456789"})
                    .file("g", "g", pax={"mtime": "1700000000.5"})
                    .dir("d", pax={"mtime": "12.000000001"})
                    .symlink("s", "x", pax={"mtime": "1.1234567894"})),
    t.file("f", "f", mtime_ns=1700000000123456789)
    t.file("g", mtime_ns=1700000000500000000)
    t.dir("d", mtime_ns=12000000001)
    t.symlink("s", "x", mtime_ns=1123456789)


@case()
def pax_negative_mtime():
    t = yield layer(Tar().file("f", "f", pax={"mtime": "-1"}).file("h", "h", pax={"mtime": "-2208988800"})),
    t.file("f", "f", mtime_ns=-10**9)
    t.file("h", mtime_ns=-2208988800 * 10**9)


@case()
def pax_negative_mtime_with_fraction():
    t = yield layer(Tar().file("g", "g", pax={"mtime": "-1.5"})),
    t.file("g", mtime_ns=-1500000000)


@case(either=True)
def pax_mtime_extremes():
    t = yield layer(Tar().file("f", "f", pax={"mtime": "99999999999999999999"})
                    .file("g", "g", pax={"mtime": "-99999999999999999999.9"})),
    t.file("f", "f")
    t.file("g", "g")


@case()
def pax_ids():
    t = yield layer(Tar().file("f", "f", pax={"uid": "3000000", "gid": "4294967294"})),
    t.file("f", "f", uid=3000000, gid=4294967294)


@case(refuse="uid|owner|id")
def uid_over_32_bits():
    yield layer(Tar().file("f", "f", pax={"uid": "4294967296"})),


@case(refuse="uid|owner|id")
def uid_all_ones():
    yield layer(Tar().file("f", "f", pax={"uid": "4294967295"})),


@case(refuse="gid|group|id")
def gid_over_64_bits():
    yield layer(Tar().file("f", "f", pax={"gid": "99999999999999999999"})),


@case(refuse="uid|owner|id")
def uid_negative():
    yield layer(Tar().entry("f", uid_field=base256(-2, 8))),


@case()
def pax_size_overrides_the_header():
    t = yield layer(Tar().raw(header("PaxHeaders/x", b"x", 9) + pad(b"9 size=5\n"))
                    .raw(header("f", size=0) + pad(b"hello")).file("g", "g")),
    t.file("f", "hello")
    t.file("g", "g")


@case()
def modes_of_all_kinds():
    t = yield layer(Tar().file("suid", "s", mode=0o4755).file("sgid", "s", mode=0o2755)
                    .dir("sticky", mode=0o1777).file("none", "n", mode=0).dir("closed", mode=0)
                    .file("high", "h", mode_field=b"0100644\0")),
    t.file("suid", "s", mode=0o4755)
    t.file("sgid", mode=0o2755)
    t.dir("sticky", mode=0o1777)
    t.file("none", "n", mode=0)
    t.dir("closed", mode=0)
    t.file("high", "h", mode=0o644)


@case()
def devices_and_fifos():
    t = yield layer(Tar().char("null", 1, 3, mode=0o666).block("sda", 8, 1, mode=0o660, gid=6)
                    .char("big", 260, 70000).fifo("p", mode=0o600)),
    t.char("null", 1, 3, mode=0o666)
    t.block("sda", 8, 1, gid=6)
    t.char("big", 260, 70000)
    t.fifo("p", mode=0o600)


@case()
def name_of_255_bytes():
    t = yield layer(Tar().file("d/" + "n" * 255, "x").dir("é" * 127 + "x")),
    t.names("d", "n" * 255)
    t.dir("é" * 127 + "x")


@case(refuse="long|255")
def name_of_256_bytes():
    yield layer(Tar().file("d/" + "n" * 256, "x")),


@case(either=True)
def path_over_4096_bytes():
    t = yield layer(Tar().file("/".join(["p" * 250] * 20), "x")),
    t.dir("p" * 250)


@case(either=True)
def path_5000_deep():
    t = yield layer(Tar().file("d/" * 5000 + "f", "x")),
    t.dir("d/d/d/d")


@case()
def names_that_are_not_utf8():
    t = yield layer(Tar().file(b"caf\xe9", "latin").file(b"\xff\xfe", "bytes").symlink("s", b"\x80")
                    .file(b"line\nbreak", "nl").file(b"esc\x1b[31m", "esc").link("l", b"caf\xe9")
                    .file(b"back\\slash", "bs")),
    t.file(b"caf\xe9", "latin", nlink=2)
    t.file(b"\xff\xfe", "bytes")
    t.symlink("s", b"\x80")
    t.file(b"line\nbreak", "nl")
    t.file(b"esc\x1b[31m", "esc")
    t.file(b"back\\slash", "bs")


@case()
def pax_names_that_are_not_utf8():
    t = yield layer(Tar().file("x", "1", pax={"path": b"p\xe9" + b"n" * 150})
                    .file("y", "2", pax={"hdrcharset": "BINARY", "path": b"q\xe9" + b"n" * 150})
                    .symlink("s", "t", pax={"linkpath": b"\xe9" * 120})),
    t.file(b"p\xe9" + b"n" * 150, "1")
    t.file(b"q\xe9" + b"n" * 150, "2")
    t.symlink("s", b"\xe9" * 120)


@case()
def xattrs_schily():
    value = bytes(range(256)) + b"\n=\0"
    t = yield layer(Tar().file("f", "f", pax={"SCHILY.xattr.user.bin": value, "SCHILY.xattr.user.text": "t",
                                              "SCHILY.xattr.trusted.t": "secret"})
                    .dir("d", pax={"SCHILY.xattr.user.dir": "d"})
                    .file("cap", "c", pax={"SCHILY.xattr.security.capability":
                                           bytes.fromhex("0100000200040000000000000000000000000000")})),
    t.xattr("f", "user.bin", value)
    t.xattr("f", "user.text", "t")
    t.xattr("d", "user.dir", "d")
    t.xattr("cap", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))


@case()
def xattrs_libarchive():
    value = bytes(range(200))
    t = yield layer(Tar().file("f", "f", pax={
        "LIBARCHIVE.xattr.user.b64": base64.b64encode(value).rstrip(b"="),
        "LIBARCHIVE.xattr.user.a%3Db%25c": base64.b64encode(b"escaped").rstrip(b"=")})),
    t.xattr("f", "user.b64", value)
    t.xattr("f", "user.a=b%c", "escaped")


@case()
def xattrs_that_no_file_system_keeps():
    """None is listed that cannot be read, and none hinders who writes the file."""
    user = {"SCHILY.xattr.user.x": "x"}
    acl = {"SCHILY.xattr.system.posix_acl_access": "bad", "SCHILY.xattr.system.posix_acl_default": "bad"}
    t = yield layer(Tar().file("f", "f", pax={**user, **acl}).dir("d", pax={**user, **acl})
                    .symlink("s", "f", pax={**user, **acl}).fifo("p", pax={**user, **acl})
                    .char("c", 1, 3, pax=user).block("b", 8, 0, pax=user)),
    for name in "f", "d", "s", "p", "c", "b":
        for key in os.listxattr(t.path(name), follow_symlinks=False):
            os.getxattr(t.path(name), key, follow_symlinks=False)
        t.no_xattr(name, "system.posix_acl_access")
        t.no_xattr(name, "system.posix_acl_default")
    t.xattr("f", "user.x", "x")
    t.xattr("d", "user.x", "x")
    for name in "s", "p", "c", "b":
        t.no_xattr(name, "user.x")


@case()
def xattr_of_64_kib():
    t = yield layer(Tar().file("f", "f", pax={"SCHILY.xattr.user.big": b"v" * 65536})),
    t.xattr("f", "user.big", b"v" * 65536)


@case()
def xattrs_on_a_hard_link_group():
    t = yield layer(Tar().file("f", "f", pax={"SCHILY.xattr.user.x": "1"}).link("l", "f")),
    t.xattr("l", "user.x", "1")


@case(either=True)
def xattrs_2000():
    t = yield layer(Tar().file("f", "f", pax={f"SCHILY.xattr.user.n{i}": str(i) for i in range(2000)})),
    t.file("f", "f")


@case(refuse=".")
def pax_header_of_2_mib():
    yield layer(Tar().file("f", "f", pax={"comment": "c" * (2 << 20)})),


@case(refuse=".")
def gnu_long_name_of_4_mib():
    yield layer(Tar().gnu_long(b"L", "n" * (4 << 20)).file("f", "f")),


@case(refuse=".")
def size_of_8_eib():
    yield layer(Tar().raw(header("f", size_field=base256(2**63 - 1, 12)) + b"x" * 512)),


@case(refuse=".")
def size_negative():
    yield layer(Tar().raw(header("f", size_field=base256(-1, 12)) + b"x" * 512).file("g")),


@case(refuse=".")
def checksum_wrong_first():
    yield layer(Tar().raw(header("f", checksum=1)).file("g", "g")),


@case(refuse=".")
def checksum_wrong_in_the_middle():
    yield layer(Tar().file("e", "e").raw(header("f", checksum=1)).file("g", "g")),


@case(refuse=".")
def truncated_in_a_header():
    yield layer(Tar().file("e", "e").bytes(False) + header("f")[:300]),


@case(refuse=".")
def truncated_in_a_body():
    yield layer(Tar().raw(header("f", size=5000) + b"x" * 600).bytes(False)),


@case(refuse=".")
def garbage():
    yield Layer(b"this is no tar archive at all\n" * 100, b"this is no tar archive at all\n" * 100),


@case(either=True)
def unknown_type():
    t = yield layer(Tar().entry("f", b"Z", b"data").file("g", "g")),
    t.file("g", "g")


@case(either=True)
def volume_label():
    t = yield layer(Tar().entry("label", b"V").file("g", "g")),
    t.file("g", "g")


@case()
def no_end_blocks():
    t = yield layer(Tar().file("f", "f"), end=False),
    t.file("f", "f")


@case()
def no_padding_at_the_end():
    """As umoci insert writes it."""
    t = yield layer(Tar().file("e", "e").raw(header("f", size=700) + b"x" * 700).bytes(False)),
    t.file("f", b"x" * 700)


@case(refuse=".")
def truncated_in_the_last_block():
    yield layer(Tar().file("e", "e").raw(header("f", size=700) + b"x" * 690).bytes(False)),


@case()
def one_end_block():
    t = yield layer(Tar().file("f", "f").bytes(False) + b"\0" * 512),
    t.file("f", "f")


@case()
def data_after_the_end_blocks():
    t = yield layer(Tar().file("f", "f").bytes() + Tar().file("hidden", "h").bytes() + b"junk" * 1000),
    t.names("", "f")


@case()
def much_padding_after_the_end():
    t = yield layer(Tar().file("f", "f").bytes() + b"\0" * 3000000),
    t.names("", "f")


@case()
def layer_of_0_bytes():
    t = yield layer(Tar().file("f", "f")), Layer(b"", b"", "application/vnd.oci.image.layer.v1.tar")
    t.names("", "f")


@case()
def layer_of_0_bytes_gzip():
    t = yield layer(Tar().file("f", "f")), layer(b"")
    t.names("", "f")


@case()
def layer_of_end_blocks_alone():
    t = yield layer(Tar().file("f", "f")), layer(Tar())
    t.names("", "f")


@case(refuse="diff ?ID|DiffID")
def wrong_diff_id():
    plain = Tar().file("f", "f").bytes()
    yield Layer(gz(plain), diff_id="sha256:" + "0" * 64),


@case()
def directory_of_20000_entries():
    tar = Tar().dir("d")
    for i in range(20000):
        tar.file(f"d/{i * 7919 % 20000:05d}", str(i))
    t = yield layer(tar),
    t.want("entries", len(os.listdir(t.path("d"))), 20000)
    t.file("d/00000", "0")
    t.file("d/07919", "1")


@case()
def twenty_layers():
    t = yield tuple(layer(Tar().dir("d").file("same", str(i)).file(f"d/{i}", str(i)))
                    for i in range(20))
    t.file("same", "19")
    t.names("d", *map(str, range(20)))


@case()
def same_layer_twice():
    one = Tar().dir("d").file("d/a", "a")
    t = yield layer(one), layer(Tar().wh("d")), layer(one)
    t.file("d/a", "a")


# --- sparse files ---------------------------------------------------------


def gnu_tar(make, *options):
    """What GNU tar itself writes for a directory that make fills."""
    with tempfile.TemporaryDirectory() as tmp:
        make(tmp)
        return subprocess.run(["tar", "-C", tmp, "--sort=name", "--owner=0", "--group=0", "--numeric-owner",
                               *options, "-c", "."], check=True, stdout=subprocess.PIPE).stdout


SPARSE_PARTS = [(0, b"start"), (1 << 20, b"one megabyte" * 500), ((3 << 20) + 123, b"x")]
SPARSE_SIZE = 5 << 20


def sparse_data(parts=SPARSE_PARTS, size=SPARSE_SIZE):
    data = bytearray(size)
    for offset, part in parts:
        data[offset:offset + len(part)] = part
    return bytes(data)


def make_sparse(tmp):
    with open(os.path.join(tmp, "sparse"), "wb") as f:
        for offset, part in SPARSE_PARTS:
            f.seek(offset)
            f.write(part)
        f.truncate(SPARSE_SIZE)
    with open(os.path.join(tmp, "many"), "wb") as f:
        for i in range(60):
            f.seek(i * 65536)
            f.write(b"%d" % i)
        f.truncate(60 * 65536)
    with open(os.path.join(tmp, "hole"), "wb") as f:
        f.truncate(1 << 20)
    with open(os.path.join(tmp, "zz"), "wb") as f:
        f.write(b"after")


def check_sparse(t):
    t.file("sparse", sparse_data())
    t.file("many", sparse_data([(i * 65536, b"%d" % i) for i in range(60)], 60 * 65536))
    t.file("hole", b"\0" * (1 << 20))
    t.file("zz", "after")
    with open(t.path("sparse"), "rb") as f:
        hole = os.lseek(f.fileno(), 8192, os.SEEK_HOLE)
        if hole > 1 << 20:
            raise AssertionError(f"no hole is known in the sparse file: {hole}")


@case()
def sparse_gnu():
    check_sparse((yield layer(gnu_tar(make_sparse, "-S", "--format=gnu")),))


@case()
def sparse_pax_0_0():
    check_sparse((yield layer(gnu_tar(make_sparse, "-S", "--format=pax", "--sparse-version=0.0")),))


@case()
def sparse_pax_0_1():
    check_sparse((yield layer(gnu_tar(make_sparse, "-S", "--format=pax", "--sparse-version=0.1")),))


@case()
def sparse_pax_1_0():
    check_sparse((yield layer(gnu_tar(make_sparse, "-S", "--format=pax", "--sparse-version=1.0")),))


@case(either=True)
def sparse_of_1_pib():
    t = yield layer(Tar().file("s", "x", pax={"GNU.sparse.size": str(1 << 50), "GNU.sparse.numblocks": "1",
                                              "GNU.sparse.map": "0,1", "GNU.sparse.name": "s"})),
    t.file("s", size=1 << 50)


@case(refuse=".")
def sparse_that_overlaps():
    yield layer(Tar().file("s", "x" * 20, pax={"GNU.sparse.size": "100", "GNU.sparse.numblocks": "2",
                                               "GNU.sparse.map": "0,10,5,10", "GNU.sparse.name": "s"})),


# --- compression ------------------------------------------------------------


def large():
    """Content that needs several checkpoints, and small files between."""
    rng = random.Random(1)
    tar = Tar().file("first", "first")
    tar.file("random", rng.randbytes(3000000))
    tar.file("text", "".join(f"line {i} {i * i}\n" for i in range(200000)))
    tar.file("zeros", b"\0" * 4000000)
    return tar.file("last", "last")


def check_large(t):
    rng = random.Random(1)
    t.file("last", "last")
    t.file("random", rng.randbytes(3000000))
    t.file("text", "".join(f"line {i} {i * i}\n" for i in range(200000)))
    t.file("zeros", b"\0" * 4000000)
    t.file("first", "first")
    rng = random.Random(1)
    data = rng.randbytes(3000000)
    with open(t.path("random"), "rb") as f:
        for i in range(50):
            at = rng.randrange(len(data))
            t.want(f"random read at {at}", os.pread(f.fileno(), 5000, at), data[at:at + 5000])


@case()
def codec_none():
    check_large((yield layer(large(), "none"),))


@case()
def codec_gzip():
    check_large((yield layer(large()),))


@case()
def codec_gzip_stored():
    plain = large().bytes()
    check_large((yield Layer(gz(plain, 0), plain),))


@case()
def codec_gzip_best():
    plain = large().bytes()
    check_large((yield Layer(gz(plain, 9), plain),))


@case()
def codec_gzip_fixed_huffman():
    plain = large().bytes()
    out = zlib.compressobj(6, zlib.DEFLATED, 31, 8, zlib.Z_FIXED)
    check_large((yield Layer(out.compress(plain) + out.flush(), plain),))


@case()
def codec_bzip2():
    check_large((yield layer(large(), "bzip2"),))


@case()
def codec_xz():
    check_large((yield layer(large(), "xz"),))


def pieces(plain, size=1500001):
    return [plain[i:i + size] for i in range(0, len(plain), size)]


@case()
def gzip_members():
    plain = large().bytes()
    check_large((yield Layer(b"".join(gz(p) for p in pieces(plain)), plain),))


@case()
def gzip_many_small_members():
    plain = large().bytes()
    check_large((yield Layer(b"".join(gz(p, 1) for p in pieces(plain, 20011)), plain),))


@case()
def gzip_empty_members():
    plain = Tar().file("f", "f").bytes()
    t = yield Layer(gz(b"") + gz(plain[:700]) + gz(b"") + gz(plain[700:]) + gz(b""), plain),
    t.file("f", "f")


@case()
def gzip_header_fields():
    plain = Tar().file("f", "f").bytes()
    raw = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = raw.compress(plain) + raw.flush()
    head = b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03" + struct.pack("<H", 6) + b"AB\x02\0zz" + b"name\0" + b"comment\0"
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    t = yield Layer(head + body + struct.pack("<II", zlib.crc32(plain), len(plain)), plain),
    t.file("f", "f")


@case()
def gzip_nuls_after_the_last_member():
    plain = Tar().file("f", "f").bytes()
    t = yield Layer(gz(plain) + b"\0" * 5000, plain),
    t.file("f", "f")


@case(refuse=".")
def gzip_garbage_after_the_last_member():
    plain = Tar().file("f", "f").bytes()
    yield Layer(gz(plain) + b"garbage", plain),


@case(refuse=".")
def gzip_garbage_after_nuls():
    plain = Tar().file("f", "f").bytes()
    yield Layer(gz(plain) + b"\0" * 700 + b"garbage", plain),


@case(refuse=".")
def gzip_truncated():
    plain = large().bytes()
    blob = gz(plain)
    yield Layer(blob[:len(blob) // 2], plain),


@case(refuse=".")
def gzip_truncated_trailer():
    plain = Tar().file("f", "f").bytes()
    yield Layer(gz(plain)[:-4], plain),


@case(refuse=".")
def gzip_truncated_header():
    plain = Tar().file("f", "f").bytes()
    yield Layer(gz(plain)[:5], plain),


@case(refuse=".")
def gzip_wrong_crc():
    plain = Tar().file("f", "f").bytes()
    blob = bytearray(gz(plain))
    blob[-6] ^= 1
    yield Layer(bytes(blob), plain),


@case(refuse=".")
def gzip_wrong_length():
    plain = Tar().file("f", "f").bytes()
    blob = bytearray(gz(plain))
    blob[-2] ^= 1
    yield Layer(bytes(blob), plain),


@case(refuse=".")
def gzip_flipped_bit():
    plain = large().bytes()
    blob = bytearray(gz(plain))
    blob[len(blob) // 2] ^= 0x10
    yield Layer(bytes(blob), plain),


@case(refuse=".")
def gzip_in_gzip():
    plain = Tar().file("f", "f").bytes()
    yield Layer(gz(gz(plain)), gz(plain)),


def zstd(plain, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=plain, check=True,
                          stdout=subprocess.PIPE).stdout


ZSTD_MEDIA = "application/vnd.oci.image.layer.v1.tar+zstd"


@case()
def zstd_one_frame():
    plain = large().bytes()
    check_large((yield Layer(zstd(plain), plain, ZSTD_MEDIA),))


@case()
def zstd_many_frames():
    plain = large().bytes()
    check_large((yield Layer(b"".join(zstd(p) for p in pieces(plain)), plain, ZSTD_MEDIA),))


@case()
def zstd_skippable_frames():
    plain = large().bytes()
    blob = zstd_skippable(b"table") + b"".join(zstd(p) + zstd_skippable(b"x" * 99) for p in pieces(plain))
    check_large((yield Layer(blob, plain, ZSTD_MEDIA),))


@case()
def zstd_raw_blocks():
    plain = large().bytes()
    check_large((yield Layer(zstd_raw_frame(plain), plain, ZSTD_MEDIA),))


@case()
def zstd_window_of_128_mib():
    plain = Tar().file("f", "f").bytes()
    t = yield Layer(zstd_raw_frame(plain, 27), plain, ZSTD_MEDIA),
    t.file("f", "f")


@case(refuse=".")
def zstd_window_of_2_gib():
    plain = Tar().file("f", "f").bytes()
    yield Layer(zstd_raw_frame(plain, 31), plain, ZSTD_MEDIA),


@case(refuse=".")
def zstd_truncated():
    plain = large().bytes()
    blob = zstd(plain)
    yield Layer(blob[:len(blob) // 2], plain, ZSTD_MEDIA),


@case(refuse=".")
def zstd_flipped_bit():
    plain = large().bytes()
    blob = bytearray(zstd(plain, "--check"))
    blob[len(blob) // 2] ^= 0x10
    yield Layer(bytes(blob), plain, ZSTD_MEDIA),


@case(refuse=".")
def zstd_garbage_after_the_last_frame():
    plain = Tar().file("f", "f").bytes()
    yield Layer(zstd(plain) + b"garbage", plain, ZSTD_MEDIA),


@case()
def bzip2_streams():
    plain = large().bytes()
    check_large((yield Layer(b"".join(bz2.compress(p) for p in pieces(plain)), plain),))


@case()
def xz_streams():
    plain = large().bytes()
    check_large((yield Layer(b"".join(lzma.compress(p, preset=1) for p in pieces(plain)), plain),))


@case(refuse=".")
def bzip2_truncated():
    plain = large().bytes()
    blob = bz2.compress(plain)
    yield Layer(blob[:len(blob) // 2], plain),


@case(refuse=".")
def xz_flipped_bit():
    plain = large().bytes()
    blob = bytearray(lzma.compress(plain, preset=1))
    blob[len(blob) // 2] ^= 0x10
    yield Layer(bytes(blob), plain),


@case()
def media_type_lies():
    plain = Tar().file("f", "f").bytes()
    t = yield (Layer(gz(plain), plain, "application/vnd.oci.image.layer.v1.tar"),
               Layer(zstd(plain), plain, "application/vnd.oci.image.layer.v1.tar+gzip"))
    t.file("f", "f")


# --- the view of single layers ----------------------------------------------


def layer_view_whiteouts(root):
    t = Tree(os.path.join(root, "01"))
    t.names("", "d", ".wh.keep", ".wh.lib")
    t.names("d", ".wh..wh..opq", "new")
    t.file(".wh.keep", "")
    Tree(os.path.join(root, "00")).names("", *LOWER_ROOT)


@case()
def layers_one_by_one():
    t = yield layer(lower()), layer(Tar().wh("keep").wh("lib").dir("d").opaque("d").file("d/new", "new"))
    t.names("", "d", "usr", "dead")
    t.names("d", "new")


def layer_view_symlinks(root):
    t = Tree(root)
    for name in "00/a", "00/none", "00/hard", "01/b":
        t.symlink(name, "x", mode=0o777)


LAYER_VIEWS = {"layers_one_by_one": layer_view_whiteouts, "symlink_of_any_mode": layer_view_symlinks}


# --- the program ------------------------------------------------------------


def run_make(out, names):
    for name in names or CASES:
        layers = next(CASES[name].make())
        write_layout(os.path.join(out, name), layers, f"docker.io/odd/{name}:1")


def run_check(name, root):
    gen = CASES[name].make()
    next(gen)
    try:
        gen.send(Tree(root))
    except StopIteration:
        return


def main(argv):
    verb, args = argv[1], argv[2:]
    if verb == "list":
        print("\n".join(CASES))
    elif verb == "make":
        run_make(args[0], args[1:])
    elif verb == "expect":
        for c in CASES.values():
            print(c.name, "either" if c.either else f"refuse {c.refuse}" if c.refuse else "accept")
    elif verb in ("check", "check-layers"):
        try:
            if verb == "check":
                run_check(*args)
            elif args[0] in LAYER_VIEWS:
                LAYER_VIEWS[args[0]](args[1])
        except (AssertionError, OSError) as e:
            sys.exit(f"{args[0]}: {e}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
