"""FK422 by the condition of nodes."""

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from tests.core.checks.nodes import node
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen


def test_nodes_that_are_not_ready_are_told_by_group() -> None:
    nodes = (*(node(f"node-{number}", ready=False) for number in range(5)), node("well"))
    (finding,) = found("FK422", snapshot({parts.NODES: nodes}))
    assert (finding.severity, str(finding.subject)) == (Severity.WARNING, "NodeGroup workers")
    assert finding.message == "5 nodes not ready (node-0, node-1, node-2 and 2 more)"
    assert finding.fix.endswith("kubectl describe node node-0")


def test_ready_nodes_are_not_told() -> None:
    assert found("FK422", snapshot({parts.NODES: (node(),)})) == ()


def test_nodes_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK422", parts.NODES) is Verdict.READY
