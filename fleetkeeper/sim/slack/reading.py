"""Messages and views as lines of plain text, as a terminal shows them."""

import html
import re
from collections.abc import Iterator
from typing import Any

from fleetkeeper.sim.slack.values import Sent, Shown, Whisper

_LINK = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
RULE = "─" * 40


def lines(shown: Sent | Shown | Whisper) -> tuple[str, ...]:
    """A message without blocks is its text."""
    if isinstance(shown, Shown):
        title = (shown.view.get("title") or {}).get("text", "")
        submit = (shown.view.get("submit") or {}).get("text", "")
        body = (line for block in shown.view["blocks"] for line in _block(block))
        return (*([f"[{title}]"] if title else ()), *body, *([f"[ {submit} ]"] if submit else ()))
    if not shown.blocks:
        return tuple(plain(shown.text).splitlines())
    return tuple(line for block in shown.blocks for line in _block(block))


def plain(text: str) -> str:
    """mrkdwn without its marks for links: <https://x|y> is y (https://x)."""
    return html.unescape(_LINK.sub(_link, text))


def _link(found: re.Match[str]) -> str:
    target, label = found.group(1), found.group(2)
    if target.startswith(("@", "#", "!")):
        return label or target
    return f"{label} ({target})" if label and label != target else target


def _block(block: dict[str, Any]) -> Iterator[str]:
    kind = block["type"]
    if kind == "divider":
        yield RULE
    elif kind == "header":
        yield f"# {_text(block['text'])}"
    elif kind == "section":
        found = [block.get("text"), *(block.get("fields") or ())]
        yield from (line for each in found if each for line in _text(each).splitlines())
        yield from _elements([block.get("accessory")])
    elif kind == "context":
        yield from (f"  {line}" for each in block["elements"] for line in _text(each).splitlines())
    elif kind == "actions":
        yield from _elements(block["elements"])
    elif kind == "input":
        optional = " (optional)" if block.get("optional") else ""
        yield f"{_text(block['label'])}{optional}: ____"
        yield from (f"  {_text(each)}" for each in [block.get("hint")] if each)
    else:
        yield _text(block)


def _elements(found: Any) -> Iterator[str]:
    named = [f"[ {_text(each.get('text') or each.get('placeholder') or {})} ]" for each in found if each]
    if named:
        yield " ".join(named)


def _text(found: Any) -> str:
    """Of a text object, of an image its alternative."""
    text = found.get("text", found.get("alt_text", ""))
    return _text(text) if isinstance(text, dict) else plain(str(text))
