"""FK425 by the group of a zone's nodes, its strategy and its subnets."""

from typing import Any

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind, Node, NodeGroup
from fleetkeeper.core.observed import ClusterPrerequisites, PersistentVolume, Subnet
from tests.core.checks.nodes import group, node
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen

HERE, THERE = "eu-west-1a", "eu-west-1b"
NODES = (node("a"), node("b"), node("c", zone=THERE))
SUBNETS = (Subnet("subnet-a", HERE, 4), Subnet("subnet-b", THERE, 4000))


def workers(**more: Any) -> NodeGroup:
    return group(**{"subnets": ("subnet-a", "subnet-b"), "desired": 3, **more})


def judged(
    nodes: tuple[Node, ...] = NODES,
    groups: tuple[NodeGroup, ...] = (workers(),),
    subnets: tuple[Subnet, ...] = SUBNETS,
    **more: Any,
) -> tuple[Finding, ...]:
    made: dict[str, Any] = {"zones": (HERE,), "claim": "shop/data-db-0", **more}
    volume = PersistentVolume("pv-0", "ebs.csi.aws.com", **made)
    seen = {
        parts.VOLUMES: (volume,),
        parts.NODES: nodes,
        parts.NODE_GROUPS: groups,
        parts.PREREQUISITES: ClusterPrerequisites(node_subnets=subnets),
    }
    return found("FK425", snapshot(seen))


def test_a_zone_whose_group_finds_no_address_there_is_told() -> None:
    (finding,) = judged()
    assert (finding.severity, finding.blocks, finding.subject) == (
        Severity.WARNING,
        False,
        Subject("NodeGroup", "workers"),
    )
    assert finding.message == (
        "1 volume (shop/data-db-0) can only be in eu-west-1a, where all 2 nodes are of this group:"
        " a new one takes 10 addresses, and its subnets there have 4"
    )
    assert finding.key == HERE


def test_a_group_without_a_subnet_in_the_zone_has_no_address_there() -> None:
    (finding,) = judged(groups=(workers(subnets=("subnet-b",)),))
    assert finding.message.endswith("its subnets there have 0")


@pytest.mark.parametrize("share", ["2", "50%"])
def test_a_group_that_takes_every_node_of_the_zone_before_it_launches_any_is_told(share: str) -> None:
    (finding,) = judged(groups=(workers(update_strategy="MINIMAL", max_unavailable=share),))
    assert finding.message.endswith("its update takes 2 at once, before it launches any (strategy MINIMAL)")
    assert finding.fix == "set maxUnavailable of workers below 2, or its update strategy to DEFAULT"


PLENTY = (Subnet("subnet-a", HERE, 10), SUBNETS[1])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"subnets": PLENTY}, id="an address for a new node"),
        pytest.param({"groups": (workers(update_strategy="MINIMAL"),)}, id="one by one before any is launched"),
        pytest.param(
            {"subnets": PLENTY, "groups": (workers(max_unavailable="100%"),)}, id="all at once after new ones are there"
        ),
        pytest.param({"nodes": (*NODES, node("d", group="other"))}, id="a node of another group in the zone"),
        pytest.param({"nodes": NODES[1:]}, id="one node, which is FK412"),
        pytest.param({"claim": ""}, id="a volume that nobody uses"),
        pytest.param({"zones": ()}, id="a volume of no zone"),
        pytest.param({"groups": (workers(subnets=("subnet-a", "subnet-x")),)}, id="a subnet not seen, which is FK505"),
        pytest.param({"groups": ()}, id="a group that EKS does not list"),
        *(
            pytest.param({"nodes": tuple(node(n, kind=kind) for n in "ab")}, id=f"nodes of {kind.value}")
            for kind in (ComputeKind.KARPENTER, ComputeKind.SELF_MANAGED)
        ),
    ],
)
def test_a_zone_that_keeps_or_gets_a_node_is_not_told(changed: dict[str, Any]) -> None:
    assert judged(**changed) == ()


@pytest.mark.parametrize("part", [parts.VOLUMES, parts.NODES, parts.NODE_GROUPS, parts.PREREQUISITES])
def test_what_was_not_seen_is_unknown_and_blocks_nothing(part: str) -> None:
    assert unseen("FK425", part) is Verdict.READY
