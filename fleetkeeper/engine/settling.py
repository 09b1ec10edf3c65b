"""What may be out, and cannot be looked for here, settled by a person who looked in the channel."""

import re
from typing import Protocol

from fleetkeeper.core.notices.values import Delivery
from fleetkeeper.core.run import Command
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.notice_ports import Notices
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import Refused, UsageError

_SENT, _NOT_SENT = "sent", "not-sent"
_LINK = re.compile(r"https://[\w.-]+\.slack\.com/archives/([CDG][A-Z0-9]+)/p(\d{10})(\d{6})(?:\?.*)?", re.ASCII)


class Settling(Protocol):
    """Carries out what a verified person said of a message."""

    def settle(self, command: Command) -> str:
        """What became of it, in words. Raises Refused."""
        ...


def target_of(is_out: bool, link: str = "") -> str:
    """How a command says it. link: of the message, as Slack's "Copy link" gives it. Raises UsageError."""
    if not link:
        return _SENT if is_out else _NOT_SENT
    found = _LINK.fullmatch(link)
    if not is_out:
        raise UsageError("--link is of a message that is out")
    if found is None:
        raise UsageError(f"{link} is no link to a message: “Copy link” in Slack gives one")
    return f"{_SENT}:{found[1]}/{found[2]}.{found[3]}"


class ByHand:
    """Settles on the stored outbox."""

    def __init__(self, notices: Notices, clock: Clock) -> None:
        self._notices, self._clock = notices, clock

    def settle(self, command: Command) -> str:
        said, _, place = command.target.partition(":")
        if said not in (_SENT, _NOT_SENT):
            raise Refused(f"{command.target} is neither {_SENT} nor {_NOT_SENT}")
        channel, _, ts = place.partition("/")
        posted = Posted(channel, ts) if ts else None
        state = Delivery.SENT if said == _SENT else Delivery.PENDING
        words = f"{command.actor} looked: it is {'out' if said == _SENT else 'not out'}"
        told = f"{words}: {command.reason}" if command.reason else words
        if not self._notices.settle_by_hand(command.subject, state, posted, told, self._clock.now()):
            raise Refused(self._why_not(command.subject))
        return words if said == _SENT else f"{words}, and is sent again"

    def _why_not(self, id: str) -> str:
        found = self._notices.record(id)
        if found is None:
            return f"there is no notice {id}"
        if found.state is Delivery.SENDING:
            return f"{id} is being looked at just now: say it again"
        return f"nobody doubts where {id} is: it is {found.state.value}"
