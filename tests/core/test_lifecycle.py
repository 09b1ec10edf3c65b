"""The life of findings: what resolves by itself, and what has to be proven."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.finding import CLUSTER, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.lifecycle import Look, State, Tracked, advance, quiet_until

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PLAIN = Finding("FK401", Severity.BLOCKER, Subject("PodDisruptionBudget", "web", "shop"), "never", "change it")
CALLER = Subject("CronJob", "report", "shop")
USE = LiveUse((CALLER,), "image:1", START, ("0 3 1 * *",))
USED = Finding("FK301", Severity.BLOCKER, CALLER, "calls v1beta1", "use v1", use=USE)
KEY = USED.fingerprint


def look(
    days: float,
    *findings: Finding,
    judged: tuple[str, ...] = ("FK401", "FK301"),
    runs: str = "image:1",
    unbroken: float | None = 0,
) -> Look:
    since = None if unbroken is None else START + timedelta(days=unbroken)
    return Look(START + timedelta(days=days), findings, frozenset(judged), {KEY: runs}, since)


def after(*looks: Look) -> dict[str, Tracked]:
    known: dict[str, Tracked] = {}
    for each in looks:
        known = advance(known, each)
    return known


def states(*looks: Look) -> list[State]:
    """The state of the live use after each look."""
    known: dict[str, Tracked] = {}
    found = []
    for each in looks:
        known = advance(known, each)
        found.append(known[KEY].state)
    return found


def test_what_is_no_longer_found_is_resolved_and_opens_again() -> None:
    gone = after(look(0, PLAIN), look(1))[PLAIN.fingerprint]
    assert (gone.state, gone.since) == (State.RESOLVED, START + timedelta(days=1))
    back = after(look(0, PLAIN), look(1), look(2, PLAIN))[PLAIN.fingerprint]
    assert (back.state, back.times, back.first_seen) == (State.OPEN, 2, START)


def test_what_could_not_be_judged_stays_open() -> None:
    assert after(look(0, PLAIN), look(1, judged=("FK301",)))[PLAIN.fingerprint].state is State.OPEN


def test_a_restart_of_the_api_server_proves_nothing() -> None:
    assert states(look(0, USED), look(5), look(60))[-1] is State.OPEN


def test_a_changed_caller_is_unconfirmed_until_past_its_next_run() -> None:
    seen = states(look(0, USED), look(1, runs="image:2"), look(9, runs="image:2"), look(13, runs="image:2"))
    assert seen == [State.OPEN, State.UNCONFIRMED, State.UNCONFIRMED, State.RESOLVED]


def test_a_caller_that_is_gone_is_unconfirmed_too() -> None:
    assert states(look(0, USED), look(1, runs=""))[-1] is State.UNCONFIRMED


def test_a_gauge_that_is_stuck_keeps_nothing_open() -> None:
    stuck = replace(USED, use=replace(USE, state="image:2"))
    assert states(look(0, USED), look(1, stuck), look(13, stuck)) == [State.OPEN, State.UNCONFIRMED, State.RESOLVED]


def test_a_use_after_the_change_opens_it_again() -> None:
    again = replace(USED, use=replace(USE, state="image:2", last=START + timedelta(days=2)))
    seen = states(look(0, USED), look(1, runs="image:2"), look(3, again))
    assert seen == [State.OPEN, State.UNCONFIRMED, State.OPEN]


def test_a_gap_in_the_evidence_starts_the_quiet_anew() -> None:
    changed = (look(0, USED), look(1, runs="image:2"))
    assert states(*changed, look(13, runs="image:2", unbroken=12))[-1] is State.UNCONFIRMED
    assert states(*changed, look(13, runs="image:2", unbroken=None))[-1] is State.UNCONFIRMED
    blind = look(12, runs="image:2", unbroken=None)
    assert states(*changed, blind, look(13, runs="image:2", unbroken=0))[-1] is State.UNCONFIRMED


def test_nobody_to_name_means_no_proof() -> None:
    nameless = replace(USED, use=LiveUse((), "", START))
    assert after(look(0, nameless), look(400, runs=""))[KEY].state is State.OPEN


@pytest.mark.parametrize(
    ("schedules", "days"),
    [
        pytest.param((), 7, id="a week at least"),
        pytest.param(("0 3 * * *",), 7, id="a daily run is covered by that"),
        pytest.param(("0 9 1 * *",), 12, id="a monthly run, and a day"),
        pytest.param(("whenever",), 366, id="a schedule that cannot be read"),
    ],
)
def test_how_long_a_quiet_must_be(schedules: tuple[str, ...], days: int) -> None:
    assert quiet_until(LiveUse(schedules=schedules), START) == START + timedelta(days=days)


def test_what_has_no_callers_at_all_is_as_quiet() -> None:
    assert quiet_until(None, START) == START + timedelta(days=7)


@given(st.lists(st.tuples(st.floats(0.1, 20), st.booleans(), st.sampled_from(["image:1", "image:2", ""]))))
def test_a_live_use_is_never_resolved_by_silence_alone(steps: list[tuple[float, bool, str]]) -> None:
    """Whatever happens: resolved means that the caller changed, and a week passed."""
    known = advance({}, look(0, USED))
    day = 0.0
    for pause, seen, runs in steps:
        day += pause
        known = advance(known, look(day, *((USED,) if seen else ()), runs=runs))
        if known[KEY].state is State.RESOLVED:
            assert day >= 7
            assert any(changed != "image:1" for _, _, changed in steps)


def test_a_finding_of_the_cluster_and_one_of_an_object_differ() -> None:
    assert replace(PLAIN, subject=CLUSTER).fingerprint != PLAIN.fingerprint
    assert replace(PLAIN, message="other words", severity=Severity.INFO).fingerprint == PLAIN.fingerprint
