"""A token server for docker-registry: real JWTs, signed by RS256 and checked by the registry against its rootcertbundle.

tokenserver.py PKI USER=PASSWORD NAME [tls] [ttl=SECONDS] [says=SECONDS] [oauth] [open]

Answers GET and POST /token as the distribution project's specifications say ("token", "oauth"). Prints
"listening on PORT" and then an access log in docker-registry's form; a password or token is never in it.
    ttl     how long the registry takes a token; docker-registry allows a minute more, which is taken off
    says    the expires_in of the answer (300): a client that trusts it sends tokens that are expired
    oauth   answers offline_token=true and password grants with a refresh_token
    open    pulling needs no account
A user gets a token for every action, a request without a password one for none, or for pull with open.
"""

import base64
import http.server
import json
import os
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

import requestlog

REFRESH = "refresh-" + uuid.uuid4().hex


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """Tokens with the certificate in x5c: a leaf of the authority that the registry trusts."""

    def __init__(self, pki):
        self.key = os.path.join(pki, "server.key")
        with open(os.path.join(pki, "server.crt")) as f:
            der = ssl.PEM_cert_to_DER_cert(f.read())
        self.header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}

    def sign(self, claims):
        text = b64(json.dumps(self.header).encode()) + "." + b64(json.dumps(claims).encode())
        made = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(),
                              stdout=subprocess.PIPE, check=True)
        return text + "." + b64(made.stdout)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def log_request(self, code="-", size="-"):
        path = self.path
        requestlog.note('%s - %s [%s] "%s %s %s" %s %s "" ""' % (
            self.client_address[0], getattr(self, "user", "-"), self.log_date_time_string(), self.command,
            path, self.request_version, int(code), getattr(self, "length", 0)))

    def log_error(self, *_):
        pass

    def answer(self, status, obj):
        data = json.dumps(obj).encode()
        self.length = len(data)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="tokens"')
        self.end_headers()
        self.wfile.write(data)

    def refuse(self):
        self.answer(401, {"details": "incorrect username or password"})

    def grant(self, user, asked, more):
        access = []
        for scope in asked:
            for one in scope.split():
                kind, _, rest = one.partition(":")
                name, _, actions = rest.rpartition(":")
                allowed = actions.split(",") if user else [a for a in actions.split(",")
                                                           if a == "pull" and self.server.open]
                access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        token = self.server.signer.sign({
            "iss": "tests", "sub": user, "aud": "tests", "jti": uuid.uuid4().hex, "access": access,
            "iat": now - 120, "nbf": now - 120, "exp": now + self.server.ttl - 60})
        body = {"expires_in": self.server.says, "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))}
        body.update(more)
        body.setdefault("access_token" if self.command == "POST" else "token", token)
        self.answer(200, body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        user, given = "", self.headers.get("Authorization")
        if given:
            kind, _, value = given.partition(" ")
            try:
                user, _, password = base64.b64decode(value).decode().partition(":")
            except ValueError:
                return self.refuse()
            if kind.lower() != "basic" or self.server.users.get(user) != password:
                return self.refuse()
            self.user = user
        more = {}
        if self.server.oauth and user and query.get("offline_token") == ["true"]:
            more["refresh_token"] = REFRESH
        self.grant(user, query.get("scope", []), more)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while True:  # skopeo does not say how long its form is
            size = int(self.rfile.readline().split(b";")[0], 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return data

    def do_POST(self):
        form = self.body().decode()
        form = {k: v[0] for k, v in urllib.parse.parse_qs(form).items()}
        if not self.server.oauth:
            return self.answer(405, {"errors": [{"code": "UNSUPPORTED"}]})
        if form.get("grant_type") == "refresh_token" and form.get("refresh_token") == REFRESH:
            user = "anna"
        elif form.get("grant_type") == "password" and \
                self.server.users.get(form.get("username")) == form.get("password"):
            user = form["username"]
        else:
            return self.refuse()
        self.user = user
        more = {"refresh_token": REFRESH} if form.get("access_type") == "offline" else {}
        self.grant(user, [form.get("scope", "")], more)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


def main():
    pki, account, *options = sys.argv[1:]
    given = dict(o.partition("=")[::2] for o in options)
    server = Server(("127.0.0.1", 0), Handler)
    server.signer = Signer(pki)
    server.users = dict([account.split("=", 1)])
    server.ttl = int(given.get("ttl", 300))
    server.says = int(given.get("says", 300))
    server.oauth, server.open = "oauth" in given, "open" in given
    server.tls = None
    if "tls" in given:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(os.path.join(pki, "server.crt"), os.path.join(pki, "server.key"))
    print("listening on %d" % server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
