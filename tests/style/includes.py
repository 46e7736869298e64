#!/usr/bin/python3
"""Check the #include lines of all sources: rooms, libraries, cycles, private headers, sizes of folders.

The argument is one of these checks. Prints what breaks it, one line each; no output means that all is well.
"""
import os
import re
import sys
from collections import defaultdict

TOPS = ("base", "store", "registry", "fs", "tools")

# A room is a folder. Each may include headers of its own and of these.
STORE = ("store/oci", "store/disk", "store/layer", "store/image", "store/container")
REGISTRY = ("registry/config", "registry/http", "registry/auth", "registry")
FS = ("fs/core", "fs/images", "fs/live", "fs/containers", "fs")
RUN = ("tools/cli", "tools/run", "tools/print")
ABOVE = ("store/transfer", "store/upkeep", "store/show")
MAY_INCLUDE = {
    "base": (),
    "store/oci": ("base",),
    "store/disk": ("base", *STORE[:1]),
    "store/layer": ("base", *STORE[:2]),
    "store/image": ("base", *STORE[:3]),
    "store/container": ("base", *STORE[:4]),
    "store/transfer": ("base", *STORE),
    "store/upkeep": ("base", *STORE),
    "store/show": ("base", *STORE),
    "registry/config": ("base", *STORE[:4]),
    "registry/http": ("base", *STORE[:4], *REGISTRY[:1]),
    "registry/auth": ("base", *STORE[:4], *REGISTRY[:2]),
    "registry": ("base", *STORE[:4], *REGISTRY[:3]),
    "fs/core": ("base", *STORE),
    "fs/images": ("base", *STORE, "fs/core"),
    "fs/live": ("base", *STORE, "fs/core"),
    "fs/containers": ("base", *STORE, "fs/core", "fs/live"),
    "fs": ("base", *STORE, *FS),
    "tools/cli": ("base", *STORE),
    "tools/run": ("base", *STORE, "tools/cli"),
    "tools/print": ("base", *STORE, *ABOVE, *REGISTRY, *FS, *RUN[:2]),
    "tools": ("base", *STORE, *ABOVE, *REGISTRY, *FS, *RUN),
}

# Where a library's own headers may be included: rooms and files. The rest of the tree reaches the library
# through the functions of these; of jansson and libarchive it uses the types and functions, too, which come
# with base/json.h and store/layer/tarlib.h.
LIBRARIES = {
    r"jansson\.h": ("base/json.h",),
    r"archive(_entry)?\.h": ("store/layer/tarlib.h",),
    r"(zlib|zstd|zstd_errors|zdict)\.h": ("store/layer",),
    r"(lzma|bzlib)\.h": (),
    r"openssl/.*": ("store/oci/digest.c",),
    r"curl/.*": ("registry/http/http_private.h", "registry/http/http_url.c"),
    r"(linux/)?fuse.*\.h": FS,
}

FILES_MAX = 40


def sources():
    """Paths of all C sources."""
    return sorted(os.path.join(path, name) for top in TOPS for path, _, names in os.walk(top)
                  for name in names if name.endswith((".c", ".h")))


def read_includes():
    """Each file's included headers: those in quotes, and those in angle brackets."""
    own, system = {}, {}
    for path in sources():
        with open(path, encoding="utf-8") as source:
            text = source.read()
        own[path] = re.findall(r'(?m)^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', text)
        system[path] = re.findall(r"(?m)^[ \t]*#[ \t]*include[ \t]*<([^>]+)>", text)
    return own, system


OWN, SYSTEM = read_includes()


def rooms():
    """Each room includes what the table lets it."""
    for path, headers in OWN.items():
        room = os.path.dirname(path)
        if room not in MAY_INCLUDE:
            yield f"{path}: {room}/ is not in the table"
            continue
        for header in headers:
            other = os.path.dirname(header)
            if other and other != room and other not in MAY_INCLUDE[room]:
                yield f"{path}: {room}/ may not include {header}"
            elif other and header not in OWN:
                yield f"{path}: {header} does not exist"


def libraries():
    """Each library is included where the table says only."""
    for path, headers in SYSTEM.items():
        for header in headers:
            for pattern, places in LIBRARIES.items():
                if re.fullmatch(pattern, header) and path not in places and os.path.dirname(path) not in places:
                    yield f"{path}: only {', '.join(places) or 'nothing'} may include <{header}>"


def family(path):
    """The module of a file. Files NAME_*.c that include NAME_private.h belong to NAME."""
    stem = path[:-2]
    if stem.endswith("_private"):
        return stem[:-len("_private")]
    for header in OWN[stem + ".c"] if stem + ".c" in OWN else OWN[path]:
        name = header[:-len("_private.h")]
        if header.endswith("_private.h") and (stem == name or stem.startswith(name + "_")):
            return name
    return stem


def private():
    """A private header is included by its own module only."""
    for path, headers in OWN.items():
        for header in headers:
            if header.endswith("_private.h") and family(path) != family(header):
                yield f"{path}: {header} belongs to another module"
    for path in OWN:
        if re.search(r"_(int|internal|part|priv|impl|p)\.h$", path):
            yield f"{path}: the name of a private header ends in _private.h"


def components(graph):
    """Strongly connected components of more than one node (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            part = stack[stack.index(node):]
            del stack[stack.index(node):]
            if len(part) > 1:
                found.append(sorted(part))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def cycles():
    """No module includes itself by way of others."""
    graph = defaultdict(set)
    for path, headers in OWN.items():
        graph[family(path)] |= {family(h) for h in headers if h in OWN} - {family(path)}
    graph = {node: graph.get(node, set()) for node in set(graph) | {o for v in graph.values() for o in v}}
    for part in components(graph):
        edges = [f"{a} -> {b}" for a in part for b in sorted(graph[a] & set(part))]
        yield "cycle: " + ", ".join(edges)


def folders():
    """No folder has more files than one can survey."""
    count = defaultdict(int)
    for path in OWN:
        count[os.path.dirname(path)] += 1
    for folder, n in sorted(count.items()):
        if n > FILES_MAX:
            yield f"{folder}/ has {n} source files, at most {FILES_MAX}"


def main():
    """The check that the argument names."""
    sys.setrecursionlimit(10000)
    if not OWN:
        sys.exit("no sources here")
    bad = list({f.__name__: f for f in (rooms, libraries, private, cycles, folders)}[sys.argv[1]]())
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
