"""A message as it goes out: a text that says everything by itself, and Slack's blocks of the same.

Limits: docs.slack.dev/reference/block-kit/blocks (read 2026-11-20): 50 blocks in a message, 100 in a view, 3,000
characters in a section, 150 in a header, 75 in a button's text, 2,000 in its value, 255 in an action id, 5 elements of
buttons that still fit a phone (25 are allowed).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Block = Mapping[str, Any]
"""One block, as its JSON."""


@dataclass(frozen=True, slots=True)
class Message:
    """text stands alone: in push messages, for screen readers, in webhooks. blocks () is a message of text only."""

    text: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A modal or an App Home. private: carried back by Slack with what was entered (3,000 characters)."""

    kind: str  # modal or home
    title: str
    blocks: tuple[Block, ...]
    submit: str = ""
    callback: str = ""
    private: str = ""


class Do:
    """The action ids of buttons, and the callbacks of views. A button's value is core/messages/button.py."""

    DIFF = "fix_diff"
    ACK = "ack"
    EXTEND = "extend"
    NOT_MINE = "not_mine"
    RECHECK = "recheck"
    GRANT = "grant"
    DENY = "deny"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    REJECT = "reject"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
