"""ASGI apps on loopback ports, in one thread of their own: what the faces and the control channels run on."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LAST_ANSWERS = 0.1
"""Seconds that answers under way are given when all ends."""
_KEEP_ALIVE = 120  # seconds; longer than a client's pool idles, so that no request meets a closing connection


@dataclass
class Listener:
    """An app, its TLS context (None: plain HTTP) and a port that listens from the moment that this exists.

    sockets: whether the app takes WebSockets.
    """

    app: App
    tls: ssl.SSLContext | None = None
    port: int = 0
    sockets: bool = False
    socket: "socket.socket" = field(init=False)

    def __post_init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=2048)
        self.port = self.socket.getsockname()[1]


class _Protocol(H11Protocol):
    """Lets an app reach its connection, to break it: scope["sim.transport"]. `open` holds those of one event loop."""

    open: set[asyncio.Transport]

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.discard(self.transport)
        super().connection_lost(exc)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.open.add(transport)
        # asyncio does this only for sockets that were made with IPPROTO_TCP; without it each answer waits for an ACK.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "sim.transport": transport}, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    """Ends when it is told to. uvicorn's own looks for that every 0.1 s, and then pauses as long, busy or not."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_LAST_ANSWERS)


class Loopback:
    """Runs listeners in one event loop in one thread, until closed."""

    def __init__(self, name: str, listeners: Iterable[Listener]) -> None:
        self._loop, self._ending = asyncio.new_event_loop(), asyncio.Event()
        self._listeners = tuple(listeners)
        self._open: set[asyncio.Transport] = set()
        protocol = type("Protocol", (_Protocol,), {"open": self._open})
        self._servers = [_Server(_config(listener, protocol), self._ending) for listener in self._listeners]
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # it was closed before
            self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        for listener in self._listeners:
            listener.socket.close()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        pairs = zip(self._servers, self._listeners, strict=True)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*(server.serve(sockets=[listener.socket]) for server, listener in pairs))
        for transport in list(self._open):
            transport.abort()
        await asyncio.sleep(0)  # for the transports to let go of their sockets
        await asyncio.sleep(0)


def _config(listener: Listener, protocol: type[_Protocol]) -> uvicorn.Config:
    config = uvicorn.Config(
        listener.app,
        http=protocol,
        ws="wsproto" if listener.sockets else "none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # the apps' own: an API server's clock may be wrong on purpose
        timeout_keep_alive=_KEEP_ALIVE,
    )
    config.load()
    config.ssl = listener.tls
    return config
