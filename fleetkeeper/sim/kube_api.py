"""Serves the API servers of a world over TLS: one port for the fleet, a path prefix per cluster, faults on the wire."""

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote

from fleetkeeper.sim.faults import LONGEST_TIMEOUT, Fault, Harm
from fleetkeeper.sim.kube import answers
from fleetkeeper.sim.kube.answers import Answer
from fleetkeeper.sim.kube.api import Authenticate, KubeApi, ObjectsOf, Request
from fleetkeeper.sim.kube.certificates import Authority
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube.watching import Watch
from fleetkeeper.sim.kube_faults import KubeFaults
from fleetkeeper.sim.kube_streams import Stream, send_watch
from fleetkeeper.sim.loopback import App, Listener, Loopback, Receive, Scope, Send
from fleetkeeper.sim.world import World

_LOG_LENGTH = 4000
_BODILESS = ("GET", "HEAD", "OPTIONS", "TRACE")
_NOT_CACHED = {"cache-control": "no-cache, private"}
_LARGEST_BODY = 3 * 1024 * 1024  # bytes, as the real server takes


@dataclass(frozen=True, slots=True)
class Access:
    """One request that reached a cluster's address. user is "" for a refused token; status 0 for a cut connection."""

    at: datetime
    user: str
    method: str
    path: str  # below the cluster's prefix, with the query
    user_agent: str
    accept: str
    status: int


class KubeServer:
    """All API servers of a world. Sets endpoint and ca_pem of every cluster when it starts."""

    def __init__(self, world: World, authenticate: Authenticate, objects_of: ObjectsOf | None = None) -> None:
        self.api = KubeApi(world, authenticate, objects_of)
        self.world = world
        self._faults = KubeFaults(world, self.api)
        self._log: dict[str, deque[Access]] = defaultdict(lambda: deque(maxlen=_LOG_LENGTH))
        self.requests = 0
        shared = Authority.new()
        app = self._app()
        main = Listener(app, shared.server_context())
        self.url = f"https://127.0.0.1:{main.port}"
        self.ca_pem = shared.ca_pem()
        listeners = [main]
        for cluster in world.clusters.values():
            authority, port = shared, main.port
            if cluster.own_ca:
                authority = Authority.new()
                listeners.append(Listener(app, authority.server_context()))
                port = listeners[-1].port
            cluster.endpoint = f"https://127.0.0.1:{port}/{cluster.key}"
            cluster.ca_pem = authority.ca_pem()
        self._loopback = Loopback("sim-kube", listeners)

    def access_log(self, key: str) -> list[Access]:
        """The newest requests to a cluster's address, oldest first; "" for those to no cluster."""
        return list(self._log[key]) if key in self._log else []

    def close(self) -> None:
        self._loopback.close()

    def _app(self) -> App:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._serve(scope, receive, send)

        return app

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        # The prefix is taken off while still quoted, so that a name never gains a slash.
        prefix, _, rest = scope["raw_path"].decode("ascii").lstrip("/").partition("/")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        body = b"" if scope["method"] in _BODILESS else await _body(receive)
        request = Request.parse(scope["method"], unquote(f"/{rest}"), query, headers, body or b"")
        cluster = self.world.clusters.get(prefix)
        if cluster is None:
            self._record("", "", request, query, 404)
            await _send(send, answers.page_not_found())
            return
        if body is None:
            self._record(cluster.key, "", request, query, 413)
            await _send(send, answers.too_large(_LARGEST_BODY))
            return
        user = self.api.user(cluster, request)
        fault = self._faults.meet(cluster, request)
        answer = self._faults.answer(cluster, user, request, fault)
        status = 0 if answer is None else 200 if isinstance(answer, Watch) else answer.status
        self._record(cluster.key, user.name if user else "", request, query, status)
        wire = _Wire(scope, receive, send)
        if isinstance(answer, Watch):
            stream = Stream(answer, self.world.lock, lambda: self._faults.breaks(cluster, request))
            await _stream(wire, stream, fault)
        else:
            await _deliver(wire, answer, fault)

    def _record(self, key: str, user: str, request: Request, query: str, status: int) -> None:
        path = f"{request.path}?{query}" if query else request.path
        agent, accept = (request.headers.get(name, "") for name in ("user-agent", "accept"))
        self._log[key].append(Access(self.world.now(), user, request.method, path, agent, accept, status))


def serve_kube(world: World, authenticate: Authenticate, objects_of: ObjectsOf | None = None) -> KubeServer:
    """Serve the world's API servers on loopback until closed. objects_of: see KubeApi."""
    return KubeServer(world, authenticate, objects_of)


def static_tokens(tokens: dict[str, User]) -> Authenticate:
    """Accept fixed tokens on every cluster."""
    return lambda _cluster, token: tokens.get(token)


async def _body(receive: Receive) -> bytes | None:
    """The body of a request, None for one that is too large."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if sum(map(len, parts)) > _LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _clock(fault: Fault | None) -> dict[str, str]:
    """The Date of the wall's clock, or of one that a fault has put wrong."""
    ahead = fault.seconds if fault is not None and fault.kind == Harm.SKEW else 0.0
    return {"date": formatdate(time.time() + ahead, usegmt=True)}


def _start(answer: Answer, fault: Fault | None) -> dict[str, Any]:
    headers = {"content-type": answer.content_type, **_NOT_CACHED, **_clock(fault)}
    headers |= {name.lower(): value for name, value in answer.headers}
    headers["content-length"] = str(len(answer.body))
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": answer.status, "headers": pairs}


async def _send(send: Send, answer: Answer, fault: Fault | None = None) -> None:
    await send(_start(answer, fault))
    await send({"type": "http.response.body", "body": answer.body})


@dataclass(frozen=True, slots=True)
class _Wire:
    """The connection of one request."""

    scope: Scope
    receive: Receive
    send: Send


async def _deliver(wire: _Wire, answer: Answer | None, fault: Fault | None) -> None:
    await _dawdle(wire, fault)
    if answer is None or (fault is not None and fault.kind == Harm.TRUNCATE):
        await _break_off(wire, answer)
    else:
        await _send(wire.send, answer, fault)


async def _stream(wire: _Wire, stream: Stream, fault: Fault | None) -> None:
    await _dawdle(wire, fault)
    headers = {"content-type": answers.JSON, **_NOT_CACHED, **_clock(fault)}
    if await send_watch(stream, headers, wire.receive, wire.send):
        await _break_off(wire, None)


async def _dawdle(wire: _Wire, fault: Fault | None) -> None:
    """Let the time of a fault pass, or until the client gives up."""
    if fault is None or fault.kind not in (Harm.SLOW, Harm.TIMEOUT):
        return
    seconds = fault.seconds or (LONGEST_TIMEOUT if fault.kind == Harm.TIMEOUT else 0.0)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _gone(wire.receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _break_off(wire: _Wire, answer: Answer | None) -> None:
    """Close the connection without an answer, or in the middle of one."""
    transport: asyncio.Transport = wire.scope["sim.transport"]
    if answer is None:
        transport.abort()
    else:
        half = answer.body[: len(answer.body) // 2]
        await wire.send(_start(answer, None))
        await wire.send({"type": "http.response.body", "body": half, "more_body": True})
        transport.close()
    await _gone(wire.receive)
