"""FK106 by status."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.insights import Insight, InsightStatus
from tests.core.checks.snapshots import HOP, NOW, found, snapshot


def judged(status: InsightStatus, category: str = "ROLLBACK_READINESS") -> tuple[Finding, ...]:
    seen = Insight("id-2", "Kubelet version rollback compatibility", category, status, HOP.source, "too new", NOW)
    return found("FK106", snapshot({parts.INSIGHTS: (seen,)}))


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param(InsightStatus.ERROR, "EKS would refuse a rollback from 1.34: ERROR, too new", id="error"),
        pytest.param(InsightStatus.UNKNOWN, "EKS would refuse a rollback from 1.34: UNKNOWN", id="unknown"),
        pytest.param(InsightStatus.WARNING, "EKS would warn of a rollback from 1.34: WARNING", id="warning"),
    ],
)
def test_a_closed_way_back_is_told_and_blocks_nothing(status: InsightStatus, says: str) -> None:
    (finding,) = judged(status)
    assert (finding.severity, finding.blocks) == (Severity.INFO, False)
    assert says in finding.message
    assert "--id id-2" in finding.fix


def test_an_open_way_back_is_not_told() -> None:
    assert judged(InsightStatus.PASSING) == ()


def test_insights_about_the_upgrade_are_left_to_their_own_check() -> None:
    assert judged(InsightStatus.ERROR, "UPGRADE_READINESS") == ()
