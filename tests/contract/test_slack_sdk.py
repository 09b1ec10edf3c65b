"""The simulated Slack and unmodified slack_sdk: what its retries do to a post, and its check of signatures."""

import http.client
from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from fleetkeeper.sim.slack.request_url import Sign
from fleetkeeper.sim.slack.server import SIGNING_SECRET
from fleetkeeper.sim.slack_api import SimSlack, Trouble
from tests.sim.slack.offices import ADA, CHANNEL, furnished, notice, only


@pytest.fixture
def slack() -> Iterator[SimSlack]:
    with SimSlack(factor=1000) as running:
        yield furnished(running)


def client(slack: SimSlack, **options: Any) -> WebClient:
    return WebClient(slack.bot_token, base_url=slack.api_url, timeout=10, **options)


# ---- posts


def test_the_clients_own_retry_posts_twice_when_the_connection_breaks_after_acceptance(slack: SimSlack) -> None:
    """slack_sdk 3.47.0: ConnectionErrorRetryHandler is on by default, and a post has no key against doubles."""
    slack.drop_after_accept()
    assert notice(client(slack))["ok"]
    assert len(slack.notices()["n1"]) == 2


def test_without_retries_it_posts_once_and_says_that_it_does_not_know(slack: SimSlack) -> None:
    slack.drop_after_accept()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        notice(client(slack, retry_handlers=[]))
    assert len(slack.notices()["n1"]) == 1


def test_what_was_posted_without_an_answer_is_found_by_its_metadata(slack: SimSlack) -> None:
    slack.drop_after_accept()
    careful = client(slack, retry_handlers=[])
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        notice(careful)
    page = careful.conversations_history(channel=CHANNEL, include_all_metadata=True)
    (found,) = (m for m in page["messages"] if m["metadata"]["event_payload"]["notice_id"] == "n1")
    assert found["ts"] == only(slack.messages(CHANNEL)).ts


@pytest.mark.parametrize("kind", [Trouble.THROTTLE, Trouble.THROTTLE_AFTER, Trouble.ERROR], ids=str)
def test_the_clients_own_retry_leaves_an_answer_alone(slack: SimSlack, kind: Trouble) -> None:
    """Neither a 429 nor a server error is tried again by default: only a connection is."""
    slack.fail(kind, count=1)
    with pytest.raises(SlackApiError):
        notice(client(slack))
    assert slack.calls().total() == 1


def test_the_retry_of_429s_posts_again_what_a_429_had_posted(slack: SimSlack) -> None:
    """The storm of argocd-notifications#211: a refusal that was none, answered by another post."""
    slack.fail(Trouble.THROTTLE_AFTER, count=1, retry_after=0)
    assert notice(client(slack, retry_handlers=[RateLimitErrorRetryHandler(max_retry_count=1)]))["ok"]
    assert len(slack.notices()["n1"]) == 2


def test_a_429_can_be_read_for_when_to_come_again(slack: SimSlack) -> None:
    slack.throttle(retry_after=30)
    with pytest.raises(SlackApiError) as refused:
        notice(client(slack, retry_handlers=[]))
    assert int(refused.value.response.headers["Retry-After"]) == 30
    assert slack.messages(CHANNEL) == []


# ---- signatures

BODY = b"payload=%7B%22type%22%3A%22block_actions%22%7D"
SIGNED = {Sign.RIGHT: True, Sign.WRONG_SECRET: False, Sign.OLD: False, Sign.MISSING: False}


@pytest.mark.parametrize("sign", SIGNED, ids=lambda sign: f"{sign.value}: {'taken' if SIGNED[sign] else 'refused'}")
def test_a_signature_that_is(slack: SimSlack, sign: Sign) -> None:
    slack.request_url.sign = sign
    verifier = SignatureVerifier(SIGNING_SECRET)
    assert verifier.is_valid_request(BODY, slack.request_url.headers(BODY)) is SIGNED[sign]


def test_a_signature_is_of_its_body_alone(slack: SimSlack) -> None:
    headers = slack.request_url.headers(BODY)
    assert not SignatureVerifier(SIGNING_SECRET).is_valid_request(BODY + b"x", headers)


# ---- sockets


def test_the_clients_socket_is_acknowledged_by_envelope_and_comes_again_when_it_is_told(slack: SimSlack) -> None:
    heard: list[SocketModeRequest] = []
    socket = SocketModeClient(slack.app_token, web_client=client(slack))

    def hear(answering: BaseSocketModeClient, request: SocketModeRequest) -> None:
        heard.append(request)
        answering.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": "heard"}))

    socket.socket_mode_request_listeners.append(hear)
    socket.connect()
    slack.until(lambda: slack.sockets.count == 1)
    answers, first = [slack.slash(ADA, "status").text], socket.session_id()
    slack.disconnect("warning")
    slack.until(lambda: socket.session_id() != first and slack.sockets.count == 1)  # the old one lives on for a moment
    assert slack.calls()["apps.connections.open", ""] == 2
    answers.append(slack.slash(ADA, "again").text)
    socket.close()
    assert (answers, [each.payload["text"] for each in heard]) == (["heard"] * 2, ["status", "again"])
