"""What is wrong with a rendered message: Slack's limits, harmless texts, and what an owner needs to be able to act."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fleetkeeper.core.messages.blocks import CONTEXT, HEADER, SECTION, WHOLE, length
from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.escape import is_harmless
from fleetkeeper.core.messages.message import Block, Do, Message, View
from fleetkeeper.core.notices.values import Notice, NoticeKind, Via

MOST_BLOCKS, MOST_IN_FULL, MOST_BUTTONS = 50, 5, 5
MOST_VIEW, LONGEST_TITLE = 100, 24
LONGEST_TEXT = 3000
LONGEST_ELSEWHERE = 12_000
"""Characters of a message that is text alone: webhooks and pagers."""

_ACTIONS = frozenset(value for name, value in vars(Do).items() if name.isupper())
_DAY = r"\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}"
_WHEN = re.compile(
    rf"{_DAY} \((?:in \d+ days|tomorrow|today(?: at \d\d:\d\d)?|yesterday|\d+ days ago)\)|no date is set"
)
_OVER = re.compile("^(?:✅|☑️|➡️|✋|🕓)")
OWN_WORDS = re.compile(r"\b(?:(?:fingerprint|rung|item|finding|campaign|audience)s?|FK\d{3})\b")
"""Words of ours that mean nothing to an owner, and codes of checks; commands may have them."""

_FULL = ("*When:*", "*Where:*", "*If not:*", "*Fix:*", "*Done when:*", "*Why you:*", "*Questions:*")
_NEEDED: Mapping[NoticeKind, tuple[str, ...]] = {
    NoticeKind.DIGEST: _FULL,
    NoticeKind.DIRECT: ("*Why it comes to you:*", *_FULL),
    NoticeKind.REMINDER: ("*When:*", "*Fix:*", "*Why you:*", "*Questions:*"),
    NoticeKind.ESCALATION: ("*Whose:*", "*When:*", "*Where:*", "*Fix:*", "*To decide:*", "*Questions:*"),
    NoticeKind.DECISION: ("*Why:*", "*Where:*", "*When:*", "*Why you:*", "*Questions:*", "*Next:*"),
}


def mistakes(message: Message, notice: Notice) -> tuple[str, ...]:
    """Each in a few words; () for a message that may go out."""
    if notice.recipient.via is not Via.SLACK:
        return tuple(_elsewhere(message))
    found = [*_text(message), *_blocks(message.blocks), *_texts(message.blocks), *_buttons(message.blocks)]
    return (*found, *_content(message, notice))


def mistakes_of_view(view: View) -> tuple[str, ...]:
    """Of a modal or an App Home: Slack's limits, and harmless texts."""
    found = [*_texts(view.blocks), *_buttons(view.blocks), *_inputs(view.blocks)]
    if len(view.blocks) > MOST_VIEW:
        found.append(f"{len(view.blocks)} blocks")
    if max(len(view.title), len(view.submit)) > LONGEST_TITLE:
        found.append("a title or a button of more than 24 characters")
    if len(view.private) > LONGEST_TEXT:
        found.append(f"it carries {len(view.private)} characters")
    if view.kind == "modal" and any(each["type"] == "input" for each in view.blocks) and not view.submit:
        found.append("fields that nobody can send")
    return tuple(found)


# ---- limits


def _elsewhere(message: Message) -> Iterator[str]:
    if message.blocks:
        yield "blocks outside of Slack"
    if not message.text.strip():
        yield "no text"
    if len(message.text) > LONGEST_ELSEWHERE:
        yield f"text of {len(message.text)} characters"
    yield from _hostile(message.text, "text")


def _text(message: Message) -> Iterator[str]:
    if not message.text.strip():
        yield "no text: push messages and screen readers would be empty"
    if len(message.text) > LONGEST_TEXT:
        yield f"text of {len(message.text)} characters"
    yield from _unsafe(message.text, "text")


def _blocks(blocks: tuple[Block, ...]) -> Iterator[str]:
    if len(blocks) > MOST_BLOCKS:
        yield f"{len(blocks)} blocks"
    if length(blocks) >= WHOLE:
        yield f"{length(blocks)} characters in all blocks"
    ids = Counter(str(each["block_id"]) for each in blocks if each.get("block_id"))
    yield from (f"block id {id} stands {count} times" for id, count in ids.items() if count > 1)
    yield from (f"block id of {len(id)} characters" for id in ids if len(id) > 255)
    full = sum(id.startswith("ask:") for id in ids)
    if full > MOST_IN_FULL:
        yield f"{full} things in full"


def _texts(blocks: tuple[Block, ...]) -> Iterator[str]:
    limits = {"header": HEADER, "section": SECTION, "context": CONTEXT}
    for block in blocks:
        for shown in _shown(block):
            if not 0 < len(shown) <= limits[block["type"]]:
                yield f"a {block['type']} of {len(shown)} characters"
            yield from _unsafe(shown, block["type"])


def _shown(block: Block) -> list[str]:
    if block["type"] in ("header", "section"):
        return [block["text"]["text"]]
    return [each["text"] for each in block["elements"]] if block["type"] == "context" else []


def _inputs(blocks: tuple[Block, ...]) -> Iterator[str]:
    names = Counter(each["block_id"] for each in blocks if each["type"] == "input")
    yield from (f"field {name} stands {count} times" for name, count in names.items() if count > 1)
    for block in blocks:
        if block["type"] == "input" and max(len(block["label"]["text"]), len(block["hint"]["text"])) > 2000:
            yield "a label or a hint of more than 2000 characters"


def _buttons(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        elements: list[Mapping[str, Any]] = block.get("elements", []) if block["type"] == "actions" else []
        if len(elements) > MOST_BUTTONS:
            yield f"{len(elements)} buttons in a row"
        names = Counter(each["action_id"] for each in elements)
        yield from (f"action {name} stands {count} times in a row" for name, count in names.items() if count > 1)
        yield from (f"action {name} is none that anybody answers" for name in names if name not in _ACTIONS)
        for each in elements:
            yield from _button(each)


def _button(element: Mapping[str, Any]) -> Iterator[str]:
    value = element["value"]
    if len(value) > 2000:
        yield f"a value of {len(value)} characters"
    if Button.parse(value) is None:
        yield f"value {value!r} is no button's"
    if not 0 < len(element["text"]["text"]) <= 75:
        yield f"a button's text of {len(element['text']['text'])} characters"


# ---- texts


def _unsafe(shown: str, where: str) -> Iterator[str]:
    if not is_harmless(shown):
        yield f"{where} could be read as a link, a mention or an emoji"
    if any(line.replace("```", "").count("`") % 2 for line in shown.split("\n")):
        yield f"{where} has a code span that does not end in its line"
    yield from _hostile(shown, where)
    if OWN_WORDS.search(re.sub(r"`[^`]*`", "", shown)):
        yield f"{where} has a word that only fleetkeeper's own people know"


def _hostile(shown: str, where: str) -> Iterator[str]:
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown if char != "\n"):
        yield f"{where} has characters that do not show"


# ---- what an owner needs


def _asks(block: Block) -> bool:
    """Whether it has a button that somebody is to click: what was decided can be taken back, and waits for nobody."""
    return block["type"] == "actions" and any(each["action_id"] != Do.WITHDRAW for each in block["elements"])


def _content(message: Message, notice: Notice) -> Iterator[str]:
    needed = _NEEDED.get(notice.kind)
    if needed is None:
        return
    if not any(_asks(each) for each in message.blocks):
        if not _OVER.match(message.text):
            yield "it asks for nothing, and does not say that it is over"
        return
    whole = "\n".join(shown for block in message.blocks for shown in _shown(block))
    whole = whole.replace("*Why them:*", "*Why you:*")
    yield from (f"it does not say: {each.strip('*:')}" for each in needed if each not in whole)
    if not _WHEN.search(whole) or not _WHEN.search(message.text):
        yield "a date with the days that are left is missing, in the blocks or in the text"
    if notice.following and "*Next" not in whole:
        yield "it does not say what comes next"
    if notice.kind is not NoticeKind.DECISION and "Fix" not in message.text:
        yield "the text does not say how it is fixed"
