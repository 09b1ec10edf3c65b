"""Slack's JSON as clicks: what it sends is read, what it never sends is refused, and nothing of that is repeated."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from fleetkeeper.adapters.slack.payloads import acknowledgement, click_of, form_of, json_of
from fleetkeeper.core.interacting.values import Click, ClickKind, Reply
from fleetkeeper.core.interacting.words import notice_view
from fleetkeeper.errors import InvalidAnswer

TOKEN = "xoxb-not-to-be-seen"
BUTTON: dict[str, Any] = {
    "type": "block_actions",
    "token": TOKEN,
    "user": {"id": "U1", "team_id": "T1"},
    "team": {"id": "T1"},
    "container": {"type": "message", "message_ts": "1.1", "channel_id": "C1"},
    "channel": {"id": "C1"},
    "trigger_id": "t1",
    "actions": [{"type": "button", "action_id": "ack", "block_id": "b", "value": "n|a||", "action_ts": "2.2"}],
}
VIEW: dict[str, Any] = {
    "type": "view_submission",
    "token": TOKEN,
    "user": {"id": "U1", "team_id": "T1"},
    "team": {"id": "T1"},
    "trigger_id": "t1",
    "view": {
        "id": "V1",
        "hash": "h",
        "callback_id": "extend",
        "private_metadata": "C1 n|a||",
        "state": {
            "values": {
                "until": {"until": {"type": "datepicker", "selected_date": "2026-12-01"}},
                "reason": {"reason": {"type": "plain_text_input", "value": "late"}},
                "mode": {"mode": {"type": "radio_buttons", "selected_option": {"value": "hold"}}},
                "empty": {"empty": {"type": "plain_text_input", "value": None}},
            }
        },
    },
}
COMMAND = {"team_id": "T1", "user_id": "U1", "channel_id": "C1", "command": "/fleetkeeper", "trigger_id": "t1"}
HOME: dict[str, Any] = {
    "type": "event_callback",
    "team_id": "T1",
    "event_id": "Ev1",
    "event": {"type": "app_home_opened", "user": "U1", "tab": "home"},
}


def test_a_button() -> None:
    assert click_of("interactive", BUTTON) == Click(
        "button U1 2.2 b ack", ClickKind.BUTTON, "U1", "T1", "T1", "ack", "n|a||", "t1", "C1", "1.1"
    )


def test_a_modal() -> None:
    click = click_of("interactive", VIEW)
    assert click is not None
    assert (click.kind, click.action, click.value, click.user) == (ClickKind.SUBMIT, "extend", "C1 n|a||", "U1")
    assert click.fields == {"until": "2026-12-01", "reason": "late", "mode": "hold", "empty": ""}


def test_a_command_as_an_envelope_and_as_a_form() -> None:
    expected = Click("slash t1", ClickKind.SLASH, "U1", "", "T1", "/fleetkeeper", "", "t1", "C1", text="status now")
    assert click_of("slash_commands", COMMAND | {"text": "status now"}) == expected
    assert click_of(*form_of(urlencode(COMMAND | {"text": "status now"}).encode())) == expected


def test_a_command_without_a_text() -> None:
    click = click_of(*form_of(urlencode(COMMAND | {"text": ""}).encode()))
    assert click is not None
    assert click.text == ""


def test_an_opened_home() -> None:
    assert click_of("events_api", HOME) == Click("home Ev1", ClickKind.HOME, "U1", workspace="T1")


def test_an_interaction_as_a_form() -> None:
    body = urlencode({"payload": json.dumps(BUTTON)}).encode()
    assert click_of(*form_of(body)) == click_of("interactive", BUTTON)


def test_where_the_app_is_installed_for_all_of_an_organisation_no_workspace_is_named() -> None:
    click = click_of("interactive", BUTTON | {"team": None})
    assert click is not None
    assert click.workspace == ""


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        pytest.param("interactive", {"type": "view_closed"}, id="a view that was closed"),
        pytest.param("interactive", {"type": "shortcut"}, id="a shortcut"),
        pytest.param(
            "interactive", BUTTON | {"actions": [{"type": "datepicker", "action_id": "d"}]}, id="a field that changed"
        ),
        pytest.param("interactive", BUTTON | {"actions": [{"type": "button", "action_id": "u"}]}, id="a link"),
        pytest.param("events_api", HOME | {"event": {"type": "message"}}, id="another event"),
        pytest.param(
            "events_api", HOME | {"event": {"type": "app_home_opened", "tab": "messages"}}, id="the tab of messages"
        ),
        pytest.param("hello", {}, id="an envelope of another kind"),
    ],
)
def test_what_needs_no_answer(kind: str, payload: dict[str, Any]) -> None:
    assert click_of(kind, payload) is None


def view(**changes: Any) -> dict[str, Any]:
    return VIEW | {"view": VIEW["view"] | changes}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        pytest.param("interactive", BUTTON | {"user": None}, id="a click of nobody"),
        pytest.param("interactive", BUTTON | {"user": {"id": 7}}, id="a user that is a number"),
        pytest.param("interactive", BUTTON | {"user": {"id": ""}}, id="a user without a name"),
        pytest.param("interactive", BUTTON | {"actions": []}, id="a click on nothing"),
        pytest.param("interactive", BUTTON | {"actions": BUTTON["actions"] * 2}, id="a click on two"),
        pytest.param("interactive", BUTTON | {"actions": ["ack"]}, id="an action that is a text"),
        pytest.param("interactive", BUTTON | {"container": []}, id="a container that is a list"),
        pytest.param(
            "interactive", BUTTON | {"actions": [BUTTON["actions"][0] | {"value": "x" * 9000}]}, id="a huge value"
        ),
        pytest.param("interactive", view(id=None), id="a view without an id"),
        pytest.param("interactive", view(state={}), id="a view without its fields"),
        pytest.param("interactive", view(state={"values": {"until": {}}}), id="a field of nothing"),
        pytest.param("interactive", view(state={"values": {"until": {"a": 1}}}), id="a field that is a number"),
        pytest.param(
            "interactive",
            view(state={"values": {"until": {"a": {"selected_date": ["x"]}}}}),
            id="a date that is a list",
        ),
        pytest.param("slash_commands", {}, id="a command of nobody"),
        pytest.param("events_api", HOME | {"event": 1}, id="an event that is a number"),
    ],
)
def test_what_slack_does_not_send_is_refused_without_its_tokens(kind: str, payload: dict[str, Any]) -> None:
    with pytest.raises(InvalidAnswer) as refused:
        click_of(kind, payload)
    assert TOKEN not in str(refused.value)
    assert "x" * 50 not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"payload", b"\xff=\xfe", b"payload=%5B%5D", b"payload=%7B", b"a=1&" * 100])
def test_a_form_that_slack_does_not_send_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidAnswer):
        click_of(*form_of(body))


@pytest.mark.parametrize("text", ["", "1", "[]", "{", "[" * 100_000, b"\xff"])
def test_json_that_is_no_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidAnswer):
        json_of(text)


def test_acknowledgements() -> None:
    assert acknowledgement(Reply()) == {}
    assert acknowledgement(Reply(text="hello")) == {"response_type": "ephemeral", "text": "hello"}
    assert acknowledgement(Reply(errors={"until": "no"})) == {"response_action": "errors", "errors": {"until": "no"}}
    found = acknowledgement(Reply(instead=notice_view("no")))
    assert (found["response_action"], found["view"]["type"]) == ("update", "modal")
