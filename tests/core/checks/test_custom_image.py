"""FK421 by the image that a group uses."""

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import ComputeKind
from tests.core.checks.nodes import group, node
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen


def test_a_custom_image_is_unknown_and_blocks_nothing() -> None:
    made = group(ami_type="CUSTOM", version=None, launch_template="lt-0:3")
    (finding,) = found("FK421", snapshot({parts.NODE_GROUPS: (made,)}))
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, False)
    assert "whether there is one for 1.35 cannot be seen" in finding.message
    assert "build an image for 1.35, add it to lt-0 as a version" in finding.fix


def test_self_managed_nodes_are_told_by_group() -> None:
    own = {"kind": ComputeKind.SELF_MANAGED, "group": "own"}
    nodes = (node("a", **own), node("b", **own), node("c"))
    (finding,) = found("FK421", snapshot({parts.NODES: nodes}))
    assert str(finding.subject) == "AutoScalingGroup own"
    assert finding.message.startswith("2 self-managed nodes: ")


def test_images_of_eks_are_not_told() -> None:
    assert found("FK421", snapshot({parts.NODE_GROUPS: (group(),), parts.NODES: (node(),)})) == ()


def test_node_groups_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK421", parts.NODE_GROUPS) is Verdict.READY
