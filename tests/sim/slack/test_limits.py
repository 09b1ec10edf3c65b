"""How often the simulated Slack lets itself be called, by a clock of the test."""

import pytest

from fleetkeeper.sim.slack import limits
from fleetkeeper.sim.slack.limits import CHANNEL_BURST, WORKSPACE_BURST, Limits
from fleetkeeper.sim.slack.methods import METHODS, SPECIAL, TIER
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import CHANNEL, Timer, client_of, furnished, refusal


def post(limits: Limits, channel: str = "C1") -> int:
    return limits.wait("chat.postMessage", SPECIAL, channel)


def test_a_channel_takes_a_short_burst_and_then_one_message_a_second() -> None:
    timer = Timer()
    allowed = Limits(timer)
    assert [post(allowed) for _ in range(CHANNEL_BURST + 1)] == [0] * CHANNEL_BURST + [1]
    timer.seconds += 1
    assert [post(allowed) for _ in range(2)] == [0, 1]


def test_a_burst_in_one_channel_leaves_the_others_alone() -> None:
    allowed = Limits(Timer())
    assert [post(allowed) for _ in range(CHANNEL_BURST + 1)][-1] == 1
    assert post(allowed, "C2") == 0


def test_all_channels_together_have_a_limit() -> None:
    timer = Timer()
    allowed = Limits(timer)
    answers = [post(allowed, f"C{number}") for number in range(WORKSPACE_BURST + 1)]
    assert answers == [0] * WORKSPACE_BURST + [1]
    timer.seconds += 60
    minute = [post(allowed, f"D{number}") for number in range(WORKSPACE_BURST)]
    assert minute == [0] * WORKSPACE_BURST


@pytest.mark.parametrize("tier", [1, 2, 3, 4], ids=lambda tier: f"tier {tier}")
def test_a_method_has_the_calls_a_minute_of_its(tier: int) -> None:
    timer = Timer()
    allowed, per_minute = Limits(timer), TIER[tier]
    assert [allowed.wait("users.info", per_minute, "") for _ in range(int(per_minute))] == [0] * int(per_minute)
    assert allowed.wait("users.info", per_minute, "") == pytest.approx(60 / per_minute, abs=1)
    assert allowed.wait("views.open", per_minute, "") == 0
    timer.seconds += 60
    assert allowed.wait("users.info", per_minute, "") == 0


def test_a_factor_scales_all_of_it() -> None:
    allowed = Limits(Timer(), factor=1000)
    assert [post(allowed) for _ in range(CHANNEL_BURST * 1000 + 1)].count(0) == CHANNEL_BURST * 1000


def test_only_methods_with_limits_of_their_own_have_no_tier() -> None:
    special = {name for name, method in METHODS.items() if method.per_minute == SPECIAL}
    assert special == {limits.POST, "auth.test", "chat.getPermalink"}


def test_too_many_calls_are_answered_429_with_the_seconds_to_wait() -> None:
    timer = Timer()
    with SimSlack(timer=timer) as slack:
        client = client_of(furnished(slack))
        for _ in range(CHANNEL_BURST):
            client.chat_postMessage(channel=CHANNEL, text="x")
        assert refusal(client.chat_postMessage, channel=CHANNEL, text="x") == {"ok": False, "error": "ratelimited"}
        assert len(slack.messages(CHANNEL)) == CHANNEL_BURST
        timer.seconds += 1
        assert client.chat_postMessage(channel=CHANNEL, text="x")["ok"]
        assert slack.calls()["chat.postMessage", "ratelimited"] == 1
