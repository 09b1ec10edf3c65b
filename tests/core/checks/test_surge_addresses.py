"""FK505 by zone, type and surge."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.observed import ClusterPrerequisites, Subnet
from fleetkeeper.core.snapshot import Policy
from tests.core.checks.nodes import group, node
from tests.core.checks.snapshots import found, snapshot


def judged(
    *free: tuple[str, int], surge: int = 1, kind: str = "m8g.large", desired: int = 2, lost: bool = False
) -> tuple[Finding, ...]:
    subnets = tuple(Subnet(f"subnet-{number}", zone, count) for number, (zone, count) in enumerate(free))
    ids = (*(subnet.id for subnet in subnets), *(("subnet-gone",) if lost else ()))
    seen = {
        parts.PREREQUISITES: ClusterPrerequisites(node_subnets=subnets),
        parts.NODE_GROUPS: (group(subnets=ids, instance_types=(kind,), desired=desired),),
    }
    return found("FK505", snapshot(seen, policy=Policy(surge_nodes=surge)))


@pytest.mark.parametrize(
    ("free", "surge", "kind", "severity", "says"),
    [
        pytest.param(9, 1, "m8g.large", Severity.BLOCKER, "a surge of 1 node takes 10 to 20", id="not one interface"),
        pytest.param(19, 1, "m8g.large", Severity.WARNING, "a surge of 1 node takes 10 to 20", id="no warm interface"),
        pytest.param(89, 3, "m8g.4xlarge", Severity.BLOCKER, "a surge of 3 nodes takes 90 to 180", id="a larger surge"),
    ],
)
def test_a_zone_without_room_is_told(free: int, surge: int, kind: str, severity: Severity, says: str) -> None:
    (finding,) = judged(("eu-west-1a", free), ("eu-west-1b", 4000), surge=surge, kind=kind)
    assert (finding.severity, finding.blocks) == (severity, severity is Severity.BLOCKER)
    assert finding.message == f"eu-west-1a has {free} free addresses; {says}"
    assert finding.key == "eu-west-1a"


def test_the_subnets_of_one_zone_count_together() -> None:
    assert judged(("eu-west-1a", 10), ("eu-west-1a", 10)) == ()


def test_a_subnet_that_was_not_seen_is_unknown() -> None:
    (finding,) = judged(("eu-west-1a", 500), lost=True)
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, False)
    assert finding.message == "the free addresses of subnet-gone were not seen"


def test_a_group_without_nodes_needs_none() -> None:
    assert judged(("eu-west-1a", 0), desired=0) == ()


@pytest.mark.parametrize("kind", [ComputeKind.KARPENTER, ComputeKind.SELF_MANAGED, ComputeKind.AUTO_MODE])
def test_a_pool_that_chooses_its_subnets_is_unknown_but_blocks_nothing(kind: ComputeKind) -> None:
    nodes = (node("n1", kind=kind, group="web"), node("n2", kind=kind, group="web"))
    seen = {parts.PREREQUISITES: ClusterPrerequisites(), parts.NODE_GROUPS: (), parts.NODES: nodes}
    (finding,) = found("FK505", snapshot(seen))
    assert (finding.severity, finding.blocks, finding.subject.name) == (Severity.UNKNOWN, False, "web")
    assert "were not judged" in finding.message
