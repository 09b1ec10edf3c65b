"""What the official client hears, and what is posted, when a call of the simulated Slack goes wrong."""

import http.client
import json
import time
import urllib.error
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from fleetkeeper.sim.slack.faults import FIELDS, SlackFault, of_json
from fleetkeeper.sim.slack_api import SimSlack, Trouble
from tests.sim.slack.offices import CHANNEL, client, client_of, notice, refusal, slack

__all__ = ["client", "slack"]

BROKEN = (http.client.RemoteDisconnected, ConnectionError, urllib.error.URLError)


@pytest.mark.parametrize(
    ("kind", "posted"),
    [(Trouble.DROP_BEFORE, 0), (Trouble.DROP_AFTER, 1)],
    ids=["before the call was accepted posts nothing", "after it was accepted has posted"],
)
def test_a_connection_that_breaks(slack: SimSlack, client: WebClient, kind: Trouble, posted: int) -> None:
    slack.fail(kind, count=1)
    with pytest.raises(BROKEN):
        notice(client)
    assert len(slack.messages(CHANNEL)) == posted
    notice(client)
    assert len(slack.messages(CHANNEL)) == posted + 1


@pytest.mark.parametrize(
    ("kind", "posted"),
    [(Trouble.THROTTLE, 0), (Trouble.THROTTLE_AFTER, 1)],
    ids=["of what was not posted", "of what was posted all the same"],
)
def test_a_429(slack: SimSlack, client: WebClient, kind: Trouble, posted: int) -> None:
    slack.fail(kind, count=1, retry_after=7)
    with pytest.raises(SlackApiError) as refused:
        notice(client)
    response = refused.value.response
    assert (response.status_code, response.headers["Retry-After"], response["error"]) == (429, "7", "ratelimited")
    assert len(slack.messages(CHANNEL)) == posted


@pytest.mark.parametrize(
    ("kind", "posted"),
    [(Trouble.ERROR, 0), (Trouble.ERROR_AFTER, 1)],
    ids=["before anything was done", "after the message was posted"],
)
def test_a_server_error(slack: SimSlack, client: WebClient, kind: Trouble, posted: int) -> None:
    slack.fail(kind, count=1, status=503)
    with pytest.raises(SlackApiError) as refused:
        notice(client)
    assert refused.value.response.status_code == 503
    assert len(slack.messages(CHANNEL)) == posted


def test_a_word_of_slack_in_place_of_an_answer(slack: SimSlack, client: WebClient) -> None:
    slack.fail(Trouble.REFUSE, count=1, code="fatal_error")
    assert refusal(notice, client=client) == {"ok": False, "error": "fatal_error"}
    assert slack.messages(CHANNEL) == []


def test_an_answer_that_is_no_json(slack: SimSlack, client: WebClient) -> None:
    slack.fail(Trouble.GARBAGE, count=1)
    with pytest.raises(SlackApiError, match="non-JSON"):
        notice(client)
    assert slack.messages(CHANNEL) == []


def test_a_call_that_waits_longer_than_the_client_is_posted_all_the_same(slack: SimSlack) -> None:
    slack.fail(Trouble.DELAY, count=1, seconds=0.3)
    hasty = WebClient(slack.bot_token, base_url=slack.api_url, timeout=0.1, retry_handlers=[])  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        notice(hasty)
    slack.until(lambda: slack.messages(CHANNEL))


def test_a_fault_strikes_only_what_it_selects(slack: SimSlack, client: WebClient) -> None:
    other = slack.add_channel("general").id
    slack.fail(Trouble.THROTTLE, method="chat.postMessage", channel=CHANNEL)
    assert client.auth_test()["ok"]
    assert notice(client, channel=other)["ok"]
    assert refusal(notice, client=client)["error"] == "ratelimited"
    slack.heal()
    assert notice(client)["ok"]


def test_a_rate_is_spread_evenly(slack: SimSlack, client: WebClient) -> None:
    slack.fail(Trouble.ERROR_AFTER, rate=0.5)
    outcomes = []
    for number in range(4):
        try:
            outcomes.append(notice(client, id=f"n{number}")["ok"])
        except SlackApiError:
            outcomes.append(False)
    assert outcomes == [True, False, True, False]
    assert {id: len(posts) for id, posts in slack.notices().items()} == dict.fromkeys(("n0", "n1", "n2", "n3"), 1)


def test_what_was_refused_does_not_use_up_a_fault_of_what_was_accepted(slack: SimSlack, client: WebClient) -> None:
    slack.drop_after_accept()
    assert refusal(client.chat_postMessage, channel="C0NOWHERE00", text="x")["error"] == "channel_not_found"
    with pytest.raises(BROKEN):
        notice(client)


WRONG: dict[str, tuple[Any, str]] = {
    "no kind": ({}, "a fault is an object with a kind"),
    "a kind that is none": ({"kind": "melt"}, "kind: must be one of drop-before"),
    "a field that is none": ({"kind": "error", "verb": "get"}, "unknown field verb; known are kind, method"),
    "a rate above one": ({"kind": "error", "rate": 2}, "rate: must be from 0 to 1"),
    "a status that is no error": ({"kind": "error", "status": 404}, "status: must be from 500 to 599"),
    "a time below nothing": ({"kind": "delay", "seconds": -1}, "must not be negative"),
}


@pytest.mark.parametrize("case", WRONG, ids=list(WRONG))
def test_a_fault_makes_no_sense_with(case: str) -> None:
    said, why = WRONG[case]
    with pytest.raises(ValueError, match=why):
        of_json(said)


def test_a_fault_says_what_it_is_as_json() -> None:
    shown = SlackFault(Trouble.THROTTLE, retry_after=3).shown()
    assert of_json({name: shown[name] for name in FIELDS}) == SlackFault("throttle", retry_after=3)
    assert json.loads(json.dumps(shown))["kind"] == "throttle"


def test_the_clock_of_messages_is_one_that_only_rises() -> None:
    with SimSlack(factor=1000) as running:
        running.add_channel("payments", id=CHANNEL)
        stamps = [float(notice(client_of(running))["ts"]) for _ in range(5)]
    assert stamps == sorted(set(stamps))
    assert abs(stamps[-1] - time.time()) < 3600
