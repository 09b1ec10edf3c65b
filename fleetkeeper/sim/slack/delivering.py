"""How payloads reach the app: by a socket where one is open, else by its request URL; and what it answered.

Events are delivered again where they are not acknowledged within three seconds, also for want of a socket: at once,
after one minute and after five (docs.slack.dev/apis/events-api, read 2026-11-21; vercel/chat#666). Interactions and
commands are not: the person sees that it failed (slackapi/python-slack-sdk#1940, 2026-08-13).
"""

import threading
from dataclasses import dataclass, field
from typing import Protocol

from fleetkeeper.sim.slack.values import Json

INTERACTIVE = "interactive"
COMMANDS = "slash_commands"
EVENTS = "events_api"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of the wall: for an acknowledgement, and before each further delivery of an event."""

    ack: float = 3.0
    again: tuple[float, ...] = (0.0, 60.0, 300.0)


SLACKS_OWN = Patience()


@dataclass(frozen=True, slots=True)
class Reply:
    """payload: what came with the acknowledgement. why: why there was none, "" else. copies: the further replies to
    what was delivered twice or more.
    """

    acked: bool
    payload: Json = field(default_factory=dict)
    why: str = ""
    copies: tuple["Reply", ...] = ()


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery. attempt: 0 for the first one."""

    kind: str
    payload: Json
    attempt: int = 0
    reason: str = ""


class Way(Protocol):
    """Sockets, or a request URL."""

    @property
    def is_open(self) -> bool: ...

    def deliver(self, parcel: Parcel) -> Reply: ...


class Delivery:
    """duplicates: how many of the next deliveries come twice (Slack promises at least once, not exactly once)."""

    def __init__(self, ways: tuple[Way, ...], patience: Patience) -> None:
        self.ways, self._patience = ways, patience
        self._timers: list[threading.Timer] = []
        self.duplicates = 0

    def deliver(self, kind: str, payload: Json) -> Reply:
        """Waits for the acknowledgement; an event that gets none goes on being delivered."""
        reply = self._twice(Parcel(kind, payload))
        return reply if reply.acked or kind != EVENTS else self._again(Parcel(kind, payload), reply)

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _twice(self, parcel: Parcel) -> Reply:
        first = self._once(parcel)
        if self.duplicates <= 0:
            return first
        self.duplicates -= 1
        return Reply(first.acked, first.payload, first.why, (self._once(parcel),))

    def _once(self, parcel: Parcel) -> Reply:
        way = next((each for each in self.ways if each.is_open), None)
        return Reply(False, why="nobody listens") if way is None else way.deliver(parcel)

    def _again(self, parcel: Parcel, failed: Reply) -> Reply:
        """The next deliveries of an event: the first at once, the others when their time has come."""
        if parcel.attempt >= len(self._patience.again):
            return failed
        seconds = self._patience.again[parcel.attempt]
        following = Parcel(parcel.kind, parcel.payload, parcel.attempt + 1, "timeout")
        if seconds > 0:
            timer = threading.Timer(seconds, self._settle, (following,))
            timer.daemon = True
            self._timers.append(timer)
            timer.start()
            return failed
        return self._settle(following)

    def _settle(self, parcel: Parcel) -> Reply:
        reply = self._once(parcel)
        return reply if reply.acked else self._again(parcel, reply)
