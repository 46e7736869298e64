#!/usr/bin/env python3
"""Docker Hub's search and a registry's catalogue, as far as `imagefs search` asks for them, well behaved or not.

    searchserver.py PKI [tls] [catalog=STATUS]

prints "listening on PORT" and then a line for each request, as docker-registry's access log has them."""
import http.server
import json
import ssl
import sys
import threading
import time
import urllib.parse

import requestlog

HITS = [
    {"name": "ubuntu", "description": "Ubuntu is a Debian-based Linux operating system based on free software.",
     "star_count": 100, "is_official": True, "is_automated": False},
    {"name": "u/tab", "description": "a\tb\nc\r\nd", "star_count": 200, "is_official": False, "is_automated": True},
    {"name": "u/none", "description": None, "star_count": 0, "is_official": False, "is_automated": False},
    {"name": "u/esc", "description": "\x1b[31mred", "star_count": 7, "is_official": False, "is_automated": False},
    {"name": "u/uni", "description": "\u00e9" * 50, "star_count": 7, "is_official": False, "is_automated": False},
]
# What each repository of the catalogue answers where it is asked for tags: a list, or a status.
CATALOG = {"good/one": ["2", "latest", "10", "1"], "good/null": None, "gone": 404, "secret": 403, "broken": 418,
           "../../v2/up": ["x"], "Upper": ["x"], "es\x1bc": ["x"], "tags/esc": ["a\x1bb", "c,d"],
           "many/tags": ["%d" % i for i in range(250)]}
flaky = {"left": 2}
refusal = int(dict(a.split("=") for a in sys.argv[2:] if "=" in a).get("catalog", "0"))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        if url.path == "/v1/search":
            self.hub(query)
        elif url.path in ("/v2/", "/v2"):
            self.answer(200, {})
        elif url.path == "/v2/_catalog" and refusal:
            self.answer(refusal, b"")
        elif url.path == "/v2/_catalog":
            self.page(url.path, sorted(CATALOG), query, "repositories", {})
        elif url.path.endswith("/tags/list"):
            name = urllib.parse.unquote(url.path[len("/v2/"):-len("/tags/list")])
            tags = CATALOG.get(name, 404)
            if isinstance(tags, int):
                self.answer(tags, {"errors": [{"code": "NAME_UNKNOWN", "message": "no\x1b tags"}]})
            elif tags is None:
                self.answer(200, {"name": name, "tags": None})
            else:
                self.page(url.path, tags, query, "tags", {"name": name})
        else:
            self.answer(404, {"errors": [{"code": "UNKNOWN", "message": "no such thing"}]})

    def hub(self, query):
        q = query.get("q", "")
        if q == "html":
            self.answer(200, b"<html>welcome</html>", kind="text/html")
        elif q == "array":
            self.answer(200, [])
        elif q == "nameless":
            self.answer(200, {"results": [{"description": "x"}]})
        elif q == "forbidden":
            self.answer(403, b"no")
        elif q == "endless":
            self.endless()
        elif q == "cut":
            self.answer(200, b'{"results": [', length=1000)
            self.close_connection = True
        elif q == "flaky" and flaky["left"]:
            flaky["left"] -= 1
            self.answer(503, b"later", header=("Retry-After", "0"))
        elif q == "nothing":
            self.answer(200, {"num_results": 0, "query": q, "results": []})
        else:
            # More than was asked for, as a server may.
            self.answer(200, {"num_results": len(HITS), "query": q, "results": HITS})

    # Two an answer, whatever was asked for, with a relative link to the rest.
    def page(self, path, names, query, key, answer):
        names = sorted(names)
        rest = [n for n in names if n > query.get("last", "")]
        answer[key] = rest[:2] if path.endswith("_catalog") else rest[:100]
        shown = len(answer[key])
        header = None
        if len(rest) > shown:
            after = urllib.parse.quote(rest[shown - 1], safe="")
            header = ("Link", '<%s?last=%s&n=2>; rel="next"' % (path, after))
        self.answer(200, answer, header=header)

    def endless(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        except OSError:
            self.close_connection = True

    def answer(self, status, body, header=None, kind="application/json", length=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        requestlog.note('%s - - [%s] "%s" %d %d' % (
            self.client_address[0], time.strftime("%d/%b/%Y"), self.requestline, status, len(body)))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if header:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def main():
    server = Server(("127.0.0.1", 0), Handler)
    if "tls" in sys.argv[2:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1] + "/server.crt", sys.argv[1] + "/server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("listening on %d" % server.server_port, flush=True)
    threading.Thread(target=server.serve_forever).start()


main()
