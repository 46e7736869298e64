#!/usr/bin/python3
"""One script through docker and through imagefs, and what both say compared, step by step.

    dockersteps.py DOCKER SOCKET MOUNT WORK TOOL [--show]

DOCKER is the program and SOCKET its dockerd's, MOUNT where the store ($IMAGEFS_STORE) is mounted, WORK a scratch directory,
TOOL a static program (tests/lib/dockerwords.c) that changes files, inside a container of docker's and
below MOUNT/containers. Prints TAP: a step is a case. --show prints what both said as well.

What is compared: standard output, the words on standard error, the exit status. Neutral on both sides:

  * the ID of a thing that one side made itself stands as <12.1>: the first new one in the output of
    step 12; cut to twelve digits as <12.1..>. IDs of what was loaded are the same on both sides and stand as they are
  * a docker container's ID stands as its name: here the name is the ID
  * times of today are <now>; of what was loaded, made in 2020, they stand
  * runs of blanks are one: columns are as wide as their widest cell, and "ago" is not of one width
  * "Error response from daemon: " and "Error: " before docker's words, "imagefs VERB: " before ours;
    docker's words must stand in our line, which names the thing as well
  * wrong usage is 2 here and 1 or 125 with docker, in other words (usage=True)

Every other difference is named at its step, with the reason (why=).
"""

import difflib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time

SHOW = "--show" in sys.argv
if SHOW:
    sys.argv.remove("--show")
PROGRAM, SOCKET, MOUNT, WORK, TOOL = sys.argv[1:6]
TODAY = time.strftime("%Y-%m-%d", time.gmtime()), time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))


# --- the two sides ------------------------------------------------------------


class Side:
    def __init__(self, name, command):
        self.name, self.command = name, command
        self.ids, self.containers = {}, {}

    def run(self, argv, stdin=None):
        p = subprocess.run(self.command + argv, stdin=stdin or subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        return p.returncode, p.stdout.decode(), p.stderr.decode()

    def symbol(self, m):
        """The name of an image's or a layer's ID, whole or cut."""
        hex = m.group(0)
        if len(hex) not in (12, 64):
            return hex
        for id, name in self.containers.items():
            if id.startswith(hex):
                return name
        if any(k.startswith(hex) for k in LOADED):
            return hex
        for id, n in self.ids.items():
            if id.startswith(hex) or hex.startswith(id):
                break
        else:
            n = "%d.%d" % (count + 1, 1 + sum(n.startswith("%d." % (count + 1)) for n in self.ids.values()))
        if not any(id.startswith(hex) for id in self.ids):
            self.ids[hex] = n
        return "<%s>" % n if len(hex) == 64 else "<%s..>" % n

    def neutral(self, text):
        text = re.sub(r"(?<![0-9a-zA-Z])[0-9a-f]{12,64}(?![0-9a-zA-Z])", self.symbol, text)
        text = re.sub(r"(%s)[T ][0-9:.]+( ?[+-]\d\d:?\d\d)?Z?( UTC)?" % "|".join(TODAY), "<now>", text)
        text = re.sub(r"(Less than a second|About a minute|\d+ (second|minute)s?) ago", "<now>", text)
        text = re.sub(r"  +", " ", text)
        return re.sub(r" +$", "", text, flags=re.M)


DOCKER = Side("docker", [PROGRAM, "-H", "unix://" + SOCKET])
IMAGEFS = Side("imagefs", ["imagefs"])
SIDES = DOCKER, IMAGEFS


def words(err):
    """What a program says on stderr, without who says it."""
    lines = []
    for line in err.splitlines():
        line = re.sub(r"^(Error response from daemon: |Error: |Error parsing \S+: |imagefs \S+: )", "", line)
        if line and not line.startswith(("See '", "Usage:")):
            lines.append(line)
    return lines


class Each:
    """An argument that is another on each side: of(side) tells it."""

    def __init__(self, of):
        self.of = of


# --- a step ---------------------------------------------------------------------

count, failed = 0, 0
# A verb that this build lacks, and on which what follows stands.
lacking = ""


def report(ok, name, why="", detail=""):
    global count, failed
    count += 1
    if not ok and lacking:
        ok, name = True, name + " # SKIP stands on %s, which this build lacks" % lacking
    if not ok:
        failed += 1
    print("%sok %d - %s" % ("" if ok else "not ", count, name))
    if why and (SHOW or not ok):
        print("# listed difference: %s" % why)
    if detail and (SHOW or not ok):
        print("\n".join("#     " + line for line in detail.splitlines()))
    sys.stdout.flush()


def apply(rules, text):
    for pattern, replacement in rules:
        text = re.sub(pattern, replacement, text, flags=re.M)
    return text


def step(name, *argv, docker=None, imagefs=None, stdin=None, usage=False, why="", rules=(), ours=(), sort=False,
         rc=None, view=None, err=True):
    """
    docker, imagefs  that side's arguments where they differ (a reason is needed)
    stdin            a file for both
    rules, ours      (pattern, replacement)s that make of docker's output ours, or of ours docker's: why
                     says the reason
    sort             the order of lines has no meaning in docker (images made in one second)
    rc               what the exit status is here where docker's is another
    view             function(text) that makes comparable text of stdout
    err=False        stderr is not compared
    """
    global lacking
    said = []
    for side, args in (DOCKER, docker), (IMAGEFS, imagefs):
        handle = open(stdin, "rb") if stdin else None
        args = [a.of(side) if isinstance(a, Each) else a for a in (args if args is not None else argv)]
        said.append(side.run(args, handle))
    texts, errs = [], []
    for side, (status, out, e) in zip(SIDES, said):
        text = view(out) if view and status == 0 else out
        text = side.neutral(apply(rules if side is DOCKER else ours, text))
        e = side.neutral(apply(rules if side is DOCKER else ours, "\n".join(words(e))))
        lines = text.splitlines()
        texts.append(sorted(lines) if sort else lines)
        errs.append(e.splitlines())
    if said[1][0] == 1 and "not in this version" in said[1][2]:
        if said[1][2].split()[1].rstrip(":") in ("rmi", "prune"):
            lacking = lacking or "rmi"
        report(True, name + " # SKIP not in this build")
        return said
    problems = []
    expected = 2 if usage else rc if rc is not None else said[0][0]
    if said[1][0] != expected:
        problems.append("exit status %d, docker's is %d" % (said[1][0], said[0][0]))
    if usage and said[0][0] == 0:
        problems.append("docker takes it")
    if texts[0] != texts[1]:
        problems.append("stdout:")
        problems += difflib.unified_diff(texts[0], texts[1], "docker", "imagefs", lineterm="", n=9)
    if not usage and err:
        if len(errs[0]) != len(errs[1]) or any(a.lower() not in b.lower() for a, b in zip(*errs)):
            problems.append("stderr:")
            problems += ["docker:  " + l for l in errs[0]] + ["imagefs: " + l for l in errs[1]]
    detail = "\n".join(problems)
    if SHOW:
        detail = "docker %d:\n%s%s\nimagefs %d:\n%s%s\n" % (said[0] + said[1]) + detail
    report(not problems, name, why, detail)
    return said


def container(name, image, docker=()):
    """A container that runs in docker, and one here, which counts as running."""
    status, out, e = DOCKER.run(["run", "-d", "--network", "none", "--name", name, *docker, image])
    DOCKER.containers[out.strip()] = name
    ours = IMAGEFS.run(["create", "--name", name, image])
    report(status == 0 and ours[:2] == (0, name + "\n"), "container %s on %s" % (name, image), "",
           "%s %s\n%s %s" % (status, e, ours, ""))


def change(ctr, *argv):
    """The same change of files in both containers."""
    a = DOCKER.run(["exec", ctr, "/bin/tool", "/", *argv])
    b = subprocess.run([TOOL, os.path.join(MOUNT, "containers", ctr), *argv], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    report(a[0] == 0 and b.returncode == 0, "in %s: %s" % (ctr, " ".join(argv)), "", "%r %r" % (a, b))


def group(title):
    print("# " + title)


# --- what goes in -----------------------------------------------------------------

LOADED = set()


def tar_of(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data in entries:
            i = tarfile.TarInfo(name.rstrip("/"))
            i.mtime = 1577836800
            if name.endswith("/"):
                i.type, i.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(data, str):
                i.type, i.linkname, i.mode = tarfile.SYMTYPE, data, 0o777
            else:
                i.size, i.mode = len(data), 0o755 if name.startswith("bin/") else 0o644
            t.addfile(i, io.BytesIO(data) if isinstance(data, bytes) else None)
    return out.getvalue()


def sha(data):
    return hashlib.sha256(data).hexdigest()


def archive(path, images):
    """A docker-archive of [(names, layers, config, history)]."""
    members, manifest = {}, []
    for names, layers, config, history in images:
        c = {"architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z", "config": config,
             "author": "The Maker", "history": history,
             "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(l) for l in layers]}}
        c = json.dumps(c).encode()
        chain = ""
        for l in layers:
            chain = sha(("sha256:%s sha256:%s" % (chain, sha(l))).encode()) if chain else sha(l)
            members[sha(l) + "/layer.tar"] = l
            LOADED.update((sha(l), chain))
        LOADED.add(sha(c))
        members[sha(c) + ".json"] = c
        manifest.append({"Config": sha(c) + ".json", "RepoTags": names,
                         "Layers": [sha(l) + "/layer.tar" for l in layers]})
    members["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, "w") as t:
        for name, data in members.items():
            i = tarfile.TarInfo(name)
            i.size = len(data)
            t.addfile(i, io.BytesIO(data))
    return [sha(members[m["Config"]]) for m in manifest]


def inputs():
    global BASE, SIDE, PLAIN
    tool = open(TOOL, "rb").read()
    lower = tar_of([("bin/", None), ("bin/tool", tool), ("etc/", None), ("etc/motd", b"hello\n"),
                    ("etc/passwd", b"root:x:0:0::/:/bin/tool\n"), ("dir/", None), ("dir/a", b"a\n"),
                    ("dir/b", b"b\n"), ("dir/sub/", None), ("dir/sub/deep", b"deep\n"), ("gone", b"gone\n"),
                    ("link", "etc/motd"), ("tmp/", None)])
    upper = tar_of([("etc/", None), ("etc/motd", b"hello again\n"), ("srv/", None), ("srv/x", b"x" * 100000),
                    (".wh.gone", b"")])
    other = tar_of([("opt/", None), ("opt/other", b"other\n" * 1000)])
    when = "2020-01-0%dT00:00:00Z"
    history = [{"created": when % 1, "created_by": "/bin/sh -c #(nop) ADD file:0123 in / "},
               {"created": when % 1, "created_by": '/bin/sh -c #(nop)  CMD ["/bin/tool" "/" "pause"]',
                "empty_layer": True},
               {"created": when % 1, "created_by": "/bin/sh -c make a very long line of what was done, longer "
                "than forty-five characters", "comment": "a comment", "author": "Somebody"}]
    config = {"Env": ["PATH=/bin", "LANG=C"], "Cmd": ["/bin/tool", "/", "pause"], "WorkingDir": "/srv",
              "Labels": {"origin": "test", "kind": "base"}, "ExposedPorts": {"80/tcp": {}}}
    BASE, SIDE = archive(WORK + "/base.tar", [
        (["base:1"], [lower, upper], config, history),
        (["team/side:1"], [lower, other], {"Cmd": ["/bin/tool", "/", "pause"], "Labels": {"kind": "side"}},
         history[:1] + [{"created": when % 2, "created_by": "side"}])])
    # base:1 is another image in this one, and an image has two names.
    archive(WORK + "/again.tar", [(["base:1", "again:1"], [lower], {"Cmd": ["/bin/tool", "/", "pause"]}, history[:1])])
    PLAIN = tar_of([("bin/", None), ("bin/tool", tool), ("plain", b"plain\n")])
    with open(WORK + "/plain.tar", "wb") as f:
        f.write(PLAIN)
    subprocess.run(["gzip", "-nk", WORK + "/plain.tar"], check=True)
    with open(WORK + "/noise", "wb") as f:
        f.write(b"this is no archive\n" * 100)
