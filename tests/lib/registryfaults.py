"""Pulls and pushes through the fault proxy: each run ends in the right image or in a clear error.

registryfaults.py WORK REGISTRY-PORT LAYOUT STORE FIRST LAST [JOBS] [KIND]

REGISTRY-PORT has LAYOUT's image 1 as faults/app:1, STORE as the one image it holds. Runs with the seeds FIRST to
LAST, JOBS (8) at a time; KIND names the only fault. Prints what went wrong, each with its seed, and a total at the end.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faultproxy

# A hang is a fault too; all that a run may wait for ends long before.
BOUND = 240
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Wrong(Exception):
    pass


class Image:
    def __init__(self, layout):
        read = lambda d: open(os.path.join(layout, "blobs", d.replace(":", "/")), "rb").read()
        with open(os.path.join(layout, "index.json")) as f:
            self.digest = json.load(f)["manifests"][0]["digest"]
        self.manifest = json.loads(read(self.digest))
        self.id = self.manifest["config"]["digest"]
        self.blobs = [self.manifest["config"]] + self.manifest["layers"]


def imagefs(store, *args):
    """Exit status, output, error; its own process group, ended when it hangs."""
    p = subprocess.Popen(("imagefs", "--store", store) + args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = p.communicate(timeout=BOUND)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.communicate()
        raise Wrong("%s hangs" % " ".join(args))
    return p.returncode, out.decode(), err.decode()


def must(store, *args):
    rc, out, err = imagefs(store, *args)
    if rc != 0:
        raise Wrong("%s: exit status %d: %s%s" % (" ".join(args), rc, out, err))
    return out


def clear(verb, rc, err):
    """What a failure has to look like."""
    if rc != 1:
        raise Wrong("exit status %d: %s" % (rc, err))
    if not re.fullmatch(r"imagefs %s: [^\x00-\x1f\x7f]{10,600}\n" % verb, err):
        raise Wrong("not one clear line: %r" % err)


def whole(store, image, name):
    must(store, "verify")
    got = must(store, "images", "-q", "--no-trunc", name).split()
    if got != [image.id]:
        raise Wrong("the image is %r, not %s" % (got, image.id))
    with open(os.path.join(store, "index.json")) as f:
        if [m["digest"] for m in json.load(f)["manifests"]] != [image.digest]:
            raise Wrong("the manifest is another one")
    for blob in image.blobs:
        with open(os.path.join(store, "blobs", blob["digest"].replace(":", "/")), "rb") as f:
            if "sha256:" + hashlib.sha256(f.read()).hexdigest() != blob["digest"]:
                raise Wrong("a blob is another one")


def absent(store):
    must(store, "verify")
    got = must(store, "images", "-a", "-q")
    if got:
        raise Wrong("a failed pull left an image: " + got)
    if os.path.isdir(os.path.join(store, "imagefs/tmp")) and os.listdir(os.path.join(store, "imagefs/tmp")):
        raise Wrong("left in imagefs/tmp: %s" % os.listdir(os.path.join(store, "imagefs/tmp")))


def pull(run, proxy, port, image, store, seen):
    name = "127.0.0.1:%d/faults/app:1" % port
    rc, out, err = imagefs(store, "pull", name)
    if rc == 0:
        whole(store, image, name)
        return "whole"
    clear("pull", rc, err)
    seen.append(err)
    absent(store)
    with proxy.lock:
        proxy.faults = []
    must(store, "pull", name)
    whole(store, image, name)
    return "error"


def remote(port, path, digest=None):
    q = urllib.request.Request("http://127.0.0.1:%d/v2/%s" % (port, path), headers={
        "Accept": "application/vnd.oci.image.manifest.v1+json"})
    try:
        with OPENER.open(q) as r:
            data = r.read()
    except urllib.error.HTTPError as e:
        if e.code == 404:
            return None
        raise
    return "sha256:" + hashlib.sha256(data).hexdigest()


def arrived(upstream, repo, image, must_be):
    got = remote(upstream, repo + "/manifests/1")
    if got is None and not must_be:
        return
    if got != image.digest:
        raise Wrong("the registry has the manifest %s, not %s" % (got, image.digest))
    for blob in image.blobs:
        if remote(upstream, "%s/blobs/%s" % (repo, blob["digest"])) != blob["digest"]:
            raise Wrong("the registry has not got the blob %s" % blob["digest"])


def push(run, proxy, port, image, store, seen, upstream):
    repo = "run%d/app" % run
    name = "127.0.0.1:%d/%s:1" % (port, repo)
    must(store, "tag", image.id[7:], name)
    rc, out, err = imagefs(store, "push", name)
    if rc == 0:
        arrived(upstream, repo, image, True)
        must(store, "verify")
        return "whole"
    clear("push", rc, err)
    seen.append(err)
    arrived(upstream, repo, image, False)
    with proxy.lock:
        proxy.faults = []
    must(store, "push", name)
    arrived(upstream, repo, image, True)
    must(store, "verify")
    return "error"


def one(run, upstream, image, work, source, kind):
    r = random.Random(run)
    verb = r.choice(("pull", "push"))
    kinds = [kind] if kind else r.sample(faultproxy.TRANSIENT, r.choice((1, 1, 1, 2, 4)))
    times = 1 if kind == "stall" else r.choice((1, 1, 1, 1, 2, 2, 3, 5, 8, 0))
    match = r.choice(("", "", "", "blobs", "blobs", "manifests", "PUT" if verb == "push" else "GET .*blobs"))
    proxy = faultproxy.Proxy(upstream, kinds, match, times, r.choice((0, 0, 0, 0, 1, 1, 2, 4)), run)
    port = proxy.run()
    store = os.path.join(work, "store.%d" % run)
    what, seen = "%s, %s x %d at '%s'" % (verb, "+".join(kinds), times, match), []
    try:
        if verb == "pull":
            end = pull(run, proxy, port, image, store, seen)
        else:
            shutil.copytree(source, store, symlinks=True)
            end = push(run, proxy, port, image, store, seen, upstream)
        return run, verb, end, what, "".join(seen), proxy.met
    except Wrong as e:
        return run, verb, "WRONG", what, "%s%s" % ("".join(seen), e), proxy.met
    finally:
        proxy.end()
        shutil.rmtree(store, ignore_errors=True)


def main():
    work, upstream, layout, source, first, last, *more = sys.argv[1:]
    jobs = int(more[0]) if more else 8
    kind = more[1] if len(more) > 1 else None
    image, total, bad = Image(layout), collections.Counter(), 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for run, verb, end, what, said, met in pool.map(
                lambda n: one(n, int(upstream), image, work, source, kind), range(int(first), int(last) + 1)):
            total[verb + " " + end] += 1
            if end == "WRONG" or os.environ.get("FAULTS_SHOW"):
                print("seed %d: %s: %s: %s" % (run, what, end, said.strip()))
                print("    met: %s" % ", ".join(met))
            bad += end == "WRONG"
    print(", ".join("%s %d" % t for t in sorted(total.items())))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
