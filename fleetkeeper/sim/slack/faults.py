"""Faults of a simulated Slack as values: what goes wrong with which calls, how often, and for how long."""

import math
from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any


class Trouble(StrEnum):
    """DROP_AFTER, THROTTLE_AFTER and ERROR_AFTER: the call had its effect, and the app does not learn it."""

    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    THROTTLE = "throttle"
    THROTTLE_AFTER = "throttle-after"
    ERROR = "error"
    ERROR_AFTER = "error-after"
    REFUSE = "refuse"
    GARBAGE = "garbage"
    DELAY = "delay"


DELAYS = frozenset({Trouble.DELAY})
UNDONE = frozenset({Trouble.DROP_BEFORE, Trouble.THROTTLE, Trouble.ERROR, Trouble.REFUSE, Trouble.GARBAGE})
"""Those that keep a call from having any effect."""
DONE = frozenset({Trouble.DROP_AFTER, Trouble.THROTTLE_AFTER, Trouble.ERROR_AFTER})
"""Those that a call meets once it was accepted; a refused one does not, and is not counted."""


@dataclass(slots=True)
class SlackFault:
    """method, channel: which calls; "" for all. rate: the share of them (0..1, by a counter, not by chance).

    count: how many times; 0 for ever. seconds: how long a delay is. status: of an error (500 unless given).
    retry_after: seconds that a throttle asks for. code: Slack's error that a "refuse" answers (HTTP 200, ok false).
    seen and struck count.
    """

    kind: str
    method: str = ""
    channel: str = ""
    rate: float = 1.0
    count: int = 0
    seconds: float = 0.0
    status: int = 500
    retry_after: int = 1
    code: str = "internal_error"
    seen: int = 0
    struck: int = 0

    def __post_init__(self) -> None:
        if self.kind not in tuple(Trouble):
            raise ValueError(f"kind: must be one of {', '.join(Trouble)}, not {self.kind!r}")
        if not 0.0 <= self.rate <= 1.0:
            raise ValueError("rate: must be from 0 to 1")
        if self.count < 0 or self.retry_after < 0 or not 0.0 <= self.seconds <= 3600.0 or math.isnan(self.seconds):
            raise ValueError("count, retry_after and seconds must not be negative, and seconds at most 3600")
        if not 500 <= self.status <= 599:
            raise ValueError("status: must be from 500 to 599")

    def strikes(self, method: str, channel: str) -> bool:
        """Count one call and say whether it meets this fault: evenly spread, so that 0.5 is every second one."""
        wanted = (self.method, self.channel)
        if any(want and want != have for want, have in zip(wanted, (method, channel), strict=True)):
            return False
        if self.count and self.struck >= self.count:
            return False
        self.seen += 1
        hit = int(self.seen * self.rate) > int((self.seen - 1) * self.rate)
        self.struck += hit
        return hit

    def shown(self) -> dict[str, Any]:
        return asdict(self)


FIELDS = tuple(each.name for each in fields(SlackFault) if each.name not in ("seen", "struck"))
"""What may be said of a fault."""


def of_json(said: Any) -> SlackFault:
    """The fault of a JSON object; ValueError with what is wrong with it."""
    if not isinstance(said, dict) or "kind" not in said:
        raise ValueError("a fault is an object with a kind")
    unknown = sorted(said.keys() - set(FIELDS))
    if unknown:
        raise ValueError(f"unknown field {unknown[0]}; known are {', '.join(FIELDS)}")
    return SlackFault(**said)


def met(faults: Iterable[SlackFault], kinds: Container[str], method: str, channel: str) -> SlackFault | None:
    """The first fault of these kinds that a call meets."""
    return next((each for each in faults if each.kind in kinds and each.strikes(method, channel)), None)
