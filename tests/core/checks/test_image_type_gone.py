"""FK419 by AMI types and images."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import ComputeKind, Node, NodeGroup
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.nodes import group, node
from tests.core.checks.snapshots import NO_ROWS, found, snapshot
from tests.core.checks.workloads import unseen

GONE = change(row("al2"))
AL2 = group(ami_type="AL2_x86_64")
OLD = "Amazon Linux 2"


@pytest.mark.parametrize(
    ("groups", "made", "subject", "message", "fix"),
    [
        pytest.param(
            (AL2,),
            node(os_image=OLD),
            "NodeGroup workers",
            "has AMI type AL2_x86_64: it is gone",
            "create a group with AL2023 beside workers",
            id="a managed group, told once",
        ),
        pytest.param(
            (),
            node(os_image=OLD, kind=ComputeKind.KARPENTER, group="pool"),
            "NodePool pool",
            "1 node (node-a) run Amazon Linux 2",
            "alias al2023@latest",
            id="karpenter",
        ),
        pytest.param(
            (),
            node(os_image=OLD, kind=ComputeKind.SELF_MANAGED, group="own"),
            "AutoScalingGroup own",
            "run Amazon Linux 2",
            "nodeadm user data for it",
            id="self-managed",
        ),
    ],
)
def test_nodes_of_an_image_that_is_gone_block(
    groups: tuple[NodeGroup, ...], made: Node, subject: str, message: str, fix: str
) -> None:
    (finding,) = found("FK419", snapshot({parts.NODE_GROUPS: groups, parts.NODES: (made,)}), compat=GONE)
    assert (finding.severity, finding.blocks, str(finding.subject)) == (Severity.BLOCKER, True, subject)
    assert message in finding.message
    assert fix in finding.fix


def test_the_last_minor_with_the_image_says_so_and_blocks_nothing() -> None:
    last = change(row("al2", type="deprecated"))
    (finding,) = found("FK419", snapshot({parts.NODE_GROUPS: (AL2,)}), compat=last)
    assert (finding.severity, finding.blocks) == (Severity.INFO, False)


@pytest.mark.parametrize(
    ("groups", "made", "compat"),
    [
        pytest.param((group(),), node(), GONE, id="al2023"),
        pytest.param((AL2,), node(), NO_ROWS, id="the target has it"),
        pytest.param((), node(os_image=OLD, kind=ComputeKind.FARGATE), GONE, id="fargate"),
    ],
)
def test_an_image_that_is_made_is_not_told(groups: tuple[NodeGroup, ...], made: Node, compat: Compat) -> None:
    assert found("FK419", snapshot({parts.NODE_GROUPS: groups, parts.NODES: (made,)}), compat=compat) == ()


@pytest.mark.parametrize("part", [parts.NODE_GROUPS, parts.NODES])
def test_what_was_not_seen_blocks_as_unknown(part: str) -> None:
    assert unseen("FK419", part) is Verdict.UNKNOWN
