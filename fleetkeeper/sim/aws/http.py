"""A small HTTP/1.1 server in a thread: the part that AWS clients speak, and full control over how an answer goes wrong.

Not a WSGI or ASGI server, because neither lets an application close the connection without a word or cut a body off,
and because it costs a tenth of a threaded development server per request. Bodies come with a Content-Length (AWS SDKs
send no chunks for the APIs simulated here).
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from types import TracebackType

_LARGEST_HEAD = 64 * 1024
_SLOW_THREADS = 4
_BACKLOG = 512


@dataclass(frozen=True, slots=True)
class Request:
    """path is as it was sent (percent-encoded, without the query); header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and the harm that is done to it: seconds of delay, a cut-off body, or no answer at all (hang_up).

    ahead: seconds by which the server's clock is ahead.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    delay: float = 0.0
    cut: bool = False
    hang_up: bool = False
    ahead: float = 0.0

    def encode(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(
            f"Date: {formatdate(time.time() + self.ahead, usegmt=True)}\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        body = self.body[: len(self.body) // 2] if self.cut else self.body
        return "\r\n".join(lines).encode("latin-1") + body


Later = Callable[[], Reply]
App = Callable[[Request], Reply | Later]
"""Answers at once, or gives back the rest of the work, which then runs in a thread of its own."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _parse_head(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    path, _, query = target.partition("?")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return method, path, query, headers


class _Connection(asyncio.Protocol):
    """One client: requests are answered in order, one at a time."""

    def __init__(self, app: App, threads: ThreadPoolExecutor, open_ones: set["_Connection"]) -> None:
        self._app = app
        self._threads = threads
        self._open = open_ones
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._busy = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio names it
        self._transport = None
        self._open.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._next()

    def _next(self) -> None:
        request = self._take()
        if request is None:
            return
        self._busy = True
        answer = self._app(request)
        if isinstance(answer, Reply):
            self._deliver(answer)
            return
        done = self._loop.run_in_executor(self._threads, answer)
        done.add_done_callback(lambda future: self._deliver(future.result()))

    def _take(self) -> Request | None:
        """The next whole request of the buffer, or None while it is incomplete."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LARGEST_HEAD:
                self.close()
            return None
        try:
            method, path, query, headers = _parse_head(bytes(self._buffer[:end]))
            length = int(headers.get("content-length") or 0)
        except ValueError:
            self.close()
            return None
        if len(self._buffer) < end + 4 + length:
            if headers.get("expect") == "100-continue" and len(self._buffer) == end + 4 and self._transport:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        return Request(method, path, query, headers, body)

    def _deliver(self, reply: Reply) -> None:
        if reply.delay > 0:
            self._loop.call_later(reply.delay, self._write, reply)
        else:
            self._write(reply)

    def _write(self, reply: Reply) -> None:
        if self._transport is None:
            return
        if reply.hang_up:
            self._transport.abort()
            return
        self._transport.write(reply.encode())
        if reply.cut:
            self._transport.close()
            return
        self._busy = False
        if self._buffer:
            self._loop.call_soon(self._next)


@dataclass(slots=True)
class HttpServer:
    """Serves app on 127.0.0.1, at a port that the system chooses, until close()."""

    app: App
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _open: set[_Connection] = field(default_factory=set)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_SLOW_THREADS, "sim-aws-slow"))
    _thread: threading.Thread | None = None

    def start(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.port = listening.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listening, ready), name="sim-aws", daemon=True)
        self._thread.start()
        ready.wait()

    def _run(self, listening: socket.socket, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(self._connect, sock=listening))
        ready.set()
        try:
            self._loop.run_forever()
        finally:
            server.close()
            while self._open:  # also those that were accepted in the last moment
                for connection in list(self._open):
                    connection.close()
                self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()

    def _connect(self) -> _Connection:
        return _Connection(self.app, self._threads, self._open)

    def close(self) -> None:
        """Stop listening and drop every connection; safe to call twice."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._threads.shutdown(wait=False)

    def __enter__(self) -> "HttpServer":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
