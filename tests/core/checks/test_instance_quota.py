"""FK504 by quota, pool and surge."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import AutoScalingGroup, ComputeKind, Node, NodeGroup
from fleetkeeper.core.observed import Quota
from fleetkeeper.core.snapshot import Policy
from tests.core.checks.nodes import group, node
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen

STANDARD = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
GRAPHICS = "Running On-Demand G and VT instances"
JUDGED_BY = "it may launch other families, and is judged by what it runs now"
SPOT = "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"


def quota(used: float | None, name: str = STANDARD, code: str = "L-1216C47A") -> Quota:
    return Quota("ec2", code, name, 100.0, used)


def judged(
    *quotas: Quota,
    nodes: tuple[Node, ...],
    groups: tuple[NodeGroup, ...] = (),
    scaling: tuple[AutoScalingGroup, ...] = (),
) -> tuple[Finding, ...]:
    seen = {
        parts.NODES: nodes,
        parts.NODE_GROUPS: groups,
        parts.QUOTAS: quotas,
        parts.AUTO_SCALING_GROUPS: scaling,
    }
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


@pytest.mark.parametrize("kind", [ComputeKind.KARPENTER, ComputeKind.AUTO_MODE])
def test_a_pool_that_picks_its_types_is_judged_by_what_it_runs_and_says_so(kind: ComputeKind) -> None:
    nodes = zones("m8g.4xlarge", "a", "b", kind=kind, group="general")
    (finding,) = judged(quota(40.0), nodes=nodes)
    assert finding.message.endswith(f"NodePool general needs 64 more for 4 nodes of m8g.4xlarge; {JUDGED_BY}")
    assert finding.blocks


def test_each_family_of_a_pool_takes_from_a_quota_of_its_own() -> None:
    nodes = zones("m8g.4xlarge", "a", kind=ComputeKind.KARPENTER) + zones("g6.xlarge", "a", kind=ComputeKind.KARPENTER)
    (finding,) = judged(quota(0.0), quota(96.0, GRAPHICS, "L-DB2E81BA"), nodes=nodes)
    assert finding.subject == Subject("Quota", "L-DB2E81BA")
    assert "needs 8 more for 2 nodes of g6.xlarge" in finding.message


def test_a_family_of_an_open_pool_without_a_quota_is_unknown() -> None:
    (finding,) = judged(quota(0.0), nodes=zones("g6.xlarge", "a", kind=ComputeKind.KARPENTER))
    assert finding.severity is Severity.UNKNOWN
    assert finding.message.endswith(f"is not known: the quota was not found; {JUDGED_BY}")


def test_spot_nodes_of_karpenter_take_from_the_quota_of_spot() -> None:
    nodes = zones("m8g.large", "a", kind=ComputeKind.KARPENTER, spot=True)
    (finding,) = judged(quota(100.0), quota(99.0, SPOT, "L-34B43A08"), nodes=nodes)
    assert finding.subject == Subject("Quota", "L-34B43A08")


def test_a_managed_group_may_launch_each_type_that_it_lists() -> None:
    workers = group(instance_types=("m8g.large", "m8g.16xlarge"))
    (finding,) = judged(quota(0.0), nodes=zones("m8g.large", "a"), groups=(workers,))
    assert "needs 128 more for 2 nodes of m8g.16xlarge" in finding.message


def test_self_managed_nodes_are_told_apart_by_the_group_that_counts_them() -> None:
    own = {"kind": ComputeKind.SELF_MANAGED, "group": ""}
    nodes = (
        *zones("m8g.large", "a", **own, provider_id="aws:///a/i-0a"),
        *zones("m8g.4xlarge", "b", "c", **own, provider_id="aws:///b/i-0b"),
    )
    scaling = tuple(AutoScalingGroup(name, "shop", 1, (id,)) for name, id in (("one", "i-0a"), ("two", "i-0b")))
    (finding,) = judged(quota(40.0), nodes=nodes, scaling=scaling)
    assert finding.message.endswith("AutoScalingGroup two needs 64 more for 4 nodes of m8g.4xlarge")


def test_self_managed_nodes_of_no_group_that_was_seen_are_judged_together() -> None:
    nodes = zones("m8g.4xlarge", "a", "b", kind=ComputeKind.SELF_MANAGED, group="")
    (finding,) = judged(quota(40.0), nodes=nodes)
    assert "Nodes self-managed needs 64 more" in finding.message


@pytest.mark.parametrize("kind", [ComputeKind.KARPENTER, ComputeKind.SELF_MANAGED])
def test_room_for_pools_that_eks_does_not_manage_is_not_told(kind: ComputeKind) -> None:
    assert judged(quota(36.0), nodes=zones("m8g.4xlarge", "a", "b", kind=kind)) == ()


def test_quotas_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK504", parts.QUOTAS) is Verdict.READY
