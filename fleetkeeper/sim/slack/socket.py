"""Socket Mode: the connections of the app, and envelopes over them.

docs.slack.dev/apis/events-api/using-socket-mode (read 2026-11-21): up to 10 connections, "each payload may be sent to
any of the connections"; `hello` first; an acknowledgement names the envelope_id and may carry a payload where
`accepts_response_payload`; `disconnect` with the reason `warning` some ten seconds ahead, `refresh_requested`, or
`link_disabled`. An eleventh connection is told `too_many_websockets` (slackapi/python-slack-sdk#1940).
"""

import asyncio
import contextlib
import random
from concurrent.futures import Future
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from fleetkeeper.sim.slack.delivering import EVENTS, Parcel, Patience, Reply
from fleetkeeper.sim.slack.values import Json
from fleetkeeper.sim.slack.workspace import APP, Workspace

MOST = 10
CONNECTION_SECONDS = 18_060
"""How long Slack says that a connection will be up for about."""


@dataclass(eq=False, slots=True)
class _Connection:
    """waiting: by the id of their envelope, those who wait for an acknowledgement."""

    socket: WebSocket
    loop: asyncio.AbstractEventLoop
    waiting: dict[str, "Future[Json]"] = field(default_factory=dict)


class Sockets:
    """refusing: whether the handshake fails. slow_hello: seconds of the wall before the first message."""

    def __init__(self, workspace: Workspace, patience: Patience) -> None:
        self._workspace, self._patience = workspace, patience
        self._connections: list[_Connection] = []
        self._chance = random.Random(0)
        self.refusing = False
        self.slow_hello = 0.0

    @property
    def count(self) -> int:
        return len(self._connections)

    @property
    def is_open(self) -> bool:
        return bool(self._connections)

    async def endpoint(self, socket: WebSocket) -> None:
        """/link/?ticket=…"""
        if self.refusing or not self._workspace.take_ticket(socket.query_params.get("ticket", "")):
            await socket.close(1008)
            return
        pause = self.slow_hello
        await socket.accept()
        if len(self._connections) >= MOST:
            await socket.send_json(_disconnect("too_many_websockets"))
            await socket.close()
            return
        await asyncio.sleep(pause)
        connection = _Connection(socket, asyncio.get_running_loop())
        await socket.send_json(_hello(len(self._connections) + 1))
        with self._workspace.changed:
            self._connections.append(connection)
            self._workspace.changed.notify_all()
        try:
            await self._listen(connection)
        finally:
            self._forget(connection)

    def deliver(self, parcel: Parcel) -> Reply:
        """To one connection by chance. From any thread but the sockets' own; waits for the acknowledgement."""
        with self._workspace.changed:
            if not self._connections:
                return Reply(False, why="nobody listens")
            connection = self._chance.choice(self._connections)
            id = self._workspace.id("envelope")
            waiting: Future[Json] = Future()
            connection.waiting[id] = waiting
        sending = asyncio.run_coroutine_threadsafe(_send(connection, _envelope(id, parcel)), connection.loop)
        try:
            sending.result(self._patience.ack)
            return Reply(True, waiting.result(self._patience.ack))
        except TimeoutError:
            return Reply(False, why="no acknowledgement in time")
        except ConnectionError:
            return Reply(False, why="the connection was lost")
        finally:
            connection.waiting.pop(id, None)

    def disconnect(self, reason: str = "refresh_requested") -> None:
        """To every connection. After a `warning` it stays up, after anything else it is closed."""
        for connection in tuple(self._connections):
            closing = asyncio.run_coroutine_threadsafe(_part(connection, reason), connection.loop)
            closing.result(self._patience.ack)

    async def _listen(self, connection: _Connection) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                said = await connection.socket.receive_json()
                waiting = connection.waiting.pop(str(said.get("envelope_id")), None)
                if waiting is not None:
                    waiting.set_result(said.get("payload") or {})

    def _forget(self, connection: _Connection) -> None:
        with self._workspace.changed:
            self._connections.remove(connection)
            for waiting in tuple(connection.waiting.values()):
                waiting.set_exception(ConnectionError())
            self._workspace.changed.notify_all()


async def _send(connection: _Connection, message: Json) -> None:
    """ConnectionError where it is gone."""
    try:
        await connection.socket.send_json(message)
    except (WebSocketDisconnect, RuntimeError) as gone:
        raise ConnectionError from gone


async def _part(connection: _Connection, reason: str) -> None:
    with contextlib.suppress(ConnectionError):
        await _send(connection, _disconnect(reason))
        if reason != "warning":
            await connection.socket.close()


def _hello(number: int) -> Json:
    debug = {"host": "applink-sim", "build_number": 1, "approximate_connection_time": CONNECTION_SECONDS}
    return {"type": "hello", "num_connections": number, "debug_info": debug, "connection_info": {"app_id": APP}}


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sim"}}


def _envelope(id: str, parcel: Parcel) -> Json:
    accepts = parcel.kind != EVENTS
    envelope = {"envelope_id": id, "type": parcel.kind, "payload": parcel.payload, "accepts_response_payload": accepts}
    retried = {"retry_attempt": parcel.attempt, "retry_reason": parcel.reason}
    return envelope if accepts else {**envelope, **retried}
