"""FK107 by kubelet, hop and kind of node."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind, Node
from fleetkeeper.core.snapshot import Hop
from tests.core.checks.nodes import node
from tests.core.checks.skew_rows import SKEW
from tests.core.checks.snapshots import HOP, found, hops, snapshot


def judged(*nodes: Node, hop: Hop = HOP, compat: Compat = SKEW) -> tuple[Finding, ...]:
    return found("FK107", snapshot({parts.NODES: nodes}), hop, compat)


def test_nodes_that_the_target_does_not_take_block_with_the_oldest_that_it_takes() -> None:
    nodes = [node(f"ip-{number}", kubelet="v1.31.9-eks-1") for number in range(5)]
    (finding,) = judged(*nodes, node("ip-new"))
    assert (finding.severity, finding.blocks, finding.subject) == (
        Severity.BLOCKER,
        True,
        Subject("NodeGroup", "workers"),
    )
    assert finding.message == (
        "5 nodes of NodeGroup workers (ip-0, ip-1, ip-2 and 2 more) run kubelet 1.31; 1.35 takes none older than 1.32"
    )
    assert finding.fix == (
        "before 1.34 → 1.35: aws eks update-nodegroup-version --cluster-name shop --nodegroup-name workers"
        " --kubernetes-version 1.34"
    )


@pytest.mark.parametrize(
    ("kubelet", "source", "target", "blocked"),
    [
        pytest.param("v1.32.1", "1.34", "1.35", [False], id="three behind the target"),
        pytest.param("v1.31.1", "1.34", "1.35", [True], id="four behind the target"),
        pytest.param("v1.32.1", "1.34", "1.36", [False, True], id="the second hop leaves it behind"),
        pytest.param("v1.24.1", "1.25", "1.27", [False, True], id="two behind before 1.25"),
        pytest.param("v1.25.1", "1.27", "1.28", [False], id="three behind from 1.25 on"),
    ],
)
def test_each_hop_is_judged_by_its_own_target(kubelet: str, source: str, target: str, blocked: list[bool]) -> None:
    made = [bool(judged(node(kubelet=kubelet), hop=hop)) for hop in hops(source, target)]
    assert made == blocked


def test_a_kubelet_newer_than_the_control_plane_warns_once() -> None:
    first, second = hops("1.34", "1.36")
    (finding,) = judged(node(kubelet="v1.35.1"), hop=first)
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)
    assert finding.message.endswith("run kubelet 1.35, newer than the control plane (1.34)")
    assert judged(node(kubelet="v1.35.1"), hop=second) == ()


@pytest.mark.parametrize(
    ("kind", "group", "subject", "fix"),
    [
        pytest.param(
            ComputeKind.FARGATE, "", Subject("Nodes", "fargate"), "kubectl rollout restart", id="pods of Fargate"
        ),
        pytest.param(
            ComputeKind.KARPENTER, "spot", Subject("NodePool", "spot"), "let the EC2NodeClass select", id="Karpenter"
        ),
        pytest.param(
            ComputeKind.AUTO_MODE, "system", Subject("NodePool", "system"), "let Auto Mode replace", id="Auto Mode"
        ),
        pytest.param(
            ComputeKind.SELF_MANAGED, "asg", Subject("AutoScalingGroup", "asg"), "launch template", id="self-managed"
        ),
        pytest.param(
            ComputeKind.HYBRID, "", Subject("Nodes", "hybrid"), "replace these nodes by ones of 1.34", id="hybrid"
        ),
    ],
)
def test_each_kind_of_node_has_its_own_fix(kind: ComputeKind, group: str, subject: Subject, fix: str) -> None:
    (finding,) = judged(node(kubelet="v1.31.0", kind=kind, group=group))
    assert finding.subject == subject
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("kubelet", "compat"),
    [
        pytest.param("unknown", SKEW, id="a version that cannot be read"),
        pytest.param("v1.34.1", Compat(), id="no row of the policy"),
    ],
)
def test_what_cannot_be_judged_blocks_as_unknown(kubelet: str, compat: Compat) -> None:
    (finding,) = judged(node(kubelet=kubelet), compat=compat)
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, True)
    assert "kubectl get node node-a" in finding.fix


def test_nodes_at_the_control_planes_minor_are_not_told() -> None:
    assert judged(node()) == ()
