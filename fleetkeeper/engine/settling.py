"""What operators say of notices: whether a message is out that nobody else can look for, and that a check is right."""

import re
from typing import Protocol

from fleetkeeper.core.notices.precision import muted
from fleetkeeper.core.notices.signing import is_signed, sign
from fleetkeeper.core.notices.values import Answer, AnswerKind, Delivery, Policy
from fleetkeeper.core.run import Command
from fleetkeeper.engine.chat import Posted
from fleetkeeper.engine.notice_ports import Notices
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import Refused, UsageError

_SENT, _NOT_SENT = "sent", "not-sent"
_LINK = re.compile(r"https://[\w.-]+\.slack\.com/archives/([CDG][A-Z0-9]+)/p(\d{10})(\d{6})(?:\?.*)?", re.ASCII)


class Settling(Protocol):
    """Carries out what a verified person said: what became of it, in words. Raises Refused."""

    def settle(self, command: Command) -> str: ...

    def unmute(self, command: Command) -> str: ...


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
    """Settles on the stored outbox, and signs answers with the executor's own key."""

    def __init__(self, notices: Notices, clock: Clock, policy: Policy, key: bytes) -> None:
        self._notices, self._clock, self._policy, self._key = notices, clock, policy, key

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

    def unmute(self, command: Command) -> str:
        """What was told and denied until now counts no more."""
        answers = [each for each in self._notices.answers() if is_signed(each, self._key)]
        share = muted(self._notices.told(), answers, self._policy).get(command.subject)
        if share is None:
            raise Refused(f"{command.subject} is not muted: `fleetkeeper campaign` names the checks that are")
        unsigned = Answer(
            id=command.id,
            kind=AnswerKind.UNMUTE,
            items=(),
            person=command.actor,
            identity=command.identity,
            at=self._clock.now(),
            reason=command.reason,
            code=command.subject,
        )
        self._notices.add_answer(sign(unsigned, self._key))
        return f"{command.actor} looked at it: {command.subject} is told again ({share:.0%} had been “not mine”)"

    def _why_not(self, id: str) -> str:
        found = self._notices.record(id)
        if found is None:
            return f"there is no notice {id}"
        if found.state is Delivery.SENDING:
            return f"{id} is being looked at just now: say it again"
        return f"nobody doubts where {id} is: it is {found.state.value}"
