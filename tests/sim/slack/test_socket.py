"""Socket Mode at its edges: who gets in, what is delivered again, and what is lost."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Event, RejectConnection, Request, TextMessage

from fleetkeeper.sim.slack.delivering import Patience
from fleetkeeper.sim.slack.socket import MOST
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import ADA, client_of, furnished

HASTY = Patience(ack=0.3, again=(0.0, 0.05, 0.1))


@pytest.fixture
def slack() -> Iterator[SimSlack]:
    with SimSlack(factor=1000, patience=HASTY) as running:
        yield furnished(running)


class Ear:
    """A connection of the official client. deaf: how many of the first envelopes it does not acknowledge."""

    def __init__(self, slack: SimSlack, deaf: int = 0) -> None:
        self.deaf = deaf
        self.heard: list[SocketModeRequest] = []
        self.said: list[dict[str, Any]] = []
        self.socket = SocketModeClient(slack.app_token, web_client=client_of(slack), auto_reconnect_enabled=False)
        self.socket.socket_mode_request_listeners.append(self._hear)  # type: ignore[arg-type]
        self.socket.on_message_listeners.append(lambda text: self.said.append(json.loads(text)))
        self.socket.connect()

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _hear(self, answering: Any, request: SocketModeRequest) -> None:
        self.heard.append(request)
        if len(self.heard) > self.deaf:
            answering.send_socket_mode_response(SocketModeResponse(request.envelope_id))


class Bare:
    """A connection without a client's cares, that can break when it likes. first: the answer to the handshake."""

    def __init__(self, slack: SimSlack) -> None:
        url = urlsplit(client_of(slack).apps_connections_open(app_token=slack.app_token)["url"])
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._socket = socket.create_connection((str(url.hostname), url.port or 0), timeout=10)
        self._socket.sendall(self._protocol.send(Request(url.netloc, f"{url.path}?{url.query}")))
        self.first = self._next()

    def __enter__(self) -> "Bare":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hang_up_at_an_envelope(self) -> None:
        said: Event = self.first
        while not (isinstance(said, TextMessage) and "envelope_id" in said.data):
            said = self._next()
        self._socket.close()

    def _next(self) -> Event:
        while True:
            for event in self._protocol.events():
                return event
            self._protocol.receive_data(self._socket.recv(65_536))


def test_hello_comes_first_and_counts_the_connections(slack: SimSlack) -> None:
    with Ear(slack) as first, Ear(slack) as second:
        slack.until(lambda: slack.sockets.count == 2)
        slack.until(lambda: first.said and second.said)
        assert sorted(each.said[0]["num_connections"] for each in (first, second)) == [1, 2]
        assert {each.said[0]["type"] for each in (first, second)} == {"hello"}


def test_an_event_that_is_not_acknowledged_comes_again_and_says_so(slack: SimSlack) -> None:
    with Ear(slack, deaf=1) as ear:
        slack.until(lambda: slack.sockets.count)
        assert slack.open_home(ADA).acked
    assert [(each.retry_attempt, each.retry_reason) for each in ear.heard] == [(0, ""), (1, "timeout")]
    assert len({each.envelope_id for each in ear.heard}) == 2
    assert len({each.payload["event_id"] for each in ear.heard}) == 1


def test_an_event_waits_for_a_socket_until_its_last_delivery(slack: SimSlack) -> None:
    answer = slack.open_home(ADA)
    assert (answer.acked, answer.why) == (False, "nobody listens")
    with Ear(slack) as ear:
        slack.until(lambda: slack.sockets.count)
        slack.open_home(ADA)
    assert ear.heard


@pytest.mark.parametrize("act", ["command", "click"])
def test_what_a_person_does_is_not_delivered_again(slack: SimSlack, act: str) -> None:
    with Ear(slack, deaf=9) as ear:
        slack.until(lambda: slack.sockets.count)
        if act == "command":
            answer = slack.slash(ADA, "status")
        else:
            blocks = [
                {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}}]}
            ]
            client_of(slack).chat_postMessage(channel=ADA, text="x", blocks=blocks)
            answer = slack.click(ADA, slack.messages(ADA)[0], "Go")
    assert (answer.acked, answer.why) == (False, "no acknowledgement in time")
    assert len(ear.heard) == 1


def test_a_connection_that_goes_away_loses_what_it_had_not_acknowledged(slack: SimSlack) -> None:
    with Bare(slack) as bare:
        slack.until(lambda: slack.sockets.count == 1)
        leaving = threading.Thread(target=bare.hang_up_at_an_envelope)
        leaving.start()
        answer = slack.slash(ADA, "status")
        leaving.join()
    assert (answer.acked, answer.why) == (False, "the connection was lost")
    slack.until(lambda: slack.sockets.count == 0)


def test_an_eleventh_connection_is_turned_away(slack: SimSlack) -> None:
    ears = [Ear(slack) for _ in range(MOST)]
    slack.until(lambda: slack.sockets.count == MOST)
    with Ear(slack) as late:
        slack.until(lambda: late.said)
    assert (late.said[0]["type"], late.said[0]["reason"]) == ("disconnect", "too_many_websockets")
    for ear in ears:
        ear.socket.close()


def test_a_ticket_lets_one_connection_in(slack: SimSlack) -> None:
    ticket = slack.workspace.ticket()
    assert [slack.workspace.take_ticket(ticket) for _ in range(2)] == [True, False]


def test_sockets_can_be_refused_and_let_in_again(slack: SimSlack) -> None:
    slack.refuse_sockets()
    with Bare(slack) as bare:
        assert isinstance(bare.first, RejectConnection)
    slack.refuse_sockets(False)
    with Bare(slack) as bare:
        assert isinstance(bare.first, AcceptConnection)


def test_a_slow_hello_comes_late(slack: SimSlack) -> None:
    slack.sockets.slow_hello = 0.1
    with Ear(slack) as ear:
        assert slack.sockets.count == 0
        slack.until(lambda: slack.sockets.count == 1)
        slack.until(lambda: ear.said)
