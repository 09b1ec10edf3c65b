"""FK424 by the kind of nodes."""

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import ComputeKind
from tests.core.checks.nodes import node
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen


def test_nodes_that_nothing_known_launches_are_told() -> None:
    nodes = (node("b", kind=ComputeKind.UNKNOWN), node("a", kind=ComputeKind.UNKNOWN), node("c"))
    (finding,) = found("FK424", snapshot({parts.NODES: nodes}))
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, False)
    assert "2 nodes (a, b) that nothing known launches" in finding.message


def test_nodes_of_a_known_kind_are_not_told() -> None:
    assert found("FK424", snapshot({parts.NODES: (node(),)})) == ()


def test_nodes_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK424", parts.NODES) is Verdict.READY
