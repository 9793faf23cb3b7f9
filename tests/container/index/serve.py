"""A company's package index: the wheels of a folder, over HTTPS, for whoever has the login.

https://packaging.python.org/en/latest/specifications/simple-repository-api/
"""

import base64
import hashlib
import os
import re
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WHEELS = {path.name: path.read_bytes() for path in Path("/wheels").iterdir()}
ADDRESS, LOGIN = os.environ["ADDRESS"], os.environ["LOGIN"]
AUTHORIZATION = "Basic " + base64.b64encode(LOGIN.encode()).decode()


class Index(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, kind, body = self.found()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="company"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def found(self) -> tuple[int, str, bytes]:
        """Return status, type and content of what was asked for."""
        folder, _, name = self.path.removeprefix(ADDRESS).strip("/").partition("/")
        if self.headers["Authorization"] != AUTHORIZATION:
            return 401, "text/plain", b""
        if folder == "files" and name in WHEELS:
            return 200, "application/octet-stream", WHEELS[name]
        links = "".join(link(wheel) for wheel in WHEELS if folder == "simple" and project(wheel) == name)
        return 200 if links else 404, "text/html", links.encode()

    def log_request(self, code: object = "", size: object = "") -> None:
        print(self.command, self.path, code, flush=True)


def project(wheel: str) -> str:
    return re.sub(r"[-_.]+", "-", wheel.split("-")[0]).lower()


def link(wheel: str) -> str:
    digest = hashlib.sha256(WHEELS[wheel]).hexdigest()
    return f'<a href="{ADDRESS}/files/{wheel}#sha256={digest}">{wheel}</a>\n'


certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
certificate.load_cert_chain("/company/server.pem")
server = ThreadingHTTPServer(("", 8443), Index)
server.socket = certificate.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("serving", *sorted(WHEELS), flush=True)
server.serve_forever()
