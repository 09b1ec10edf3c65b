"""FK505 by zone, type and surge."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import AutoScalingGroup, ComputeKind
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


def own_group(free: int, subnets: tuple[str, ...] = ("subnet-0",), kind: str = "m8g.large") -> tuple[Finding, ...]:
    """Of a self-managed group with one node, which a label calls by a shorter name than Auto Scaling."""
    nodes = (
        node("n1", kind=ComputeKind.SELF_MANAGED, group="web", instance_type=kind, provider_id="aws:///eu-west-1a/i-1"),
    )
    scaling = (AutoScalingGroup("shop-web-1X", "shop", 1, ("i-1",), subnets=subnets),)
    known = ClusterPrerequisites(node_subnets=(Subnet("subnet-0", "eu-west-1a", free),))
    seen = {parts.PREREQUISITES: known, parts.NODE_GROUPS: (), parts.NODES: nodes, parts.AUTO_SCALING_GROUPS: scaling}
    return found("FK505", snapshot(seen))


def test_a_self_managed_group_is_judged_by_its_own_subnets_and_the_types_that_it_runs() -> None:
    assert own_group(20) == ()
    (finding,) = own_group(20, kind="m8g.4xlarge")
    assert (str(finding.subject), finding.severity) == ("AutoScalingGroup shop-web-1X", Severity.BLOCKER)
    assert finding.message == "eu-west-1a has 20 free addresses; a surge of 1 node takes 30 to 60"


def test_subnets_of_a_self_managed_group_that_are_not_known_make_it_unknown() -> None:
    (lost,) = own_group(20, subnets=("subnet-0", "subnet-gone"))
    assert (lost.severity, lost.message) == (Severity.UNKNOWN, "the free addresses of subnet-gone were not seen")
    (none,) = own_group(20, subnets=())
    assert "which subnets its nodes are launched into was not read" in none.message


@pytest.mark.parametrize("kind", [ComputeKind.KARPENTER, ComputeKind.SELF_MANAGED, ComputeKind.AUTO_MODE])
def test_a_pool_that_chooses_its_subnets_is_unknown_but_blocks_nothing(kind: ComputeKind) -> None:
    nodes = (node("n1", kind=kind, group="web"), node("n2", kind=kind, group="web"))
    seen = {parts.PREREQUISITES: ClusterPrerequisites(), parts.NODE_GROUPS: (), parts.NODES: nodes}
    (finding,) = found("FK505", snapshot(seen))
    assert (finding.severity, finding.blocks, finding.subject.name) == (Severity.UNKNOWN, False, "web")
    assert "were not judged" in finding.message
