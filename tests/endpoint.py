"""A small HTTP server on a loopback port that answers as it is told, and keeps what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """query is that of the URL, or a form's; body the JSON, None where there is none."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


Answer = tuple[int, object]
"""A status, and JSON or the bytes themselves."""


@dataclass
class Endpoint:
    """answer decides; url is where it listens."""

    url: str
    answer: Callable[[Request], Answer]
    requests: list[Request] = field(default_factory=list)


@contextmanager
def endpoint(answer: Callable[[Request], Answer]) -> Iterator[Endpoint]:
    """Serves until the block ends; afterwards its port refuses connections."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the library's own name
            self._answer()

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # likewise

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is written: what was asked is kept."""

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            parts = urlsplit(self.path)
            is_form = self.headers.get("Content-Type", "").endswith("form-urlencoded")
            query = dict(parse_qsl(content.decode() if is_form else parts.query))
            body = json.loads(content) if content and not is_form else None
            request = Request(self.command, parts.path, query, dict(self.headers), body)
            served.requests.append(request)
            status, said = served.answer(request)
            raw = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Endpoint(f"http://127.0.0.1:{server.server_address[1]}", answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
