"""FK502 by what IAM answered."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.observed import ClusterPrerequisites
from tests.core.checks.snapshots import found, snapshot

ARN = "arn:aws:iam::111122223333:role/eks/shop-cluster"


def judged(exists: bool | None, arn: str = ARN) -> tuple[Finding, ...]:
    return found("FK502", snapshot({parts.PREREQUISITES: ClusterPrerequisites(role_arn=arn, role_exists=exists)}))


@pytest.mark.parametrize(
    ("exists", "severity", "says", "fix"),
    [
        pytest.param(
            False, Severity.BLOCKER, "does not exist", "aws iam create-role --role-name shop-cluster", id="gone"
        ),
        pytest.param(None, Severity.UNKNOWN, "could not be looked at", "allow iam:GetRole on it", id="not seen"),
    ],
)
def test_a_role_that_is_not_there_is_told(exists: bool | None, severity: Severity, says: str, fix: str) -> None:
    (finding,) = judged(exists)
    assert (finding.severity, finding.blocks) == (severity, severity is Severity.BLOCKER)
    assert finding.message == f"the cluster role {ARN} {says}"
    assert finding.fix.startswith(fix)


def test_a_role_that_is_there_and_a_cluster_without_one_are_not_told() -> None:
    assert judged(True) == ()
    assert judged(None, "") == ()
