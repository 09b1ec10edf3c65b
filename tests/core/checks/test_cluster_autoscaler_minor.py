"""FK210 by the version of the Cluster Autoscaler."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import Addon, Addons, FoundBy
from tests.core.checks.snapshots import found, snapshot

WHERE = "kube-system/Deployment/cluster-autoscaler"


def judged(version: str, id: str = "cluster-autoscaler") -> tuple[Finding, ...]:
    return found("FK210", snapshot({parts.ADDONS: Addons((Addon(id, version, FoundBy.IMAGE, WHERE),))}))


@pytest.mark.parametrize(
    ("version", "severity", "says"),
    [
        pytest.param("1.34.2", Severity.INFO, "is 1.34.2; 1.35 wants 1.35", id="at the present minor"),
        pytest.param("1.31.0", Severity.WARNING, "is 1.31.0; 1.35 wants 1.35", id="far behind"),
        pytest.param("1.36.0", Severity.WARNING, "is 1.36.0; 1.35 wants 1.35", id="ahead"),
        pytest.param("", Severity.UNKNOWN, "is not known", id="a version that nobody told"),
    ],
)
def test_another_minor_is_told_and_blocks_nothing(version: str, severity: Severity, says: str) -> None:
    (finding,) = judged(version)
    assert (finding.severity, finding.blocks) == (severity, False)
    assert says in finding.message
    assert finding.fix == f"right after 1.34 → 1.35: set the image of {WHERE} to the newest v1.35.x"


def test_the_targets_minor_and_other_addons_are_not_told() -> None:
    assert judged("1.35.1") == ()
    assert judged("1.20.0", "karpenter") == ()
