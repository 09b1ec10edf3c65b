"""FK101 by the policy's target and day."""

from datetime import timedelta

import pytest

from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.snapshot import Policy
from fleetkeeper.core.versions import Minor
from tests.core.checks.snapshots import NOW, found, snapshot


def judged(target: str | None, days: int | None = None) -> tuple[Finding, ...]:
    deadline = None if days is None else NOW + timedelta(days=days)
    policy = Policy(Minor.parse(target) if target else None, deadline, reason="ring canary: newest - 1")
    return found("FK101", snapshot(policy=policy))


@pytest.mark.parametrize(
    ("days", "severity", "says"),
    [
        pytest.param(
            None, Severity.INFO, "1.34 is 2 minors behind 1.36, which its policy asks for", id="without a day"
        ),
        pytest.param(31, Severity.INFO, "by 2026-12-21 (in 31 days)", id="the day is far"),
        pytest.param(30, Severity.WARNING, "by 2026-12-20 (in 30 days)", id="the day is near"),
        pytest.param(-1, Severity.WARNING, "by 2026-11-19 (1 day ago)", id="the day is past"),
    ],
)
def test_a_cluster_behind_its_policy_is_told_with_the_day(days: int | None, severity: Severity, says: str) -> None:
    (finding,) = judged("1.36", days)
    assert (finding.severity, finding.blocks) == (severity, False)
    assert says in finding.message
    assert finding.fix == "upgrade to 1.35, then on to 1.36"
    assert finding.evidence[0].text == "ring canary: newest - 1"


def test_one_hop_from_the_target_the_fix_names_one_upgrade() -> None:
    (finding,) = judged("1.35")
    assert finding.fix == "upgrade to 1.35"
    assert "1 minor behind" in finding.message


@pytest.mark.parametrize("target", [None, "1.34", "1.33"])
def test_a_cluster_that_is_where_its_policy_wants_it_is_not_told(target: str | None) -> None:
    assert judged(target, 1) == ()
