"""A registry that lies, one lie a repository: hostileregistry.py PKI PASSWORD.

/v2/LIE/app serves a valid image with the tag 1, changed by the function or content of that name.
Listens six times and prints "NAME PORT" of each, then "listening on PORT" of the first:
    plain 127.0.0.1     tls  127.0.0.1, the tests' authority     self  an unknown certificate
    self-plain 127.0.0.1     other 127.0.0.2     othertls  127.0.0.2: must not get credentials of another host
Then a line for each request: "NAME METHOD PATH STATUS AUTHORIZATION", the last one of "-", "basic", "bearer".
"""

import base64
import http.server
import json
import os
import socketserver
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import archives as a
import registryimages as images
import requestlog

PORT = {}
LAYERS = images.small_layers(9)


def sha(data):
    return "sha256:" + a.sha(data)


class Content:
    """Manifests by tag and digest, blobs by digest."""

    def __init__(self):
        self.manifests, self.blobs = {}, {}

    def blob(self, data, media=a.GZIP, **more):
        self.blobs[sha(data)] = data
        return dict({"mediaType": media, "digest": sha(data), "size": len(data)}, **more)

    def manifest(self, obj, tag=None, media=None):
        data = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
        media = media or (a.MANIFEST if isinstance(obj, bytes) else obj["mediaType"])
        self.manifests[sha(data)] = self.manifests[tag or sha(data)] = (media, data)
        return {"mediaType": media, "digest": sha(data), "size": len(data)}

    def image(self, tag="1", conf=None, layers=None, **lie):
        descs = [self.blob(a.PACK["gzip"](x)) for x in (LAYERS if layers is None else layers)]
        body = {"schemaVersion": 2, "mediaType": a.MANIFEST, "layers": descs,
                "config": self.blob(conf or a.config(LAYERS if layers is None else layers), a.CONFIG)}
        for k, v in lie.items():
            body[k] = v(body[k]) if callable(v) else v
        return self.manifest(body, tag)


def sound():
    c = Content()
    c.image()
    return c


def lied(**lie):
    c = Content()
    c.image(**lie)
    return c


def first(**change):
    """The first layer's descriptor with other members."""
    return with_layers(lambda ls: [dict(ls[0], **change)] + ls[1:])


def with_layers(change):
    c = Content()
    d = c.image(tag=None)
    body = json.loads(c.manifests[d["digest"]][1])
    body["layers"] = change(body["layers"])
    c.manifest(body, "1")
    return c


def raw(change):
    """The manifest's text changed."""
    c = Content()
    d = c.image(tag=None)
    c.manifest(change(c.manifests[d["digest"]][1]), "1")
    return c


def conf(**change):
    body = json.loads(a.config(LAYERS))
    for k, v in change.items():
        if v is None:
            del body[k]
        else:
            body[k] = v
    c = Content()
    c.image(conf=json.dumps(body).encode())
    return c


def nested(depth):
    c = Content()
    d = c.image(tag=None)
    for i in range(depth):
        d = c.manifest({"schemaVersion": 2, "mediaType": a.INDEX, "manifests": [d]}, "1" if i == depth - 1 else None)
    return c


def entries(n):
    c = Content()
    d = dict(c.image(tag=None), platform={"os": "linux", "architecture": a.HOST})
    no = [{"mediaType": a.MANIFEST, "digest": sha(b"%d" % i), "size": 100,
           "platform": {"os": "plan9", "architecture": "mips"}} for i in range(n)]
    c.manifest({"schemaVersion": 2, "mediaType": a.INDEX, "manifests": no + [d]}, "1")
    return c


def many_layers(n):
    c = Content()
    layer = a.tar({"one": b"1"})
    d = c.image(layers=[layer], conf=a.config([layer] * n), tag=None)
    body = json.loads(c.manifests[d["digest"]][1])
    body["layers"] *= n
    c.manifest(body, "1")
    return c


def bad_index_child():
    """The index' manifest is another one than it says."""
    c = Content()
    d = dict(c.image(tag=None), platform={"os": "linux", "architecture": a.HOST})
    c.manifest({"schemaVersion": 2, "mediaType": a.INDEX, "manifests": [d]}, "1")
    media, data = c.manifests[d["digest"]]
    c.manifests[d["digest"]] = (media, data + b" ")
    return c


def foreign(there, urls):
    c = Content()
    packed = a.PACK["gzip"](LAYERS[2])
    d = c.image(tag=None)
    body = json.loads(c.manifests[d["digest"]][1])
    body["layers"][2].update(mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", urls=urls)
    if not there:
        del c.blobs[sha(packed)]
    c.manifest(body, "1")
    return c


def escaping_layer():
    c = Content()
    c.image(layers=[a.tar({"../../../escaped": b"x"})])
    return c


BIG = b" " * (5 << 20)

CONTENT = {
    "layer-digest-path": lambda: first(digest="sha256:../../../../../../etc/passwd"),
    "layer-digest-upper": lambda: with_layers(lambda ls: [dict(ls[0], digest=ls[0]["digest"].upper().replace("SHA", "sha"))]),
    "layer-digest-sha1": lambda: first(digest="sha1:" + "0" * 40),
    "layer-digest-none": lambda: first(digest=None),
    "layer-negative": lambda: first(size=-1),
    "layer-huge": lambda: first(size=1 << 60),
    "layer-overflow": lambda: raw(lambda t: t.replace(b'"size": ', b'"size": 99999999999999999999', 2)),
    "layer-float": lambda: first(size=1.5),
    "layer-media": lambda: first(mediaType="application/x-something"),
    "layer-size-more": lambda: with_layers(lambda ls: [dict(ls[0], size=ls[0]["size"] + 1)] + ls[1:]),
    "layer-size-less": lambda: with_layers(lambda ls: [dict(ls[0], size=ls[0]["size"] - 1)] + ls[1:]),
    "layer-missing": lambda: with_layers(lambda ls: ls[:2]),
    "layer-extra": lambda: with_layers(lambda ls: ls + ls[:1]),
    "layer-swapped": lambda: with_layers(lambda ls: ls[::-1]),
    "layer-escape": escaping_layer,
    "layers-10000": lambda: many_layers(10000),
    "config-path": lambda: raw(lambda t: t.replace(b'"config": {"mediaType"', b'"config": {"x": 1, "digest": "sha256:../x", "mediaType"')),
    "config-big": lambda: lied(conf=a.config(LAYERS) + BIG),
    "config-text": lambda: lied(conf=b"<html>"),
    "config-rootfs": lambda: conf(rootfs={"type": "other", "diff_ids": [sha(x) for x in LAYERS]}),
    "config-no-rootfs": lambda: conf(rootfs=None),
    "config-user": lambda: conf(config={"User": 5}),
    "config-env": lambda: conf(config={"Env": "A=b"}),
    "config-diff-path": lambda: conf(rootfs={"type": "layers", "diff_ids": ["sha256:../../x"] * 3}),
    "config-artifact": lambda: lied(config=lambda d: dict(d, mediaType="application/vnd.example.thing+json")),
    "config-escape": lambda: lied(config=lambda d: dict(d, mediaType="application/\x1b[31mred\nline")),
    "history-null": lambda: conf(history=[None, {"empty_layer": True}]),
    "history-long": lambda: conf(history=[{"created_by": "x"}] * 500),
    "json-twice": lambda: raw(lambda t: t.replace(b'{"schemaVersion": 2', b'{"schemaVersion": 2, "schemaVersion": 2')),
    "json-nul": lambda: raw(lambda t: t.replace(b'"schemaVersion"', b'"a\\u0000b": 1, "schemaVersion"')),
    "json-utf8": lambda: raw(lambda t: t.replace(b'{"schemaVersion"', b'{"a\xff": 1, "schemaVersion"')),
    "json-trailing": lambda: raw(lambda t: t + b"{}"),
    "json-deep": lambda: raw(lambda t: t[:-1] + b', "x": ' + b"[" * 100000 + b"]" * 100000 + b"}"),
    "json-array": lambda: raw(lambda t: b"[" + t + b"]"),
    "json-empty": lambda: raw(lambda t: b""),
    "manifest-big": lambda: raw(lambda t: t + BIG),
    "manifest-both": lambda: lied(manifests=[]),
    "manifest-type": lambda: lied(mediaType=a.INDEX),
    "schema-version": lambda: lied(schemaVersion=3),
    "index-deep": lambda: nested(20),
    "index-2": lambda: nested(2),
    "index-15000": lambda: entries(15000),
    "index-child": bad_index_child,
    "foreign": lambda: foreign(False, ["http://127.0.0.2:%d/layer" % PORT["other"]]),
    "foreign-file": lambda: foreign(False, ["file:///etc/passwd"]),
    "foreign-here": lambda: foreign(True, ["http://127.0.0.2:%d/layer" % PORT["other"]]),
}


# --- what a repository answers otherwise: a function of (handler, kind, name), True where it answered ---------

LIES = {}


def lie(function):
    LIES[function.__name__.replace("_", "-")] = function
    return function


def at_blobs(answer):
    return lambda h, kind, name: kind == "blobs" and h.command == "GET" and answer(h, name)


def at_manifests(answer):
    return lambda h, kind, name: kind == "manifests" and h.command in ("GET", "HEAD") and answer(h, name)


HTML = b"<!DOCTYPE html><html>Log in to the network of this \x1b[31mhotel</html>"
LIES["html-manifest"] = at_manifests(lambda h, n: h.answer(200, HTML, "text/html"))
LIES["html-blob"] = at_blobs(lambda h, n: h.answer(200, HTML, "text/html"))
LIES["html-404"] = at_manifests(lambda h, n: h.answer(404, HTML, "text/html"))
LIES["html-upload"] = lambda h, kind, n: kind == "uploads" and h.answer(202, HTML, "text/html")
LIES["html-tags"] = lambda h, kind, n: kind == "tags" and h.answer(200, HTML, "text/html")
LIES["endless-manifest"] = at_manifests(lambda h, n: h.endless(200, a.MANIFEST))
LIES["endless-blob"] = at_blobs(lambda h, n: h.endless(200, "application/octet-stream"))
LIES["endless-error"] = at_manifests(lambda h, n: h.endless(404, "application/json"))
LIES["endless-tags"] = lambda h, kind, n: kind == "tags" and h.endless(200, "application/json")
LIES["endless-header"] = at_manifests(lambda h, n: h.endless_header())
LIES["endless-pages"] = lambda h, kind, n: kind == "tags" and h.answer(
    200, b'{"name":"x","tags":["t%d"]}' % time.monotonic_ns(), "application/json", Link='<%s>; rel="next"' % h.path)
LIES["error-escape"] = at_manifests(lambda h, n: h.answer(
    404, json.dumps({"errors": [{"code": "MANIFEST\x1b[31mUNKNOWN", "message": "a\nb\x1b]0;title\x07\r c"}]}).encode()))
LIES["error-big"] = at_manifests(lambda h, n: h.answer(
    404, json.dumps({"errors": [{"code": "X", "message": "y" * 3000000}]}).encode()))
LIES["error-types"] = at_manifests(lambda h, n: h.answer(404, b'{"errors":[{"code":5,"message":{"a":[]}},7]}'))
LIES["error-none"] = at_manifests(lambda h, n: h.answer(403, b'{"errors":[]}'))
LIES["content-digest"] = at_manifests(lambda h, n: h.stored(n, digest=sha(b"another")))
LIES["content-type"] = at_manifests(lambda h, n: h.stored(n, media=a.INDEX))
LIES["content-type-none"] = at_manifests(lambda h, n: h.stored(n, media=""))
LIES["not-the-digest"] = at_manifests(lambda h, n: h.stored("1", digest=n))
LIES["blob-long"] = at_blobs(lambda h, n: h.answer(200, h.content.blobs[n] + b"more"))
LIES["blob-short"] = at_blobs(lambda h, n: h.answer(200, h.content.blobs[n][:-4]))
LIES["blob-other"] = at_blobs(lambda h, n: h.answer(200, bytes(len(h.content.blobs[n]))))
LIES["blob-none"] = at_blobs(lambda h, n: h.answer(200, b""))
LIES["redirect-loop"] = at_blobs(lambda h, n: h.redirect(h.path))
LIES["redirect-file"] = at_blobs(lambda h, n: h.redirect("file:///etc/passwd"))
LIES["redirect-none"] = at_blobs(lambda h, n: h.answer(307, b""))
LIES["redirect-bytes"] = at_blobs(lambda h, n: h.redirect("http://127.0.0.1:1\x01@x/%zz"))
LIES["redirect-other"] = at_blobs(lambda h, n: h.redirect(h.other("other")))
LIES["redirect-port"] = at_blobs(lambda h, n: h.redirect("http://127.0.0.1:%d/store/%s" % (PORT["self-plain"], n)))
LIES["redirect-tls"] = at_blobs(lambda h, n: h.redirect(h.other("othertls")))
LIES["redirect-open"] = LIES["redirect-tls"]
LIES["redirect-downgrade"] = at_blobs(lambda h, n: h.redirect(h.other("other")))
LIES["redirect-user"] = at_blobs(lambda h, n: h.redirect(h.other("other").replace("//", "//u:" + "p" * 9 + "@")))
LIES["redirect-signed"] = at_blobs(lambda h, n: h.redirect(h.other("other") + "?X-Signature=se" + "cret&y=1"))
LIES["redirect-manifest"] = at_manifests(lambda h, n: h.redirect(h.other("other", "manifest")))
LIES["tags-escape"] = lambda h, kind, n: kind == "tags" and h.answer(
    200, json.dumps({"name": "x", "tags": ["../../x", "a\nb", "\x1b[31m", "-x", ""]}).encode())
LIES["tags-types"] = lambda h, kind, n: kind == "tags" and h.answer(200, b'{"name":"x","tags":[1,{}]}')
LIES["tags-null"] = lambda h, kind, n: kind == "tags" and h.answer(200, b'{"name":"x","tags":null}')
LIES["schema1"] = at_manifests(lambda h, n: h.answer(
    200, b'{"schemaVersion":1,"name":"x","tag":"1","fsLayers":[],"history":[],"signatures":[]}',
    "application/vnd.docker.distribution.manifest.v1+prettyjws"))


def challenge(text):
    return lambda h, kind, n: h.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
                                       **{"WWW-Authenticate": text() if callable(text) else text})


LIES["realm-http"] = challenge(lambda: 'Bearer realm="http://127.0.0.2:%d/token",service="x"' % PORT["other"])
LIES["realm-file"] = challenge('Bearer realm="file:///etc/passwd",service="x"')
LIES["realm-none"] = challenge("Bearer service=x")
LIES["realm-long"] = challenge(lambda: 'Bearer realm="%s",service="x"' % ("x" * 60000))
LIES["realm-open"] = challenge('Bearer realm="https://127.0.0.1:1/')
LIES["challenge-other"] = challenge("Digest realm=x")
LIES["challenge-none"] = lambda h, kind, n: h.answer(401, b"")
for what in ("html", "endless", "big", "types", "newline"):
    LIES["token-" + what] = challenge(
        lambda what=what: 'Bearer realm="http://127.0.0.1:%d/token-%s",service="x"' % (PORT["plain"], what))


def upload_to(where):
    def answer(h, kind, name):
        if kind == "uploads" and h.command == "POST":
            return h.answer(202, b"", Location=where(h))
        return False
    return answer


LIES["upload-other"] = upload_to(lambda h: "http://127.0.0.2:%d/upload" % PORT["other"])
LIES["upload-tls"] = upload_to(lambda h: "https://127.0.0.2:%d/upload" % PORT["othertls"])
LIES["upload-downgrade"] = upload_to(lambda h: "http://127.0.0.2:%d/upload" % PORT["other"])
LIES["upload-file"] = upload_to(lambda h: "file:///tmp/x")
LIES["upload-none"] = lambda h, kind, n: kind == "uploads" and h.command == "POST" and h.answer(202, b"")


@lie
def upload_lost(h, kind, name):
    """Takes everything and keeps nothing: the digest it then tells is another one."""
    if kind == "uploads":
        where = h.path.partition("?")[0].rstrip("/") + "/1"
        return h.answer(201 if h.command == "PUT" else 202, b"", Location=where, **{"Docker-Content-Digest": sha(b"")})
    if h.command == "PUT":
        return h.answer(201, b"", Location=h.path, **{"Docker-Content-Digest": sha(b"another")})
    return h.answer(404, b"") if kind in ("blobs", "manifests") else False


@lie
def upload_nothing(h, kind, name):
    """Everything is fine, says what stands between, and nothing arrives."""
    if kind == "uploads" and h.command == "POST":
        return h.answer(202, b"", Location=h.path + "1")
    return h.answer(200, b"") if h.command in ("PUT", "PATCH") else False


@lie
def range_other(h, kind, name):
    """The rest of a blob is of another one."""
    if kind != "blobs" or h.command != "GET":
        return False
    data = h.content.blobs[name]
    if len(data) < 1000:
        return False
    if "Range" in h.headers and h.count("range", name) == 0:
        start = int(h.headers["Range"].split("=")[1].split("-")[0])
        return h.answer(206, bytes(len(data) - start), "application/octet-stream",
                        **{"Content-Range": "bytes %d-%d/%d" % (start, len(data) - 1, len(data))})
    if "Range" not in h.headers and h.count("cut", name) == 0:
        return h.cut(data)
    return False


@lie
def range_start(h, kind, name):
    """The answer to a range begins elsewhere, and says so."""
    if kind != "blobs" or h.command != "GET":
        return False
    data = h.content.blobs[name]
    if "Range" in h.headers:
        return h.answer(206, data[1:], "application/octet-stream",
                        **{"Content-Range": "bytes 1-%d/%d" % (len(data) - 1, len(data))})
    return h.count("cut", name) == 0 and h.cut(data)


@lie
def range_416(h, kind, name):
    if kind != "blobs" or h.command != "GET":
        return False
    if "Range" in h.headers:
        return h.answer(416, b"")
    return h.count("cut", name) == 0 and h.cut(h.content.blobs[name])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def setup(self):
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def note(self, status):
        given = self.headers.get("Authorization", "-").split()[0].lower()
        requestlog.note("%s %s %s %d %s" % (self.server.name, self.command, self.path, status, given))

    def answer(self, status, body, kind="application/json", **headers):
        self.note(status)
        lines = ["HTTP/1.1 %d X" % status, "Content-Length: %d" % len(body)]
        if kind:
            lines.append("Content-Type: " + kind)
        lines += ["%s: %s" % h for h in headers.items()]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        if self.command != "HEAD":
            self.wfile.write(body)
        return True

    def stored(self, name, digest=None, media=None):
        if name not in self.content.manifests:
            return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
        kind, data = self.content.manifests[name]
        return self.answer(200, data, kind if media is None else media, **{"Docker-Content-Digest": digest or sha(data)})

    def redirect(self, where):
        return self.answer(307, b"", Location=where)

    def other(self, name, kind="store"):
        return "http%s://127.0.0.2:%d/%s/%s" % ("s" if "tls" in name else "", PORT[name], kind, self.path.rpartition("/")[2])

    def count(self, *key):
        with self.server.lock:
            n = self.server.counts.get(key + (self.path,), 0)
            self.server.counts[key + (self.path,)] = n + 1
            return n

    def cut(self, data):
        self.note(200)
        self.wfile.write(b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n" % len(data) + data[:len(data) // 2])
        self.close_connection = True
        return True

    def endless(self, status, kind):
        self.note(status)
        self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Type: %s\r\nConnection: close\r\n\r\n" % (status, kind.encode()))
        self.close_connection = True
        while self.command != "HEAD":
            self.wfile.write(b" " * 65536)
        return True

    def endless_header(self):
        self.note(200)
        self.wfile.write(b"HTTP/1.1 200 X\r\n")
        while True:
            self.wfile.write(b"X-Header: " + b"x" * 4000 + b"\r\n")

    def do_GET(self):
        try:
            self.serve()
        except OSError:
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def serve(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if self.server.name.startswith("other") or path.startswith("/store/"):
            return self.elsewhere(path)
        if path.startswith("/token-"):
            return self.token(path)
        if path == "/v2/" or not path.startswith("/v2/"):
            return self.answer(200, b"{}")
        parts = path.split("/")
        name = parts[2]
        self.content = self.server.content(name)
        if name in ("basic", "redirect-other", "redirect-port", "redirect-tls", "redirect-downgrade", "redirect-user",
                    "redirect-manifest", "upload-other", "upload-tls", "upload-downgrade", "foreign", "foreign-here") and \
                self.headers.get("Authorization") != "Basic " + self.server.basic:
            return self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
                               **{"WWW-Authenticate": 'Basic realm="tests"'})
        kind, what = parts[4] if len(parts) > 4 else "", parts[-1]
        if kind == "blobs" and len(parts) > 5 and parts[5] == "uploads":
            kind = "uploads"
        if name in LIES and LIES[name](self, kind, what):
            return True
        if kind == "manifests" and self.command in ("GET", "HEAD"):
            return self.stored(what)
        if kind == "blobs" and self.command in ("GET", "HEAD") and what in self.content.blobs:
            return self.answer(200, self.content.blobs[what], "application/octet-stream")
        if kind == "tags":
            return self.answer(200, b'{"name":"%s/app","tags":["1"]}' % name.encode())
        return self.answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}')

    def elsewhere(self, path):
        what = path.rpartition("/")[2]
        for c in list(self.server.contents.values()):
            if path.startswith("/store/") and what in c.blobs:
                return self.answer(200, c.blobs[what], "application/octet-stream")
        if path.startswith("/manifest/"):
            self.content = self.server.content("sound")
            return self.stored(what)
        if path.startswith("/upload"):
            return self.answer(201, b"")
        return self.answer(404, b"")

    def token(self, path):
        kind = path[len("/token-"):]
        if kind == "html":
            return self.answer(200, HTML, "text/html")
        if kind == "endless":
            return self.endless(200, "application/json")
        if kind == "big":
            return self.answer(200, json.dumps({"token": "x" * 2000000}).encode())
        if kind == "types":
            return self.answer(200, b'{"token":[5],"expires_in":"never"}')
        return self.answer(200, json.dumps({"token": "x\r\nX-Injected: yes"}).encode())


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64
    contents, counts, lock = {}, {}, threading.Lock()

    def handle_error(self, request, client_address):
        pass

    def content(self, name):
        with self.lock:
            if name not in self.contents:
                self.contents[name] = CONTENT.get(name, sound)()
            return self.contents[name]


def main():
    pki, password = sys.argv[1:]
    Server.basic = base64.b64encode(("anna:" + password).encode()).decode()
    for name, host, cert in (("plain", "127.0.0.1", None), ("tls", "127.0.0.1", "server"), ("self", "127.0.0.1", "self"),
                             ("self-plain", "127.0.0.1", None), ("other", "127.0.0.2", None),
                             ("othertls", "127.0.0.2", "server")):
        s = Server((host, 0), Handler)
        s.name, s.tls = name, None
        if cert:
            s.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            s.tls.load_cert_chain(os.path.join(pki, cert + ".crt"), os.path.join(pki, cert + ".key"))
        PORT[name] = s.server_address[1]
        print(name, PORT[name], flush=True)
        threading.Thread(target=s.serve_forever, daemon=True).start()
    print("listening on %d" % PORT["plain"], flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
