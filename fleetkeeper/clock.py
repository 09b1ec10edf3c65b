"""The time: the machine's own, or the scaled time that the app shares with a simulated fleet."""

import math
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fleetkeeper.errors import ConfigError, Mistake

ENVIRONMENT = "FLEETKEEPER_SIMULATED_TIME"

_FASTEST = 1e6
# Waits are cut into pieces: the machine may sleep meanwhile, or its clock be set, and one long wait would oversleep.
_LONGEST_WAIT = 20.0  # seconds


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, until: datetime, stop: threading.Event) -> None:
        """Wait for that time or for stop; may return early."""
        _wait((until - self.now()).total_seconds(), stop)


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """epoch at wall time `started`, then `scale` simulated seconds a second; sockets and tokens stay in wall time."""

    epoch: datetime
    started: datetime
    scale: float

    def now(self) -> datetime:
        return self.epoch + timedelta(seconds=(datetime.now(UTC) - self.started).total_seconds() * self.scale)

    def wait(self, until: datetime, stop: threading.Event) -> None:
        """Wait for that simulated time or for stop; may return early."""
        _wait((until - self.now()).total_seconds() / self.scale, stop)

    def to_text(self) -> str:
        return f"{self.epoch.isoformat()},{self.started.isoformat()},{self.scale}"


def _wait(seconds: float, stop: threading.Event) -> None:
    if seconds > 0:
        stop.wait(min(seconds, _LONGEST_WAIT))


def clock_of(text: str) -> SystemClock | ScaledClock:
    """The clock that the environment names: "" is the machine's, else `epoch,started,scale` as the demo prints it."""
    if not text:
        return SystemClock()
    try:
        epoch, started, scale = text.split(",")
        return ScaledClock(_aware(epoch), _aware(started), _positive(scale))
    except (ValueError, OverflowError):
        fix = "two times with their zone and a number above 0, as `fleetkeeper demo --stay` prints them; or unset it"
        mistake = Mistake("environment", 0, ENVIRONMENT, f"{text!r} is not epoch,started,scale", fix)
        raise ConfigError((mistake,)) from None


def _aware(text: str) -> datetime:
    found = datetime.fromisoformat(text.strip())
    if found.tzinfo is None:
        raise ValueError(text)
    return found.astimezone(UTC)


def _positive(text: str) -> float:
    found = float(text)
    if not math.isfinite(found) or not 0 < found <= _FASTEST:
        raise ValueError(text)
    return found
