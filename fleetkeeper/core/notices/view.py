"""A situation worked out once, for everything that a turn asks of it."""

from collections.abc import Mapping
from dataclasses import dataclass
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
class View:
    """promises: when the last acknowledgement of an item ends or ended. owners: who is told, after "not mine".
    mended: when the last item of an ask was mended. muted: checks, with their share of "not mine"."""

    situation: Situation
    items: Mapping[ItemKey, Item]
    routes: Routes
    memory: Memory
    standings: Mapping[ItemKey, Standing]
    promises: Mapping[ItemKey, datetime]
    owners: Mapping[ItemKey, str]
    mended: Mapping[AskKey, datetime]
    muted: Mapping[str, float]
    events: Mapping[ItemKey, datetime]
    moments: dict[ZoneInfo, datetime]
    dates: dict[tuple[datetime, ZoneInfo], date]
    rungs: dict[tuple[datetime, datetime, ZoneInfo], Rung | None]

    @property
    def now(self) -> datetime:
        return self.situation.now

    def told(self, item: Item) -> Told | None:
        """What its present owner was told; None when that never reached them."""
        told = self.situation.told.get(item.key)
        if told is None or told.owner != self.owners[item.key] or self.memory.is_lost(told.notice):
            return None
        return told

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
    now, policy = situation.now, situation.policy
    standings: dict[ItemKey, Standing] = {}
    promises: dict[ItemKey, datetime] = {}
    owners: dict[ItemKey, str] = {}
    for item in situation.items:
        key = item.key
        told, answers = situation.told.get(key), said.get(key, ())
        owners[key] = owner_now(item, told, answers, memory, policy.fallback) if answers else item.owned.owner
        found = standings[key] = standing(item, told, answers, now, policy)
        end = promise_end(item, answers, found.deadline, policy) if answers else None
        if end:
            promises[key] = end
    return View(
        situation,
        {item.key: item for item in situation.items},
        Routes(situation),
        memory,
        standings,
        promises,
        owners,
        _mended(situation),
        muted(situation.told, situation.answers, policy),
        _events(situation, said),
        {},
        {},
        {},
    )


def _mended(situation: Situation) -> dict[AskKey, datetime]:
    found: dict[AskKey, datetime] = {}
    for item in situation.items:
        told = situation.told.get(item.key) if item.is_over else None
        if told:
            ask = (told.owner, item.campaign, item.tracked.finding.code)
            found[ask] = max(item.tracked.since, found.get(ask, item.tracked.since))
    return found


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


def _events(situation: Situation, said: Mapping[ItemKey, tuple[Answer, ...]]) -> Mapping[ItemKey, datetime]:
    """When something about an item last happened that a message about it has to show."""
    events = {item.key: item.tracked.since for item in situation.items}
    for key, answers in said.items():
        if key in events:
            events[key] = max(events[key], answers[-1].at)
    return events
