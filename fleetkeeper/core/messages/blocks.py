"""Slack's blocks, within their limits, of texts that are harmless already."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.messages.message import Block
from fleetkeeper.core.text import ELLIPSIS

HEADER, SECTION, CONTEXT = 150, 3000, 2000
"""Characters of one block's text. A context element may have 3,000; more than this is no context any more."""

WHOLE = 13_200
"""Characters of all blocks from which Slack refuses a message (msg_blocks_too_long): not documented, measured in
slackapi/bolt-js#2509 (2025-04)."""


def header(text: str) -> Block:
    """Never with anything out of a cluster in it: here nothing can be shown as code."""
    return {"type": "header", "text": _plain(cut(text, HEADER))}


def section(lines: Iterable[str]) -> Block:
    """verbatim: Slack makes no links of what looks like one."""
    return {"type": "section", "text": _mrkdwn(whole_lines(lines, SECTION))}


def context(lines: Iterable[str]) -> Block:
    return {"type": "context", "elements": [_mrkdwn(whole_lines(lines, CONTEXT))]}


def divider() -> Block:
    return {"type": "divider"}


def actions(id: str, buttons: Sequence[Block]) -> Block:
    """id: unique in its message, so that the same action may stand in several rows."""
    return {"type": "actions", "block_id": id[:255], "elements": list(buttons)}


def button(do: str, text: str, value: Button, style: str = "", ask_first: Block | None = None) -> Block:
    """style: primary or danger, "" for the usual. ask_first: of `confirm`."""
    found: dict[str, Any] = {"type": "button", "action_id": do, "text": _plain(cut(text, 75)), "value": str(value)}
    return found | ({"style": style} if style else {}) | ({"confirm": ask_first} if ask_first else {})


def confirm(title: str, text: str, yes: str) -> Block:
    """What Slack asks before it sends a click: title of 100 characters, text of 300, buttons of 30."""
    return {
        "title": _plain(cut(title, 100)),
        "text": _plain(cut(text, 300)),
        "confirm": _plain(cut(yes, 30)),
        "deny": _plain("Not now"),
    }


def length(blocks: Any) -> int:
    """Characters of all texts in blocks, as Slack counts them for its limit of a whole message."""
    if isinstance(blocks, Mapping):
        return sum(
            len(each) if name == "text" and isinstance(each, str) else length(each) for name, each in blocks.items()
        )
    return sum(map(length, blocks)) if isinstance(blocks, list | tuple) else 0


def short_list(lines: Iterable[str]) -> str:
    """A list in a message's text, with room for what stands around it."""
    return whole_lines(lines, 1800)


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def whole_lines(lines: Iterable[str], limit: int) -> str:
    """As many lines as fit, never a part of one: a cut could fall into the middle of markup."""
    kept: list[str] = []
    width = 0
    for line in filter(None, lines):
        width += len(line) + 1
        if width > limit - len(ELLIPSIS):
            kept.append(ELLIPSIS)
            break
        kept.append(line)
    return "\n".join(kept)


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
