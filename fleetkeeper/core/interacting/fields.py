"""What people enter into a modal, read strictly: each mistake is said beside its field."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.notices.values import Mode

UNTIL, REASON, MODE = "until", "reason", "mode"
"""Block ids of the fields."""

LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Private:
    """What a modal carries back: the button that opened it, and where that stood."""

    button: Button
    channel: str = ""

    def __str__(self) -> str:
        return json.dumps([str(self.button), self.channel])

    @classmethod
    def parse(cls, text: str) -> "Private | None":
        """None for what no modal of ours ever carried."""
        try:
            found = json.loads(text)
        except ValueError:
            return None
        if not (isinstance(found, list) and len(found) == 2 and all(isinstance(each, str) for each in found)):
            return None
        button = Button.parse(found[0])
        return cls(button, found[1]) if button else None


def read_date(fields: Mapping[str, str]) -> date | None:
    """The date of the field UNTIL; None when there is none that can be read."""
    try:
        return date.fromisoformat(fields.get(UNTIL, ""))
    except ValueError:
        return None


def read_reason(fields: Mapping[str, str]) -> str:
    return " ".join(fields.get(REASON, "").split())[:LONGEST_REASON]


def read_mode(fields: Mapping[str, str]) -> Mode | None:
    """HOLD where nothing was chosen; None for what is no choice."""
    try:
        return Mode(fields.get(MODE) or Mode.HOLD.value)
    except ValueError:
        return None
