"""FK418 by the status and issues that EKS reports."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import Issue, NodeGroup
from tests.core.checks.nodes import group
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen

GONE = Issue("Ec2LaunchTemplateNotFound", "lt-0 does not exist")


@pytest.mark.parametrize(
    ("made", "severity", "message", "fix"),
    [
        pytest.param(
            group(status="DEGRADED", issues=(GONE,)),
            Severity.BLOCKER,
            "is DEGRADED with Ec2LaunchTemplateNotFound: lt-0 does not exist",
            "create a new group",
            id="an issue with a known fix",
        ),
        pytest.param(
            group(issues=(Issue("Brandnew", "no route"),)),
            Severity.BLOCKER,
            "is ACTIVE with Brandnew",
            "aws eks describe-nodegroup --cluster-name shop --nodegroup-name workers",
            id="another issue",
        ),
        pytest.param(
            group(status="CREATE_FAILED"), Severity.BLOCKER, "is CREATE_FAILED", "mend it", id="no issue told"
        ),
        pytest.param(group(status="UPDATING"), Severity.WARNING, "is UPDATING", "wait until", id="an update runs"),
    ],
)
def test_a_group_that_is_not_well_is_told(made: NodeGroup, severity: Severity, message: str, fix: str) -> None:
    (finding,) = found("FK418", snapshot({parts.NODE_GROUPS: (made,)}))
    assert (finding.severity, finding.blocks) == (severity, severity is Severity.BLOCKER)
    assert message in finding.message
    assert fix in finding.fix


def test_an_active_group_is_not_told() -> None:
    assert found("FK418", snapshot({parts.NODE_GROUPS: (group(),)})) == ()


def test_node_groups_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK418", parts.NODE_GROUPS) is Verdict.UNKNOWN
