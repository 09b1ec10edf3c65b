"""FK111 by the last move of the control plane."""

from datetime import timedelta

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.versions import Minor
from tests.core.checks.snapshots import NOW, found, snapshot


def update(days: float, *, kind: str = "VersionUpdate", status: str = "Successful", minor: int = 34) -> EksUpdate:
    return EksUpdate(f"{kind}-{days}", kind, status, NOW - timedelta(days=days), Minor(1, minor))


def judged(*updates: EksUpdate) -> tuple[Finding, ...]:
    return found("FK111", snapshot({parts.UPDATES: updates}))


@pytest.mark.parametrize(
    ("days", "left"),
    [pytest.param(2, "5 days", id="in days"), pytest.param(6.5, "12 hours", id="in hours on the last day")],
)
def test_a_fresh_upgrade_is_told_with_the_time_that_is_left(days: float, left: str) -> None:
    (finding,) = judged(update(days))
    assert (finding.severity, finding.blocks) == (Severity.INFO, False)
    assert f"can be rolled back to 1.33 until {finding.deadline:%Y-%m-%d %H:%M} UTC ({left} left)" in finding.message
    assert "the upgrade to 1.35 closes that way for good" in finding.message


@pytest.mark.parametrize(
    "updates",
    [
        pytest.param((), id="nothing was upgraded"),
        pytest.param((update(7),), id="the window is over"),
        pytest.param((update(2, status="Failed"),), id="the upgrade failed"),
        pytest.param((update(2, kind="LoggingUpdate"),), id="another kind of update"),
        pytest.param((update(3, minor=35), update(1, kind="VersionRollback")), id="it was rolled back since"),
        pytest.param((update(2, minor=33),), id="the cluster has moved on since"),
    ],
)
def test_without_a_way_back_nothing_is_told(updates: tuple[EksUpdate, ...]) -> None:
    assert judged(*updates) == ()
