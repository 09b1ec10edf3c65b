"""Waivers and severities: what counts, what no longer does, and what must never be turned into ready."""

from datetime import date

import pytest

from fleetkeeper.core.assess import HopReport, Verdict
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.waivers import Decisions, Waiver, unused
from tests.core.checks.snapshots import HOP, NOW

BLOCKER = Finding(
    "FK401", Severity.BLOCKER, Subject("PodDisruptionBudget", "web", "shop"), "never allows", "change it", blocks=True
)
UNKNOWN = Finding("FK000", Severity.UNKNOWN, Subject("Cluster"), "not seen", "look", blocks=True)
CLUSTER = {"name": "shop", "ring": "canary"}


def waiver(expires: date = date(2026, 12, 1), **more: object) -> Waiver:
    fields = {
        "reason": "known",
        "approver": "ada",
        "expires": expires,
        **({} if "fingerprint" in more else {"code": "FK401"}),
    }
    return Waiver(**{**fields, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        pytest.param(waiver(), Verdict.READY, id="by code"),
        pytest.param(waiver(fingerprint=BLOCKER.fingerprint), Verdict.READY, id="by fingerprint"),
        pytest.param(waiver(fingerprint="0" * 16), Verdict.BLOCKED, id="another fingerprint"),
        pytest.param(waiver(code="FK402"), Verdict.BLOCKED, id="another code"),
        pytest.param(waiver(namespace="sh*"), Verdict.READY, id="a pattern of the namespace"),
        pytest.param(waiver(name="api"), Verdict.BLOCKED, id="another name"),
        pytest.param(waiver(clusters=Selector.parse("ring=late")), Verdict.BLOCKED, id="other clusters"),
        pytest.param(waiver(expires=date(2026, 11, 20)), Verdict.BLOCKED, id="ends today"),
        pytest.param(waiver(expires=date(2026, 11, 21)), Verdict.READY, id="ends tomorrow"),
    ],
)
def test_a_waiver_takes_out_what_it_covers(given: Waiver, verdict: Verdict) -> None:
    report = HopReport(HOP, Verdict.BLOCKED, (BLOCKER,))
    after, _ = Decisions((given,)).report(report, CLUSTER, NOW)
    assert after.verdict is verdict
    assert after.findings == (BLOCKER,)


def test_a_waiver_that_has_ended_says_so() -> None:
    old, older = waiver(expires=date(2026, 11, 1)), waiver(expires=date(2026, 10, 1))
    (judged,) = Decisions((older, old)).judge((BLOCKER,), CLUSTER, NOW)
    assert judged.counts
    assert judged.ended is old


def test_a_severity_of_the_operators_own_decides_whether_it_blocks() -> None:
    report = HopReport(HOP, Verdict.BLOCKED, (BLOCKER,))
    after, _ = Decisions(severities={"FK401": Severity.INFO}).report(report, CLUSTER, NOW)
    assert (after.verdict, after.findings[0].severity) == (Verdict.READY, Severity.INFO)


@pytest.mark.parametrize("severity", [Severity.INFO, Severity.WARNING])
def test_no_severity_makes_an_unknown_ready(severity: Severity) -> None:
    report = HopReport(HOP, Verdict.UNKNOWN, (UNKNOWN,))
    after, _ = Decisions(severities={"FK000": severity}).report(report, CLUSTER, NOW)
    assert after.verdict is Verdict.UNKNOWN


def test_a_waiver_for_nothing_is_named() -> None:
    idle, used = waiver(code="FK999"), waiver()
    judged = Decisions((idle, used)).judge((BLOCKER,), CLUSTER, NOW)
    assert unused((idle, used), judged) == (idle,)
