"""The limits of Block Kit, each by what is just too large, with the pointer to it, and by what just fits."""

from typing import Any

import pytest
from slack_sdk import WebClient

from fleetkeeper.sim.slack.blocks import mistakes
from fleetkeeper.sim.slack_api import SimSlack
from tests.sim.slack.offices import CHANNEL, button, client, refusal, section, slack

__all__ = ["client", "slack"]


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def actions(*elements: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **fields}


def buttons(count: int) -> dict[str, Any]:
    return actions(*(button(f"a{n}") for n in range(count)))


def select(*options: dict[str, Any]) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "s", "options": list(options)}


def option(text: str = "one", value: str = "1") -> dict[str, Any]:
    return {"text": plain(text), "value": value}


def fields(count: int, text: str = "x") -> dict[str, Any]:
    return {"type": "section", "fields": [plain(text) for _ in range(count)]}


DIVIDER: dict[str, Any] = {"type": "divider"}

FITS: dict[str, list[dict[str, Any]]] = {
    "50 blocks": [DIVIDER] * 50,
    "3,000 characters in a section": [section("x" * 3000)],
    "150 in a header": [{"type": "header", "text": plain("x" * 150)}],
    "75 on a button": [actions(button(text="x" * 75))],
    "2,000 in a button's value": [actions(button(value="x" * 2000))],
    "255 in an action id": [actions(button("x" * 255))],
    "25 buttons": [buttons(25)],
    "10 fields of 2,000 characters": [fields(10, "x" * 2000)],
    "100 options": [actions(select(*(option(value=str(n)) for n in range(100))))],
    "the same action id in two blocks": [actions(button("a")), actions(button("a"))],
    "a section with a button beside it": [{**section("x"), "accessory": button()}],
}

BEYOND: dict[str, tuple[list[Any], str]] = {
    "51 blocks": ([DIVIDER] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "3,001 characters in a section": (
        [DIVIDER, section("x" * 3001)],
        "must be less than 3001 characters [json-pointer:/blocks/1/text/text]",
    ),
    "an empty section": ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "151 in a header": (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    "mrkdwn in a header": (
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
    ),
    "76 on a button": (
        [actions(button(text="x" * 76))],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    "2,001 in a button's value": (
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    "256 in an action id": (
        [actions(button("x" * 256))],
        "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    "256 in a block id": (
        [{**DIVIDER, "block_id": "x" * 256}],
        "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
    ),
    "26 buttons": ([buttons(26)], "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
    "no buttons": ([actions()], "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
    "11 fields": ([fields(11)], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    "11 texts in a context": (
        [{"type": "context", "elements": [plain("x")] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "101 options": (
        [actions(select(*(option(value=str(n)) for n in range(101))))],
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "151 in an option's value": (
        [actions(select(option(value="x" * 151)))],
        "must be less than 151 characters [json-pointer:/blocks/0/elements/0/options/0/value]",
    ),
    "a section without text": (
        [{"type": "section"}],
        "missing required field: text or fields [json-pointer:/blocks/0]",
    ),
    "a button without text": (
        [actions({"type": "button", "action_id": "a"})],
        "missing required field: text [json-pointer:/blocks/0/elements/0]",
    ),
    "a style that is none": (
        [actions({**button(), "style": "loud"})],
        "must be a valid enum value [json-pointer:/blocks/0/elements/0/style]",
    ),
    "a confirmation without a question": (
        [actions({**button(), "confirm": {"title": plain("Sure?")}})],
        "missing required field: text [json-pointer:/blocks/0/elements/0/confirm]",
    ),
    "an input among buttons": (
        [actions({"type": "plain_text_input", "action_id": "a"})],
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    "a block that is none": ([{"type": "shout"}], "unsupported type: shout [json-pointer:/blocks/0/type]"),
    "a block without a type": ([{}], "missing required field: type [json-pointer:/blocks/0]"),
    "a field that is none": (
        [{**DIVIDER, "colour": "red"}],
        "invalid additional property: colour [json-pointer:/blocks/0]",
    ),
    "one block id twice": (
        [{**DIVIDER, "block_id": "b"}, {**DIVIDER, "block_id": "b"}],
        "`block_id` already exists: b [json-pointer:/blocks/1/block_id]",
    ),
    "one action id twice in a block": (
        [actions(button("a"), button("a"))],
        "`action_id` already exists: a [json-pointer:/blocks/0/elements/1/action_id]",
    ),
    "a text where an object belongs": (
        [{"type": "section", "text": "x"}],
        "must be an object [json-pointer:/blocks/0/text]",
    ),
}


@pytest.mark.parametrize("case", FITS, ids=list(FITS))
def test_a_message_may_have(case: str) -> None:
    assert mistakes(FITS[case]) == ()


@pytest.mark.parametrize("case", BEYOND, ids=list(BEYOND))
def test_a_message_may_not_have(case: str) -> None:
    blocks, mistake = BEYOND[case]
    assert mistake in mistakes(blocks)


def test_a_refusal_names_every_mistake_and_where_it_is(slack: SimSlack, client: WebClient) -> None:
    blocks = [section("x" * 3001), {"type": "header", "text": plain("")}]
    said = refusal(client.chat_postMessage, channel=CHANNEL, text="x", blocks=blocks)
    assert said["error"] == "invalid_blocks"
    assert said["errors"] == [
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        "must be more than 0 characters [json-pointer:/blocks/1/text/text]",
    ]
    assert said["response_metadata"]["messages"] == [f"[ERROR] {each}" for each in said["errors"]]
    assert slack.messages(CHANNEL) == []
