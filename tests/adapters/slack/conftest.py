"""A simulated Slack with a channel and two people, and our client of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.adapters.slack.client import SlackChat
from fleetkeeper.config import Secret, SlackSettings
from fleetkeeper.sim.slack_api import SimSlack

CHANNEL, ADA, BOB = "C0PAYMENTS", "U0ADA", "U0BOB"


@pytest.fixture
def slack() -> Iterator[SimSlack]:
    with SimSlack(factor=1000) as found:
        found.add_channel("payments", id=CHANNEL)
        found.add_user("ada", "ada@example.com", id=ADA, tz="Europe/Berlin")
        found.add_user("bob", "bob@example.com", id=BOB)
        yield found


def settings_of(slack: SimSlack, **changes: Any) -> SlackSettings:
    found = SlackSettings(Secret(slack.bot_token), api_url=slack.api_url, history=True, timeout_seconds=2.0)
    return replace(found, **changes)


@pytest.fixture
def chat(slack: SimSlack) -> SlackChat:
    return SlackChat(settings_of(slack))


@pytest.fixture
def chat_of(slack: SimSlack) -> Callable[..., SlackChat]:
    """With settings of one's own."""
    return lambda **changes: SlackChat(settings_of(slack, **changes))
