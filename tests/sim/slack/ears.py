"""A bare WebSocket that hears what Slack sends, acknowledges it or not, and breaks when it likes."""

import contextlib
import json
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Ping, RejectConnection, Request, TextMessage

from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import client_of


class Ear:
    """deaf: how many of the first envelopes it does not acknowledge. hangs_up: at the first one.

    The official client takes three seconds to close, and leaves sockets behind where it is refused: this one does not.
    """

    def __init__(self, slack: SimSlack, deaf: int = 0, hangs_up: bool = False) -> None:
        self._slack, self._deaf, self._hangs_up = slack, deaf, hangs_up
        self.said: list[dict[str, Any]] = []
        self._heard, self._is_over = threading.Condition(), False
        url = urlsplit(client_of(slack).apps_connections_open(app_token=slack.app_token)["url"])
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._socket = socket.create_connection((str(url.hostname), url.port or 0), timeout=10)
        self._socket.sendall(self._protocol.send(Request(url.netloc, f"{url.path}?{url.query}")))
        self._events: list[Event] = []
        self.is_in = isinstance(self._next(), AcceptConnection)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def heard(self) -> list[dict[str, Any]]:
        """The envelopes."""
        return [each for each in self.said if "envelope_id" in each]

    def until(self, count: int) -> None:
        """Until so many messages came, or it was hung up."""
        with self._heard:
            self._heard.wait_for(lambda: len(self.said) >= count or self._is_over, 10)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # hung up already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self._listen()
        with self._heard:
            self._is_over = True
            self._heard.notify_all()

    def _listen(self) -> None:
        while self.is_in:
            event = self._next()
            if event is None or isinstance(event, CloseConnection | RejectConnection):
                return
            if isinstance(event, Ping):
                self._socket.sendall(self._protocol.send(event.response()))
            if isinstance(event, TextMessage) and not self._takes(json.loads(event.data)):
                self._socket.shutdown(socket.SHUT_RDWR)
                return

    def _takes(self, message: dict[str, Any]) -> bool:
        """Whether it stays after that message."""
        with self._heard:
            self.said.append(message)
            self._heard.notify_all()
        if "envelope_id" in message and len(self.heard) > self._deaf and not self._hangs_up:
            answer = json.dumps({"envelope_id": message["envelope_id"]})
            self._socket.sendall(self._protocol.send(TextMessage(answer)))
        return not ("envelope_id" in message and self._hangs_up)

    def _next(self) -> Event | None:
        while not self._events:
            received = self._socket.recv(65_536)
            self._protocol.receive_data(received or None)
            self._events += self._protocol.events()
            if not received:
                return None
        return self._events.pop(0)
