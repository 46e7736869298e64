"""Images for the registry tests that no tool here makes: registryimages.py KIND ARGUMENT...

small DIRECTORY              an OCI layout with an image "1" of three layers, 300 KB
medium DIRECTORY             the same of four, 4 MB
put URL REPO KIND   put content into a registry by plain HTTP, print the digest of what tag has got:
    artifact   as oras makes it: a config of its own type and a blob with a title
    empty      an artifact with the empty config and artifactType
    index      an OCI index of this host's image, another's and an attestation
    list       the same as a docker manifest list
    alien      an index without this host
    index-of-artifact   an index with an artifact for this host
    nested     an index in an index
    foreign    an image whose upper layer is foreign, with urls, and not in the registry
    zstd       an image with zstd layers
    tar        an image with uncompressed layers
    sha512     an image whose blobs are named by sha512
    encrypted  an image whose layers call themselves encrypted
    null       an image without layers, as Go writes an empty list
"""

import gzip
import io
import json
import os
import random
import sys
import tarfile
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import archives as a

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DCONFIG = "application/vnd.docker.container.image.v1+json"
DLAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"


def small_layers(seed=1):
    r = random.Random(seed)
    return [
        a.tar({"etc/os-release": b"ID=small\n", "bin/tool": r.randbytes(200000)}),
        a.tar({"usr/share/words": b"".join(b"%d\n" % i for i in range(20000)), "usr/lib/blob": r.randbytes(60000)}),
        a.tar({"etc/motd": b"hello %d\n" % seed, "etc/.wh.os-release": b"", "srv/x": r.randbytes(40000)}),
    ]


def small(out):
    m = a.Members()
    a.write_dir(a.layout(m, a.named(a.image(m, layers=small_layers()), "1")), out)


def medium(out):
    r = random.Random(7)
    layers = [a.tar({"data/%d" % size: r.randbytes(size)}) for size in (2500000, 1000000, 300000, 20000)]
    m = a.Members()
    a.write_dir(a.layout(m, a.named(a.image(m, layers=layers), "1")), out)


class Registry:
    """Blobs and manifests by POST and PUT: http://HOST:PORT, repository."""

    def __init__(self, base, repo):
        self.base, self.repo = base.rstrip("/"), repo
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def request(self, method, url, data=None, **headers):
        q = urllib.request.Request(url, data, {k.replace("_", "-"): v for k, v in headers.items()}, method=method)
        return self.opener.open(q)

    def blob(self, data, media=a.CONFIG, algorithm="sha256", **more):
        digest = algorithm + ":" + a.hashlib.new(algorithm, data).hexdigest()
        url = self.request("POST", "%s/v2/%s/blobs/uploads/" % (self.base, self.repo), b"").headers["Location"]
        url = urllib.parse.urljoin(self.base, url)
        self.request("PUT", url + ("&" if "?" in url else "?") + "digest=" + digest.replace(":", "%3A"), data,
                     Content_Type="application/octet-stream")
        return dict({"mediaType": media, "digest": digest, "size": len(data)}, **more)

    def manifest(self, obj, tag=None):
        data = json.dumps(obj, indent=1).encode()
        digest = "sha256:" + a.sha(data)
        media = obj["mediaType"]
        self.request("PUT", "%s/v2/%s/manifests/%s" % (self.base, self.repo, tag or digest), data, Content_Type=media)
        return {"mediaType": media, "digest": digest, "size": len(data)}

    def image(self, layers, tag=None, pack="gzip", media=a.GZIP, arch=a.HOST, kind=a.MANIFEST, algorithm="sha256"):
        config = self.blob(a.config(layers, architecture=arch), DCONFIG if kind == DOCKER else a.CONFIG, algorithm)
        descs = [self.blob(a.PACK[pack](layer), media, algorithm) for layer in layers]
        return self.manifest({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": descs}, tag)


OTHER = "arm64" if a.HOST == "amd64" else "amd64"


def many(r, tag, media, kind, layer):
    here = dict(r.image(small_layers(2), kind=kind, media=layer), platform={"os": "linux", "architecture": a.HOST})
    there = dict(r.image(small_layers(3), arch=OTHER, kind=kind, media=layer),
                 platform={"os": "linux", "architecture": OTHER, "variant": "v8"})
    entries = [there, here]
    if media == a.INDEX:
        # What buildx adds: no platform, to be passed over.
        note = r.manifest({"schemaVersion": 2, "mediaType": a.MANIFEST, "config": r.blob(b"{}"),
                           "layers": [r.blob(b'{"a":1}', "application/vnd.in-toto+json")]})
        entries.append(dict(note, platform={"os": "unknown", "architecture": "unknown"},
                            annotations={"vnd.docker.reference.type": "attestation-manifest",
                                         "vnd.docker.reference.digest": here["digest"]}))
    return r.manifest({"schemaVersion": 2, "mediaType": media, "manifests": entries}, tag)


def put_artifact(r, tag):
    return r.manifest({"schemaVersion": 2, "mediaType": a.MANIFEST,
                       "config": r.blob(b"{}", "application/vnd.example.thing.config.v1+json"),
                       "layers": [r.blob(b"hello\n", "application/vnd.oci.image.layer.v1.tar",
                                         annotations={"org.opencontainers.image.title": "hello.txt"})]}, tag)


def put_empty(r, tag):
    return r.manifest({"schemaVersion": 2, "mediaType": a.MANIFEST, "artifactType": "application/vnd.example.sbom",
                       "config": r.blob(b"{}", "application/vnd.oci.empty.v1+json"),
                       "layers": [r.blob(b"text\n", "text/plain")]}, tag)


def put_alien(r, tag):
    there = dict(r.image(small_layers(3), arch=OTHER), platform={"os": "linux", "architecture": OTHER})
    return r.manifest({"schemaVersion": 2, "mediaType": a.INDEX, "manifests": [there]}, tag)


def put_index_of_artifact(r, tag):
    """An index whose entry for this host is an artifact."""
    here = dict(put_artifact(r, None), platform={"os": "linux", "architecture": a.HOST})
    return r.manifest({"schemaVersion": 2, "mediaType": a.INDEX, "manifests": [here]}, tag)


def put_nested(r, tag):
    inner = many(r, None, a.INDEX, a.MANIFEST, a.GZIP)
    return r.manifest({"schemaVersion": 2, "mediaType": a.INDEX, "manifests": [inner]}, tag)


def put_foreign(r, tag, urls=("http://127.0.0.1:1/layer",)):
    layers = small_layers(4)
    config = r.blob(a.config(layers), DCONFIG)
    descs = [r.blob(a.PACK["gzip"](layer), DLAYER) for layer in layers[:2]]
    packed = a.PACK["gzip"](layers[2])
    descs.append({"mediaType": FOREIGN, "digest": "sha256:" + a.sha(packed), "size": len(packed), "urls": list(urls)})
    return r.manifest({"schemaVersion": 2, "mediaType": DOCKER, "config": config, "layers": descs}, tag)


def put_null(r, tag):
    config = r.blob(a.config([]))
    return r.manifest({"schemaVersion": 2, "mediaType": a.MANIFEST, "config": config, "layers": None}, tag)


PUT = {
    "artifact": put_artifact,
    "empty": put_empty,
    "index": lambda r, tag: many(r, tag, a.INDEX, a.MANIFEST, a.GZIP),
    "list": lambda r, tag: many(r, tag, LIST, DOCKER, DLAYER),
    "alien": put_alien,
    "index-of-artifact": put_index_of_artifact,
    "nested": put_nested,
    "null": put_null,
    "foreign": put_foreign,
    "zstd": lambda r, tag: r.image(small_layers(5), tag, "zstd", "application/vnd.oci.image.layer.v1.tar+zstd"),
    "tar": lambda r, tag: r.image(small_layers(6), tag, "none", a.TAR),
    "encrypted": lambda r, tag: r.image(small_layers(8), tag, media=a.GZIP + "+encrypted"),
    "sha512": lambda r, tag: r.image(small_layers(7), tag, algorithm="sha512"),
}


def main():
    kind, *args = sys.argv[1:]
    if kind in ("small", "medium"):
        globals()[kind](*args)
    else:
        base, repo, what = args
        name, _, tag = repo.rpartition(":")
        print(PUT[what](Registry(base, name), tag)["digest"])


if __name__ == "__main__":
    main()
