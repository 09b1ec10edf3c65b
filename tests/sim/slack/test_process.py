"""The simulated Slack as a process of its own, through its control channel."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from fleetkeeper.sim.process import SimulatorFailed, SlackProcess
from tests.sim.slack.offices import notice


@pytest.fixture(scope="module")
def served() -> Iterator[SlackProcess]:
    started = datetime.now(UTC)
    with SlackProcess(factor=1000, time=f"2031-05-01T00:00:00+00:00,{started.isoformat()},60") as process:
        yield process


def do(served: SlackProcess, what: str, **said: Any) -> Any:
    return served.control("POST", f"/do/{what}", said)


def client_of(served: SlackProcess, token: str = "") -> WebClient:
    return WebClient(token or served.ready["bot_token"], base_url=served.api_url, retry_handlers=[])


@pytest.fixture
def channel(served: SlackProcess) -> str:
    return str(do(served, "add-channel", name="payments")["id"])


def test_what_is_posted_is_read_back_with_how_it_reads(served: SlackProcess, channel: str) -> None:
    said = notice(client_of(served), id="n1", channel=channel)
    (message,) = served.control("GET", f"/messages?channel={channel}")
    assert (message["ts"], message["shown"]) == (said["ts"], "Move 3 Ingresses\n[ Ack until ]")
    assert served.control("GET", "/notices")["n1"] == [[channel, said["ts"]]]
    assert datetime.fromtimestamp(float(said["ts"]), UTC).year == 2031


def test_faults_are_ordered_shown_and_cleared(served: SlackProcess, channel: str) -> None:
    fault = {"kind": "throttle", "channel": channel, "retry_after": 9}
    served.control("POST", "/faults", {"add": [fault]})
    with pytest.raises(SlackApiError, match="ratelimited"):
        notice(client_of(served), channel=channel)
    assert [each["kind"] for each in served.control("GET", "/state")["faults"]] == ["throttle"]
    served.control("POST", "/faults", {"clear": True})
    assert notice(client_of(served), id="n2", channel=channel)["ok"]


def test_people_act_and_the_app_that_is_not_there_does_not_answer(served: SlackProcess, channel: str) -> None:
    ada = do(served, "add-user", name="ada", email="ada@example.com")["id"]
    ts = notice(client_of(served), id="n3", channel=channel)["ts"]
    clicked = do(served, "click", user=ada, channel=channel, ts=ts, button="ack")
    asked = do(served, "slash", user=ada, text="status")
    assert [(each["acked"], each["why"]) for each in (clicked, asked)] == [(False, "nobody listens")] * 2
    assert served.control("GET", f"/whispers?user={ada}") == []
    view = {"type": "home", "blocks": [{"type": "divider"}]}
    client_of(served).views_publish(user_id=ada, view=view)
    assert [each["view"]["type"] for each in served.control("GET", f"/views?user={ada}")] == ["home"]


def test_channels_and_tokens_are_spoilt(served: SlackProcess, channel: str) -> None:
    do(served, "archive", channel=channel)
    with pytest.raises(SlackApiError, match="is_archived"):
        notice(client_of(served), channel=channel)
    old = client_of(served)
    token = do(served, "rotate")["bot_token"]
    with pytest.raises(SlackApiError, match="invalid_auth"):
        old.auth_test()
    served.ready["bot_token"] = token
    assert client_of(served).auth_test()["ok"]


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "an order that is none": ("/do/dance", {}, "known are add-user, add-channel"),
    "an argument that is none": ("/do/add-user", {"colour": "red"}, "unexpected keyword argument"),
    "a channel that is not there": ("/do/archive", {"channel": "C0NOWHERE00"}, "there is no channel"),
    "a fault that is none": ("/faults", {"add": [{"kind": "melt"}]}, "kind: must be one of"),
    "a field that is none": ("/faults", {"drop": True}, "unknown field drop"),
}


@pytest.mark.parametrize("case", WRONG, ids=list(WRONG))
def test_the_control_channel_refuses(served: SlackProcess, case: str) -> None:
    path, body, why = WRONG[case]
    with pytest.raises(SimulatorFailed, match=why):
        served.control("POST", path, body)
