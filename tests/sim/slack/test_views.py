"""Modals and home tabs: triggers that expire and serve once, views that are checked, kept, and changed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_sdk import WebClient

from fleetkeeper.sim.slack.triggers import RESPONSE_SECONDS, RESPONSE_USES, TRIGGER_SECONDS, Triggers
from fleetkeeper.sim.slack.values import ApiError, ViewState
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import ADA, Timer, client_of, furnished, refusal, section


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def slack(timer: Timer) -> Iterator[SimSlack]:
    with SimSlack(factor=1000, timer=timer) as running:
        yield furnished(running)


@pytest.fixture
def client(slack: SimSlack) -> WebClient:
    return client_of(slack)


def modal(**changes: Any) -> dict[str, Any]:
    title, submit = ({"type": "plain_text", "text": text} for text in ("Ack until", "Send"))
    date = {"type": "datepicker", "action_id": "date"}
    entry = {"type": "input", "block_id": "until", "label": {"type": "plain_text", "text": "Date"}, "element": date}
    return {"type": "modal", "callback_id": "ack", "title": title, "submit": submit, "blocks": [entry], **changes}


def home(**changes: Any) -> dict[str, Any]:
    return {"type": "home", "blocks": [section("yours")], **changes}


def test_a_trigger_opens_one_view_for_whom_it_is_of(slack: SimSlack, client: WebClient) -> None:
    trigger = slack.workspace.triggers.trigger(ADA)
    opened = client.views_open(trigger_id=trigger, view=modal())["view"]
    assert slack.modal(ADA).id == opened["id"]
    assert refusal(client.views_open, trigger_id=trigger, view=modal())["error"] == "exchanged_trigger_id"
    assert refusal(client.views_open, trigger_id="1.2.3", view=modal())["error"] == "invalid_trigger_id"


@pytest.mark.parametrize("late", [False, True], ids=["serves for three seconds", "is expired after three seconds"])
def test_a_trigger(slack: SimSlack, client: WebClient, timer: Timer, late: bool) -> None:
    trigger = slack.workspace.triggers.trigger(ADA)
    timer.seconds += TRIGGER_SECONDS + late
    if late:
        assert refusal(client.views_open, trigger_id=trigger, view=modal())["error"] == "expired_trigger_id"
    else:
        assert client.views_open(trigger_id=trigger, view=modal())["ok"]


def test_a_wrong_view_does_not_use_up_its_trigger(slack: SimSlack, client: WebClient) -> None:
    trigger = slack.workspace.triggers.trigger(ADA)
    refusal(client.views_open, trigger_id=trigger, view=modal(title=None))
    assert client.views_open(trigger_id=trigger, view=modal())["ok"]


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in modal().items() if key != name}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a title of 25 characters": (
        modal(title={"type": "plain_text", "text": "x" * 25}),
        "must be less than 25 characters [json-pointer:/view/title/text]",
    ),
    "no title": (without("title"), "missing required field: title [json-pointer:/view]"),
    "private metadata of 3,001 characters": (
        modal(private_metadata="x" * 3001),
        "must be less than 3001 characters [json-pointer:/view/private_metadata]",
    ),
    "101 blocks": (
        modal(blocks=[{"type": "divider"}] * 101),
        "no more than 100 items allowed [json-pointer:/view/blocks]",
    ),
    "a block that is too long": (
        modal(blocks=[section("x" * 3001)]),
        "must be less than 3001 characters [json-pointer:/view/blocks/0/text/text]",
    ),
    "fields and nothing to send them with": (
        without("submit"),
        "a submit button is required when there is an input block [json-pointer:/view/submit]",
    ),
    "the kind of another place": (home(), "must be a valid enum value [json-pointer:/view/type]"),
    "a field that is none": (modal(colour="red"), "invalid additional property: colour [json-pointer:/view]"),
}


@pytest.mark.parametrize("case", WRONG, ids=list(WRONG))
def test_a_modal_may_not_have(slack: SimSlack, client: WebClient, case: str) -> None:
    view, mistake = WRONG[case]
    said = refusal(client.views_open, trigger_id=slack.workspace.triggers.trigger(ADA), view=view)
    assert said["error"] == "invalid_arguments"
    assert f"[ERROR] {mistake}" in said["response_metadata"]["messages"]
    assert slack.workspace.modals(ADA) == []


def test_a_view_has_a_limit_in_bytes(slack: SimSlack, client: WebClient) -> None:
    blocks = [section("x" * 2999)] * 90
    trigger = slack.workspace.triggers.trigger(ADA)
    assert refusal(client.views_open, trigger_id=trigger, view=modal(blocks=blocks))["error"] == "view_too_large"


def test_a_modal_is_changed_while_it_is_open_and_by_who_knows_it(slack: SimSlack, client: WebClient) -> None:
    view = client.views_open(trigger_id=slack.workspace.triggers.trigger(ADA), view=modal())["view"]
    changed = client.views_update(view_id=view["id"], hash=view["hash"], view=modal(callback_id="second"))["view"]
    shown = slack.modal(ADA)
    assert (shown.callback, len(shown.editions)) == ("second", 1)
    stale = refusal(client.views_update, view_id=view["id"], hash=view["hash"], view=modal())
    assert (stale["error"], changed["hash"]) == ("hash_conflict", shown.hash)
    slack.workspace.close_view(shown)
    assert refusal(client.views_update, view_id=view["id"], view=modal())["error"] == "not_found"


def test_a_home_tab_is_put_in_place_of_the_one_before(slack: SimSlack, client: WebClient) -> None:
    first = client.views_publish(user_id=ADA, view=home())["view"]
    second = client.views_publish(user_id=ADA, view=home(blocks=[section("all done")]))["view"]
    assert first["id"] == second["id"]
    assert slack.text(slack.home(ADA)) == "all done"
    stale = refusal(client.views_publish, user_id=ADA, hash=first["hash"], view=home())
    assert stale["error"] == "hash_conflict"
    assert refusal(client.views_publish, user_id="U0NOBODY000", view=home())["error"] == "invalid_arguments"


def outlive(timer: Timer, triggers: Triggers, name: str) -> None:
    timer.seconds += RESPONSE_SECONDS + 1


def wear_out(timer: Timer, triggers: Triggers, name: str) -> None:
    for _ in range(RESPONSE_USES - 1):
        triggers.use(name)


ENDS: dict[str, tuple[Callable[[Timer, Triggers, str], None], str]] = {
    "after thirty minutes": (outlive, "expired_url"),
    "after five uses": (wear_out, "used_url"),
}


@pytest.mark.parametrize("case", ENDS, ids=list(ENDS))
def test_a_response_url_ends(timer: Timer, case: str) -> None:
    end, code = ENDS[case]
    triggers = Triggers(timer)
    name = triggers.response_url("C1", ADA, "1.1")
    assert triggers.use(name).user == ADA
    end(timer, triggers, name)
    with pytest.raises(ApiError, match=code):
        triggers.use(name)


def test_a_closed_modal_is_kept_to_look_at(slack: SimSlack, client: WebClient) -> None:
    client.views_open(trigger_id=slack.workspace.triggers.trigger(ADA), view=modal())
    shown = slack.modal(ADA)
    slack.workspace.close_view(shown)
    assert slack.workspace.views[shown.id].state == ViewState.CLOSED
    assert slack.text(shown) == "[Ack until]\nDate: ____\n[ Send ]"
