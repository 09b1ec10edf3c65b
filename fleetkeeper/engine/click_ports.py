"""What clicks are answered with: who people are, what may be seen, and what everything is about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleetkeeper.core.interacting.slash import WhoOwns
from fleetkeeper.core.interacting.values import Click, Clicker, Reply
from fleetkeeper.core.messages.message import View
from fleetkeeper.core.notices.values import Ask, Situation
from fleetkeeper.core.people import People
from fleetkeeper.core.run import Run
from fleetkeeper.engine.notice_ports import Notices
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.run_ports import Runs


class Turned(Exception):
    """Why a click does not count, for whoever clicked. fields: what is wrong beside which field of a modal."""

    def __init__(self, text: str, fields: dict[str, str] | None = None) -> None:
        self.fields = fields or {}
        super().__init__(text)


class Screens(Protocol):
    """What people see when they click: pure."""

    def modal(self, action: str, ask: Ask, situation: Situation) -> View:
        """What an action of messages.message.Do opens; its fields are those of core/interacting/fields.py."""
        ...

    def home(self, person: str, asks: Sequence[Ask], situation: Situation, waiting: Sequence[Run]) -> View:
        """waiting: runs that wait for an approval that the person may give."""
        ...


class Interacting(Protocol):
    """What a listener does with a click: handle is quick, and its reply is the acknowledgement; then carry_out."""

    def handle(self, click: Click) -> Reply:
        """Store what was clicked, or refuse it in words; never raises."""
        ...

    def carry_out(self, click: Click, reply: Reply) -> None:
        """Show what goes not with the acknowledgement; never raises."""
        ...


class Situated(Protocol):
    """The situation as it was a minute ago, or after `since`, with the answers as they are now."""

    def __call__(self, since: datetime | None = None) -> Situation: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What every answer rests on. key: the executor's; who_owns: a text."""

    notices: Notices
    runs: Runs
    clock: Clock
    people: People
    key: bytes
    situation: Situated
    screens: Screens
    who_owns: Callable[[WhoOwns], str]


@dataclass(frozen=True, slots=True)
class Clicked:
    """A click of somebody who is known."""

    click: Click
    by: Clicker
