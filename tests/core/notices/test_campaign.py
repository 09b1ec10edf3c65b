"""How a campaign goes, and which checks are wrong too often."""

from dataclasses import replace
from datetime import timedelta

from fleetkeeper.core.notices.campaign import Progress, burn_down, report
from fleetkeeper.core.notices.hours import zone_of
from fleetkeeper.core.notices.precision import Rate, muted, rates
from fleetkeeper.core.notices.values import Answer, AnswerKind, Item, Situation, Told
from tests.core.notices.made import DAY, MONDAY, POLICY, answer, item, mended


def told(known: Item, days: int = 0) -> Told:
    at = MONDAY + days * DAY
    return Told(known.key, known.owned.owner, 90, at, at, 1, 1, None, "n", known.tracked.finding.code)


def test_a_team_is_told_how_far_it_is() -> None:
    acked, late, asked, done = item("a", 40), item("b", 1), item("c", 40), item("d", 40)
    advisory, other = item("e", None, must=False), item("f", 40, owner="platform")
    items = (acked, late, asked, mended(done, MONDAY + 4 * DAY), advisory, other)
    until = (MONDAY + 30 * DAY).date()
    made = Situation(
        MONDAY + 5 * DAY,
        POLICY,
        items,
        {each.key: told(each) for each in (acked, late, done)},
        (
            answer(AnswerKind.ACK, acked, at=MONDAY, until=until),
            answer(AnswerKind.EXTEND, asked, at=MONDAY, until=until),
        ),
    )
    found = report(made, weeks=1)
    row = found.rows[0]
    assert replace(row, weeks=()) == Progress("payments", "1.34", 3, 1, 1, 1, 1, 3, 4 * DAY, ())
    assert [(each.owner, each.open) for each in found.rows] == [("payments", 3), ("platform", 1)]
    assert [(each.campaign, each.open, each.fixed) for each in found.totals] == [("1.34", 4, 1)]


def test_what_is_mended_counts_although_nothing_of_it_has_to_be_done_any_more() -> None:
    done, seen, gone = (replace(mended(item(name, 40), MONDAY + 4 * DAY), must=False) for name in ("a", "b", "c"))
    records = (replace(told(done), announced=MONDAY + 40 * DAY), told(seen), replace(told(gone), announced=MONDAY))
    made = Situation(
        MONDAY + 5 * DAY, POLICY, (done, seen, replace(gone, is_gone=True)), {each.key: each for each in records}
    )
    (row,) = report(made).rows
    assert (row.open, row.fixed, row.told, row.time_to_fix) == (0, 1, 1, 4 * DAY)


def test_the_burn_down_counts_by_calendar_weeks() -> None:
    early = [item(f"w{number}", 90, now=MONDAY - 21 * DAY) for number in range(4)]
    items = [mended(early[0], MONDAY - 9 * DAY), mended(early[1], MONDAY - 2 * DAY), *early[2:], item("late", 90)]
    weeks = burn_down(items, MONDAY, zone_of("UTC"), 4)
    assert [(each.open, each.mended) for each in weeks] == [(4, 0), (3, 1), (3, 1), (3, 0)]
    assert weeks[-1].until == (MONDAY + 6 * DAY).date()


def denied(*items: Item, hours: int = 1) -> Answer:
    return answer(AnswerKind.NOT_MINE, *items, at=MONDAY + timedelta(hours=hours))


ITEMS = [item(f"w{number}") for number in range(20)]
TOLD = {each.key: told(each) for each in ITEMS}


def test_the_rate_of_a_check_counts_each_item_once() -> None:
    assert rates(TOLD, [denied(ITEMS[0]), denied(ITEMS[0], ITEMS[1], hours=2)]) == {"FK301": Rate(20, 2)}


def test_a_check_is_muted_above_the_limit_and_when_enough_were_told() -> None:
    assert muted(TOLD, [denied(*ITEMS[:2])], POLICY) == {}
    assert muted(TOLD, [denied(*ITEMS[:3])], POLICY) == {"FK301": 0.15}
    few = {each.key: TOLD[each.key] for each in ITEMS[:19]}
    assert muted(few, [denied(*ITEMS[:3])], POLICY) == {}


def test_after_an_unmute_only_what_was_told_and_said_since_counts() -> None:
    said = [denied(*ITEMS[:5]), answer(AnswerKind.UNMUTE, at=MONDAY + DAY, code="FK301")]
    assert muted(TOLD, said, POLICY) == {}
    again = TOLD | {each.key: told(each, 2) for each in ITEMS[:4]}
    assert rates(again, [*said, denied(ITEMS[0], hours=50)]) == {"FK301": Rate(4, 1)}
