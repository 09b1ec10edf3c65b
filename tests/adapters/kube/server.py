"""A real HTTPS server that plays scripted answers, honest and hostile, and remembers what it was asked."""

import datetime as dt
import ipaddress
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA with one server certificate for localhost and one client certificate; all PEM."""

    ca: str
    server: str
    client_certificate: str
    client_key: str


@cache
def authority(name: str = "test CA", hosts: tuple[str, ...] = ("localhost",)) -> Authority:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate(name, ca_key, name, ca_key, ())
    key = ec.generate_private_key(ec.SECP256R1())
    server = _certificate("server", key, name, ca_key, hosts)
    client_key = ec.generate_private_key(ec.SECP256R1())
    client = _certificate("client", client_key, name, ca_key, ("client",))
    return Authority(ca, _key(key) + server, client, _key(client_key))


def _key(key: ec.EllipticCurvePrivateKey) -> str:
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(kind, form, serialization.NoEncryption()).decode()


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    hosts: tuple[str, ...],
) -> str:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
    )
    if hosts:
        names: list[x509.GeneralName] = [x509.DNSName(h) for h in hosts]
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    peer: tuple[str, int]
    method: str = "GET"
    body: bytes = b""


@dataclass(slots=True)
class Reply:
    """One scripted answer; `write` takes over when the answer itself is broken."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    gzip: bool = False
    content_type: str = "application/json"
    chunked: bool = False
    write: Callable[[Any], None] | None = None


Script = Callable[[Asked], Reply]


def reply(document: object, status: int = 200, **more: Any) -> Reply:
    return Reply(msgspec.json.encode(document), status, **more)


def listing(kind: str, items: object, next_: str = "", version: str = "7") -> dict[str, object]:
    metadata = {"resourceVersion": version, **({"continue": next_} if next_ else {})}
    return {"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items}


def status(code: int, message: str, reason: str = "", **metadata: str) -> dict[str, object]:
    return {"kind": "Status", "metadata": metadata, "status": "Failure", "message": message, "reason": reason}


def gzipped(body: bytes, level: int = 1) -> bytes:
    stream = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return stream.compress(body) + stream.flush()


class ApiServer:
    """Answers from `script`; `asked` is its access log, `connections` counts TCP connections, TLS or not."""

    def __init__(self, script: Script, authority_: Authority, ask_client_certificate: bool = False) -> None:
        self.script, self.authority = script, authority_
        self.asked: list[Asked] = []
        self.connections = 0
        self._context = _server_context(authority_, ask_client_certificate)
        self._http = _Listener(("127.0.0.1", 0), _handler(self), self)
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self.port = int(self._http.server_address[1])
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> "ApiServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def wrap(self, raw: Any) -> Any:
        return self._context.wrap_socket(raw, server_side=True)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: Any, owner: ApiServer) -> None:
        self.owner = owner
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.owner.connections += 1
        request.settimeout(10)
        try:
            secured = self.owner.wrap(request)
        except OSError:  # a client that does not trust us
            return
        try:
            super().finish_request(secured, client_address)
        finally:
            secured.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on a hostile answer is what these tests are about."""


def _server_context(authority_: Authority, ask_client_certificate: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        path.write_text(authority_.server, "utf-8")
        context.load_cert_chain(path)
    if ask_client_certificate:
        context.load_verify_locations(cadata=authority_.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(parts.path, query, dict(self.headers), self.client_address, self.command, body)
            server.asked.append(asked)
            answer = server.script(asked)
            if answer.write:
                self.close_connection = True
                answer.write(self.wfile)
                return
            self._answer(answer)

        do_POST = do_DELETE = do_GET  # noqa: N815  # http.server names them

        def _answer(self, answer: Reply) -> None:
            body = gzipped(answer.body) if answer.gzip else answer.body
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            if answer.gzip:
                self.send_header("Content-Encoding", "gzip")
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.chunked:
                self.send_header("Transfer-Encoding", "chunked")
                body = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in _pieces(body)) + b"0\r\n\r\n"
            elif "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            """The access log is `asked`."""

    return Handler


def _pieces(body: bytes, size: int = 32768) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def drip(head: bytes, piece: bytes, pause: float = 0.01, pieces: int = 2_000) -> Callable[[Any], None]:
    """A server that is never silent for long, and never done."""

    def write(wire: Any) -> None:
        wire.write(head)
        for _ in range(pieces):
            wire.write(piece)
            wire.flush()
            time.sleep(pause)

    return write


@contextmanager
def serving(script: Script, authority_: Authority | None = None, **more: Any) -> Iterator[ApiServer]:
    with ApiServer(script, authority_ or authority(), **more) as server:
        yield server
