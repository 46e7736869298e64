#!/usr/bin/python3
"""Small images for the tests of the mount.

    mountimages.py DIR    DIR/NAME: an OCI layout for each of
        one      docker.io/library/one:1         a few files; HELLO says "one"
        other    docker.io/library/one:1         the same name, another image; HELLO says "other"
        two      docker.io/library/one:2         the layer of one, and a second link to its file on top
        clash    docker.io/a/b:latest            below the place of
        clash2   docker.io/library/a:b           this one
        clash3   docker.io/a/b:rootfs            a tag that the image a:b hides
        host     localhost:5000/team/app:v1.0
        layers   docker.io/library/layers:1      102 layers
        wide     docker.io/library/wide:1        a directory of 20,000 files
        big      docker.io/library/big:1         8 MiB that do not compress
"""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tarlayer import *  # noqa: E402,F403


def hello(text):
    return (
        Tar()
        .dir("etc")
        .file("etc/HELLO", text + "\n")
        .file("etc/secret", "for root\n", mode=0o600)
        .file("etc/owned", "x", uid=1234, gid=5678, mode=0o4755)
        .symlink("etc/link", "HELLO")
        .file("etc/linked", "linked\n")
        .link("etc/linked2", "etc/linked")
        .char("null", 1, 3, mode=0o666)
        .fifo("pipe")
        .file("caps", "", pax={"SCHILY.xattr.user.colour": "blue"})
        .file(b"bad\xff\x01name", "bytes\n")
        .file("long-" + "n" * 250, "long\n")
    )


def main(top):
    one = layer(hello("one"))
    generator = random.Random(1)
    images = {
        "one": ("docker.io/library/one:1", [one]),
        "other": ("docker.io/library/one:1", [layer(hello("other"))]),
        "two": ("docker.io/library/one:2", [one, layer(Tar().link("etc/third", "etc/linked"))]),
        "clash": ("docker.io/a/b:latest", [one]),
        "clash2": ("docker.io/library/a:b", [one]),
        "clash3": ("docker.io/a/b:rootfs", [one]),
        "host": ("localhost:5000/team/app:v1.0", [one]),
        "layers": (
            "docker.io/library/layers:1",
            [layer(Tar().file("f%d" % i, str(i))) for i in range(102)],
        ),
        "wide": (
            "docker.io/library/wide:1",
            [layer(tar_of("d/%05d" % i for i in range(20000)))],
        ),
        "big": (
            "docker.io/library/big:1",
            [layer(Tar().file("random", generator.randbytes(8 << 20)))],
        ),
    }
    for name, (reference, layers) in images.items():
        write_layout(os.path.join(top, name), layers, reference)


def tar_of(names):
    tar = Tar()
    for name in names:
        tar.file(name, name)
    return tar


main(sys.argv[1])
