"""What people can do in the simulated Slack, and what they cannot; and how it reads."""

from typing import Any

import pytest
from slack_sdk import WebClient

from fleetkeeper.sim.slack.delivering import Reply
from fleetkeeper.sim.slack.reading import lines, plain
from fleetkeeper.sim.slack.values import Shown, ViewState, Whisper
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import ADA, CHANNEL, button, client, notice, only, section, slack

__all__ = ["client", "slack"]


def plain_text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def entry(name: str, element: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": name, "label": plain_text(name.title()), "element": element, **fields}


FIELDS = [
    entry("until", {"type": "datepicker", "action_id": "date", "initial_date": "2026-12-01"}),
    entry("reason", {"type": "plain_text_input", "action_id": "why"}),
    entry(
        "team",
        {
            "type": "static_select",
            "action_id": "which",
            "options": [{"text": plain_text(name), "value": name} for name in ("payments", "checkout")],
        },
        optional=True,
    ),
]


class Recorded:
    """An app that acknowledges everything with one payload."""

    is_open = True

    def __init__(self, payload: dict[str, Any]) -> None:
        self.payload = payload
        self.heard: list[dict[str, Any]] = []

    def deliver(self, parcel: Any) -> Reply:
        self.heard.append(parcel.payload)
        return Reply(True, self.payload)


def answering(slack: SimSlack, payload: dict[str, Any] | None = None) -> Recorded:
    app = Recorded(payload or {})
    slack.delivery.ways = (app,)
    return app


def open_modal(slack: SimSlack, blocks: list[dict[str, Any]] = FIELDS) -> Shown:
    view = {"type": "modal", "callback_id": "ask", "title": plain_text("Ask"), "submit": plain_text("Send")}
    return slack.workspace.show(ADA, {**view, "blocks": blocks})


def test_a_click_tells_who_where_what_and_of_which_message(slack: SimSlack, client: WebClient) -> None:
    app = answering(slack)
    notice(client)
    sent = only(slack.messages(CHANNEL))
    assert slack.click("ada@example.com", sent, "ack").acked
    (payload,) = app.heard
    action = payload["actions"][0]
    assert (payload["type"], payload["user"]["id"], payload["channel"]["id"]) == ("block_actions", ADA, CHANNEL)
    assert (action["action_id"], action["value"], action["text"]["text"]) == ("ack", "v", "Ack until")
    assert payload["container"] == {
        "type": "message",
        "message_ts": sent.ts,
        "channel_id": CHANNEL,
        "is_ephemeral": False,
    }
    assert payload["message"]["metadata"]["event_payload"] == {"notice_id": "n1"}
    assert payload["response_url"].startswith(f"{slack.url}/actions/")
    assert payload["trigger_id"].count(".") == 2


def test_a_stale_button_is_clicked_where_the_person_still_sees_the_old_message(
    slack: SimSlack, client: WebClient
) -> None:
    app = answering(slack)
    said = notice(client)
    fresh = [{"type": "actions", "elements": [button(value="new")]}]
    client.chat_update(channel=CHANNEL, ts=said["ts"], text="x", blocks=fresh)
    sent = only(slack.messages(CHANNEL))
    slack.click(ADA, sent, "ack")
    slack.click(ADA, sent, "ack", seen=sent.editions[-1].blocks)
    assert [each["actions"][0]["value"] for each in app.heard] == ["new", "v"]


def test_a_click_on_the_home_tab_names_its_view_and_no_channel(slack: SimSlack, client: WebClient) -> None:
    app = answering(slack)
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button("recheck", "Recheck now")]}]}
    client.views_publish(user_id=ADA, view=home)
    slack.click(ADA, slack.home(ADA), "Recheck now")
    (payload,) = app.heard
    assert payload["container"] == {"type": "view", "view_id": slack.home(ADA).id}
    assert not {"channel", "message", "response_url"} & payload.keys()


def test_what_is_entered_stands_in_the_state_of_the_view(slack: SimSlack) -> None:
    app = answering(slack)
    view = open_modal(slack)
    slack.submit(ADA, view, {"why": "holidays", "team": "checkout"})
    values = app.heard[0]["view"]["state"]["values"]
    assert values["until"]["date"] == {"type": "datepicker", "selected_date": "2026-12-01"}
    assert values["reason"]["why"] == {"type": "plain_text_input", "value": "holidays"}
    assert values["team"]["which"]["selected_option"]["value"] == "checkout"
    assert view.state == ViewState.CLOSED


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a field is left empty": ({}, "Reason has to be filled in"),
    "an option is not among them": ({"why": "x", "team": "nobody"}, "which has no option 'nobody'"),
    "a field is not there": ({"why": "x", "colour": "red"}, "no field colour"),
}


@pytest.mark.parametrize("case", REFUSED, ids=list(REFUSED))
def test_the_client_sends_nothing_where(slack: SimSlack, case: str) -> None:
    app = answering(slack)
    values, why = REFUSED[case]
    view = open_modal(slack)
    with pytest.raises(LookupError, match=why):
        slack.submit(ADA, view, values)
    assert (app.heard, view.state) == ([], ViewState.OPEN)


def test_nobody_sends_the_modal_of_another_or_a_closed_one(slack: SimSlack) -> None:
    answering(slack)
    slack.add_user("bob")
    view = open_modal(slack, [section("x")])
    with pytest.raises(LookupError, match="no such modal"):
        slack.submit("bob", view)
    slack.submit(ADA, view)
    with pytest.raises(LookupError, match="no such modal"):
        slack.submit(ADA, view)


AFTER: dict[str, tuple[dict[str, Any], tuple[str, int]]] = {
    "nothing closes it": ({}, ("closed", 0)),
    "errors leave it open": ({"response_action": "errors", "errors": {"reason": "Say more."}}, ("open", 1)),
    "clear closes all": ({"response_action": "clear"}, ("closed", 0)),
    "an update shows another one in its place": (
        {
            "response_action": "update",
            "view": {"type": "modal", "title": plain_text("Thanks"), "blocks": [section("Done.")]},
        },
        ("open", 1),
    ),
    "a push shows another one above it": (
        {
            "response_action": "push",
            "view": {"type": "modal", "title": plain_text("Sure?"), "blocks": [section("Sure?")]},
        },
        ("open", 2),
    ),
}


@pytest.mark.parametrize("case", AFTER, ids=list(AFTER))
def test_the_answer_to_a_modal(slack: SimSlack, case: str) -> None:
    payload, (state, open_ones) = AFTER[case]
    answering(slack, payload)
    view = open_modal(slack)
    answer = slack.submit(ADA, view, {"why": "x"})
    assert (view.state, len(slack.workspace.modals(ADA))) == (state, open_ones)
    assert answer.errors == payload.get("errors", {})


def test_errors_of_what_is_no_field_are_the_apps_mistake(slack: SimSlack) -> None:
    answering(slack, {"response_action": "errors", "errors": {"nothing": "x"}})
    with pytest.raises(LookupError, match="no inputs: nothing"):
        slack.submit(ADA, open_modal(slack), {"why": "x"})


def test_the_answer_to_a_command_is_for_one_or_for_all(slack: SimSlack) -> None:
    answering(slack, {"text": "All of it is yours."})
    slack.slash(ADA, "who-owns x", "payments")
    answering(slack, {"text": "W3 is running.", "response_type": "in_channel"})
    slack.slash(ADA, "wave", "payments")
    assert [each.text for each in slack.whispers(ADA)] == ["All of it is yours."]
    assert only(slack.messages(CHANNEL)).text == "W3 is running."


def test_nobody_acts_who_has_left_or_where_nothing_is(slack: SimSlack, client: WebClient) -> None:
    answering(slack)
    notice(client)
    with pytest.raises(LookupError, match="no 'extend' to click; there is ack"):
        slack.click(ADA, only(slack.messages(CHANNEL)), "extend")
    with pytest.raises(LookupError, match="no channel general"):
        slack.slash(ADA, "status", "general")
    slack.delete_user(ADA)
    with pytest.raises(LookupError, match="nobody is called ada"):
        slack.slash("ada", "status")


def test_a_response_url_whispers_replaces_and_deletes(slack: SimSlack, client: WebClient) -> None:
    from slack_sdk.webhook import WebhookClient  # noqa: PLC0415 the client of response URLs

    app = answering(slack)
    notice(client)
    sent = only(slack.messages(CHANNEL))
    slack.click(ADA, sent, "ack")
    hook = WebhookClient(app.heard[0]["response_url"])
    assert hook.send(text="only you").body == "ok"
    assert hook.send(text="replaced", replace_original=True).status_code == 200
    assert hook.send(text="all", response_type="in_channel").status_code == 200
    assert hook.send(text="x", blocks=[{"type": "shout"}]).status_code == 400
    assert hook.send(delete_original=True).status_code == 200
    assert (hook.send(text="sixth").status_code, [each.text for each in slack.whispers(ADA)]) == (404, ["only you"])
    assert (sent.text, sent.deleted) == ("replaced", True)
    assert only(slack.messages(CHANNEL)).text == "all"


# ---- how it reads

READ: dict[str, tuple[list[dict[str, Any]], tuple[str, ...]]] = {
    "a header and a section": (
        [{"type": "header", "text": plain_text("Due")}, section("*3* Ingresses\nin `payments`")],
        ("# Due", "*3* Ingresses", "in `payments`"),
    ),
    "a link with its label": ([section("<https://x.example|the diff>")], ("the diff (https://x.example)",)),
    "names that were escaped": ([section("a &lt;b&gt; &amp; c")], ("a <b> & c",)),
    "buttons": (
        [{"type": "actions", "elements": [button(), button("x", "Not mine")]}],
        ("[ Ack until ] [ Not mine ]",),
    ),
    "fields, small print and a rule": (
        [
            {"type": "section", "fields": [plain_text("one"), plain_text("two")]},
            {"type": "divider"},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "why you"}]},
        ],
        ("one", "two", "─" * 40, "  why you"),
    ),
}


@pytest.mark.parametrize("case", READ, ids=list(READ))
def test_a_message_is_read_as_text_with(case: str) -> None:
    blocks, text = READ[case]
    assert lines(Whisper("C1", ADA, "fallback", tuple(blocks), "ack")) == text


def test_a_message_without_blocks_is_its_text() -> None:
    assert lines(Whisper("C1", ADA, "one\ntwo", (), "ack")) == ("one", "two")
    assert plain("<@U1> <!here> <#C1|payments>") == "@U1 !here payments"


def test_a_modal_is_read_with_its_fields(slack: SimSlack) -> None:
    assert slack.text(open_modal(slack)).splitlines() == [
        "[Ask]",
        "Until: ____",
        "Reason: ____",
        "Team (optional): ____",
        "[ Send ]",
    ]
