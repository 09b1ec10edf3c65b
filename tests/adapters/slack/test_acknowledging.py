"""Whatever happens behind it, a click is acknowledged in time, and only what Slack signed gets that far."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from slack_sdk.signature import SignatureVerifier
from structlog.testing import capture_logs

from fleetkeeper.adapters.slack import clicks as module
from fleetkeeper.adapters.slack import socket as socket_module
from fleetkeeper.adapters.slack.clicks import Clicks
from fleetkeeper.adapters.slack.http import HttpListener
from fleetkeeper.adapters.slack.socket import SocketListener
from fleetkeeper.config import Secret, SlackSettings
from fleetkeeper.core.interacting.values import Click, Reply
from fleetkeeper.core.interacting.words import plain
from fleetkeeper.errors import ConfigError
from fleetkeeper.sim.slack_api import SimSlack
from tests.adapters.slack.test_payloads import BUTTON, COMMAND, HOME, VIEW
from tests.waiting import wait_until

SECRET = "signing-secret-of-the-test"


@dataclass
class Desk:
    """Takes clicks when it is let; `shown` is what goes not with the acknowledgement."""

    reply: Reply = field(default_factory=Reply)
    let: threading.Event = field(default_factory=threading.Event)
    taken: list[Click] = field(default_factory=list)
    shown: list[Reply] = field(default_factory=list)

    def handle(self, click: Click) -> Reply:
        self.taken.append(click)
        self.let.wait(30)
        return self.reply

    def carry_out(self, _click: Click, reply: Reply) -> None:
        self.shown.append(reply)


@pytest.fixture
def desk() -> Desk:
    found = Desk()
    found.let.set()
    return found


@pytest.fixture
def clicks(desk: Desk) -> Iterator[Clicks]:
    found = Clicks(desk)
    yield found
    desk.let.set()
    found.close()


class TestTime:
    def test_what_is_quick_goes_with_the_acknowledgement(self, desk: Desk, clicks: Clicks) -> None:
        desk.reply = Reply(text="hello")
        taken = clicks.take("slash_commands", COMMAND)
        assert taken.body["text"] == "hello"
        taken.then()
        wait_until(lambda: desk.shown == [desk.reply], "the reply is carried out")

    @pytest.mark.parametrize(
        ("payload", "reply", "says"),
        [
            pytest.param(("slash_commands", COMMAND), Reply(text="a *list*"), "a *list*", id="an answer to a command"),
            pytest.param(("interactive", VIEW), Reply(errors={"until": "too late"}), "too late", id="a wrong field"),
            pytest.param(("interactive", BUTTON), Reply(whisper=plain("taken"), channel="C1"), "taken", id="a whisper"),
        ],
    )
    def test_what_is_slow_is_acknowledged_first_and_told_later(
        self, desk: Desk, payload: tuple[str, Any], reply: Reply, says: str
    ) -> None:
        desk.let.clear()
        desk.reply = reply
        clicks = Clicks(desk, seconds=0.0)
        taken = clicks.take(*payload)
        assert taken.body == {}
        taken.then()
        desk.let.set()
        clicks.close()
        (shown,) = desk.shown
        assert shown.whisper is not None
        assert (shown.whisper.text, shown.channel) == (says, "C1")

    def test_more_than_can_be_taken_is_refused_in_words(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_MOST", 1)
        desk.let.clear()
        clicks = Clicks(desk, seconds=0.0)
        first = clicks.take("slash_commands", COMMAND)
        assert "Click again in a minute" in clicks.take("slash_commands", COMMAND).body["text"]
        first.then()
        desk.let.set()
        clicks.close()
        assert len(desk.taken) == 1


# ---- HTTP


@pytest.fixture
def url(clicks: Clicks) -> Iterator[str]:
    settings = SlackSettings(signing_secret=Secret(SECRET), listen="127.0.0.1:0")
    listener = HttpListener(settings, clicks)
    listener.start()
    yield listener.url
    listener.stop()


Asked = tuple[int, bytes]


def post(url: str, body: bytes, path: str = "/slack/events", **headers: str) -> Asked:
    """Signed now, unless the headers say otherwise."""
    import time  # noqa: PLC0415  # Slack signs by the wall

    stamp = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=body) if _is_text(body) else ""
    sent = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature or "",
    }
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("POST", path, body, {**sent, **{name.replace("_", "-"): text for name, text in headers.items()}})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_the_challenge_of_a_new_address_is_answered(url: str) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c-1", "token": "t"}).encode()
    assert post(url, body, Content_Type="application/json") == (200, b'{"challenge": "c-1"}')


def test_a_form_an_event_and_a_command_are_taken(url: str, desk: Desk) -> None:
    desk.reply = Reply(text="hello")
    assert post(url, urlencode({"payload": json.dumps(BUTTON)}).encode(), "/slack/interactions")[0] == 200
    assert post(url, json.dumps(HOME).encode(), Content_Type="application/json; charset=utf-8")[0] == 200
    status, body = post(url, urlencode(COMMAND).encode(), "/slack/commands")
    assert (status, json.loads(body)["text"]) == (200, "hello")
    assert [click.kind for click in desk.taken] == ["button", "home", "slash"]


def test_slacks_own_look_at_the_certificate_is_no_click(url: str, desk: Desk) -> None:
    assert post(url, b"ssl_check=1&token=t") == (200, b"")
    assert not desk.taken


FORM = urlencode(COMMAND).encode()
REFUSED: dict[str, tuple[int, Callable[[str], Asked]]] = {
    "another path": (404, lambda url: post(url, FORM, "/metrics")),
    "no signature": (401, lambda url: post(url, FORM, X_Slack_Signature="")),
    "a wrong signature": (401, lambda url: post(url, FORM, X_Slack_Signature="v0=" + "0" * 64)),
    "a signature that is no ASCII": (401, lambda url: post(url, FORM, X_Slack_Signature="v0=\xe9")),
    "a time that is no number": (401, lambda url: post(url, FORM, X_Slack_Request_Timestamp="now")),
    "a time of yesterday": (401, lambda url: post(url, FORM, X_Slack_Request_Timestamp="1700000000")),
    "a body that is no text": (401, lambda url: post(url, b"\xff\xfe")),
    "a body too large": (413, lambda url: post(url, b"a=" + b"x" * 300_000)),
    "a body of unknown length": (411, lambda url: post(url, FORM, Content_Length="many")),
    "a form of nothing": (400, lambda url: post(url, b"payload=%7B")),
    "JSON that is none": (400, lambda url: post(url, b"{", Content_Type="application/json")),
}


@pytest.mark.parametrize(("status", "ask"), REFUSED.values(), ids=REFUSED)
def test_a_request_is_refused_with(url: str, desk: Desk, status: int, ask: Callable[[str], Asked]) -> None:
    with capture_logs() as logged:
        try:
            assert ask(url)[0] == status
        except (BrokenPipeError, ConnectionResetError):
            assert status == 413, "only what is too large may be cut off while it is sent"
    assert not desk.taken
    assert SECRET not in str(logged)


def test_an_address_that_is_taken_is_a_mistake_of_the_settings(url: str, clicks: Clicks) -> None:
    with pytest.raises(ConfigError, match=r"slack\.listen"):
        HttpListener(SlackSettings(signing_secret=Secret(SECRET), listen=urlsplit(url).netloc), clicks)


# ---- Socket Mode


def test_a_socket_that_gets_in_only_later_says_why_not_without_its_secrets(clicks: Clicks) -> None:
    with SimSlack(factor=1000) as slack, capture_logs() as logged:
        slack.fail("refuse", method="apps.connections.open", count=1, code="internal_error")
        settings = SlackSettings(app_token=Secret(slack.app_token), api_url=slack.api_url)
        listener = SocketListener(settings, clicks, threading.Event())
        listener.start()
        wait_until(lambda: any(each["event"] == "slack_connected" for each in logged), "Slack says hello")
        listener.stop()
    (refused,) = [each for each in logged if each["event"] == "slack_not_connected"]
    assert "internal_error" in refused["reason"]
    assert slack.app_token not in str(logged)
    assert "ticket=" not in str(logged)


def test_a_token_that_was_replaced_in_its_file_is_used_at_the_next_try(clicks: Clicks, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("xapp-old")
    with SimSlack(factor=1000) as slack, capture_logs() as logged:
        settings = SlackSettings(app_token=Secret("xapp-old", f"file {file}"), api_url=slack.api_url)
        listener = SocketListener(settings, clicks, threading.Event())
        listener.start()
        wait_until(
            lambda: [each for each in logged if each["event"] == "slack_not_connected"], "the old one is refused"
        )
        file.write_text(slack.app_token)
        slack.until(lambda: slack.sockets.count, within=60)
        listener.stop()


def test_a_socket_that_is_stopped_while_it_waits_for_slack_warns_of_nothing(clicks: Clicks) -> None:
    with SimSlack(factor=1000) as slack, capture_logs() as logged:
        settings = SlackSettings(app_token=Secret(slack.app_token), api_url=slack.api_url)
        listener = SocketListener(settings, clicks, threading.Event())
        listener.start()
        wait_until(lambda: any(each["event"] == "slack_connected" for each in logged), "Slack says hello")
        listener.stop()
        slack.until(lambda: slack.sockets.count == 0)
    assert not listener.is_connected
    assert [each for each in logged if each["log_level"] == "warning"] == []


def test_a_listener_that_never_got_in_ends_at_once(clicks: Clicks) -> None:
    settings = SlackSettings(app_token=Secret("xapp-none"), api_url="http://127.0.0.1:9/api/")
    cancel = threading.Event()
    listener = SocketListener(settings, clicks, cancel)
    listener.start()
    cancel.set()
    listener.stop()
    assert not listener.is_connected


def test_what_the_sdk_warns_of_is_logged_without_addresses_and_tokens() -> None:
    logger = socket_module._logger(threading.Event())
    with capture_logs() as logged:
        logger.warning("no wss://wss.slack.com/link/?ticket=t-1 for xapp-1-A-2 and xoxb-3-b")
    (line,) = logged
    assert line["reason"] == "no (hidden) for (hidden) and (hidden)"
