"""FK108 by kind of node and kubelet."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import ComputeKind, Node
from tests.core.checks.nodes import node
from tests.core.checks.skew_rows import SKEW
from tests.core.checks.snapshots import found, snapshot


def judged(*nodes: Node) -> tuple[Finding, ...]:
    return found("FK108", snapshot({parts.NODES: nodes}), compat=SKEW)


@pytest.mark.parametrize("kind", [ComputeKind.MANAGED, ComputeKind.FARGATE])
def test_a_node_of_eks_behind_the_control_plane_warns(kind: ComputeKind) -> None:
    (finding,) = judged(node(kubelet="v1.33.4", kind=kind), node("b"))
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)
    assert "(node-a) run kubelet 1.33; EKS wants 1.34 there before 1.34 → 1.35, and may refuse" in finding.message


@pytest.mark.parametrize(
    ("kubelet", "kind"),
    [
        pytest.param("v1.34.2", ComputeKind.MANAGED, id="at the control plane's minor"),
        pytest.param("v1.33.4", ComputeKind.SELF_MANAGED, id="a node that EKS does not manage"),
        pytest.param("v1.31.4", ComputeKind.MANAGED, id="a node that another check blocks"),
        pytest.param("?", ComputeKind.MANAGED, id="a version that cannot be read"),
    ],
)
def test_other_nodes_are_not_told(kubelet: str, kind: ComputeKind) -> None:
    assert judged(node(kubelet=kubelet, kind=kind)) == ()
