"""FK102 by the dates that EKS answers."""

from datetime import timedelta

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import SupportedVersion
from tests.core.checks.snapshots import HOP, NOW, control_plane, found, snapshot


def judged(standard: int, extended: int) -> tuple[Finding, ...]:
    """With so many days until each end."""
    ends = (NOW + timedelta(days=standard), NOW + timedelta(days=extended))
    return found("FK102", snapshot({parts.CLUSTER_VERSIONS: (SupportedVersion(HOP.source, *ends),)}))


@pytest.mark.parametrize(
    ("standard", "extended", "severity", "says"),
    [
        pytest.param(59, 400, Severity.INFO, "ends on 2027-01-18, in 59 days; then $365 a month more", id="soon"),
        pytest.param(-1, 300, Severity.WARNING, "is in extended support ($365 a month more) until", id="paid"),
        pytest.param(-400, -1, Severity.WARNING, "ended on 2026-11-19: EKS may upgrade it", id="past"),
    ],
)
def test_an_end_is_told_with_its_date_and_price(standard: int, extended: int, severity: Severity, says: str) -> None:
    (finding,) = judged(standard, extended)
    assert finding.severity is severity
    assert says in finding.message
    assert finding.deadline is not None


def test_an_end_that_is_far_away_is_not_told() -> None:
    assert judged(61, 400) == ()


def test_a_minor_without_dates_is_not_told() -> None:
    assert found("FK102", snapshot()) == ()


def test_a_cluster_that_declines_extended_support_is_told_of_by_another_check() -> None:
    ends = (NOW + timedelta(days=10), NOW + timedelta(days=400))
    declined = control_plane(support_type="STANDARD")
    versions = (SupportedVersion(HOP.source, *ends),)
    assert found("FK102", snapshot({parts.CONTROL_PLANE: declined, parts.CLUSTER_VERSIONS: versions})) == ()
