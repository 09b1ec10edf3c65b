"""What holds of every turn, whatever was found, answered, told and moved before."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.notices.hours import may_write, zone_of
from fleetkeeper.core.notices.standing import standings
from fleetkeeper.core.notices.turn import decide
from fleetkeeper.core.notices.values import AnswerKind, Audience, Deadline, Item, ItemKey, NoticeKind, Turn
from fleetkeeper.core.owners import Contact, Reach, Team
from tests.core.notices.made import DAY, MONDAY, POLICY, World, answer, due, item, mended, reopened

ROOTS = (NoticeKind.DIGEST, NoticeKind.DIRECT, NoticeKind.ESCALATION)
OWNERS = ("payments", "search", "ada@example.com", "nobody-knows", "platform")
TEAMS = {
    "payments": Team("payments", channel="C0PAY", lead="ada@example.com", manager="max@example.com", timezone="UTC"),
    "search": Team("search", channel="hook:search", lead="ada@example.com", timezone="Asia/Tokyo"),
    "platform": Team("platform", channel="C0PLATFORM", timezone="America/Los_Angeles"),
}

Days = list[tuple[int, list[tuple[str, int, int]]]]
"""Hours until the next turn, and what happens before it."""

items = st.builds(
    lambda number, days, owner, must: item(f"w{number}", days, owner=owner, must=must, code=f"FK30{number % 3}"),
    st.integers(0, 9),
    st.one_of(st.none(), st.floats(-3, 120)),
    st.sampled_from(OWNERS),
    st.booleans(),
)
happenings = st.lists(
    st.tuples(
        st.sampled_from(("mend", "reopen", "move", "ack", "extend", "grant", "not mine", "busy", "find", "gone")),
        st.integers(0, 9),
        st.integers(1, 40),
    ),
    max_size=4,
)
steps = st.lists(st.tuples(st.integers(1, 90), happenings), min_size=1, max_size=8)

worlds = st.builds(
    lambda some, first_day, week, hour: World(
        {each.key: each for each in some},
        MONDAY.replace(hour=hour),
        replace(POLICY, first_day=first_day, direct_week=week),
        TEAMS,
    ),
    st.lists(items, min_size=1, max_size=9),
    st.sampled_from((2, 100)),
    st.integers(0, 3),
    st.integers(0, 23),
)


def happen(world: World, what: str, which: int, days: int) -> None:
    known = list(world.items.values())[which % len(world.items)]
    changed: Item | None = None
    if what == "mend" and not known.is_over:
        changed = mended(known, world.now)
    elif what == "reopen" and known.is_over:
        changed = reopened(known, world.now)
    elif what == "move" and known.deadline:
        changed = due(known, world.now + days * DAY, is_tentative=days % 3 == 0)
    elif what == "busy":
        changed = replace(known, busy="" if known.busy else "wave eu is at work on it")
    elif what == "find":
        changed = item(f"late-{which}-{days}", days, now=world.now)
    elif what == "gone":
        world.contacts["ada@example.com"] = Contact("ada@example.com", Reach.GONE)
    else:
        say(world, what, known, days)
    if changed:
        world.put(changed)


def say(world: World, what: str, known: Item, days: int) -> None:
    asked = next((each for each in reversed(world.answers) if each.kind is AnswerKind.EXTEND), None)
    until, id = (world.now + days * DAY).date(), f"answer-{len(world.answers)}"
    if what == "grant" and asked:
        world.answers.append(
            answer(AnswerKind.GRANT, known, at=world.now, person="pia@example.com", of=asked.id, id=id)
        )
    elif what in ("ack", "extend", "not mine"):
        notice = told.notice if (told := world.told.get(known.key)) else ""
        world.answers.append(answer(AnswerKind(what), known, at=world.now, until=until, id=id, notice=notice))


def played(world: World, days: Days) -> Sequence[tuple[datetime, Mapping[ItemKey, Deadline | None], Turn]]:
    """Each turn with its time, and the deadlines that it went by."""
    turns = []
    for hours, happened in [(0, []), *days]:
        for each in happened:
            happen(world, *each)
        world.now += timedelta(hours=hours)
        deadlines = {key: each.deadline for key, each in standings(world.situation()).items()}
        turns.append((world.now, deadlines, world.tick()))
    return turns


@given(worlds, steps)
@settings(max_examples=60, deadline=None)
def test_the_same_situation_gives_the_same_turn(world: World, days: Days) -> None:
    played(world, days)
    situation = world.situation()
    shuffled = replace(situation, items=tuple(reversed(situation.items)), sent=tuple(reversed(situation.sent)))
    assert decide(situation) == decide(situation)
    assert {each.id for each in decide(situation).notices} == {each.id for each in decide(shuffled).notices}


@given(worlds, steps)
@settings(max_examples=60, deadline=None)
def test_a_turn_that_was_kept_leaves_nothing_new_to_tell(world: World, days: Days) -> None:
    played(world, days)
    again = world.tick()
    assert (again.notices, again.told, again.edits) == ((), (), ())


@given(worlds, steps)
@settings(max_examples=60, deadline=None)
def test_nothing_but_what_is_urgent_goes_out_in_quiet_hours(world: World, days: Days) -> None:
    for now, _, turn in played(world, days):
        for notice in turn.notices:
            zone = zone_of(notice.recipient.timezone)
            assert notice.is_urgent or notice.kind is NoticeKind.PAGE or may_write(now, zone, world.policy)


@given(worlds, steps)
@settings(max_examples=60, deadline=None)
def test_each_recipient_has_one_message_a_day_and_each_owner_one_digest(world: World, days: Days) -> None:
    messages: Counter[object] = Counter()
    for _, _, turn in played(world, days):
        for notice in turn.notices:
            if notice.kind in ROOTS:
                messages[notice.kind, notice.recipient.key, notice.day] += 1
            if notice.kind is NoticeKind.DIGEST:
                messages.update((owner, notice.day) for owner in notice.recipient.owners)
    assert not [key for key, count in messages.items() if count > 1]


@given(worlds, steps)
@settings(max_examples=60, deadline=None)
def test_every_item_that_counts_is_either_told_or_silent_for_a_reason(world: World, days: Days) -> None:
    played(world, days)
    world.now += timedelta(hours=5)
    turn = decide(world.situation())
    told = {entry.item for notice in turn.notices if not notice.subject for entry in notice.entries}
    silent = {each.key for each in turn.silences}
    assert not told & silent
    assert {key for key, each in world.items.items() if not each.is_over} <= told | silent
    assert all(each.why for each in turn.silences)


@given(worlds)
@settings(max_examples=60, deadline=None)
def test_what_is_deferred_is_told_at_its_time(world: World) -> None:
    first = world.tick()
    for notice in first.later:
        news = {entry.item for entry in notice.entries if entry.news}
        assert notice.why_then
        assert notice.at > world.now
        then = World(dict(world.items), notice.at, world.policy, TEAMS, {}, dict(world.told), [], dict(world.sent))
        then.first_live = world.first_live or world.now
        later = decide(then.situation())
        assert news <= {entry.item for each in (*later.notices, *later.later) for entry in each.entries}


@given(worlds, steps)
@settings(max_examples=60, deadline=None)
def test_no_two_messages_to_one_recipient_say_the_same(world: World, days: Days) -> None:
    """A message names each deadline beside its news."""
    said: Counter[object] = Counter()
    for _, deadlines, turn in played(world, days):
        for each in turn.notices:
            news = tuple((entry.item, entry.news, deadlines[entry.item]) for entry in each.entries if entry.news)
            said[each.recipient.key, each.kind, each.subject, news] += 1
    assert not [key for key, count in said.items() if count > 1]


@given(worlds, steps)
@settings(max_examples=60, deadline=None)
def test_a_deadline_that_passes_was_announced_to_its_owner(world: World, days: Days) -> None:
    """A turn comes every hour; what was found or moved within the last one may be late."""
    world.tick()
    for hours, happened in days:
        for each in happened:
            happen(world, *each)
        for _ in range(min(hours, 30)):
            due_next = [
                each
                for each in world.items.values()
                if each.must and not each.is_over and each.deadline and world.now < each.deadline.at
            ]
            world.tick()
            world.now += timedelta(hours=1)
            for known in due_next:
                assert known.deadline
                if known.deadline.at <= world.now and not world.answers:
                    assert world.told[known.key].announced == known.deadline.at


def test_a_page_is_for_what_is_overdue_and_never_twice() -> None:
    world = World({}, MONDAY, POLICY, TEAMS)
    world.put(item("late", -1))
    pages = [each for _ in range(20) for each in world.tick(DAY).notices if each.recipient.audience is Audience.PAGER]
    assert len(pages) == 1
