"""The runner of the checks: verdicts, hops, and what was not seen."""

from collections.abc import Iterator

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import NOT_SEEN, HopReport, Verdict, assess, verdict_of
from fleetkeeper.core.checks import Check, all_checks
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Finding, Severity
from fleetkeeper.core.snapshot import Hop, Snapshot
from tests.core.checks.snapshots import HOP, hops, snapshot


def says(severity: Severity, *, blocks: bool) -> Finding:
    return Finding("FK999", severity, CLUSTER, "it is so", "do this", blocks=blocks)


def check_that(*findings: Finding, critical: bool = False, each_hop: bool = True) -> Check:
    def look(_snap: Snapshot, _hop: Hop, _compat: Compat) -> Iterator[Finding]:
        yield from findings

    return Check("FK999", "A test", (parts.BUDGETS,), critical, each_hop, look, "")


def report(check: Check, unseen: tuple[str, ...] = ()) -> HopReport:
    (made,) = assess(snapshot(unseen=unseen), [HOP], Compat(), [check])
    return made


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        pytest.param([], Verdict.READY, id="nothing found"),
        pytest.param([says(Severity.WARNING, blocks=False)], Verdict.READY, id="a warning"),
        pytest.param([says(Severity.UNKNOWN, blocks=False)], Verdict.READY, id="an unknown that takes nothing down"),
        pytest.param([says(Severity.UNKNOWN, blocks=True)], Verdict.UNKNOWN, id="a grave unknown"),
        pytest.param(
            [says(Severity.UNKNOWN, blocks=True), says(Severity.BLOCKER, blocks=True)], Verdict.BLOCKED, id="a blocker"
        ),
    ],
)
def test_a_verdict_is_the_worst_that_blocks(findings: list[Finding], verdict: Verdict) -> None:
    assert verdict_of(findings) is verdict


@pytest.mark.parametrize("critical", [True, False])
def test_what_was_not_seen_is_told_once_for_all_checks(critical: bool) -> None:
    made = report(check_that(says(Severity.BLOCKER, blocks=True), critical=critical), unseen=(parts.BUDGETS,))
    (finding,) = made.findings
    assert (finding.code, finding.severity, finding.key) == (NOT_SEEN, Severity.UNKNOWN, parts.BUDGETS)
    assert "FK999" in finding.message
    assert made.verdict is (Verdict.UNKNOWN if critical else Verdict.READY)


def test_a_check_that_hangs_on_no_hop_is_asked_once() -> None:
    check = check_that(says(Severity.INFO, blocks=False), each_hop=False)
    made = assess(snapshot(), hops("1.34", "1.36"), Compat(), [check])
    assert [len(each.findings) for each in made] == [1, 0]


def test_every_check_says_its_rule() -> None:
    for check in all_checks():
        assert check.rule
        assert check.title
        assert check.needs
        assert not check.rule.startswith("FK"), f"{check.code}: the docstring of its module begins with another code"
