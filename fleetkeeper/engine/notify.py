"""START HERE for notices: looks who has to be told, writes the messages, and stores both in one transaction.

Nothing goes out from here: engine/deliver.py sends what is stored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from fleetkeeper.core.messages.context import Context
from fleetkeeper.core.messages.message import Message
from fleetkeeper.core.messages.render import render
from fleetkeeper.core.notices.hours import day_text
from fleetkeeper.core.notices.standing import standings
from fleetkeeper.core.notices.turn import decide
from fleetkeeper.core.notices.usual import usual_times
from fleetkeeper.core.notices.values import Notice, NoticeKind, Sent, Situation, Turn
from fleetkeeper.engine.binding import Binder
from fleetkeeper.engine.contacts import Contacts
from fleetkeeper.engine.notice_ports import Notices, Writing
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.situation import Situations

_log = structlog.get_logger("notices")

_ROOTS = frozenset({NoticeKind.DIGEST, NoticeKind.DIRECT, NoticeKind.ESCALATION})
_NAMES = {NoticeKind.DIRECT: "message"}


@dataclass(frozen=True, slots=True)
class Notified:
    """What a turn came to. stored: the ids of notices that are new."""

    turn: Turn
    stored: tuple[str, ...]
    edits: int


@dataclass(frozen=True, slots=True)
class Notifier:
    """approvers: who may grant extensions. observed_every: how often clusters are looked at, for people."""

    situations: Situations
    notices: Notices
    binder: Binder
    contacts: Contacts
    clock: Clock
    approvers: tuple[str, ...] = ()
    observed_every: timedelta = timedelta(minutes=15)

    def situation(self, now: datetime) -> Situation:
        return self.situations.at(now)

    def preview(self) -> Turn:
        """What a turn would tell now, and to whom; stores nothing."""
        return decide(self.situation(self.clock.now()))

    def messages(self, situation: Situation, turn: Turn) -> Iterator[tuple[Notice, Message]]:
        """Everything that a turn would send now, later, or to teams that are not live."""
        context = self.context(situation, turn)
        for notice in (*turn.notices, *turn.later, *turn.shadow):
            yield notice, render(notice, context)

    def notify(self) -> Notified:
        """One turn. Repeated, or by another replica, it stores nothing twice: ids are of what is told."""
        self.binder.settle()
        now = self.clock.now()
        situation = self.situation(now)
        owners = {item.owned.owner for item in situation.items if not item.is_over}
        if self.contacts.refresh(situation.teams.values(), owners, now):
            situation = self.situation(now)
        turn = decide(situation)
        context = self.context(situation, turn)
        writings = [Writing(notice, render(notice, context)) for notice in turn.notices]
        edits = dict(_edited(situation, turn, context))
        stored = self.notices.save_turn(writings, turn.told, edits, now)
        _log.info(
            "notified",
            new=len(stored),
            edits=len(edits),
            later=len(turn.later),
            shadow=len(turn.shadow),
            quiet=len(turn.silences),
            muted=sorted(turn.muted),
        )
        return Notified(turn, stored, len(edits))

    def context(self, situation: Situation, turn: Turn) -> Context:
        """What the messages of a turn say besides their notices."""
        return Context(
            now=situation.now,
            items={item.key: item for item in situation.items},
            standings=standings(situation),
            told={**situation.told, **{each.key: each for each in turn.told}},
            answers={each.id: each for each in situation.answers},
            teams=situation.teams,
            contacts=situation.contacts,
            approvers=self.approvers,
            observed_every=self.observed_every,
            newer=_newer(situation, turn),
            policy=situation.policy,
            usual=usual_times(situation.items, situation.told, situation.now),
        )


def _newer(situation: Situation, turn: Turn) -> Mapping[str, str]:
    """The messages that this turn replaces with new ones, and the words for what replaced them."""
    fresh = {(each.recipient.key, each.kind): each for each in turn.notices if each.kind in _ROOTS and not each.thread}
    replaced: dict[tuple[str, NoticeKind], Sent] = {}
    for sent in sorted(situation.sent, key=lambda each: each.stored_at):
        if (key := (sent.notice.recipient.key, sent.notice.kind)) in fresh:
            replaced[key] = sent
    return {
        sent.notice.id: f"the {_NAMES.get(key[1], key[1].value)} of {day_text(fresh[key].day, situation.now.date())}"
        for key, sent in replaced.items()
    }


def _edited(situation: Situation, turn: Turn, context: Context) -> Iterator[tuple[str, Message]]:
    notices = {sent.notice.id: sent.notice for sent in situation.sent}
    for id in turn.edits:
        if id in notices:
            yield id, render(notices[id], context)
