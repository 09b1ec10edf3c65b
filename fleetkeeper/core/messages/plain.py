"""A message as text, for whoever has no blocks: webhooks, pagers, `notices preview`, the demo."""

import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from fleetkeeper.core.messages.message import Block, Message, View

WIDTH = 100
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_FIELD = re.compile(r"\*(When|Where|Whose|Who does it|How we know|If not|Fix|Done when|New|Why you|Questions|Next)\*")


def plain(message: Message | View, width: int = WIDTH) -> str:
    """Wrapped lines, buttons in brackets. What goes to Slack alone (a view's fields) is told by its name."""
    title = [message.title, ""] if isinstance(message, View) else []
    blocks = message.blocks or ({"type": "section", "text": {"text": message.text}},)
    lines = [*title, *(line for block in blocks for line in _block(block, width))]
    return "\n".join(lines).strip() + "\n"


def unmarked(shown: str) -> str:
    """Without our bold, and with what was escaped as it was; code keeps its backticks, as people write it in text."""
    parts = re.split(r"(`[^`]*`)", shown)
    bare = "".join(part if index % 2 else part.replace("*", "") for index, part in enumerate(parts))
    return re.sub(r"&(?:lt|gt|amp);", lambda found: _ENTITIES[found[0]], bare)


def _block(block: Block, width: int) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield from (unmarked(block["text"]["text"]), "=" * min(width, len(block["text"]["text"])), "")
        case "section":
            yield from (*_text(block["text"]["text"], width), "")
        case "context":
            yield from (line for each in block["elements"] for line in _text(each["text"], width))
            yield ""
        case "divider":
            yield from ("-" * 20, "")
        case "actions":
            yield from ("   " + " ".join(f"[{each['text']['text']}]" for each in block["elements"]), "")
        case "input":
            yield from (*_input(block, width), "")


def _input(block: Block, width: int) -> Iterator[str]:
    element: Mapping[str, Any] = block["element"]
    chosen = element.get("initial_date") or element.get("initial_option", {}).get("text", {}).get("text", "")
    options = " / ".join(each["text"]["text"] for each in element.get("options", ()))
    yield f"{block['label']['text']}: [{chosen}]" + (f" of {options}" if options else "")
    if "hint" in block:
        yield from wrap(block["hint"]["text"], width, initial_indent="  ", subsequent_indent="  ")


def _text(shown: str, width: int) -> Iterator[str]:
    is_code = False
    for line in shown.split("\n"):
        if line == "```":
            is_code = not is_code
        elif is_code:
            yield f"    {unmarked(line)}"
        else:
            named = _FIELD.sub(lambda found: f"{found[1]}:", line)
            yield from wrap(unmarked(named), width, subsequent_indent="   ", break_on_hyphens=False) or [""]
