"""Which parts rest: never what was not seen, never until it is stale, and not all clusters' at once."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core import parts
from fleetkeeper.core.turns import SLOW, Looks, after, resting

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def walked(pauses: list[int], cluster: str = "shop", stale_minutes: int = 60) -> list[tuple[datetime, set[str]]]:
    """Looks with so many minutes between them, nothing failing: when each was, and what it read."""
    stale_after, now = timedelta(minutes=stale_minutes), NOON
    looks: Looks | None = None
    told = []
    for pause in (0, *pauses):
        now += timedelta(minutes=pause)
        read = set(SLOW) - resting(looks, now, stale_after)
        looks = after(looks, cluster, read, (), now, stale_after)
        told.append((now, read))
    return told


def test_the_first_look_of_a_process_reads_everything() -> None:
    assert resting(None, NOON, HOUR) == frozenset()


def test_every_quarter_of_an_hour_a_slow_part_is_read_at_each_third_look() -> None:
    ticks = walked([15] * 12)
    for part in SLOW:
        read = [number for number, (_, seen) in enumerate(ticks) if part in seen]
        assert 1 <= read[1] <= 3
        assert {later - number for number, later in itertools.pairwise(read[1:])} == {3}


@pytest.mark.parametrize("pause", [30, 45, 60])
def test_when_looks_are_rare_nothing_rests(pause: int) -> None:
    assert all(read == set(SLOW) for _, read in walked([pause] * 5))


def test_the_parts_of_a_fleet_do_not_come_due_in_one_look() -> None:
    clusters = 300
    read: Counter[int] = Counter()
    for number in range(clusters):
        for tick, (_, seen) in enumerate(walked([15] * 9, f"cluster-{number}")):
            read[tick] += len(seen)
    assert all(0.2 < read[tick] / clusters / len(SLOW) < 0.5 for tick in range(1, 10))


def test_what_was_missed_is_read_at_the_next_look() -> None:
    looks = after(None, "shop", SLOW, (), NOON, HOUR)
    looks = after(looks, "shop", (), [parts.WEBHOOKS], NOON, HOUR)
    assert resting(looks, NOON + timedelta(seconds=1), HOUR) == frozenset(SLOW) - {parts.WEBHOOKS}


def test_what_rested_keeps_the_time_at_which_it_was_seen() -> None:
    looks = after(None, "shop", SLOW, (), NOON, HOUR)
    later = after(looks, "shop", (), (), NOON + timedelta(minutes=15), HOUR)
    assert later.turns == looks.turns


def test_after_the_clock_was_set_back_nothing_rests() -> None:
    looks = after(None, "shop", SLOW, (), NOON, HOUR)
    assert resting(looks, NOON - timedelta(minutes=1), HOUR) == frozenset()


@given(st.integers(1, 90), st.integers(1, 40), st.integers(10, 1440))
def test_on_an_even_schedule_a_part_is_read_before_it_is_stale(pause: int, ticks: int, stale_minutes: int) -> None:
    seen = dict.fromkeys(SLOW, NOON)
    for now, read in walked([pause] * ticks, stale_minutes=stale_minutes):
        for part in SLOW:
            allowed = max(stale_minutes, pause)
            assert now - seen[part] <= timedelta(minutes=allowed)
        seen |= dict.fromkeys(read, now)
