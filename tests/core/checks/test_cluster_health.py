"""FK104 by the code of the issue."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.checks.cluster_health import HARMLESS, NO_CODE
from fleetkeeper.core.eks_errors import CLUSTERS
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import Issue
from tests.core.checks.snapshots import control_plane, found, snapshot


def judged(*issues: Issue) -> tuple[Finding, ...]:
    return found("FK104", snapshot({parts.CONTROL_PLANE: control_plane(issues=issues)}))


@pytest.mark.parametrize("code", sorted(CLUSTERS.keys() - HARMLESS - {NO_CODE}))
def test_a_known_issue_blocks_and_has_a_fix_of_its_own(code: str) -> None:
    (finding,) = judged(Issue(code, "it is so"))
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert finding.fix == CLUSTERS[code].do


@pytest.mark.parametrize("code", ["Other", "SomethingNew"])
def test_an_issue_that_we_do_not_know_blocks_as_unknown(code: str) -> None:
    (finding,) = judged(Issue(code, "it is so"))
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, True)


def test_an_old_version_is_no_obstacle_to_its_upgrade() -> None:
    (finding,) = judged(Issue("UnsupportedVersion", "1.29 is not supported"))
    assert (finding.severity, finding.blocks, finding.fix) == (Severity.INFO, False, "upgrade to 1.35")


def test_the_message_names_the_resources() -> None:
    (finding,) = judged(Issue("Ec2SubnetNotFound", "gone", ("subnet-a", "subnet-b", "subnet-c", "subnet-d")))
    assert finding.message == "EKS reports Ec2SubnetNotFound (subnet-a, subnet-b, subnet-c and 1 more): gone"


def test_two_issues_with_one_code_are_two_findings() -> None:
    findings = judged(Issue("Ec2SubnetNotFound", "gone", ("a",)), Issue("Ec2SubnetNotFound", "gone", ("b",)))
    assert len({finding.fingerprint for finding in findings}) == 2


def test_a_healthy_cluster_is_not_told() -> None:
    assert judged() == ()
