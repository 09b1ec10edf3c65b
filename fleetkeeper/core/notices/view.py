"""A situation worked out once, for everything that a turn asks of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from fleetkeeper.core.notices.hours import next_moment
from fleetkeeper.core.notices.memory import Memory, memory_of
from fleetkeeper.core.notices.precision import muted
from fleetkeeper.core.notices.routing import Routes
from fleetkeeper.core.notices.standing import by_item, promise_end, standing
from fleetkeeper.core.notices.values import Answer, AnswerKind, Item, ItemKey, Rung, Situation, Standing, Told

AskKey = tuple[str, str, str]
"""Owner, campaign, code: what is mended together."""


@dataclass(frozen=True, slots=True)
class Known:
    """One item with all that is known of it. owner: who is told, after "not mine". record: what anybody was told.

    heard: what its present owner was told, None when nothing reached them. promise: when the day ends that the last
    acknowledgement names. event: when something last happened that a message about it has to show.
    """

    item: Item
    owner: str
    record: Told | None
    heard: Told | None
    standing: Standing
    promise: datetime | None
    event: datetime

    @property
    def deadline(self) -> datetime | None:
        """The one that people have to keep, None where there is nothing that they must do."""
        deadline = self.standing.deadline
        return deadline.at if deadline and self.item.must else None

    @property
    def is_tentative(self) -> bool:
        """Nobody has begun what its deadline is the date of."""
        return self.standing.deadline is not None and self.standing.deadline.is_tentative

    @property
    def is_put_off(self) -> bool:
        """Its owner has more time than they were told: no news to wake anybody for, so what is out is edited."""
        told, deadline = self.heard, self.deadline
        if self.item.is_over or deadline is None or told is None or told.announced is None:
            return False
        return deadline > told.announced


@dataclass(frozen=True, slots=True)
class View:
    """mended: when the last item of an ask was mended. muted: checks, with their share of "not mine". The last three
    are worked out as they are asked for: many items have one deadline and one recipient."""

    situation: Situation
    items: Mapping[ItemKey, Known]
    routes: Routes
    memory: Memory
    mended: Mapping[AskKey, datetime]
    muted: Mapping[str, float]
    moments: dict[ZoneInfo, datetime]
    dates: dict[tuple[datetime, ZoneInfo], date]
    rungs: dict[tuple[datetime, datetime, ZoneInfo], Rung | None]

    @property
    def now(self) -> datetime:
        return self.situation.now

    def moment(self, zone: ZoneInfo) -> datetime:
        """When somebody in this zone may next be written to: now, inside the hours."""
        if zone not in self.moments:
            self.moments[zone] = next_moment(self.now, zone, self.situation.policy)
        return self.moments[zone]

    def date(self, moment: datetime, zone: ZoneInfo) -> date:
        key = (moment, zone)
        found = self.dates.get(key)
        if found is None:
            found = self.dates[key] = moment.astimezone(zone).date()
        return found


def view_of(situation: Situation) -> View:
    said, memory = by_item(situation.answers), memory_of(situation)
    known = {item.key: _known(situation, item, said.get(item.key, ()), memory) for item in situation.items}
    return View(
        situation,
        known,
        Routes(situation),
        memory,
        _mended(known),
        muted(situation.told, situation.answers, situation.policy),
        {},
        {},
        {},
    )


def _known(situation: Situation, item: Item, answers: tuple[Answer, ...], memory: Memory) -> Known:
    record, policy = situation.told.get(item.key), situation.policy
    found = standing(item, record, answers, situation.now, policy)
    owner, promise, event = item.owned.owner, None, item.tracked.since
    if answers:
        owner = owner_now(item, record, answers, memory, policy.fallback)
        promise = promise_end(item, answers, policy)
        event = max(event, answers[-1].at)
    is_heard = record is not None and record.owner == owner and not memory.is_lost(record.notice)
    known = Known(item, owner, record, record if is_heard else None, found, promise, event)
    return replace(known, event=situation.now) if known.is_put_off else known


def owner_now(item: Item, told: Told | None, answers: tuple[Answer, ...], memory: Memory, fallback: str) -> str:
    """Who is told: the owner that was found, unless they themselves said that it is not theirs."""
    owner = item.owned.owner
    for answer in answers:
        if answer.kind is AnswerKind.NOT_MINE and _asked_owner(item, told, answer, memory) == owner:
            return fallback
    return owner


def _asked_owner(item: Item, told: Told | None, answer: Answer, memory: Memory) -> str:
    """Whose notice it was that was answered."""
    sent = memory.sent.get(answer.notice)
    if sent is not None:
        return next((entry.owner for entry in sent.notice.entries if entry.item == item.key), "")
    return told.owner if told and told.first <= answer.at else ""


def _mended(items: Mapping[ItemKey, Known]) -> dict[AskKey, datetime]:
    found: dict[AskKey, datetime] = {}
    for known in items.values():
        if known.record and known.item.is_over:
            item = known.item
            ask = (known.record.owner, item.campaign, item.tracked.finding.code)
            found[ask] = max(item.tracked.since, found.get(ask, item.tracked.since))
    return found
