"""A registry on loopback with the habits of real ones: habitsregistry.py

The first component of a repository names its habits, dots between them: /v2/put-413.head-zero/app. Each repository
has a sound image under the tag 1, and takes what is pushed. Prints "listening on PORT", then an access log in
docker-registry's form. GET /told/REPOSITORY: what was pushed there, as JSON: {"blobs": [...], "manifests": {tag: type}}.
"""

import gzip
import http.server
import json
import os
import re
import socketserver
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import archives as a
import registryimages as images
import requestlog

PORT = 0
SMALL = [a.tar({"bin/tool": b"#!/bin/sh\n", "etc/motd": b"hello\n"})]
PAGE = b"<html><head><title>%d</title></head><body>nginx</body></html>"


def sha(data):
    return "sha256:" + a.sha(data)


class Image:
    """One of one gzip layer, as Docker's types or OCI's have it."""

    def __init__(self, manifest, config, layer, **more):
        packed, conf = gzip.compress(SMALL[0], mtime=0), a.config(SMALL)
        self.layer = sha(packed)
        self.blobs = {sha(packed): packed, sha(conf): conf}
        self.type = manifest
        self.text = json.dumps(dict({
            "schemaVersion": 2, "mediaType": manifest,
            "config": {"mediaType": config, "size": len(conf), "digest": sha(conf)},
            "layers": [dict({"mediaType": layer, "size": len(packed), "digest": sha(packed)}, **more)]})).encode()


IMAGES = {
    "docker": Image(images.DOCKER, images.DCONFIG, images.DLAYER),
    "oci": Image(a.MANIFEST, a.CONFIG, a.GZIP),
    "foreign-there": Image(images.DOCKER, images.DCONFIG, images.FOREIGN, urls=["https://files.invalid/x"]),
}


def errors(*list_):
    return json.dumps({"errors": list(list_)}).encode()


def error(code, message, detail=None):
    return {"code": code, "message": message, "detail": detail}


# What a GET of a manifest is answered with instead: (status, body, type).
REFUSALS = {
    "no-page": (404, PAGE % 404, "text/html"),
    "no-manifest": (404, errors(error("MANIFEST_UNKNOWN", "manifest unknown", {"Tag": "1"})), "application/json"),
    "no-code": (404, errors({"status": 404, "message": "Unable to find it in path app/1"}), "application/json"),
    "errors-text": (400, b'{"errors":"that went wrong"}', "application/json"),
    "errors-two": (400, errors(error("A_B", "first"), error("C", "second", {"x": "why"})), "application/json"),
    "errors-many": (400, errors(*[error("E", "number %d" % i) for i in range(900)]), "application/json"),
    "detail-text": (400, errors(error("NAME_INVALID", "invalid name", "no upper case")), "application/json"),
    "detail-message": (400, errors(error("DENIED", "denied", {"message": "quota of team x is full"})), "application/json"),
    "detail-same": (400, errors(error("X", "the same", "the same")), "application/json"),
    "detail-big": (400, errors(error("X", "m", {"k" * 9: "v" * 9000})), "application/json"),
    "expired": (403, errors(error("DENIED", "Your authorization token has expired.")), "application/json"),
    "error-text": (400, b'{"error":"just a string"}', "application/json"),
    "error-object": (400, b'{"error":{"code":"QUOTA","message":"none left"}}', "application/json"),
    "error-oauth": (400, b'{"error":"invalid_scope","error_description":"no such scope"}', "application/json"),
    "message": (400, b'{"message":"invalid repository name","details":"no dots"}', "application/json"),
    "plain": (400, b"  upstream\r\n\tsays no\n\n", "text/plain; charset=utf-8"),
    "plain-none": (400, b"go away", None),
    "plain-escape": (400, b"a\x1b]0;title\x07\xc2\x9bb\xff" + b"z" * 5000, "text/plain"),
    "plain-404": (404, b"404 page not found\n", "text/plain"),
    "plain-403": (403, b"blocked by policy 7", "text/plain"),
    "plain-nul": (400, b"a\0b", "text/plain"),
    "empty-400": (400, b"", None),
    "json-other": (400, b'{"x":[1]}', "application/json"),
    "page-405": (405, PAGE % 405, "text/html"),
    "page-413": (413, PAGE % 413, "text/html"),
    "page-untyped": (405, b"\n <!DOCTYPE html>x", None),
    "schema-1": (200, b'{"schemaVersion":1,"name":"x","tag":"1","fsLayers":[],"history":[]}',
                 "application/vnd.docker.distribution.manifest.v1+prettyjws"),
}

# The type that a sound manifest comes with; None: none at all.
TYPES = {
    "type-json": "application/json", "type-octets": "application/octet-stream", "type-text": "text/plain; charset=utf-8",
    "type-charset": images.DOCKER + "; charset=utf-8", "type-none": None, "type-html": "text/html",
    "type-v1": "application/vnd.docker.distribution.manifest.v1+json",
}


def link(target, before="", rel='rel="next"'):
    return lambda repo: {"Link": "%s<%s>; %s" % (before, target % repo if "%s" in target else target, rel)}


NEXT = "/v2/%s/tags/list?n=1&last=1"
# The Link of the first page of tags, which has the tag 1; the second has the tag 2.
LINKS = {
    "link": link(NEXT),
    "link-absolute": lambda repo: link("http://127.0.0.1:%d" % PORT + NEXT)(repo),
    "link-host": lambda repo: link("http://localhost:%d" % PORT + NEXT)(repo),
    "link-inside": lambda repo: link("https://registry.internal:5000" + NEXT)(repo),
    "link-relative": link("list?n=1&last=1"),
    "link-query": link("?n=1&last=1"),
    "link-bare": link(NEXT, rel="rel=next"),
    "link-several": link(NEXT, '</v2/x>; rel="prev", ', 'title="a,b; rel=none"; rel="next"'),
    "link-last": link("/v2/nowhere", rel='rel="last"'),
    "link-words": link(NEXT, rel='rel="start next"'),
    "link-loop": link("/v2/%s/tags/list?n=1000"),
}


def bearer(form, rest=',service="s"', before="Bearer realm"):
    return '%s="http://127.0.0.1:%d/token/%s"%s' % (before, PORT, form, rest)


# How a repository asks who is there; the token server's answer goes by the same name.
CHALLENGES = {
    "basic": lambda f: ['Basic realm="x"'],
    "basic-lower": lambda f: ["basic realm=x"],
    "basic-bare": lambda f: ["Basic"],
    "basic-service": lambda f: ['Basic realm="http://127.0.0.1:%d/",service="ecr.example"' % PORT],
    "negotiate": lambda f: ["Negotiate", 'Basic realm="x"'],
    "ntlm": lambda f: ["NTLM", bearer(f)],
    "both": lambda f: ['Basic realm="x"', bearer(f)],
    "one-header": lambda f: ['Basic realm="x", ' + bearer(f)],
    "one-header-2": lambda f: [bearer(f) + ',Basic realm="x"'],
    "query": lambda f: [bearer(f + "?a=b&c=d", ',service="s x/y&z"')],
    "no-service": lambda f: [bearer(f, "")],
    "unquoted": lambda f: ["Bearer realm=http://127.0.0.1:%d/token/%s,service=s,scope=repository:x:pull" % (PORT, f)],
    "blanks": lambda f: ['Bearer  realm = "http://127.0.0.1:%d/token/%s" ,  service = "s"' % (PORT, f)],
    "lower": lambda f: [bearer(f, before="bearer realm")],
    "upper": lambda f: [bearer(f, ',SERVICE="s"', "BEARER REALM")],
    "error": lambda f: [bearer(f, ',service="s",scope="repository:x:pull",error="invalid_token"')],
    "no-scope": lambda f: [bearer(f, ',service="s",scope=""')],
    "scopes": lambda f: [bearer(f, ',service="s",scope="repository:y:pull repository:x:pull,push"')],
    "none": lambda f: [],
    "relative": lambda f: ['Bearer realm="/token/relative",service="s"'],
}
TOKENS = {
    "access-token": {"access_token": "tok"},
    "two-tokens": {"token": "tok", "access_token": "other"},
    "token-empty": {"token": "", "access_token": "tok"},
    "expires-0": {"token": "tok", "expires_in": 0},
    "expires-negative": {"token": "tok", "expires_in": -1},
    "expires-text": {"token": "tok", "expires_in": "3600"},
    "expires-float": {"token": "tok", "expires_in": 3600.5},
    "expires-big": {"token": "tok", "expires_in": 99999999999999},
    "issued": {"token": "tok", "expires_in": 300, "issued_at": "yesterday"},
    "nulls": {"token": "tok", "access_token": None, "refresh_token": None, "expires_in": None, "issued_at": None},
    "no-token": {},
}
TOKEN_REFUSALS = {
    "token-401": (401, b'{"details":"incorrect username or password"}', "application/json"),
    "token-403": (403, PAGE % 403, "text/html"),
    "token-errors": (403, errors(error("DENIED", "the account is locked", {"message": "since May"})), "application/json"),
    "token-502": (502, PAGE % 502, "text/html"),
    "token-page": (200, PAGE % 200, "text/html"),
}


def upload_location(h, uid):
    repo = h.repo
    path = "/v2/%s/blobs/uploads/%s" % (repo, uid)
    forms = {
        "to-absolute": "http://127.0.0.1:%d%s?_state=1" % (PORT, path),
        "to-query": path + "?_state=a%2Fb%3D&x=y+z",
        "to-relative": uid + "?s=1",
        "to-host": "http://localhost:%d%s" % (PORT, path),
        "to-fragment": path + "#fragment",
    }
    return next((where for habit, where in forms.items() if habit in h.habits), path)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind=None, chunked=False, length=None, more=(), **headers):
        requestlog.note('127.0.0.1 - - [x] "%s %s HTTP/1.1" %d %d "" "-"' % (self.command, self.path, status, len(body)))
        lines = ["HTTP/1.1 %d X" % status]
        if kind:
            lines.append("Content-Type: " + kind)
        lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in headers.items() if v is not None] + list(more)
        if chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 100]), body[i:i + 100])
                            for i in range(0, len(body), 100)) + b"0\r\n\r\n"
        elif status != 204 and length != "":
            lines.append("Content-Length: %d" % (len(body) if length is None else length))
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        if self.command != "HEAD":
            self.wfile.write(body)

    def number(self, prefix):
        """The status of a habit PREFIX-STATUS."""
        return next((int(h[len(prefix) + 1:]) for h in self.habits if re.fullmatch(prefix + r"-\d+", h)), None)

    def read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        out = b""
        while True:
            n = int(self.rfile.readline(), 16)
            out += self.rfile.read(n)
            self.rfile.readline()
            if not n:
                return out

    def do_GET(self):
        self.sent = self.read_body()
        url = urllib.parse.urlsplit(self.path)
        self.query = urllib.parse.parse_qs(url.query)
        if url.path == "/v2/":
            return self.answer(200, b"{}")
        if url.path.startswith("/told/"):
            return self.answer(200, json.dumps(self.server.told(url.path[len("/told/"):])).encode())
        if url.path.startswith("/token/"):
            form = url.path[len("/token/"):]
            if form in TOKEN_REFUSALS:
                return self.answer(*TOKEN_REFUSALS[form])
            return self.answer(201 if form == "token-201" else 200, json.dumps(TOKENS.get(form, {"token": "tok"})).encode(),
                               "text/html" if form == "token-html" else "application/json")
        if url.path.startswith("/cdn/"):
            return self.answer(200, IMAGES["docker"].blobs[url.path[len("/cdn/"):]])
        m = re.fullmatch(r"/v2/(([^/]+)/.+)/(manifests|tags|blobs)/(.+)", url.path)
        if not m:
            return self.answer(404, PAGE % 404, "text/html")
        self.repo, self.habits = m.group(1), m.group(2).split(".")
        self.image = next((IMAGES[h] for h in self.habits if h in IMAGES), IMAGES["docker"])
        self.state = self.server.told(self.repo)
        form = next((h[len("auth-"):] for h in self.habits if h.startswith("auth-")), None)
        if form and not self.known(form):
            return None
        return getattr(self, m.group(3))(m.group(4))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def known(self, form):
        """True for user u with password p, and for the token tok. Otherwise a challenge is sent."""
        challenges = CHALLENGES.get(form, lambda f: [bearer(f)])(form)
        given = self.headers.get("Authorization", "")
        if given == "Bearer tok" or (given == "Basic dTpw" and any("basic" in c.lower() for c in challenges)):
            return True
        self.answer(401, errors(error("UNAUTHORIZED", "authentication required")),
                    more=["WWW-Authenticate: " + c for c in challenges])
        return False

    # --- manifests ---

    def manifests(self, name):
        if self.command == "PUT":
            return self.put_manifest(name)
        if "push" in self.habits:
            return self.pushed_manifest(name)
        if self.command == "HEAD" and "no-head" in self.habits:
            return self.answer(405)
        for habit in self.habits:
            if habit in REFUSALS:
                return self.answer(*REFUSALS[habit])
        if "busy-twice" in self.habits and self.server.count(self.path) < 2:
            return self.answer(429, Retry_After="0")
        body, kind = self.image.text, self.image.type
        for habit in self.habits:
            kind = TYPES.get(habit, kind)
        digest = None if "no-digest" in self.habits else "sha256:" + "0" * 64 if "other-digest" in self.habits else sha(body)
        if "manifest-gzip" in self.habits:
            return self.answer(200, gzip.compress(body), kind, Docker_Content_Digest=digest, Content_Encoding="gzip")
        return self.answer(200, body, kind, "chunked" in self.habits, Docker_Content_Digest=digest)

    def put_manifest(self, name):
        kind = self.headers.get("Content-Type", "")
        if ".oci." in kind:
            if "oci-415" in self.habits:
                return self.answer(415, errors(error("MANIFEST_INVALID", "manifest invalid")))
            if "oci-415-page" in self.habits:
                return self.answer(415, PAGE % 415, "text/html")
            if "oci-400" in self.habits:
                return self.answer(400, errors(error("MANIFEST_INVALID", "manifest invalid", {
                    "message": "mediaType should be '%s' not '%s'" % (images.DOCKER, kind)})), "application/json")
            if "oci-405" in self.habits:
                return self.answer(405, errors(error("UNSUPPORTED", "Invalid JSON syntax")), "application/json")
        if "all-415" in self.habits:
            return self.answer(415, errors(error("MANIFEST_INVALID", "none of these")))
        status = self.number("tag") or 201
        if status >= 300:
            return self.answer(status, PAGE % status, "text/html")
        self.state["manifests"][name] = self.state["manifests"][sha(self.sent)] = kind
        self.server.texts[self.repo, name] = self.server.texts[self.repo, sha(self.sent)] = self.sent
        return self.answer(status, Docker_Content_Digest=None if "no-digest" in self.habits else sha(self.sent))

    def pushed_manifest(self, name):
        text = self.server.texts.get((self.repo, name))
        if text is None:
            return self.answer(404, errors(error("MANIFEST_UNKNOWN", "manifest unknown")))
        return self.answer(200, text, self.state["manifests"][name], Docker_Content_Digest=sha(text))

    # --- tags ---

    def tags(self, _):
        if "tags-null" in self.habits:
            return self.answer(200, b'{"name":"x","tags":null}', "application/json")
        if "last" in self.query:
            return self.answer(200, b'{"tags":["2"]}')
        headers = next((LINKS[h](self.repo) for h in self.habits if h in LINKS), {})
        return self.answer(200, b'{"tags":["1"]}' if headers else b'{"tags":["1","2"]}', **headers)

    # --- blobs ---

    def blobs(self, name):
        if name.startswith("uploads"):
            return self.upload(name[len("uploads/"):])
        if "blob-502" in self.habits:
            return self.answer(502, PAGE % 502, "text/html")
        if "no-layer" in self.habits and name == self.image.layer:
            return self.answer(404, errors(error("BLOB_UNKNOWN", "blob unknown to registry")))
        if "push" in self.habits:
            return self.pushed_blob(name)
        body = self.image.blobs.get(name)
        if body is None:
            return self.answer(404, errors(error("BLOB_UNKNOWN", "blob unknown to registry")))
        status = self.number("redirect")
        if status:
            return self.answer(status, Location="/cdn/" + name)
        if "redirect-host" in self.habits:
            return self.answer(307, Location="http://localhost:%d/cdn/%s" % (PORT, name))
        marked = "blob-gzip" in self.habits or ("blob-marked" in self.habits and name == self.image.layer)
        if "blob-gzip" in self.habits:
            body = gzip.compress(body)
        return self.answer(200, body, "application/octet-stream", "chunked" in self.habits,
                           Content_Encoding="gzip" if marked else None)

    def pushed_blob(self, name):
        body = self.server.bodies.get((self.repo, name))
        if self.command == "GET" and body is not None:
            return self.answer(200, body)
        status = self.number("head")
        if status:
            return self.answer(status)
        if body is None:
            return self.answer(404)
        length = 0 if "head-zero" in self.habits else "" if "head-silent" in self.habits else \
            len(body) + 1 if "head-other" in self.habits else len(body)
        return self.answer(200, length=length)

    def upload(self, uid):
        if self.command == "POST":
            if "mount" in self.query and self.number("mount"):
                return self.answer(self.number("mount"))
            status = self.number("post")
            if status == 404:
                return self.answer(404, errors(error("NAME_UNKNOWN", "The repository does not exist in the registry")))
            if status:
                return self.answer(status, PAGE % status, "text/html")
            uid = self.server.begin()
            return self.answer(202, Location=None if "to-nowhere" in self.habits else upload_location(self, uid),
                               Range="0-0" if "range-none" in self.habits else None,
                               OCI_Chunk_Min_Length="1000000" if "chunk-min" in self.habits else None)
        if uid not in self.server.uploads:
            return self.answer(404, errors(error("BLOB_UPLOAD_UNKNOWN", "no such upload")))
        if self.command == "PATCH":
            if "no-patch" in self.habits:
                return self.answer(405)
            self.server.uploads[uid] += self.sent
            return self.answer(self.number("patch") or 202,
                               Location=None if "patch-nowhere" in self.habits else upload_location(self, uid),
                               Range=None if "patch-silent" in self.habits else "0-%d" % (len(self.server.uploads[uid]) - 1))
        if self.command == "PUT":
            return self.end_upload(uid)
        return self.answer(204, Range="0-%d" % (len(self.server.uploads[uid]) - 1))

    def end_upload(self, uid):
        status = self.number("put") or 201
        if status >= 400:
            return self.answer(status, PAGE % status, "text/html")
        body = self.server.uploads.pop(uid) + self.sent
        digest = self.query["digest"][0]
        if sha(body) != digest:
            return self.answer(400, errors(error("DIGEST_INVALID", "%d bytes of something else" % len(body))))
        self.server.bodies[self.repo, digest] = body
        self.state["blobs"].append(digest)
        return self.answer(status, Docker_Content_Digest=digest)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64
    lock = threading.Lock()
    states, uploads, bodies, texts, counts = {}, {}, {}, {}, {}

    def handle_error(self, request, client_address):
        pass

    def told(self, repo):
        with self.lock:
            return self.states.setdefault(repo, {"blobs": [], "manifests": {}})

    def begin(self):
        with self.lock:
            uid = "u%d" % self.count("uploads")
            self.uploads[uid] = b""
            return uid

    def count(self, key):
        self.counts[key] = self.counts.get(key, -1) + 1
        return self.counts[key]


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), Handler)
    PORT = server.server_address[1]
    print("listening on %d" % PORT, flush=True)
    server.serve_forever()
