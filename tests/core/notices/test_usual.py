"""How long fixes usually take: counted of what was told and mended, and unsaid where too little is known."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fleetkeeper.core.lifecycle import State
from fleetkeeper.core.notices.usual import Usual, usual_times
from fleetkeeper.core.notices.values import Item, ItemKey, Told
from tests.core.notices.made import DAY, MONDAY, item, mended

NOW = MONDAY + 60 * DAY
Case = tuple[Item, Told]


def told(known: Item, **other: object) -> Told:
    """On Monday, with its deadline."""
    code = known.tracked.finding.code
    made = Told(known.key, known.owned.owner, 90, MONDAY, MONDAY, 1, 1, MONDAY + 90 * DAY, "n", code)
    return replace(made, **other)  # type: ignore[arg-type]


def case(name: str, days: float | None, owner: str = "") -> Case:
    """days: until it was mended; None is open."""
    found = item(name, owner=owner or f"team-{name}")
    return (found if days is None else mended(found, MONDAY + days * DAY)), told(found)


def usual(cases: Sequence[Case]) -> Usual | None:
    records: dict[ItemKey, Told] = {known.key: record for known, record in cases}
    return usual_times([known for known, _ in cases], records, NOW).get("FK301")


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param([2, 6, 20], Usual(6, 3), id="the median"),
        pytest.param([2, 6, 7, 20], Usual(7, 4), id="of an even number the later one: most, not half"),
        pytest.param([5.1, 5.1, 5.1], Usual(6, 3), id="a day that has begun counts"),
        pytest.param([0.2, 0.2, 0.2], Usual(1, 3), id="never less than a day"),
        pytest.param([2, 6], None, id="two cases are too few"),
        pytest.param([], None, id="nothing is known at first"),
        pytest.param([2, 3, 4, None], Usual(4, 4), id="what is open for longer was not mended within"),
        pytest.param([2, 3, 4, None, None, None], None, id="when most are open nobody knows"),
        pytest.param([-3, -2, -1], None, id="what was mended before it was told took no telling"),
    ],
)
def test_how_long_most_took(days: list[float | None], expected: Usual | None) -> None:
    assert usual([case(f"n{number}", each) for number, each in enumerate(days)]) == expected


def test_what_was_told_only_now_says_nothing_against_it() -> None:
    old = [case(f"n{number}", days) for number, days in enumerate([2, 3, 4])]
    fresh = [(known, replace(record, first=NOW - DAY)) for known, record in (case(f"f{n}", None) for n in range(9))]
    assert usual([*old, *fresh]) == Usual(3, 3)


def test_what_one_owner_was_told_at_once_is_one_case_until_all_of_it_is_mended() -> None:
    forty = [case(f"n{number}", number / 10, owner="payments") for number in range(1, 41)]
    assert usual(forty) is None
    two = [case("a", 1), case("b", 2)]
    assert usual([*forty, *two]) == Usual(2, 3)
    assert usual([*forty, case("left", None, owner="payments"), *two]) is None


def test_a_change_counts_from_when_it_was_seen_not_from_its_proof() -> None:
    """A live use is over only after a long quiet."""
    cases = []
    for known, record in (case(name, 20) for name in "abc"):
        cases.append((replace(known, tracked=replace(known.tracked, quiet_since=MONDAY + 3 * DAY)), record))
        assert known.tracked.state is State.RESOLVED
    assert usual(cases) == Usual(3, 3)


@pytest.mark.parametrize("what", ["it only stood in a digest", "its cluster is gone"])
def test_no_case_is(what: str) -> None:
    cases = [case(name, 3) for name in "abc"]
    known, record = cases[0]
    if what == "its cluster is gone":
        cases[0] = replace(known, is_gone=True), record
    else:
        cases[0] = known, replace(record, announced=None)
    assert usual(cases) is None
