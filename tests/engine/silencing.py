"""Silences in memory, with the times of the world's clock: what silences alerts, where no server is needed."""

from dataclasses import dataclass, field
from datetime import datetime

from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.silences import Quiet
from fleetkeeper.errors import Unreachable


@dataclass
class Quietness:
    """token → until when. calls: holds and finds that reached it. deaf: holds whose answer is lost; down: no answer."""

    clock: Clock
    until: dict[str, datetime] = field(default_factory=dict)
    quiets: dict[str, Quiet] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    knows: bool = True
    deaf: int = 0
    down: int = 0

    def covers(self, source: str, quiet: Quiet) -> str:
        return f"alerts of {quiet.values['cluster']}" if self.knows else ""

    def find(self, source: str, quiet: Quiet, token: str) -> datetime | None:
        self._reached("find", token)
        until = self.until.get(token)
        return until if until is not None and until > self.clock.now() else None

    def hold(self, source: str, quiet: Quiet, token: str, until: datetime) -> None:
        self._reached("hold", token)
        self.until[token], self.quiets[token] = until, quiet
        if self.deaf:
            self.deaf -= 1
            raise Unreachable(f"{source}: the answer was lost")

    def end(self, source: str, quiet: Quiet, token: str) -> None:
        self._reached("end", token)
        self.until.pop(token, None)

    def _reached(self, call: str, token: str) -> None:
        if self.down:
            self.down -= 1
            raise Unreachable("am: Connection refused")
        self.calls.append((call, token))

    def made(self, call: str) -> int:
        return sum(each == call for each, _ in self.calls)
