"""From one look to the next: how long the evidence is unbroken, and that what is hidden never reads as ready."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.assess import Verdict, assess
from fleetkeeper.core.checks import Check, all_checks
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Finding, Severity
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.readiness import Subject, report_of
from fleetkeeper.core.snapshot import Policy, Snapshot
from fleetkeeper.core.tracking import Tracking, Watch, track
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Decisions
from tests.core.checks.snapshots import NOW, PLACEMENT, SCOPE, hops, snapshot


def day(number: float) -> datetime:
    return NOW + timedelta(days=number)


def looking(at: datetime, since: datetime | None) -> Snapshot:
    """Seen at a time, of an API server that started at another."""
    made = snapshot({parts.API_USE: observed.ApiUse((), since)}, now=at)
    own = {name: replace(part, observed_at=at) for name, part in made.cluster.parts.items()}
    return replace(made, cluster=replace(made.cluster, parts=own))


@pytest.mark.parametrize(
    ("before", "since", "after"),
    [
        pytest.param(Watch(), day(-9), Watch(day(-9), day(3)), id="the first look sees back to the start"),
        pytest.param(Watch(day(-9), day(1)), day(-9), Watch(day(-9), day(3)), id="the same start goes on"),
        pytest.param(Watch(day(-9), day(1)), day(1), Watch(day(-9), day(3)), id="a restart as we looked"),
        pytest.param(Watch(day(-9), day(1)), day(2), Watch(day(2), day(3)), id="a restart after we looked"),
        pytest.param(Watch(day(-2), day(1)), day(-9), Watch(day(-2), day(3)), id="another, older server says no more"),
        pytest.param(Watch(day(-9), day(1)), None, None, id="a start that is not known"),
    ],
)
def test_how_far_back_a_call_would_have_shown(before: Watch, since: datetime | None, after: Watch | None) -> None:
    assert before.after(looking(day(3), since)) == after


def test_what_is_hidden_or_old_shows_no_call() -> None:
    assert Watch().after(snapshot(unseen=[parts.API_USE])) is None
    assert Watch().after(replace(looking(day(0), day(-1)), now=day(1))) is None


def test_one_fingerprint_of_several_hops_is_kept_at_its_worst() -> None:
    def look(_snap: Snapshot, hop: object, _compat: Compat) -> object:
        worst = str(hop) == "1.35 → 1.36"
        yield Finding("FK999", Severity.BLOCKER if worst else Severity.INFO, CLUSTER, str(hop), "", blocks=worst)

    check = Check("FK999", "", (parts.NODES,), False, True, look, "")  # type: ignore[arg-type]
    snap = snapshot()
    reports = assess(snap, hops("1.34", "1.37"), Compat(), [check])
    (kept,) = track(snap, reports, Tracking(NOW), [check]).findings.values()
    assert kept.finding.message == "1.35 → 1.36"


KNOWN = Finding("FK401", Severity.BLOCKER, CLUSTER, "known from before", "mend it", blocks=True)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(parts.CLUSTER_PARTS)), st.booleans())
def test_no_gap_reads_as_ready_with_the_checks_of_the_product(unseen: set[str], was_known: bool) -> None:
    """Whatever is hidden: where a critical check cannot look, or a blocker was known, the first hop is not ready."""
    snap, checks = snapshot(unseen=unseen), all_checks()
    path = hops("1.34", "1.35")
    reports = assess(snap, path, Compat(), checks)
    before = {KNOWN.fingerprint: Tracked(KNOWN, State.OPEN, NOW, day(-1), day(-1))} if was_known else {}
    tracking = track(snap, reports, Tracking(day(-1), before), checks)
    id = model.ClusterId("arn:shop", NOW)
    who = Subject(id, "shop", SCOPE, PLACEMENT, {"name": "shop"})
    report = report_of(who, Minor(1, 34), Policy(Minor(1, 35)), reports, tracking, Decisions())
    blind = any(check.critical and unseen & set(check.needs) for check in checks)
    (needs,) = {check.needs for check in checks if check.code == "FK401"}
    if blind:
        assert report.verdict is not Verdict.READY
    if was_known:
        assert (tracking.findings[KNOWN.fingerprint].state is State.OPEN) is bool(unseen & set(needs))
        assert (report.verdict is Verdict.BLOCKED) >= bool(unseen & set(needs))
