"""A proxy in front of a registry that fails in every way that networks and registries have, by a seed.

faultproxy.py UPSTREAM-PORT NAME [fault=KIND[,KIND]] [match=REGEX] [times=N] [after=N] [seed=N] [bytes=N] [seconds=N]

The first `times` requests (1; 0 for all) whose "METHOD PATH" matches, `after` such ones that are let through,
meet one of the faults. Prints "listening on PORT", then an access log in docker-registry's form with the fault
where a user agent would stand. `bytes` fixes where a body breaks (else random).

    answers    cut (reset), truncate (closed), short and long (a wrong Content-Length), chunkcut, corrupt, stall,
               html, endless, garbage, empty, redirect (another host), norange (200 for a Range), badrange
    statuses   408, 429, 429-after, 500, 503, 503-after (with Retry-After: 1), 404
    requests   refuse (closed before anything is read), lost (done, the answer is not sent),
               cutbody (reset in the middle of what is sent), corruptbody, hold (`seconds` before it is passed on, 3),
               slow and slowbody (a body takes about a fifth of a second, or `seconds`; slowbody: what is sent)
"""

import http.client
import http.server
import random
import re
import socket
import socketserver
import struct
import sys
import threading
import time

import requestlog

STATUS = {"408": 408, "429": 429, "429-after": 429, "500": 500, "503": 503, "503-after": 503, "404": 404}
TRANSIENT = ["cut", "truncate", "short", "long", "chunkcut", "corrupt", "html", "endless", "garbage", "empty",
             "redirect", "norange", "badrange", "408", "429", "429-after", "500", "503", "503-after",
             "refuse", "lost", "cutbody", "corruptbody", "slow"]
STALL = 45
# In so many parts a slow body goes.
STEPS = 20


class Gone(Exception):
    """The client is to see its connection end now."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120

    def log_message(self, *_):
        pass

    def body(self):
        """What the client sends, whole; fault: break in the middle of it."""
        fault = self.fault
        out = bytearray()
        length = self.headers.get("Content-Length")
        stop = self.server.where(int(length or 200000)) if fault == "cutbody" else None
        share = int(length or 0) // STEPS + 1

        def take(n):
            while n:
                want = n if stop is None else min(n, stop - len(out))
                if stop is not None and want <= 0:
                    raise Gone("reset")
                data = self.rfile.read1(min(want, 65536))
                if not data:
                    raise Gone("closed")
                if fault == "slowbody" and len(out) // share < (len(out) + len(data)) // share:
                    time.sleep(self.server.step)
                out.extend(data)
                n -= len(data)

        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while True:
                n = int(self.rfile.readline().split(b";")[0] or b"0", 16)
                if n == 0:
                    while self.rfile.readline().strip():
                        pass
                    break
                take(n)
                self.rfile.readline()
        elif length:
            take(int(length))
        if fault == "corruptbody" and out:
            at = self.server.where(len(out))
            out[min(at, len(out) - 1)] ^= 1 << self.server.pick(8)
        return bytes(out)

    def forward(self, data):
        c = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        left = {"connection", "transfer-encoding", "content-length", "expect", "upgrade", "http2-settings"}
        if self.fault in ("norange", "badrange"):
            left.add("range")
        headers = [(k, v) for k, v in self.headers.items() if k.lower() not in left]
        if self.fault == "badrange" and "Range" in self.headers:
            headers.append(("Range", "bytes=%d-" % self.server.pick(100)))
        if data or self.command in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(data))))
        c.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for k, v in headers:
            c.putheader(k, v)
        c.endheaders(data or None)
        answer = c.getresponse()
        body = answer.read()
        c.close()
        return answer.status, answer.reason, [(k, v) for k, v in answer.getheaders() if k.lower() not in (
            "connection", "transfer-encoding")], body

    def head(self, status, reason, headers):
        self.status = status
        lines = ["HTTP/1.1 %d %s" % (status, reason)] + ["%s: %s" % h for h in headers]
        self.wfile.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def send(self, data):
        self.wfile.write(data)
        self.sent += len(data)

    def plain(self, status, body, kind="application/json", *more):
        self.head(status, "Fault", [("Content-Type", kind), ("Content-Length", str(len(body)))] + list(more))
        if self.command != "HEAD":
            self.send(body)

    def before(self):
        """Faults that never reach the registry; True where one was answered."""
        fault = self.fault
        if fault == "refuse":
            raise Gone("reset")
        if fault in STATUS or fault in ("html", "endless", "garbage", "empty", "redirect"):
            if fault != "redirect" or self.command not in ("GET", "HEAD"):
                # The answer comes when the request is in: a client that still sends would see a reset.
                self.body()
        if fault in STATUS:
            more = [("Retry-After", "1")] if fault.endswith("-after") else []
            self.plain(STATUS[fault], b'{"errors":[{"code":"TOOMANYREQUESTS","message":"fault"}]}', "application/json", *more)
        elif fault == "html":
            self.plain(200, b"<html><body>Please log in to this network</body></html>", "text/html")
        elif fault == "empty":
            self.plain(200, b"")
        elif fault == "garbage":
            self.wfile.write(bytes(self.server.random.randrange(256) for _ in range(300)))
            raise Gone("closed")
        elif fault == "endless":
            self.head(200, "OK", [("Content-Type", "application/octet-stream"), ("Connection", "close")])
            if self.command != "HEAD":
                end = time.monotonic() + 20
                while time.monotonic() < end:
                    self.send(b"x" * 65536)
            raise Gone("closed")
        elif fault == "redirect" and self.command in ("GET", "HEAD"):
            self.plain(307, b"", "text/plain",
                       ("Location", "http://127.0.0.2:%d%s" % (self.server.server_address[1], self.path)))
        else:
            return False
        return True

    def one(self):
        fault = self.fault
        if self.before():
            return
        data = self.body()
        if fault == "hold":
            time.sleep(self.server.seconds)
        status, reason, headers, body = self.forward(data)
        if fault == "lost":
            raise Gone("reset")
        if self.command == "HEAD" or status in (204, 304):
            self.head(status, reason, headers)
            return
        length = len(body)
        headers = [h for h in headers if h[0].lower() != "content-length"]
        at = self.server.where(length)
        say = length
        if fault == "short":
            say = at
            body = body[:at]
        elif fault == "long":
            say = length + 1 + at
        elif fault == "corrupt" and body:
            body = bytearray(body)
            body[min(at, length - 1)] ^= 1 << self.server.pick(8)
        if fault == "chunkcut":
            self.head(status, reason, headers + [("Transfer-Encoding", "chunked")])
            self.send(b"%x\r\n" % (length + 1) + body[:at])
            raise Gone("closed")
        self.head(status, reason, headers + [("Content-Length", str(say))])
        if fault in ("cut", "truncate"):
            self.send(body[:at])
            raise Gone("reset" if fault == "cut" else "closed")
        if fault == "stall":
            self.send(body[:at])
            self.wfile.flush()
            self.server.stopped.wait(STALL)
            raise Gone("closed")
        if fault == "slow":
            for i in range(0, length, length // STEPS + 1):
                self.send(body[i:i + length // STEPS + 1])
                time.sleep(self.server.step)
            return
        self.send(body)
        if fault == "long":
            raise Gone("closed")

    def handle_one_request(self):
        self.sent = self.status = 0
        self.fault = None
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if not self.raw_requestline.isascii() or b"HTTP/1" not in self.raw_requestline:
                # A client that tries TLS: closed, as every server of plain http does.
                self.close_connection = True
                return
            if not self.parse_request():
                self.close_connection = True
                return
            self.fault = self.server.choose(self.command + " " + self.path)
            self.one()
        except Gone as why:
            self.close_connection = True
            if str(why) == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, ValueError, http.client.HTTPException):
            self.close_connection = True
        finally:
            if getattr(self, "command", None) and getattr(self, "path", None):
                self.server.note(self)


class Proxy(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, upstream, faults=(), match="", times=1, after=0, seed=0, at=None, log=None,
                 seconds=None):
        # 127.0.0.2 is the other host of a redirect.
        super().__init__(("0.0.0.0", 0), Handler)
        self.upstream, self.faults, self.match = upstream, list(faults), re.compile(match)
        self.times, self.after, self.at = times, after, at
        self.seconds, self.step = seconds or 3, (seconds or 0.2) / STEPS
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.log, self.met = log, []

    def handle_error(self, request, client_address):
        pass

    def choose(self, what):
        with self.lock:
            if not self.faults or not self.match.search(what):
                return None
            if self.after > 0:
                self.after -= 1
                return None
            if self.times == 0:
                pass
            elif self.times == 1:
                self.times = -1
            elif self.times < 0:
                return None
            else:
                self.times -= 1
            fault = self.random.choice(self.faults)
            self.met.append("%s at %s" % (fault, what))
            return fault

    def where(self, length):
        with self.lock:
            if self.at is not None:
                return min(self.at, length)
            return self.random.randrange(length) if length else 0

    def pick(self, n):
        with self.lock:
            return self.random.randrange(n)

    def note(self, r):
        if self.log:
            requestlog.note('%s - - [%s] "%s %s HTTP/1.1" %d %d "" "%s"' % (
                r.client_address[0], r.log_date_time_string(), r.command, r.path, r.status, r.sent, r.fault or ""),
                self.log)

    def run(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self.server_address[1]

    def end(self):
        self.stopped.set()
        self.shutdown()
        self.server_close()


def main():
    upstream, _, *options = sys.argv[1:]
    given = dict(o.partition("=")[::2] for o in options)
    proxy = Proxy(int(upstream), given["fault"].split(",") if given.get("fault") else [], given.get("match", ""),
                  int(given.get("times", 1)), int(given.get("after", 0)), int(given.get("seed", 0)),
                  int(given["bytes"]) if "bytes" in given else None, sys.stdout, int(given.get("seconds", 0)))
    print("listening on %d" % proxy.server_address[1], flush=True)
    proxy.serve_forever()


if __name__ == "__main__":
    main()
