"""Image archives and layouts of every kind, and the hostile ones, each a few kilobytes.

archives.py list good|bad     names
archives.py make NAME OUT     write it to OUT, a file or a directory
archives.py make-all OUT      all of them below OUT
archives.py expect NAME       good: the lines that load prints; bad: a pattern for its message
archives.py stderr NAME       good: a pattern for each line beside them
archives.py status NAME       good: load's exit status, 1 where it does not take all of it
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
TAR = "application/vnd.oci.image.layer.v1.tar"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
REF = "org.opencontainers.image.ref.name"
NAME = "io.containerd.image.name"
HOST = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def text(obj):
    return json.dumps(obj, separators=(",", ":")).encode()


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = 1700000000
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zstd(data, *options):
    return subprocess.run(["zstd", "-qc", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


PACK = {
    "none": lambda d: d,
    "gzip": lambda d: gzip.compress(d, mtime=0),
    "members": lambda d: gzip.compress(d[:700], mtime=0) + gzip.compress(d[700:], mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "window": lambda d: zstd(d, "--ultra", "--long=31"),
}

BASE = tar({"etc/os-release": b"ID=test\n", "bin/sh": b"#!" + b"x" * 5000})
TOP = tar({"etc/motd": b"hello\n", "etc/.wh.gone": b""})
NOISE = tar({"noise": b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(4000))})
EXTRA = tar({"opt/extra": b"seldom\n"})


def config(layers, **more):
    c = {
        "created": "2023-11-14T22:13:20Z",
        "architecture": HOST,
        "os": "linux",
        "config": {"Cmd": ["/bin/sh"], "Env": ["A=<b>&c"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(d) for d in layers]},
        "history": [{"created_by": "layer %d" % i} for i in range(len(layers))],
    }
    c.update(more)
    return text(c)


class Members(dict):
    """Path to contents: bytes, ("symlink", target) or ("link", target); a list is several members."""

    algorithm = "sha256"

    def blob(self, data):
        digest = hashlib.new(self.algorithm, data).hexdigest()
        self["blobs/%s/%s" % (self.algorithm, digest)] = data
        return {"digest": "%s:%s" % (self.algorithm, digest), "size": len(data)}


def write_tar(members, out):
    name, fileobj = (out, None) if isinstance(out, str) else (None, out)
    with tarfile.open(name, "w", fileobj, format=tarfile.PAX_FORMAT) as t:
        for path, data in members.items():
            for data in data if isinstance(data, list) else [data]:
                info = tarfile.TarInfo(path)
                if isinstance(data, tuple):
                    info.type = tarfile.SYMTYPE if data[0] == "symlink" else tarfile.LNKTYPE
                    info.linkname = data[1]
                    t.addfile(info)
                else:
                    info.size = len(data)
                    t.addfile(info, io.BytesIO(data))


def write_dir(members, out):
    for path, data in members.items():
        path = os.path.join(out, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if isinstance(data, tuple):
            os.symlink(data[1], path)
        else:
            with open(path, "wb") as f:
                f.write(data)


def docker(layers=(BASE, TOP), tags=("app:1",), pack="none", conf=None, path="%s/layer.tar", **item):
    m = Members()
    c = conf if conf is not None else config(layers)
    paths = []
    for i, layer in enumerate(layers):
        paths.append(path % sha(b"%d" % i + layer))
        m[paths[-1].rpartition("/")[0] + "/VERSION"] = b"1.0"
        m[paths[-1]] = PACK[pack](layer)
    m[sha(c) + ".json"] = c
    entry = {"Config": sha(c) + ".json", "RepoTags": list(tags) if tags is not None else None, "Layers": paths}
    entry.update(item)
    m["manifest.json"] = text([entry])
    return m


def image(m, layers=(BASE, TOP), pack="gzip", conf=None, media=None, **lie):
    """Config, layers and manifest as blobs; the manifest's descriptor."""
    c = m.blob(conf if conf is not None else config(layers))
    c["mediaType"] = CONFIG
    descs = []
    for layer in layers:
        d = m.blob(PACK[pack](layer))
        d["mediaType"] = media or (TAR if pack == "none" else GZIP)
        descs.append(d)
    body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": c, "layers": descs}
    body.update(lie)
    d = m.blob(text(body))
    d["mediaType"] = MANIFEST
    return d


def artifact(m):
    """A manifest of something that is no image."""
    d = m.blob(b"{}")
    d["mediaType"] = "application/vnd.dev.cosign.simplesigning.v1+json"
    d = m.blob(text({"schemaVersion": 2, "mediaType": MANIFEST, "config": d, "layers": [d]}))
    d["mediaType"] = MANIFEST
    return d


def layout(m, *entries):
    m["index.json"] = text({"schemaVersion": 2, "manifests": list(entries)})
    m["oci-layout"] = text({"imageLayoutVersion": "1.0.0"})
    return m


def named(desc, ref=None, name=None, platform=None):
    d = dict(desc)
    notes = {k: v for k, v in ((REF, ref), (NAME, name)) if v}
    if notes:
        d["annotations"] = notes
    if platform:
        d["platform"] = dict(zip(("os", "architecture", "variant"), platform.split("/")))
    return d


def oci(ref="docker.io/library/app:1", name=None, **kw):
    m = Members()
    return layout(m, named(image(m, **kw), ref, name))


def index(m, *entries, media=INDEX):
    d = m.blob(text({"schemaVersion": 2, "mediaType": media, "manifests": list(entries)}))
    d["mediaType"] = media
    return d


def v1(repositories=True, **more):
    m = Members()
    ids = [sha(b"one"), sha(b"two")]
    for i, layer in enumerate((BASE, TOP)):
        j = {"id": ids[i], "created": "2015-01-02T03:04:05Z", "architecture": HOST, "os": "linux",
             "docker_version": "1.9.1", "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop) %d" % i]}}
        if i:
            j["parent"] = ids[0]
            j["config"] = {"Cmd": ["/bin/sh"], "Env": ["A=<b>&c"]}
        j.update(more if i == 0 else {})
        m[ids[i] + "/VERSION"] = b"1.0"
        m[ids[i] + "/json"] = text(j)
        m[ids[i] + "/layer.tar"] = layer
    if repositories:
        m["repositories"] = text({"old": {"1": ids[1]}})
    return m


GOOD, BAD, FORM = {}, {}, {}


def good(*lines, form="tar", stderr=(), status=0):
    def add(f):
        GOOD[f.__name__] = (f, lines, stderr, status)
        FORM[f.__name__] = form
        return f
    return add


def bad(pattern, form="tar"):
    def add(f):
        BAD[f.__name__] = (f, pattern)
        FORM[f.__name__] = form
        return f
    return add


ID = "Loaded image ID: sha256:" + sha(config((BASE, TOP)))
APP = "Loaded image: app:1"


@good(APP)
def docker_plain():
    return docker()


@good(APP)
def docker_gzip():
    return docker(pack="gzip")


@good(APP)
def docker_gzip_members():
    return docker(pack="members")


@good(APP)
def docker_bzip2():
    return docker(pack="bzip2")


@good(APP)
def docker_xz():
    return docker(pack="xz")


@good(APP)
def docker_zstd():
    return docker(pack="zstd")


@good(APP)
def docker_manifest_first():
    return dict(reversed(docker().items()))


@good(APP)
def docker_dot_slash():
    return {"./" + k: v for k, v in docker().items()}


@good(APP)
def docker_flat_names():
    """As skopeo and podman name layers, with links for old readers."""
    m = docker(path="%s.tar")
    m[sha(b"x") + "/layer.tar"] = ("symlink", "../%s.tar" % sha(b"0" + BASE))
    return m


@good(APP)
def docker_symlinked_layer():
    m = docker(layers=(BASE, BASE, TOP))
    m["%s/layer.tar" % sha(b"1" + BASE)] = ("symlink", "../%s/layer.tar" % sha(b"0" + BASE))
    return m


@good(APP)
def docker_hard_linked_layer():
    m = docker(layers=(BASE, BASE, TOP))
    m["%s/layer.tar" % sha(b"1" + BASE)] = ("link", "%s/layer.tar" % sha(b"0" + BASE))
    return m


@good(APP)
def docker_linked_directory():
    """Of two levels, the second one through the first."""
    m = docker(path="real/%s.tar")
    m["sub/again"] = ("symlink", "../real")
    m["ln"] = ("symlink", "sub/again")
    m["manifest.json"] = m["manifest.json"].replace(b"real/", b"ln/")
    return m


@good("Loaded image: app:1", "Loaded image: localhost:5000/team/app:2", "Loaded image: u/app:3")
def docker_many_tags():
    return docker(tags=("app:1", "localhost:5000/team/app:2", "docker.io/u/app:3"))


@good(ID)
def docker_untagged():
    return docker(tags=None)


@good(APP)
def docker_without_layers():
    return docker(layers=(), Layers=None)


@good("Loaded image: app:1", "Loaded image: other:2")
def docker_two_images():
    m = docker()
    n = docker(layers=(BASE,), tags=("other:2",))
    both = json.loads(m["manifest.json"]) + json.loads(n["manifest.json"])
    m.update(n)
    m["manifest.json"] = text(both)
    return m


@good(APP)
def docker_bracket_layer():
    """A layer that begins like JSON does."""
    return docker(layers=(tar({"[": b"x", "{}": b"y"}),))


@good(APP)
def docker_names_are_bytes():
    """Two members whose names differ in their normal form alone."""
    c = config((BASE, TOP))
    paths = ["e\u0301/layer.tar", "\u00e9/layer.tar"]
    return {paths[0]: BASE, paths[1]: TOP, "config.json": c,
            "manifest.json": text([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": paths}])}


@good("Loaded image: new:2")
def docker_manifest_twice():
    """Of members with one name the last counts, as for tar."""
    m = docker(tags=("old:1",))
    m["manifest.json"] = [m["manifest.json"], docker(tags=("new:2",))["manifest.json"]]
    return m


@good(APP)
def docker_zero_byte_layer():
    return docker(layers=(BASE, b""))


def unpadded(layer):
    """As umoci insert writes it: nothing behind the last byte of the last file."""
    return layer[:3 * 512 + 5002]


@good(APP)
def docker_layer_unpadded():
    return docker(layers=(unpadded(BASE),))


@bad('directories without an entry')
def docker_layer_of_long_paths():
    """A few kilobytes that name half a million directories."""
    return docker(layers=(tar({"%d/" % i + "d/" * 30000 + "f": b"" for i in range(19)}),), pack="gzip")


@bad('entry "f": .*too many extended attributes')
def docker_layer_of_many_xattrs():
    info = tarfile.TarInfo("f")
    info.pax_headers = {"SCHILY.xattr.user.%d" % i: "" for i in range(30000)}
    return docker(layers=(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024),), pack="gzip")


@bad("ends inside a file")
def docker_layer_ends_inside_a_file():
    return docker(layers=(unpadded(BASE)[:-100],))


@good("Loaded image: app:1", "Loaded image: app:2")
def docker_25():
    m = Members()
    d = image(m, pack="none")
    layout(m, named(d, "1", "docker.io/library/app:1"), named(d, "2", "docker.io/library/app:2"))
    c = config((BASE, TOP))
    m["manifest.json"] = text([{"Config": "blobs/sha256/" + sha(c), "RepoTags": ["app:1", "app:2"],
                                "Layers": ["blobs/sha256/" + sha(x) for x in (BASE, TOP)]}])
    return m


@good(APP)
def oci_takes_repotags():
    m = docker_25()
    i = json.loads(m["index.json"])
    i["manifests"] = [named({k: i["manifests"][0][k] for k in ("digest", "size", "mediaType")}, "1")]
    m["index.json"] = text(i)
    j = json.loads(m["manifest.json"])
    j[0]["RepoTags"] = ["app:1"]
    m["manifest.json"] = text(j)
    return m


def renamed(m, how):
    """The keys of manifest.json in another case, as Go's decoder takes them."""
    m["manifest.json"] = text([{how(k): v for k, v in j.items()} for j in json.loads(m["manifest.json"])])
    return m


@good(APP)
def docker_keys_in_lower_case():
    return renamed(docker(), str.lower)


@good(APP)
def docker_keys_in_upper_case():
    return renamed(docker(), str.upper)


@good(APP)
def docker_command_in_strings():
    """One word each, as docker reads them."""
    return docker(conf=config((BASE, TOP), config={"cmd": "sh -c x", "Entrypoint": "/ep y", "env": ["A=b"]}))


@good(APP)
def docker_with_an_index_json():
    """A layout needs oci-layout; without that, docker's list counts."""
    return dict(docker(), **{"index.json": b"{}"})


@good(APP)
def oci_sha512():
    m = Members()
    m.algorithm = "sha512"
    return layout(m, named(image(m), "docker.io/library/app:1"))


@good("Loaded image: old:1")
def v1_repositories():
    return v1()


@good("Loaded image ID: sha256:.*")
def v1_without_repositories():
    return v1(repositories=False)


@good(APP)
def oci_archive():
    return oci()


@good(APP, form="dir")
def oci_dir():
    return oci()


@good(APP)
def oci_zstd():
    return oci(pack="zstd")


@good(APP)
def oci_bzip2():
    return oci(pack="bzip2")


@good(APP)
def oci_xz():
    return oci(pack="xz")


@good(APP)
def oci_media_type_lies():
    return oci(pack="none", media=GZIP)


# What tools have written for layers; digests, diff IDs and the first bytes say what they are.
MEDIA_TYPES = (
    ("gzip", ""),
    ("none", "application/x-tar"),
    ("gzip", "application/octet-stream"),
    ("gzip", GZIP + "; charset=utf-8"),
    ("gzip", "application/tar+gzip"),
    ("none", "application/vnd.docker.image.rootfs.diff.tar"),
    ("none", "application/vnd.docker.image.rootfs.foreign.diff.tar"),
    ("zstd", "application/vnd.docker.image.rootfs.diff.tar.zstd"),
    ("zstd", "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"),
    ("gzip", "application/vnd.docker.container.image.rootfs.diff+x-gtar"),
)


@good(APP)
def oci_media_types():
    m = Members()
    layers = [tar({"etc/%d" % i: b"x"}) for i in range(len(MEDIA_TYPES))]
    c = dict(m.blob(config(layers)), mediaType=CONFIG)
    descs = [dict(m.blob(PACK[pack](d)), mediaType=media) for d, (pack, media) in zip(layers, MEDIA_TYPES)]
    d = m.blob(text({"schemaVersion": 2, "mediaType": MANIFEST, "config": c, "layers": descs}))
    return layout(m, named(dict(d, mediaType=MANIFEST), "docker.io/library/app:1"))


@bad("layer .*: the zstd stream needs a window of more than 128 MiB")
def oci_zstd_window():
    return oci(pack="window")


@bad("encrypted layers are not supported")
def oci_encrypted():
    return oci(media=GZIP + "+encrypted")


def signature(m):
    """As cosign writes it: with the config of an image."""
    c = dict(m.blob(config((b"{}",))), mediaType=CONFIG)
    d = dict(m.blob(b"{}"), mediaType="application/vnd.dev.cosign.simplesigning.v1+json")
    return dict(m.blob(text({"schemaVersion": 2, "config": c, "layers": [d]})), mediaType=MANIFEST)


@bad("not a container image: its layer sha256:.* is of type .application/vnd.dev.cosign")
def oci_signature_with_an_image_config():
    m = Members()
    return layout(m, signature(m))


@good(APP, stderr=["sha256-x.sig: not a container image: its layer sha256:.* is of type .*cosign.*: skipped"])
def oci_signature_with_an_image_config_beside():
    m = Members()
    return layout(m, named(signature(m), "sha256-x.sig"), named(image(m), "docker.io/library/app:1"))


@good(APP)
def oci_layers_null():
    """Go writes an empty list as null."""
    m = Members()
    c = dict(m.blob(config((), rootfs={"type": "layers", "diff_ids": None})), mediaType=CONFIG)
    d = m.blob(text({"schemaVersion": 2, "config": c, "layers": None}))
    return layout(m, named(dict(d, mediaType=MANIFEST), "docker.io/library/app:1"))


@good(ID)
def oci_tag_only():
    return oci(ref="latest")


@good(ID)
def oci_two_tags_only():
    m = Members()
    d = image(m)
    return layout(m, named(d, "latest"), named(d, "1"))


@good(ID)
def oci_unnamed():
    return oci(ref=None)


@good(APP)
def oci_tag_and_image_name():
    return oci(ref="1", name="docker.io/library/app:1")


@good("Loaded image: ghcr.io/a/b:c")
def oci_ref_name_first():
    return oci(ref="ghcr.io/a/b:c", name="docker.io/library/app:1")


@good("Loaded image: app:1")
def oci_short_name():
    return oci(ref="app:1")


@good(ID)
def oci_name_is_no_reference():
    return oci(ref="../../etc:passwd")


@good(ID)
def oci_name_with_another_digest():
    return oci(ref="docker.io/library/app:1@sha256:" + "a" * 64)


@good("Loaded image: app:1", "Loaded image: app:2")
def oci_two_names():
    m = Members()
    d = image(m)
    return layout(m, named(d, "docker.io/library/app:1"), named(d, "docker.io/library/app:2"), named(d))


@good(APP)
def oci_index():
    m = Members()
    other = {"digest": "sha256:" + "0" * 64, "size": 1, "mediaType": MANIFEST}
    d = index(m, named(other, platform="unknown/unknown"), named(other, platform="linux/s390"),
              named(image(m), platform="linux/" + HOST))
    return layout(m, named(d, "docker.io/library/app:1"))


@good(APP)
def oci_docker_list():
    m = Members()
    d = index(m, named(image(m), platform="linux/" + HOST),
              media="application/vnd.docker.distribution.manifest.list.v2+json")
    return layout(m, named(d, "docker.io/library/app:1"))


@good(APP)
def oci_nested_index():
    m = Members()
    d = image(m)
    for _ in range(4):
        d = index(m, named(d, platform="linux/" + HOST))
    return layout(m, named(d, "docker.io/library/app:1"))


@good(APP)
def oci_platforms_in_index_json():
    m = Members()
    other = {"digest": "sha256:" + "0" * 64, "size": 1, "mediaType": MANIFEST}
    return layout(m, named(other, "docker.io/library/app:1", platform="linux/s390"),
                  named(image(m), "docker.io/library/app:1", platform="linux/" + HOST),
                  named(other, "docker.io/library/app:1", platform="unknown/unknown"))


@good(APP, stderr=["sha256-x.sig: not a container image: its config is of type .application/vnd.dev.cosign.* skipped"])
def oci_signature_beside():
    m = Members()
    return layout(m, named(artifact(m), "sha256-x.sig"), named(image(m), "docker.io/library/app:1"))


@good(APP)
def oci_no_layout_file():
    m = oci()
    del m["oci-layout"]
    return m


# One image of several that cannot be used is named, the others are loaded.

@good(APP, status=1, stderr=[
    "sha256:[0-9a-f]{64}: not a container image: its config is of type .*: skipped",
    "sha256:0{64}: blob sha256:0{64} is missing"])
def oci_missing_manifest_behind_an_artifact():
    """What an artifact is forgiven, an image is not."""
    m = Members()
    gone = {"mediaType": MANIFEST, "digest": "sha256:" + "0" * 64, "size": 2}
    return layout(m, artifact(m), gone, named(image(m), "docker.io/library/app:1"))


@good(APP, status=1, stderr=["bad:1: blob sha256:%s is missing" % sha(PACK["gzip"](EXTRA))])
def oci_missing_layer_before_an_artifact():
    """An index with a broken image and an artifact is not skipped as an artifact."""
    m = Members()
    d = index(m, named(image(m, layers=(EXTRA,)), platform="linux/" + HOST), named(artifact(m), platform="linux/s390x"))
    layout(m, named(d, "docker.io/library/bad:1"), named(image(m), "docker.io/library/app:1"))
    del m["blobs/sha256/" + sha(PACK["gzip"](EXTRA))]
    return m


@good(APP, status=1, stderr=["bad:1: blob sha256:%s is missing" % sha(PACK["gzip"](EXTRA))])
def oci_missing_layer_behind_an_artifact():
    m = Members()
    d = index(m, named(artifact(m), platform="linux/" + HOST), named(image(m, layers=(EXTRA,)), platform="linux/s390x"))
    layout(m, named(d, "docker.io/library/bad:1"), named(image(m), "docker.io/library/app:1"))
    del m["blobs/sha256/" + sha(PACK["gzip"](EXTRA))]
    return m


@good(APP, status=1, stderr=["other:2: layer nowhere is missing, and no image in the store has it"])
def docker_one_of_two():
    m = docker_two_images()
    both = json.loads(m["manifest.json"])
    both[1]["Layers"] = ["nowhere"]
    both[1]["Config"] = "other.json"
    m["other.json"] = config((EXTRA,))
    m["manifest.json"] = text(both[::-1])
    return m


@good("Loaded image: old:1", status=1, stderr=["old:2: %s/json is missing" % sha(b"three")])
def v1_one_of_two():
    return dict(v1(), repositories=text({"old": {"2": sha(b"three"), "1": sha(b"two")}}))


@good(APP, status=1, stderr=["bad:1: .*: blob sha256:%s is damaged: .*" % sha(PACK["gzip"](EXTRA))])
def oci_one_is_damaged():
    m = Members()
    layout(m, named(image(m, layers=(EXTRA,)), "docker.io/library/bad:1"), named(image(m), "docker.io/library/app:1"))
    return flipped(m, "blobs/sha256/" + sha(PACK["gzip"](EXTRA)))


@good(APP, status=1, stderr=["bad:1: .*hard link.*"])
def oci_one_cannot_be_mounted():
    """Each of its layers is sound, but a hard link leads nowhere."""
    info = tarfile.TarInfo("link")
    info.type, info.linkname = tarfile.LNKTYPE, "nowhere"
    m = Members()
    wrong = info.tobuf(tarfile.PAX_FORMAT) + bytes(1024)
    return layout(m, named(image(m, layers=(wrong,)), "docker.io/library/bad:1"),
                  named(image(m), "docker.io/library/app:1"))


# Archives that lean on layers that the store has: tests/cli/load loads the others first.

@good("Loaded image: top:1")
def needs_docker_plain():
    """By diff ID: a docker-archive without its lowest layer, the way buildpacks write it."""
    m = docker(layers=(BASE, TOP, EXTRA), tags=("top:1",))
    j = json.loads(m["manifest.json"])
    del m[j[0]["Layers"][0]], m[j[0]["Layers"][1]]
    j[0]["Layers"][0] = ""
    j[0]["Layers"][2] = "/" + j[0]["Layers"][2]
    m["manifest.json"] = text(j)
    return m


@good("Loaded image: top:1")
def needs_oci_archive():
    """By digest: a layout keeps its manifest, and with it the digests of its layers."""
    m = oci("docker.io/library/top:1", layers=(BASE, EXTRA, TOP))
    for layer in BASE, TOP:
        del m["blobs/sha256/" + sha(PACK["gzip"](layer))]
    return m


@good("Loaded image: top:1", form="dir")
def needs_oci_dir():
    return needs_oci_archive()


# Images for other machines: browsing does not care about the CPU.

def arm(m, layers=(BASE, TOP), **kw):
    return image(m, layers=layers, conf=config(layers, architecture="arm64", variant="v8"), **kw)


OTHER = "the image for linux/%s is missing or incomplete; loaded the one for linux/" % HOST


def attestation(m):
    """As buildx adds it to an index."""
    c = dict(m.blob(config((b"{}",), architecture="unknown", os="unknown")), mediaType=CONFIG)
    d = dict(m.blob(b"{}"), mediaType="application/vnd.in-toto+json")
    d = m.blob(text({"schemaVersion": 2, "mediaType": MANIFEST, "config": c, "layers": [d]}))
    return named(dict(d, mediaType=MANIFEST), platform="unknown/unknown")


@good(APP, stderr=["app:1: " + OTHER + "arm64/v8"])
def oci_only_another_platform():
    """docker save on an Apple computer, and buildx --platform linux/arm64."""
    m = Members()
    d = index(m, attestation(m), named(arm(m), platform="linux/arm64"))
    layout(m, named(d, "1", "docker.io/library/app:1"))
    m["manifest.json"] = text([{"Config": "nowhere", "RepoTags": ["other:1"], "Layers": []}])
    return m


@good(APP, stderr=["app:1: " + OTHER + "arm64/v8"])
def oci_another_platform_without_an_index():
    m = Members()
    return layout(m, named(arm(m), "docker.io/library/app:1"))


@good(APP, "Loaded image: app:2", stderr=["app:1: " + OTHER + "arm64/v8"])
def oci_two_names_for_another_platform():
    m = Members()
    d = arm(m)
    return layout(m, named(d, "docker.io/library/app:1"), named(d, "docker.io/library/app:2"))


@good(APP, stderr=["app:1: " + OTHER + "arm64/v8"])
def docker_another_platform():
    return docker(conf=config((BASE, TOP), architecture="arm64", variant="v8"))


@good(APP)
def docker_no_platform():
    return docker(conf=config((BASE, TOP), architecture="", os=""))


@good(APP, stderr=["app:1: " + OTHER[:-6] + "windows/" + HOST])
def docker_windows():
    return docker(conf=config((BASE, TOP), os="windows"))


@good(APP)
def oci_host_after_others():
    m = Members()
    d = index(m, named(arm(m, (EXTRA,)), platform="linux/arm64"), named(image(m, (TOP,)), platform="linux/s390x"),
              named(image(m), platform="linux/" + HOST))
    return layout(m, named(d, "docker.io/library/app:1"))


@good(APP)
def oci_host_by_another_name():
    m = Members()
    d = index(m, named(arm(m, (EXTRA,)), platform="linux/arm64" if HOST != "arm64" else "linux/s390x"),
              named(image(m), platform="Linux/" + os.uname().machine.upper()))
    return layout(m, named(d, "docker.io/library/app:1"))


@good(APP)
def oci_host_after_its_variants():
    """Programs for a later processor may not run here."""
    m = Members()
    d = index(m, named(image(m, (EXTRA,)), platform="linux/" + HOST + "/v99"),
              named(image(m, (TOP,)), platform="linux/" + HOST + "/v98"), named(image(m), platform="linux/" + HOST))
    return layout(m, named(d, "docker.io/library/app:1"))


@good(APP)
def docker_host_by_another_name():
    return docker(conf=config((BASE, TOP), architecture=os.uname().machine))


@good(APP, stderr=["app:1: " + OTHER + "arm/v6"])
def oci_arms():
    m = Members()
    d = index(m, *[named(image(m, (BASE, layer), conf=config((BASE, layer), architecture="arm", variant=v)), platform="linux/arm/" + v)
                   for v, layer in (("v6", TOP), ("v7", EXTRA))])
    return layout(m, named(d, "docker.io/library/app:1"))


@good(APP, stderr=["app:1: " + OTHER + "arm64/v8"])
def oci_host_is_not_whole():
    """docker save --platform leaves the other platforms' blobs out, and the index as it is."""
    m = Members()
    first, gone = image(m, layers=(EXTRA,)), image(m, layers=(TOP,), conf=config((TOP,), architecture="s390x"))
    d = index(m, named(first, platform="linux/" + HOST), named(gone, platform="linux/s390x"),
              named(arm(m), platform="linux/arm64"), attestation(m))
    layout(m, named(d, "docker.io/library/app:1"))
    del m["blobs/sha256/" + sha(PACK["gzip"](EXTRA))]
    del m["blobs/" + gone["digest"].replace(":", "/")]
    return m


@good(APP, stderr=["app:1: " + OTHER + "arm64/v8"])
def oci_other_platforms_in_index_json():
    m = Members()
    gone = {"digest": "sha256:" + "0" * 64, "size": 1, "mediaType": MANIFEST}
    return layout(m, named(gone, "docker.io/library/app:1", platform="linux/s390x"),
                  named(arm(m), "docker.io/library/app:1", platform="linux/arm64"))


@good("Loaded image: list:1")
def docker_where_the_layout_gives_nothing():
    """manifest.json beside it is whole."""
    m = docker(tags=("list:1",))
    gone = {"digest": "sha256:" + "0" * 64, "size": 1, "mediaType": MANIFEST}
    return layout(m, named(gone, "docker.io/library/app:1"))


@good("Loaded image: list:1")
def docker_where_the_layout_is_damaged():
    return dict(docker_where_the_layout_gives_nothing(), **{"index.json": b"[{]"})


@bad("is empty", form="raw")
def empty():
    return b""


@bad("not an image archive", form="raw")
def garbage():
    return hashlib.sha512(b"g").digest() * 200


@bad("not an image archive", form="raw")
def garbage_in_gzip():
    return gzip.compress(b"no tar at all" * 99)


@bad("not an image archive: it is a zip file, not a tar", form="raw")
def zip_file():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("manifest.json", docker()["manifest.json"])
    return out.getvalue()


def cut(codec):
    out = io.BytesIO()
    write_tar(docker(layers=(NOISE,)), out)
    packed = PACK[codec](out.getvalue())
    return packed[:len(packed) // 2]


@bad("it is cut short", form="raw")
def cut_gzip():
    return cut("gzip")


@bad("it is cut short", form="raw")
def cut_bzip2():
    return cut("bzip2")


@bad("it is cut short", form="raw")
def cut_xz():
    return cut("xz")


@bad("it is cut short", form="raw")
def cut_zstd():
    return cut("zstd")


@bad("it is cut short", form="raw")
def cut_tar():
    return cut("none")


@bad("layer .* stream is cut short|layer .*: it is cut short")
def docker_layer_cut_in_xz():
    m = docker(layers=(NOISE,), pack="xz")
    return {k: v[:-3000] if k.endswith("/layer.tar") else v for k, v in m.items()}


def dir_transport():
    """What skopeo copy dir: makes: a manifest, and blobs by their bare digests."""
    m = oci()
    d = json.loads(m["index.json"])["manifests"][0]
    out = {k[len("blobs/sha256/"):]: v for k, v in m.items() if k.startswith("blobs/")}
    out["manifest.json"] = out.pop(d["digest"][7:])
    out["version"] = b"Directory Transport Version: 1.1\n"
    return out


@bad("skopeo's dir: transport, no image layout; make one: skopeo copy dir:", form="dir")
def skopeo_dir():
    return dir_transport()


@bad("skopeo's dir: transport")
def skopeo_dir_in_a_tar():
    return dir_transport()


@bad("not an image layout: neither .*: tar -C DIR -c . \\| imagefs import -", form="dir")
def directory_of_a_root_file_system():
    return {"etc/passwd": b"root:x:0:0::/:/bin/sh\n"}


@bad("not an image archive: neither .*; the tar of a root file system is for imagefs import")
def root_file_system():
    return {"etc/passwd": b"root:x:0:0\n", "bin/sh": b"x" * 9000}


@bad("not an image archive: it holds ordinary files; the tar of a root file system is for imagefs import")
def root_file_system_of_many_files():
    return {"usr/share/%d" % i: b"x" for i in range(10001)}


@bad("manifest.json: invalid JSON")
def docker_manifest_no_json():
    return dict(docker(), **{"manifest.json": b"[{]"})


@bad("manifest.json: it contains no images")
def docker_no_images():
    return {"manifest.json": b"[]"}


@bad("manifest.json: not a list")
def docker_manifest_object():
    return dict(docker(), **{"manifest.json": b"{}"})


@bad("manifest.json: .*duplicate")
def docker_duplicate_key():
    return dict(docker(), **{"manifest.json": b'[{"Config":"a","Config":"b","Layers":[]}]'})


@bad("manifest.json: larger than|manifest.json: not JSON")
def docker_manifest_huge():
    return dict(docker(), **{"manifest.json": b"[" + b" " * (5 << 20) + b"]"})


@bad("not a path inside the archive")
def docker_dotdot_layer():
    return docker(Layers=["../../etc/passwd", "x"])


@bad("not a name inside the archive")
def member_dotdot():
    return dict(docker(), **{"a/../../b": b"x"})


@bad("layer nowhere.tar is missing, and no image in the store has it")
def docker_missing_layer():
    return docker(layers=(TOP, BASE), conf=config((EXTRA, BASE)), Layers=["nowhere.tar", "x"])


@bad("layer sha256:%s is missing, and no image in the store has it" % sha(EXTRA))
def docker_layer_without_a_name():
    """What a buildpack leaves out where the daemon should have it."""
    return docker(layers=(), conf=config((EXTRA,)), Layers=[""])


@bad("y{255}: image config: x{512} is missing")
def docker_long_names():
    """The reason is not lost behind them."""
    return docker(tags=("y" * 3000 + ":1",), Config="x" * 5000)


@bad("image config: .*missing")
def docker_missing_config():
    return docker(Config="nowhere.json")


@bad("image config .* is damaged")
def docker_config_changed():
    m = docker()
    name = sha(config((BASE, TOP))) + ".json"
    m[name] = m[name].replace(b"/bin/sh", b"/bin/ed")
    return m


@bad("layer .*: its DiffID is sha256:%s, the image's config says sha256:%s" % (sha(BASE), sha(TOP)))
def docker_layers_swapped():
    c = config((TOP, BASE))
    return docker(conf=c)


@bad("2 diff_ids for 1 layer")
def docker_layer_count():
    m = docker()
    j = json.loads(m["manifest.json"])
    del j[0]["Layers"][1]
    m["manifest.json"] = text(j)
    return m


@bad("too many links")
def docker_link_loop():
    m = docker()
    a, b = ("%s/layer.tar" % sha(b"%d" % i + x) for i, x in enumerate((BASE, TOP)))
    m[a] = ("symlink", "../" + b)
    m[b] = ("symlink", "../" + a)
    return m


@bad("too many links")
def docker_linked_directory_loop():
    m = docker(path="real/%s.tar")
    m["ln"] = ("symlink", "ln/x")
    m["manifest.json"] = m["manifest.json"].replace(b"real/", b"ln/")
    return m


@bad("link out of the archive")
def docker_linked_directory_outside():
    m = docker(path="real/%s.tar")
    m["ln"] = ("symlink", "../etc")
    m["manifest.json"] = m["manifest.json"].replace(b"real/", b"ln/")
    return m


@bad("link out of the archive")
def docker_link_outside():
    m = docker()
    m["%s/layer.tar" % sha(b"0" + BASE)] = ("symlink", "../../etc/passwd")
    return m


@bad("link out of the archive")
def docker_link_absolute():
    m = docker()
    m["%s/layer.tar" % sha(b"0" + BASE)] = ("symlink", "/etc/passwd")
    return m


@bad("invalid reference format")
def docker_bad_tag():
    return docker(tags=("../etc:1",))


@bad("invalid tag")
def docker_no_tag():
    return docker(tags=("app",))


@bad("rootfs.type")
def docker_rootfs_type():
    return docker(conf=config((BASE, TOP), rootfs={"type": "disk", "diff_ids": []}))


@bad("Cmd")
def docker_config_types():
    return docker(conf=config((BASE, TOP), config={"Cmd": {"sh": 1}}))


@bad('image config: duplicate key .Cmd.')
def docker_config_key_twice():
    return docker(conf=config((BASE, TOP), config={"Cmd": ["a"], "cmd": ["b"]}))


@bad('manifest.json: .*duplicate key .Config.')
def docker_key_twice():
    return docker(config="other.json")


@bad("not a layer|layer .*: ")
def docker_layer_is_text():
    return docker(layers=(b"just text, no tar" * 99,))


@bad("layer .*: ")
def docker_layer_truncated():
    m = docker(pack="gzip")
    for k in m:
        if k.endswith("layer.tar"):
            m[k] = m[k][:-30]
    return m


@bad("blob sha256:[0-9a-f]+ is missing")
def oci_missing_layer():
    m = oci()
    del m["blobs/sha256/" + sha(PACK["gzip"](TOP))]
    return m


@bad("blob sha256:[0-9a-f]+ is missing")
def oci_missing_config():
    m = oci()
    del m["blobs/sha256/" + sha(config((BASE, TOP)))]
    return m


@bad("blob sha256:[0-9a-f]+ is missing")
def oci_missing_manifest():
    m = oci()
    del m["blobs/sha256/" + json.loads(m["index.json"])["manifests"][0]["digest"][7:]]
    return m


@bad("blob sha256:[0-9a-f]+ is missing", form="dir")
def oci_dir_missing_layer():
    return oci_missing_layer()


def flipped(m, path):
    m[path] = m[path][:40] + bytes([m[path][40] ^ 1]) + m[path][41:]
    return m


@bad("blob sha256:%s is damaged" % sha(PACK["gzip"](TOP)))
def oci_layer_flipped():
    return flipped(oci(), "blobs/sha256/" + sha(PACK["gzip"](TOP)))


@bad("blob sha256:%s is damaged" % sha(PACK["gzip"](TOP)), form="dir")
def oci_dir_layer_flipped():
    return flipped(oci(), "blobs/sha256/" + sha(PACK["gzip"](TOP)))


@bad("blob sha256:[0-9a-f]+ is damaged")
def oci_config_flipped():
    m = oci()
    path = "blobs/sha256/" + sha(config((BASE, TOP)))
    m[path] = m[path].replace(b"/bin/sh", b"/bin/ed")
    return m


@bad("blob sha256:[0-9a-f]+(:| is damaged)", form="dir")
def oci_dir_config_flipped():
    return oci_config_flipped()


@bad("bytes, its descriptor says")
def oci_size_lie():
    m = Members()
    d = image(m)
    return layout(m, dict(named(d, "docker.io/library/app:1"), size=d["size"] + 1))


@bad("invalid size")
def oci_size_negative():
    m = Members()
    return layout(m, dict(named(image(m), "docker.io/library/app:1"), size=-1))


@bad("digest")
def oci_digest_path():
    m = Members()
    return layout(m, dict(image(m), digest="sha256:../../../../../../etc/passwd"))


@bad("layer .*: its DiffID is")
def oci_diff_id():
    return oci(conf=config((BASE, BASE)))


@bad("1 diff_id for 2 layers")
def oci_layer_count():
    return oci(conf=config((BASE,)))


@bad("nested too deep")
def oci_index_too_deep():
    m = Members()
    d = image(m)
    for _ in range(6):
        d = index(m, named(d, platform="linux/" + HOST))
    return layout(m, named(d, "docker.io/library/app:1"))


@bad("no image for linux/%s in it \\(available: none\\)" % HOST)
def oci_only_attestations():
    m = Members()
    return layout(m, index(m, named(image(m), platform="unknown/unknown")))


@bad("blob sha256:%s is damaged" % sha(PACK["gzip"](TOP)))
def oci_damaged_where_others_are_whole():
    """Another platform's image takes the place of one that is missing, not of one that is damaged."""
    m = Members()
    here, there = image(m), image(m, layers=(EXTRA,), conf=config((EXTRA,), architecture="s390x"))
    d = index(m, named(here, platform="linux/" + HOST), named(there, platform="linux/s390x"))
    return flipped(layout(m, named(d, "docker.io/library/app:1")), "blobs/sha256/" + sha(PACK["gzip"](TOP)))


@bad("not what its descriptor says")
def oci_index_is_manifest():
    m = Members()
    return layout(m, dict(image(m), mediaType=INDEX))


@bad("media type .* is not supported")
def oci_index_calls_itself_a_manifest():
    m = Members()
    d = index(m, image(m), media=MANIFEST)
    return layout(m, dict(d, mediaType=INDEX))


@bad("members of an? (image index|manifest)|not what its descriptor says")
def oci_layers_and_manifests():
    m = Members()
    return layout(m, image(m, manifests=[]))


@bad("not a container image")
def oci_only_an_artifact():
    m = Members()
    return layout(m, artifact(m))


@bad("app:1: blob sha256:0{64} is missing \\(and 1 more that cannot be used\\)")
def oci_all_images_missing():
    m = Members()
    gone = {"mediaType": MANIFEST, "digest": "sha256:" + "0" * 64, "size": 2}
    return layout(m, artifact(m), named(gone, "docker.io/library/app:1"), named(gone, "docker.io/library/app:2"))


@bad("it contains no images")
def oci_no_images():
    return layout(Members())


@bad("symbolic link", form="dir")
def oci_dir_blob_symlink():
    m = oci()
    m["blobs/sha256/" + sha(PACK["gzip"](TOP))] = ("symlink", "/etc/passwd")
    return m


@bad("symbolic link", form="dir")
def oci_dir_index_symlink():
    return dict(oci(), **{"index.json": ("symlink", "/etc/passwd")})


@bad("its own ancestor")
def v1_loop():
    return v1(parent=sha(b"two"))


@bad("invalid layer ID")
def v1_bad_parent():
    return v1(parent="../" * 21 + "x")


@bad("missing")
def v1_missing_parent():
    return v1(parent=sha(b"three"))


@bad('old:1: invalid layer ID ""')
def v1_empty_id():
    return dict(v1(), repositories=text({"old": {"1": ""}}))


@bad("bytes of JSON to read in all")
def v1_many_names_of_long_chains():
    m = v1(comment="x" * (3 << 20))
    m["repositories"] = text({"old": {str(i): sha(b"two") for i in range(60)}})
    return m


@bad("not a JSON object")
def v1_json_is_a_list():
    return dict(v1(repositories=False), **{sha(b"one") + "/json": b"[]"})


@bad("not a layer ID|not an object")
def v1_repositories_type():
    return dict(v1(), repositories=b'{"a":{"b":1}}')


@bad("invalid reference format")
def v1_bad_name():
    return dict(v1(), repositories=text({"../x": {"1": sha(b"two")}}))


def main(argv):
    verb, name = argv[1], argv[2]
    if verb == "list":
        print("\n".join(GOOD if name == "good" else BAD))
    elif verb == "expect":
        print("\n".join(GOOD[name][1]) if name in GOOD else BAD[name][1])
    elif verb == "stderr":
        print("".join(line + "\n" for line in GOOD[name][2]), end="")
    elif verb == "status":
        print(GOOD[name][3])
    elif verb == "make":
        made = (GOOD.get(name) or BAD[name])[0]()
        if FORM[name] == "raw":
            with open(argv[3], "wb") as f:
                f.write(made)
        else:
            (write_dir if FORM[name] == "dir" else write_tar)(made, argv[3])
    elif verb == "make-all":
        for n in list(GOOD) + list(BAD):
            main([argv[0], "make", n, os.path.join(name, n)])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
