"""To whom it goes: teams without channels, people who left, one who leads two teams; and how much each may get."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core.notices.values import NoticeKind
from fleetkeeper.core.owners import Contact, Reach, Team
from tests.core.notices.made import DAY, MONDAY, POLICY, World, item, kinds, quiet, world

GONE = {"ada@example.com": Contact("ada@example.com", Reach.GONE)}
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("owner", "why"),
    [
        pytest.param("search", "team search has no channel", id="a team without a channel"),
        pytest.param("nobody", "no team goes by the name of nobody", id="a team that nobody knows"),
        pytest.param("ada@example.com", "ada@example.com, is gone", id="a person who left"),
        pytest.param("C0STRANGE1", "C0STRANGE1, is gone", id="a channel of no team that was archived"),
        pytest.param("video", "the channel of video, C0VIDEO, is gone", id="a channel that was archived"),
    ],
)
def test_it_goes_to_the_fallback_team_and_says_why(owner: str, why: str) -> None:
    made = world(item("web", 50, owner=owner))
    made.teams |= {"search": Team("search"), "video": Team("video", channel="C0VIDEO")}
    made.contacts = GONE | {key: Contact(key, Reach.GONE) for key in ("c0video", "c0strange1")}
    notice = made.tick().notices[0]
    assert (notice.recipient.address, notice.recipient.owners) == ("C0PLATFORM", (owner,))
    assert f"told here because {why}" in notice.why


@pytest.mark.parametrize(
    ("owner", "to"),
    [
        pytest.param("Eve@example.com", "eve@example.com", id="by an address"),
        pytest.param("U0STRANGER1", "u0stranger1", id="by a Slack id, as labels may have it"),
    ],
)
def test_a_person_without_a_team_is_written_to(owner: str, to: str) -> None:
    assert kinds(world(item("web", 50, owner=owner)).tick()) == [f"direct {to}"]


def test_a_channel_without_a_team_is_told_as_one() -> None:
    assert kinds(world(item("web", 50, owner="C0STRANGE1")).tick()) == ["digest C0STRANGE1"]


def test_without_any_channel_it_is_said_that_nobody_can_be_reached() -> None:
    made = World(policy=replace(POLICY, oncall_channel=""), teams={})
    made.put(item("web", 50))
    assert quiet(made.tick())[0].startswith("nobody can be reached")


@pytest.mark.parametrize(
    ("gone", "to"),
    [
        pytest.param(("ada@example.com",), "direct max@example.com", id="the manager in place of a lead who left"),
        pytest.param(("ada@example.com", "max@example.com"), "escalation C0ONCALL", id="the fleet where both left"),
    ],
)
def test_whoever_left_is_replaced_and_the_notice_says_so(gone: tuple[str, ...], to: str) -> None:
    made = world(item("web", 10))
    made.contacts = {key: Contact(key, Reach.GONE) for key in gone}
    turn = made.tick()
    assert kinds(turn) == ["digest C0PAY", to] or kinds(turn) == [to, "digest C0PAY"]
    assert "told here because the lead of payments, ada@example.com, is gone" in "".join(n.why for n in turn.notices)


def test_one_who_leads_two_teams_gets_one_message_about_both() -> None:
    made = world(item("web", 10), item("find", 10, owner="search"))
    made.teams["search"] = Team("search", channel="C0SEARCH", lead="ada@example.com", timezone="Asia/Tokyo")
    turn = made.tick()
    direct = [each for each in turn.notices if each.kind is NoticeKind.DIRECT]
    assert [(each.recipient.owners, len(each.entries)) for each in direct] == [(("payments", "search"), 2)]


def test_a_person_is_where_the_chat_says_they_are() -> None:
    made = world(item("web", 10))
    made.contacts["ada@example.com"] = Contact("ada@example.com", Reach.KNOWN, "U1", timezone="America/New_York")
    turn = made.tick()
    assert kinds(turn) == ["digest C0PAY"]
    assert [(each.kind, each.at, each.why_then) for each in turn.later] == [
        (NoticeKind.DIRECT, MONDAY + 4 * HOUR, "outside of working hours in America/New_York")
    ]
    assert kinds(made.tick(4 * HOUR)) == ["direct ada@example.com"]


def test_two_teams_in_one_channel_get_one_digest() -> None:
    made = world(item("web", 50), item("find", 50, owner="search"))
    made.teams["search"] = Team("search", channel="C0PAY")
    turn = made.tick()
    assert [each.recipient.owners for each in turn.notices] == [("payments", "search")]


def test_the_fourth_direct_message_of_a_week_waits_and_urgent_ones_do_not() -> None:
    made = World(policy=replace(POLICY, direct_week=3))
    found = [item(f"w{number}", 14 + number) for number in range(5)]
    made.put(*found)
    direct = []
    for day in range(5):
        turn = made.tick(DAY if day else timedelta())
        direct += [(day, each.kind) for each in turn.notices if each.kind is NoticeKind.DIRECT]
        later = [each for each in turn.later if each.kind is NoticeKind.DIRECT]
    assert [day for day, _ in direct] == [0, 1, 2]
    assert [(each.at, each.why_then) for each in later] == [
        (MONDAY + 7 * DAY - HOUR, "3 direct messages in seven days are the limit")
    ]
    made.put(item("hot", 2, now=made.now))
    assert "direct ada@example.com" in kinds(made.tick(HOUR))


def test_the_first_day_has_room_for_the_most_urgent_and_the_rest_comes_on_the_next() -> None:
    made = World(policy=replace(POLICY, first_day=2))
    for number, days in enumerate((80, 29, 50, 25)):
        made.teams[f"t{number}"] = Team(f"t{number}", channel=f"C{number}")
        made.put(item(f"w{number}", days, owner=f"t{number}"))
    turn = made.tick()
    assert sorted(kinds(turn)) == ["digest C1", "digest C3"]
    assert {each.why_then for each in turn.later} == {"2 messages are the limit of the first day"}
    assert {each.at for each in turn.later} == {MONDAY + 23 * HOUR}
    assert made.tick(HOUR).notices == ()
    assert sorted(kinds(made.tick(DAY))) == ["digest C0", "digest C2"]


def test_the_cap_of_the_first_day_holds_no_deadline_back_that_nobody_knows_of() -> None:
    made = World(policy=replace(POLICY, first_day=0))
    made.put(item("web", 0.5), item("far", 50, owner="platform"))
    assert "digest C0PAY" in kinds(made.tick())
    assert "digest C0PLATFORM" not in kinds(made.tick(HOUR))


def test_pages_go_to_a_hook_where_one_stands_in_for_the_pager() -> None:
    made = World(policy=replace(POLICY, pager="hook:pages"))
    made.put(item("web", -1))
    assert "page pages" in kinds(made.tick())
    nobody = World(policy=replace(POLICY, pager=""))
    nobody.put(item("web", -1))
    assert [kind for kind in kinds(nobody.tick()) if kind.startswith("page")] == []
