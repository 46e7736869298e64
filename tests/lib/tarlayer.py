"""Tar layers byte by byte, with every oddity that an extractor may meet, and OCI layouts around them."""

import bz2
import hashlib
import json
import lzma
import os
import struct
import zlib

TIME = 1700000000


def as_bytes(s):
    return s.encode() if isinstance(s, str) else s


def number(value, width):
    """A numeric field: octal where it fits, else GNU base-256."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    raw = (value & ((1 << (8 * width)) - 1)).to_bytes(width, "big")
    return bytes([0x80 | raw[0]]) + raw[1:] if value >= 0 else b"\xff" + raw[1:]


def base256(value, width):
    """The same field in base-256 whether it needs it or not."""
    raw = (value & ((1 << (8 * width)) - 1)).to_bytes(width, "big")
    return bytes([(0x80 if value >= 0 else 0xFF) | raw[0]]) + raw[1:]


def pax_record(key, value):
    body = b" " + as_bytes(key) + b"=" + as_bytes(value) + b"\n"
    size = len(body)
    while len(str(size)) + len(body) != size:
        size = len(str(size)) + len(body)
    return str(size).encode() + body


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, mtime=TIME, link=b"", major=0,
           minor=0, prefix=b"", magic=b"ustar\x0000", **raw):
    """One 512-byte header; raw gives whole fields: size_field=..., uid_field=..., checksum=..."""
    fields = [
        as_bytes(name)[:100].ljust(100, b"\0"),
        raw.get("mode_field", number(mode, 8)),
        raw.get("uid_field", number(uid, 8)),
        raw.get("gid_field", number(gid, 8)),
        raw.get("size_field", number(size, 12)),
        raw.get("mtime_field", number(int(mtime), 12)),
        b" " * 8,
        kind,
        as_bytes(link)[:100].ljust(100, b"\0"),
        magic,
        b"\0" * 32,
        b"\0" * 32,
        number(major, 8),
        number(minor, 8),
        prefix.ljust(155, b"\0"),
        b"\0" * 12,
    ]
    block = b"".join(fields)
    assert len(block) == 512, len(block)
    checksum = raw.get("checksum", sum(block))
    return block[:148] + b"%06o\0 " % checksum + block[156:]


def pad(data):
    return data + b"\0" * (-len(data) % 512)


class Tar:
    """A tar stream that grows by one entry a call; every method returns the Tar."""

    def __init__(self):
        self.parts = []

    def raw(self, data):
        self.parts.append(data)
        return self

    def entry(self, name, kind=b"0", data=b"", pax=None, **fields):
        name, link = as_bytes(name), as_bytes(fields.pop("link", b""))
        pax = dict(pax or {})
        if len(name) > 100 and "prefix" not in fields and "path" not in pax:
            pax["path"] = name
        if len(link) > 100 and "linkpath" not in pax:
            pax["linkpath"] = link
        mtime = fields.get("mtime", TIME)
        if mtime != int(mtime) or mtime < 0:
            pax.setdefault("mtime", repr(mtime))
            fields["mtime"] = max(0, int(mtime))
        if pax:
            body = b"".join(pax_record(k, v) for k, v in pax.items())
            self.raw(header("PaxHeaders/x", b"x", len(body)) + pad(body))
        fields.setdefault("size", len(data))
        return self.raw(header(name, kind, link=link, **fields) + pad(data))

    def file(self, name, data=b"", **fields):
        return self.entry(name, b"0", as_bytes(data), **fields)

    def dir(self, name, **fields):
        fields.setdefault("mode", 0o755)
        name = as_bytes(name)
        return self.entry(name if name.endswith(b"/") else name + b"/", b"5", **fields)

    def link(self, name, target, **fields):
        return self.entry(name, b"1", link=target, **fields)

    def symlink(self, name, target, **fields):
        fields.setdefault("mode", 0o777)
        return self.entry(name, b"2", link=target, **fields)

    def char(self, name, major, minor, **fields):
        return self.entry(name, b"3", major=major, minor=minor, **fields)

    def block(self, name, major, minor, **fields):
        return self.entry(name, b"4", major=major, minor=minor, **fields)

    def fifo(self, name, **fields):
        return self.entry(name, b"6", **fields)

    def wh(self, name, **fields):
        head, _, tail = as_bytes(name).rpartition(b"/")
        return self.file((head + b"/" if head else b"") + b".wh." + tail, **fields)

    def opaque(self, directory):
        directory = as_bytes(directory)
        return self.file((directory + b"/" if directory else b"") + b".wh..wh..opq")

    def gnu_long(self, kind, text):
        text = as_bytes(text) + b"\0"
        return self.raw(header("././@LongLink", kind, len(text), magic=b"ustar  \0") + pad(text))

    def global_pax(self, **records):
        body = b"".join(pax_record(k, v) for k, v in records.items())
        return self.raw(header("pax_global_header", b"g", len(body)) + pad(body))

    def bytes(self, end=True):
        return b"".join(self.parts) + (b"\0" * 1024 if end else b"")


class Layer:
    """A layer as it is stored: blob bytes, and the diff ID that the config claims."""

    def __init__(self, blob, plain=None, media="application/vnd.oci.image.layer.v1.tar+gzip",
                 diff_id=None):
        self.blob = blob
        self.media = media
        self.diff_id = diff_id or "sha256:" + hashlib.sha256(plain).hexdigest()


def gz(plain, level=6):
    out = zlib.compressobj(level, zlib.DEFLATED, 31)
    return out.compress(plain) + out.flush()


def layer(tar, codec="gzip", end=True):
    """A Tar, or bytes, as a Layer."""
    plain = tar.bytes(end) if isinstance(tar, Tar) else tar
    base = "application/vnd.oci.image.layer.v1.tar"
    if codec == "gzip":
        return Layer(gz(plain), plain)
    if codec == "bzip2":
        return Layer(bz2.compress(plain), plain, base)
    if codec == "xz":
        return Layer(lzma.compress(plain, preset=1), plain, base)
    if codec == "none":
        return Layer(plain, plain, base)
    raise ValueError(codec)


def zstd_raw_frame(data, window_log=20):
    """A zstd frame of raw blocks: needs no compressor, and takes any window size."""
    out = [b"\x28\xb5\x2f\xfd", b"\0", bytes([(window_log - 10) << 3])]
    chunks = [data[i:i + 65536] for i in range(0, len(data), 65536)] or [b""]
    for i, chunk in enumerate(chunks):
        last = i == len(chunks) - 1
        out.append(struct.pack("<I", len(chunk) << 3 | last)[:3] + chunk)
    return b"".join(out)


def zstd_skippable(data):
    return struct.pack("<II", 0x184D2A53, len(data)) + data


def write_layout(path, layers, name, tag="1", config=None, os_name="linux", arch="amd64"):
    """An OCI layout directory with one image; name is its full reference."""
    blobs = os.path.join(path, "blobs", "sha256")
    os.makedirs(blobs)

    def put(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as f:
            f.write(data)
        return {"digest": "sha256:" + digest, "size": len(data)}

    def put_json(value, media):
        return {"mediaType": media, **put(json.dumps(value).encode())}

    config = {
        "created": "2023-11-14T22:13:20Z",
        "architecture": arch,
        "os": os_name,
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [l.diff_id for l in layers]},
        "history": [{"created": "2023-11-14T22:13:20Z", "created_by": name} for _ in layers],
        **(config or {}),
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put_json(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [{"mediaType": l.media, **put(l.blob)} for l in layers],
    }
    descriptor = put_json(manifest, manifest["mediaType"])
    descriptor["annotations"] = {
        "org.opencontainers.image.ref.name": tag,
        "io.containerd.image.name": name,
    }
    with open(os.path.join(path, "oci-layout"), "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    with open(os.path.join(path, "index.json"), "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [descriptor]}, f)
