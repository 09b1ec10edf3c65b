"""Owners, items and turns as the tests want them; a store in memory that keeps a turn as the real one does."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.notices.turn import decide
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Deadline,
    Delivery,
    Item,
    ItemKey,
    Policy,
    Sent,
    Situation,
    Told,
    Turn,
)
from fleetkeeper.core.owners import Contact, Hit, Owned, Source, Team

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
"""A Monday, inside the hours of most of Europe."""

DAY = timedelta(days=1)
POLICY = Policy(live=("*",), first_day=10_000, oncall_channel="C0ONCALL", pager="pagerduty")
PAYMENTS = Team("payments", channel="C0PAY", lead="ada@example.com", manager="max@example.com", timezone="UTC")
PLATFORM = Team("platform", channel="C0PLATFORM", lead="pia@example.com", timezone="UTC")
TEAMS = {team.name: team for team in (PAYMENTS, PLATFORM)}
SLACK_KNOWS = frozenset({Delivery.SENT})


def item(
    name: str = "web",
    days: float | None = 100,
    *,
    owner: str = "payments",
    code: str = "FK301",
    must: bool = True,
    busy: str = "",
    cluster: str = "shop-1",
    now: datetime = MONDAY,
    deadline: Deadline | None = None,
) -> Item:
    """days: from now to its deadline, None without one."""
    finding = Finding(code, Severity.BLOCKER, Subject("Deployment", name, "shop"), f"{name} stands in the way", "mend")
    tracked = Tracked(finding, State.OPEN, now - DAY, now, now - DAY)
    id = ClusterId(f"arn:aws:eks:eu-west-1:111122223333:cluster/{cluster}", datetime(2026, 1, 1, tzinfo=UTC))
    due = deadline or (None if days is None else Deadline(now + days * DAY, "wave eu begins", "it is left out"))
    return Item(
        key=ItemKey(f"{id.arn} {id.created_at.isoformat()}", finding.fingerprint),
        cluster_id=id,
        cluster=cluster,
        environment="production",
        tracked=tracked,
        owned=Owned(owner, Hit(Source.NAMESPACE, owner, f"label team of Namespace shop: {owner}", team=owner)),
        campaign="1.34",
        deadline=due,
        must=must,
        busy=busy,
    )


def mended(known: Item, at: datetime) -> Item:
    return replace(known, tracked=replace(known.tracked, state=State.RESOLVED, since=at))


def reopened(known: Item, at: datetime) -> Item:
    times = known.tracked.times + 1
    return replace(known, tracked=replace(known.tracked, state=State.OPEN, since=at, times=times))


def due(known: Item, at: datetime, is_tentative: bool = False) -> Item:
    return replace(known, deadline=Deadline(at, "wave eu begins", "it is left out", is_tentative=is_tentative))


_count = 0


def answer(kind: AnswerKind, *items: Item, at: datetime, person: str = "ada@example.com", **more: object) -> Answer:
    known: dict[str, object] = {"id": f"{kind}-{at.isoformat()}-{person}"} | more
    return replace(
        Answer("", kind, tuple(each.key for each in items), person, "slack", at),
        **known,  # type: ignore[arg-type]
    )


@dataclass
class World:
    """A store in memory. tick decides and keeps; deliveries are there at once."""

    items: dict[ItemKey, Item] = field(default_factory=dict)
    now: datetime = MONDAY
    policy: Policy = POLICY
    teams: dict[str, Team] = field(default_factory=lambda: dict(TEAMS))
    contacts: dict[str, Contact] = field(default_factory=dict)
    told: dict[ItemKey, Told] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    sent: dict[str, Sent] = field(default_factory=dict)
    first_live: datetime | None = None

    def put(self, *items: Item) -> None:
        self.items.update({each.key: each for each in items})

    def situation(self) -> Situation:
        known = tuple(each for each in self.items.values() if not each.is_over or each.key in self.told)
        return Situation(
            self.now,
            self.policy,
            known,
            dict(self.told),
            tuple(self.answers),
            self._recent(),
            self.teams,
            self.contacts,
            self.first_live,
        )

    def tick(self, after: timedelta = timedelta()) -> Turn:
        self.now += after
        turn = decide(self.situation())
        self.keep(turn)
        return turn

    def keep(self, turn: Turn) -> None:
        for notice in turn.notices:
            self.sent.setdefault(notice.id, Sent(notice, Delivery.SENT, self.now))
            self.first_live = self.first_live or self.now
        for id in turn.edits:
            self.sent[id] = replace(self.sent[id], edited=self.now)
        self.told.update({each.key: each for each in turn.told})

    def _recent(self) -> tuple[Sent, ...]:
        """Those of 35 days, and older ones that are the last word on an item that counts, or were not its owner's."""
        named = {told.notice for told in self.told.values() if not self.items[told.key].is_over}
        self.answers = [each for each in self.answers if not self.items.keys().isdisjoint(each.items) or each.code]
        counts = {key for key, each in self.items.items() if not each.is_over}
        denials = (each for each in self.answers if each.kind is AnswerKind.NOT_MINE)
        named |= {each.notice for each in denials if not counts.isdisjoint(each.items)}
        since = self.now - 35 * DAY
        return tuple(each for id, each in self.sent.items() if each.stored_at >= since or id in named)


def world(*items: Item, now: datetime = MONDAY, policy: Policy = POLICY) -> World:
    made = World(now=now, policy=policy)
    made.put(*items)
    return made


def kinds(turn: Turn) -> list[str]:
    return [f"{each.kind} {each.recipient.address}" for each in turn.notices]


def news(turn: Turn) -> list[str]:
    return [entry.news for notice in turn.notices for entry in notice.entries]


def quiet(turn: Turn) -> list[str]:
    return [each.why for each in turn.silences]


def days_of(items: Iterable[Item]) -> list[float]:
    return [(each.deadline.at - MONDAY) / DAY for each in items if each.deadline]
