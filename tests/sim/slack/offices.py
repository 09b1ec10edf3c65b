"""A simulated Slack with one channel and one person, and the official client, with its retries off."""

from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from fleetkeeper.sim.slack_api import Sent, SimSlack

CHANNEL = "C0PAYMENTS1"
ADA = "U0ADA000001"


class Timer:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def furnished(slack: SimSlack) -> SimSlack:
    slack.add_channel("payments", id=CHANNEL)
    slack.add_user("ada", "ada@example.com", id=ADA, tz="Europe/Berlin")
    return slack


@pytest.fixture
def slack() -> Iterator[SimSlack]:
    with SimSlack(factor=1000) as running:
        yield furnished(running)


@pytest.fixture
def client(slack: SimSlack) -> WebClient:
    return client_of(slack)


def client_of(slack: SimSlack, token: str = "") -> WebClient:
    """As a careful app has it: no retries of its own."""
    return WebClient(token or slack.bot_token, base_url=slack.api_url, timeout=10, retry_handlers=[])


def refusal(call: Any, **arguments: Any) -> dict[str, Any]:
    """What Slack says where it refuses a call."""
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    body = refused.value.response.data
    assert isinstance(body, dict)
    return body


def button(action: str = "ack", text: str = "Ack until", value: str = "v") -> dict[str, Any]:
    label = {"type": "plain_text", "text": text}
    return {"type": "button", "action_id": action, "text": label, "value": value}


def notice(client: WebClient, text: str = "Move 3 Ingresses", id: str = "n1", channel: str = CHANNEL) -> Any:
    """Posts a message with a button, that carries the id of a notice."""
    metadata = {"event_type": "fleetkeeper_notice", "event_payload": {"notice_id": id}}
    blocks = [section(text), {"type": "actions", "elements": [button()]}]
    return client.chat_postMessage(channel=channel, text=text, blocks=blocks, metadata=metadata)


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def only(messages: list[Sent]) -> Sent:
    (message,) = messages
    return message
