"""A year of a fleet in simulated days: how much people hear, that it is never twice, never at night, and in time."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from statistics import median

import pytest

from fleetkeeper.core.notices.hours import may_write, zone_of
from fleetkeeper.core.notices.ladder import URGENT_DAYS
from fleetkeeper.core.notices.standing import standings
from fleetkeeper.core.notices.turn import decide
from fleetkeeper.core.notices.values import (
    Answer,
    AnswerKind,
    Audience,
    Deadline,
    Item,
    ItemKey,
    Mode,
    Notice,
    NoticeKind,
    Policy,
    Situation,
    Standing,
    Turn,
)
from fleetkeeper.core.owners import Contact, Reach, Team
from tests.core.notices.made import DAY, World, due, item, mended, reopened

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "UTC")
OWNERS, CLUSTERS, DAYS = 40, 60, 365
START = datetime(2026, 1, 5, 1, 30, tzinfo=UTC)
QUARTER = START - 11 * DAY
TICK = timedelta(hours=8)  # as long as the hours of a day, so everybody has one inside of theirs
HOLIDAYS = frozenset({date(2026, 4, 3), date(2026, 4, 6), *(date(2026, 12, 24) + each * DAY for each in range(4))})
PEOPLE = frozenset({NoticeKind.DIGEST, NoticeKind.REMINDER, NoticeKind.DIRECT})
POLICY = Policy(
    live=("*",), holidays=HOLIDAYS, oncall_channel="C0ONCALL", pager="pagerduty", timezone="Europe/Berlin", enough=40
)


@dataclass
class Year:
    """The world with what happened in it, and what everybody was told."""

    world: World
    chance: random.Random
    told: list[tuple[datetime, Notice]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    announced: int = 0
    number: int = 0
    last: datetime = START
    said: Counter[object] = field(default_factory=Counter)
    before: Mapping[ItemKey, Standing] = field(default_factory=dict)

    def live(self) -> None:
        ends = START + DAYS * DAY
        while self.world.now < ends:
            self.happen()
            self.check_announced()
            situation = self.world.situation()
            turn = decide(situation)
            self.world.keep(turn)
            self.last, self.before = self.world.now, standings(self.concerned(situation, turn))
            self.check(turn)
            self.forget()
            later = [each.at for each in turn.later if each.is_urgent]
            next_tick = self.world.now + TICK - (self.world.now - START) % TICK
            self.world.now = min([next_tick, *later])

    def concerned(self, situation: Situation, turn: Turn) -> Situation:
        """With the items alone that were told now, or that may be due before the next turn."""
        told = {entry.item for notice in turn.notices for entry in notice.entries}
        soon = self.world.now + 2 * TICK
        items = (each for each in situation.items if each.key in told or (each.deadline and each.deadline.at <= soon))
        return replace(situation, items=tuple(items))

    def forget(self) -> None:
        """What was mended long ago is no part of a situation, nor are the messages about it."""
        for key, known in list(self.world.items.items()):
            if known.is_over and known.tracked.since < self.world.now - 9 * DAY:
                del self.world.items[key]
                self.world.told.pop(key, None)
        named = {told.notice for told in self.world.told.values()}
        named |= {each.notice for each in self.world.answers if each.kind is AnswerKind.NOT_MINE}
        since = self.world.now - 35 * DAY
        for id in [id for id, sent in self.world.sent.items() if sent.stored_at < since and id not in named]:
            del self.world.sent[id]

    # ---- what happens

    def happen(self) -> None:
        if self.world.now.hour < 6:
            for cluster in self.chance.sample(range(CLUSTERS), 2):
                self.find(cluster)
            self.move_a_wave()
            self.answer()
        for key in list(self.world.items):
            self.world.items[key] = self.live_on(self.world.items[key])
        self.leave()

    def find(self, cluster: int) -> None:
        """Deadlines are some of the four dates of a year at which minors end, some are found the day before."""
        self.number += 1
        now, chance = self.world.now, self.chance
        quarter = QUARTER + (91 * DAY) * (1 + (now - QUARTER) // (91 * DAY))
        late = now + chance.uniform(0.2, 9) * DAY
        at = late if chance.random() < 0.1 else quarter + chance.choice((0, 0, 30)) * DAY
        owner = f"team-{(cluster + self.number) % OWNERS:02}"
        made = item(f"w{self.number}", None, owner=owner, cluster=f"c{cluster}", now=now, must=chance.random() < 0.8)
        hard = at + 40 * DAY if chance.random() < 0.7 else at
        made = replace(made, deadline=Deadline(at, "support of 1.33 ends", "it is left out", hard))
        self.world.put(made)

    def live_on(self, known: Item) -> Item:
        chance, now = self.chance.random(), self.world.now
        if not known.is_over:
            if chance < 0.012:
                return mended(known, now)
            busy = "proposal 12 is open" if chance > 0.97 else "" if chance > 0.9 else known.busy
            return known if busy == known.busy else replace(known, busy=busy)
        gone = now - known.tracked.since
        is_back = chance < 0.02 if gone < DAY else chance < 0.0005
        return reopened(known, now) if is_back else known

    def move_a_wave(self) -> None:
        if self.chance.random() < 0.05:
            cluster, by = f"c{self.chance.randrange(CLUSTERS)}", self.chance.choice((-9, -3, 5, 12)) * DAY
            for key, known in self.world.items.items():
                if known.cluster == cluster and known.deadline and known.deadline.at > self.world.now + 12 * DAY:
                    self.world.items[key] = due(known, known.deadline.at + by)

    def answer(self) -> None:
        told = [self.world.items[key] for key in self.world.told if not self.world.items[key].is_over]
        for known in self.chance.sample(told, min(3, len(told))):
            kind = self.chance.choice((AnswerKind.ACK, AnswerKind.ACK, AnswerKind.EXTEND, AnswerKind.NOT_MINE))
            if kind is not AnswerKind.NOT_MINE or self.chance.random() < 0.2:
                self.say(kind, known)
        for asked in [each for each in self.world.answers[-9:] if each.kind is AnswerKind.EXTEND]:
            if self.chance.random() < 0.3 and all(each.of != asked.id for each in self.world.answers):
                kind = self.chance.choice((AnswerKind.GRANT, AnswerKind.DENY))
                self.add(Answer("", kind, asked.items, "pia@example.com", "slack", self.world.now, of=asked.id))

    def say(self, kind: AnswerKind, known: Item) -> None:
        now, told = self.world.now, self.world.told[known.key]
        until = now.date() + self.chance.randrange(1, 25) * DAY
        self.add(
            Answer(
                "", kind, (known.key,), "ada@example.com", "slack", now, until, "busy", Mode.HOLD, notice=told.notice
            )
        )

    def add(self, answer: Answer) -> None:
        self.world.answers.append(replace(answer, id=f"answer-{len(self.world.answers)}"))

    def leave(self) -> None:
        """Leads leave and channels are archived over the year."""
        if self.chance.random() < 0.01:
            owner = f"team-{self.chance.randrange(OWNERS):02}"
            gone = self.chance.choice((f"lead-of-{owner}@example.com", f"c0{owner}"))
            self.world.contacts[gone] = Contact(gone, Reach.GONE)

    # ---- what must hold

    def check(self, turn: Turn) -> None:
        now = self.world.now
        silent = {each.key for each in turn.silences}
        for notice in turn.notices:
            self.told.append((now, notice))
            told = tuple((each.item, each.news, self.before[each.item].deadline) for each in notice.entries)
            self.said[notice.recipient.key, notice.kind, notice.subject, told] += 1
            zone = zone_of(notice.recipient.timezone)
            if not notice.is_urgent and notice.kind is not NoticeKind.PAGE and not may_write(now, zone, POLICY):
                self.wrong.append(f"{now}: {notice.kind} to {notice.recipient.key} in quiet hours")
            if silent.intersection(entry.item for entry in notice.entries if entry.news and not notice.subject):
                self.wrong.append(f"{now}: told and silenced at once")

    def check_announced(self) -> None:
        """Of all that counted at the last tick, and whose deadline passed since: its owner knew of it."""
        for key, was in self.before.items():
            at, known = was.deadline.at if was.deadline else None, self.world.items.get(key)
            if known is None or known.is_over or not known.must or at is None or not self.last < at <= self.world.now:
                continue
            self.announced += 1
            told = self.world.told.get(key)
            if told is None or told.announced is None or abs(told.announced - at) > DAY:
                self.missed.append(f"{known.tracked.finding.subject} of {known.owned.owner}, due {at}: {told}")


@pytest.fixture(scope="module")
def year() -> Year:
    teams = {
        name: Team(
            name,
            channel=f"C0{name}",
            lead=f"lead-of-{name}@example.com",
            manager=f"manager-{number % 8}@example.com",
            timezone=ZONES[number % len(ZONES)],
        )
        for number, name in enumerate(f"team-{each:02}" for each in range(OWNERS))
    }
    platform = Team("platform", channel="C0PLATFORM", lead="pia@example.com", timezone="Europe/Berlin")
    world = World(now=START, policy=POLICY, teams={**teams, "platform": platform})
    made = Year(world, random.Random(8))
    for cluster in range(CLUSTERS):
        for _ in range(2):
            made.find(cluster)
    made.live()
    return made


def test_every_deadline_was_announced_to_its_owner_before_it_passed(year: Year) -> None:
    assert year.announced > 100
    assert not year.missed


def test_nobody_was_written_to_in_quiet_hours_unless_it_was_urgent(year: Year) -> None:
    assert not year.wrong


def test_no_two_messages_to_anybody_say_the_same(year: Year) -> None:
    """A message names each deadline beside its news."""
    assert not [key for key, count in year.said.items() if count > 1]
    assert year.said.total() > 2000


def test_everybody_had_at_most_one_digest_and_one_direct_message_on_a_day(year: Year) -> None:
    days: Counter[tuple[str, str, date]] = Counter()
    for _, notice in year.told:
        if notice.kind in (NoticeKind.DIGEST, NoticeKind.DIRECT, NoticeKind.ESCALATION):
            for owner in notice.recipient.owners if notice.kind is NoticeKind.DIGEST else (notice.recipient.key,):
                days[notice.kind, owner, notice.day] += 1
    assert max(days.values()) == 1


def test_the_first_day_is_capped(year: Year) -> None:
    """Answers to what people asked for, and pages, are no part of it."""
    told = [(now.date(), notice.kind) for now, notice in year.told if not notice.subject]
    first, second = ([kind for day, kind in told if day == START.date() + ahead * DAY] for ahead in range(2))
    assert len(first) - first.count(NoticeKind.PAGE) == POLICY.first_day
    assert len(second) > POLICY.first_day


def test_an_owner_hears_a_few_times_a_week_at_most(year: Year) -> None:
    """The year is the same each time, so this is the very distribution: who moves it reads how."""
    weeks: defaultdict[tuple[str, int], int] = defaultdict(int)
    for owner in year.world.teams:
        for week in range(DAYS // 7):
            weeks[owner, week] = 0
    for now, notice in year.told:
        if notice.kind in PEOPLE and notice.recipient.audience is Audience.CHANNEL:
            for owner in notice.recipient.owners:
                weeks[owner, min((now - START).days // 7, DAYS // 7 - 1)] += 1
    teams = sorted(count for (owner, _), count in weeks.items() if owner != "platform")
    nearly_all = teams[len(teams) * 99 // 100]
    heard = {owner for (owner, _), count in weeks.items() if count}
    assert heard == year.world.teams.keys()
    assert (median(teams), nearly_all, teams[-1]) == (0, 5, 7), sorted(Counter(teams).items())


def test_a_person_gets_no_more_direct_messages_in_a_week_than_the_policy_lets_through(year: Year) -> None:
    days: defaultdict[str, list[date]] = defaultdict(list)
    for _, notice in year.told:
        if notice.kind is NoticeKind.DIRECT and not notice.is_urgent:
            days[notice.recipient.key].append(notice.day)
    assert days
    for sent in days.values():
        for day in sent:
            assert len([each for each in sent if day - 7 * DAY < each <= day]) <= POLICY.direct_week


def test_whoever_left_was_written_to_no_more(year: Year) -> None:
    gone = {key for key, contact in year.world.contacts.items() if contact.reach is Reach.GONE}
    last = {address: now for now, notice in year.told if (address := notice.recipient.address.lower()) in gone}
    assert gone
    assert all(now < year.world.now - 2 * DAY for now in last.values())
    assert [notice for _, notice in year.told if "is gone" in notice.why]


def test_what_is_due_within_two_days_is_marked_as_urgent(year: Year) -> None:
    for _, notice in year.told:
        rungs = [entry.rung for entry in notice.entries if entry.news and not notice.subject]
        assert not rungs or notice.is_urgent or min(rungs) > URGENT_DAYS


def test_a_year_has_every_kind_of_notice(year: Year) -> None:
    kinds = {notice.kind for _, notice in year.told}
    assert kinds >= set(NoticeKind) - {NoticeKind.WAVE, NoticeKind.NEWS}
