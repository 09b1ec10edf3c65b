"""FK319 by the runtime of nodes and who brings their image."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.model import ComputeKind, Node, NodeGroup
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.nodes import group, node
from tests.core.checks.snapshots import NO_ROWS, found, snapshot
from tests.core.checks.workloads import unseen

NEEDED = change(row("containerd-1", type="requires"))
LAST = change(row("containerd-1", type="deprecated"))
OLD = "containerd://1.7.28"


def judged(node: Node, group: NodeGroup, compat: Compat) -> tuple[Finding, ...]:
    return found("FK319", snapshot({parts.NODES: (node,), parts.NODE_GROUPS: (group,)}), compat=compat)


@pytest.mark.parametrize(
    ("compat", "severity"),
    [
        pytest.param(NEEDED, Severity.BLOCKER, id="2.x is needed"),
        pytest.param(LAST, Severity.INFO, id="the last with 1.x"),
    ],
)
@pytest.mark.parametrize(
    ("made", "of"),
    [
        pytest.param(node(runtime=OLD), group(ami_type="CUSTOM"), id="a custom image"),
        pytest.param(node(runtime=OLD, kind=ComputeKind.SELF_MANAGED, group="own"), group(), id="self-managed"),
        pytest.param(node(runtime=OLD, kind=ComputeKind.HYBRID, group=""), group(), id="hybrid"),
    ],
)
def test_an_old_runtime_of_one_s_own_image_is_told(
    made: Node, of: NodeGroup, compat: Compat, severity: Severity
) -> None:
    (finding,) = judged(made, of, compat)
    assert (finding.severity, finding.blocks) == (severity, severity is Severity.BLOCKER)
    assert f"1 node (node-a) run {OLD}: it is gone" in finding.message
    assert "with containerd 2.x before its nodes move to 1.35" in finding.fix


@pytest.mark.parametrize(
    ("made", "compat"),
    [
        pytest.param(node(runtime=OLD), NEEDED, id="EKS brings the image"),
        pytest.param(node(runtime=OLD, kind=ComputeKind.AUTO_MODE, group="pool"), NEEDED, id="auto mode"),
        pytest.param(node(kind=ComputeKind.SELF_MANAGED, group="own"), NEEDED, id="2.x"),
        pytest.param(node(runtime=OLD, kind=ComputeKind.SELF_MANAGED), NO_ROWS, id="before the change"),
    ],
)
def test_a_runtime_that_will_do_is_not_told(made: Node, compat: Compat) -> None:
    assert judged(made, group(), compat) == ()


def test_nodes_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK319", parts.NODES) is Verdict.READY
