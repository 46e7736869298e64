#!/usr/bin/python3
"""Compare the picture of the rooms in doc/ARCHITECTURE.md with the folders and their #include lines.

Prints what differs, one line each; no output means that they agree. A room may include rooms whose
boxes lie below its own and overlap it from left to right.
"""
import os
import re
import sys

TOPS = ("base", "store", "registry", "fs", "tools")


def rooms(picture):
    """Each room's line and its left and right border, as drawn."""
    found = {}
    for row, line in enumerate(picture):
        for cell in re.finditer(r"[|+] ([a-z]+(?:/[a-z]+)?) *(?=[|+])", line):
            found[cell.group(1)] = (row, cell.start(), cell.end())
    return found


def folders():
    """Folders with C sources."""
    return {path for top in TOPS for path, _, files in os.walk(top)
            if any(f.endswith((".c", ".h")) for f in files)}


def includes():
    """Pairs (room, included room), with a file that has such a line."""
    pairs = {}
    for room in folders():
        for name in sorted(os.listdir(room)):
            if not name.endswith((".c", ".h")):
                continue
            with open(os.path.join(room, name), encoding="utf-8") as source:
                for header in re.findall(r'(?m)^#include "([^"]+/[^"]+)"', source.read()):
                    pairs.setdefault((room, os.path.dirname(header)), f"{room}/{name}")
    return pairs


def main():
    """The comparison."""
    with open("doc/ARCHITECTURE.md", encoding="utf-8") as text:
        picture = re.search(r"(?s)```\n(\+-.*?)```", text.read()).group(1).splitlines()
    drawn = rooms(picture)
    bad = [f"not drawn: {room}" for room in sorted(folders() - set(drawn))]
    bad += [f"drawn, but no folder: {room}" for room in sorted(set(drawn) - folders())]
    for (room, other), where in sorted(includes().items()):
        if room == other or room not in drawn or other not in drawn:
            continue
        row, left, right = drawn[room]
        other_row, other_left, other_right = drawn[other]
        if other_row <= row or other_right <= left or right <= other_left:
            bad.append(f"{where}: {room} may not include {other}")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad or not drawn else 0


if __name__ == "__main__":
    sys.exit(main())
