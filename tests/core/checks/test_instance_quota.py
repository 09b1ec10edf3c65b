"""FK504 by quota, pool and surge."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind, Node, NodeGroup
from fleetkeeper.core.observed import Quota
from fleetkeeper.core.snapshot import Policy
from tests.core.checks.nodes import group, node
from tests.core.checks.snapshots import found, snapshot

STANDARD = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
SPOT = "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"


def quota(used: float | None, name: str = STANDARD, code: str = "L-1216C47A") -> Quota:
    return Quota("ec2", code, name, 100.0, used)


def judged(*quotas: Quota, nodes: tuple[Node, ...], groups: tuple[NodeGroup, ...] = ()) -> tuple[Finding, ...]:
    seen = {parts.NODES: nodes, parts.NODE_GROUPS: groups, parts.QUOTAS: quotas}
    return found("FK504", snapshot(seen, policy=Policy(surge_nodes=2)))


def zones(size: str, *names: str, **more: object) -> tuple[Node, ...]:
    return tuple(node(f"{size}-{zone}", instance_type=size, zone=zone, **more) for zone in names)


def test_a_quota_without_room_for_the_largest_surge_blocks() -> None:
    nodes = (*zones("m8g.large", "a", "b", "c", group="small"), *zones("m8g.4xlarge", "a", "b", group="big"))
    (finding,) = judged(quota(40.0), nodes=nodes)
    assert (finding.severity, finding.blocks, finding.subject) == (
        Severity.BLOCKER,
        True,
        Subject("Quota", "L-1216C47A"),
    )
    assert finding.message == (
        f"{STANDARD} is 100 vCPUs with 40 in use; NodeGroup big needs 64 more for 4 nodes of m8g.4xlarge"
    )
    assert finding.fix.endswith("--quota-code L-1216C47A --desired-value 104")


def test_room_for_the_largest_surge_is_not_told() -> None:
    assert judged(quota(36.0), nodes=zones("m8g.4xlarge", "a", "b")) == ()


def test_a_spot_group_takes_from_the_quota_of_spot() -> None:
    spot = group(capacity_type="SPOT")
    (finding,) = judged(quota(0.0), quota(99.0, SPOT, "L-34B43A08"), nodes=zones("m8g.large", "a"), groups=(spot,))
    assert finding.subject == Subject("Quota", "L-34B43A08")


@pytest.mark.parametrize(
    ("quotas", "kind", "why"),
    [
        pytest.param((), "m8g.large", "the quota was not found", id="no quota of the family"),
        pytest.param((quota(None),), "m8g.large", "its use is not counted", id="nobody counts its use"),
        pytest.param((quota(0.0),), "m5.metal", "its size is not told", id="a size that is not told"),
    ],
)
def test_what_cannot_be_counted_is_unknown(quotas: tuple[Quota, ...], kind: str, why: str) -> None:
    (finding,) = judged(*quotas, nodes=zones(kind, "a"))
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, False)
    assert finding.message == f"whether 2 nodes more of {kind} (on demand) fit is not known: {why}"


@pytest.mark.parametrize("kind", [ComputeKind.FARGATE, ComputeKind.HYBRID])
def test_nodes_that_are_no_instances_are_not_counted(kind: ComputeKind) -> None:
    assert judged(nodes=zones("m8g.large", "a", kind=kind)) == ()
