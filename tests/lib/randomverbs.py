#!/usr/bin/python3
"""Many processes do what they like with the images and containers of one store, at once.

    randomverbs.py SEED SECONDS PROCESSES MOUNT ARCHIVE...

The store is $IMAGEFS_STORE, mounted at MOUNT. A command may fail, for others are at work, but only in words that a
user would understand from that; no command may crash or hang. Prints what was done how often; exit status 1
where something else happened.
"""

import collections
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

EXPECTED = [
    r"No such (image|object): ", r"No such container: ", r"conflict: unable to (remove|delete) ",
    r"The container name \"/[a-z0-9]+\" is already in use", r"is being committed", r"already in progress",
    r"in use", r"busy", r"being removed",
]


def verbs():
    known = set()
    for line in subprocess.run(["imagefs", "--help"], stdout=subprocess.PIPE, text=True).stdout.splitlines():
        m = re.match(r"  ([a-z]+) +\S", line)
        if m:
            known.add(m.group(1))
    return known


class Worker(threading.Thread):
    def __init__(self, number, seed, end, mount, archives, known):
        super().__init__()
        self.number, self.random, self.end = number, random.Random("%s/%d" % (seed, number)), end
        self.mount, self.archives, self.known = mount, archives, known
        self.done, self.wrong = collections.Counter(), []

    def image(self):
        return self.random.choice(["small:1", "a:1", "a:2", "b:1", "team/c:1", "d:%d" % self.random.randrange(6)])

    def container(self):
        return "ctr%d" % self.random.randrange(8)

    def command(self):
        r = self.random
        choices = {
            "load": lambda: ["-q", "-i", r.choice(self.archives)],
            "tag": lambda: [self.image(), self.image()],
            "commit": lambda: ["-m", "by %d" % self.number, self.container()] + ([self.image()] if r.random() < 0.7 else []),
            "rmi": lambda: (["-f"] if r.random() < 0.3 else []) + [self.image()],
            "prune": lambda: ["-f"] + (["-a"] if r.random() < 0.2 else []),
            "create": lambda: ["--name", self.container(), self.image()],
            "rm": lambda: [self.container()],
            "images": lambda: ["-q"],
            "save": lambda: ["-o", os.path.join(self.scratch, "saved"), self.image()],
            "inspect": lambda: [self.image()],
        }
        weights = {"load": 4, "tag": 4, "commit": 3, "rmi": 5, "prune": 2, "create": 4, "rm": 3, "images": 1, "save": 1,
                   "inspect": 1}
        names = [v for v in choices if v in self.known]
        verb = r.choices(names, [weights[v] for v in names])[0]
        return [verb, *choices[verb]()]

    def touch(self):
        """Work through the mount: a container's file is written, an image's is read."""
        r = self.random
        try:
            if r.random() < 0.5:
                with open("%s/containers/%s/tmp/%d" % (self.mount, self.container(), r.randrange(4)), "w") as f:
                    f.write("%d\n" % r.random().__hash__() * r.randrange(2000))
            else:
                with open("%s/images/%s/rootfs/big" % (self.mount, self.image().replace(":", "/")), "rb") as f:
                    if len(f.read()) != 3072000:
                        self.wrong.append("a short read of big")
        except OSError as e:
            # The image or the container may be gone by now, in the middle of it too, or be on its way out.
            if e.strerror not in ("No such file or directory", "Not a directory", "Stale file handle", "Device or resource busy"):
                self.wrong.append("mount: %s" % e)

    def run(self):
        with tempfile.TemporaryDirectory(dir=os.environ.get("SCRATCH")) as self.scratch:
            while time.monotonic() < self.end and not self.wrong:
                if self.random.random() < 0.2:
                    self.touch()
                    self.done["(mount)"] += 1
                    continue
                self.one(self.command())

    def one(self, argv):
        try:
            p = subprocess.run(["imagefs", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               timeout=60)
        except subprocess.TimeoutExpired:
            self.wrong.append("%s: hangs" % " ".join(argv))
            return
        err = p.stderr.decode(errors="replace").strip()
        self.done[argv[0] + (" (refused)" if p.returncode else "")] += 1
        lines = err.splitlines()
        ok = p.returncode == 0 and not lines
        # With -f, a missing image is told, and is no failure.
        if lines and (p.returncode == 1 or argv[:2] == ["rmi", "-f"]):
            ok = all(any(re.search(e, l) for e in EXPECTED) for l in lines)
        # An image that goes while it is written out: the blob that is not there is named.
        ok = ok or (argv[0] == "save" and p.returncode == 1 and bool(re.search(r"blob sha256:[0-9a-f]{64} is missing$", err)))
        if not ok:
            self.wrong.append("%s: status %d: %s" % (" ".join(argv), p.returncode, err or "no word"))


def main():
    seed, seconds, processes, mount = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    known, end = verbs(), time.monotonic() + seconds
    workers = [Worker(i, seed, end, mount, sys.argv[5:], known) for i in range(processes)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    done = sum((w.done for w in workers), collections.Counter())
    print(", ".join("%s %d" % x for x in sorted(done.items())))
    wrong = [x for w in workers for x in w.wrong]
    for x in wrong:
        print("wrong: " + x)
    return 1 if wrong else 0


raise SystemExit(main())
