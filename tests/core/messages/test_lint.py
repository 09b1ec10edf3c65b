"""The lint finds what it is there for: each case breaks a good message in one way."""

from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.messages.blocks import actions, button, header, section
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.lint import mistakes
from fleetkeeper.core.messages.message import Block, Do, Message
from fleetkeeper.core.messages.render import render
from fleetkeeper.core.notices.values import Audience, Notice, Via
from tests.core.messages.cases import CASES
from tests.core.messages.told import item, notice, to

ABOUT = Button("n1", "e1")


def good() -> tuple[Message, Notice]:
    found, known = CASES["digest"]()
    return render(found, known), found


def without(message: Message, what: str) -> Message:
    """The same, with a word gone from all its sections and contexts."""
    return replace(message, blocks=tuple(_without(each, what) for each in message.blocks))


def _without(block: Any, what: str) -> Any:
    if isinstance(block, str):
        return block.replace(what, "")
    if isinstance(block, dict):
        return {name: _without(each, what) for name, each in block.items()}
    return [_without(each, what) for each in block] if isinstance(block, list) else block


def adding(*blocks: Block) -> Message:
    message, _ = good()
    return replace(message, blocks=(*message.blocks, *blocks))


def of_button(text: str = "Ack", **other: str) -> Block:
    return actions("more", [{**button(Do.ACK, text, ABOUT), **other}])


@pytest.mark.parametrize("what", ["When", "Where", "If not", "Fix", "Done when", "Why you", "Questions"])
def test_a_digest_that_leaves_out_a_line_is_found(what: str) -> None:
    message, found = good()
    assert f"it does not say: {what}" in mistakes(without(message, f"*{what}:*"), found)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        pytest.param(replace(good()[0], text=" "), "no text", id="no text for push messages"),
        pytest.param(replace(good()[0], text="x" * 3001), "text of 3001 characters", id="a text that is too long"),
        pytest.param(replace(good()[0], text="3 things"), "a date with the days", id="a text without a date"),
        pytest.param(without(good()[0], "2026"), "a date with the days", id="blocks without a year"),
        pytest.param(without(good()[0], "*Next*"), "what comes next", id="nothing of what comes next"),
        pytest.param(adding(*[section(["a"])] * 40), "blocks", id="more than 50 blocks"),
        pytest.param(adding(*[section(["a" * 2990])] * 5), "characters in all blocks", id="too much in all"),
        pytest.param(adding({**section(["a"]), "text": {"text": "a" * 3001}}), "a section of 3001", id="long section"),
        pytest.param(adding({**header("a"), "text": {"text": "a" * 151}}), "a header of 151", id="a long header"),
        pytest.param(adding(section(["<!channel> look"])), "a link, a mention", id="a mention"),
        pytest.param(adding(section(["@here look"])), "a link, a mention", id="@here as text"),
        pytest.param(adding(section(["see https://evil.example"])), "a link, a mention", id="a link"),
        pytest.param(adding(section(["a `b"])), "does not end", id="a code span without an end"),
        pytest.param(adding(section(["a\u202eb"])), "do not show", id="text from right to left"),
        pytest.param(adding(section(["3 items at this rung"])), "own people", id="words of ours"),
        pytest.param(adding(section(["FK301 in 3 clusters"])), "own people", id="the code of a check"),
        pytest.param(adding(of_button(), of_button()), "stands 2 times", id="two rows of one name"),
        pytest.param(
            adding(actions("more", [button(Do.ACK, "a", ABOUT)] * 2)), "2 times in a row", id="two buttons of one name"
        ),
        pytest.param(
            adding(actions("more", [button(f"b{n}", "a", ABOUT) for n in range(6)])), "6 buttons", id="six buttons"
        ),
        pytest.param(adding(of_button(action_id="boom")), "none that anybody answers", id="an unknown action"),
        pytest.param(adding(of_button(value="a|b")), "is no button's", id="a value that cannot be read"),
        pytest.param(adding(of_button(value="a|b|c|" + "d" * 2000)), "a value of 2006", id="a long value"),
        pytest.param(adding(*(actions(f"ask:{n}", []) for n in "456")), "6 things in full", id="6 in full"),
    ],
)  # fmt: skip
def test_a_mistake_is_found(message: Message, said: str) -> None:
    assert any(said in each for each in mistakes(message, good()[1]))


def test_a_message_without_buttons_has_to_say_that_it_is_over() -> None:
    _, found = good()
    assert mistakes(Message("Hello", (section(["Hello"]),)), found) != ()
    assert mistakes(Message("✅ done", (section(["✅ done"]),)), found) == ()


def test_a_webhook_gets_no_blocks() -> None:
    found = notice([item()], recipient=to(Audience.CHANNEL, "hook:x", via=Via.WEBHOOK))
    assert mistakes(good()[0], found) == ("blocks outside of Slack",)
    assert mistakes(Message(""), found) == ("no text",)
