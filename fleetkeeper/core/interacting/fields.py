"""What people enter into a modal, read strictly: each mistake is said beside its field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from fleetkeeper.core.messages.button import Button
from fleetkeeper.core.notices.values import Mode
from fleetkeeper.core.text import safe

UNTIL, REASON, MODE = "until", "reason", "mode"
"""Block ids of the fields."""

LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Private:
    """What a modal carries back: the button that opened it, and where that stood."""

    button: Button
    channel: str = ""

    def __str__(self) -> str:
        return f"{self.channel} {self.button}"

    @classmethod
    def parse(cls, text: str) -> "Private | None":
        """None for what no modal of ours ever carried."""
        channel, _, rest = text.partition(" ")
        button = Button.parse(rest)
        return cls(button, channel) if button else None


def read_date(fields: Mapping[str, str]) -> date | None:
    """The date of the field UNTIL; None when there is none that can be read."""
    try:
        return date.fromisoformat(fields.get(UNTIL, ""))
    except ValueError:
        return None


def read_reason(fields: Mapping[str, str]) -> str:
    """One harmless line: it is signed as it is stored, and told to others."""
    return safe(" ".join(fields.get(REASON, "").split()), LONGEST_REASON)


def read_mode(fields: Mapping[str, str]) -> Mode | None:
    """HOLD where nothing was chosen; None for what is no choice."""
    try:
        return Mode(fields.get(MODE) or Mode.HOLD.value)
    except ValueError:
        return None
