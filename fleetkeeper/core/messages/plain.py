"""A message as text, for whoever has no blocks: webhooks, pagers, `notices preview`, the demo."""

import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from fleetkeeper.core.messages.message import Block, Message, View

WIDTH = 100
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}


def plain(message: Message | View, width: int = WIDTH, *, buttons: bool = True) -> str:
    """Wrapped lines; buttons and fields in brackets, or without buttons where nobody can click them."""
    lines = [message.title, ""] if isinstance(message, View) else []
    own = () if isinstance(message, View) or message.blocks else ({"type": "section", "text": {"text": message.text}},)
    for block in own or message.blocks:
        if buttons or block["type"] != "actions":
            lines += _block(block, width)
    lines += [f"   [{message.submit}]"] if isinstance(message, View) and message.submit else []
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
            yield from wrap(unmarked(line), width, subsequent_indent="   ", break_on_hyphens=False) or [""]
