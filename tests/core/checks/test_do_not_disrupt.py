"""FK415 by the annotation and what launches the node."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.observed import PodNote
from tests.core.checks.nodes import node
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import OWNER, unseen

DETAIL = "karpenter.sh/do-not-disrupt"


def note(name: str, controller: str = "Deployment/web", why: str = "do-not-disrupt") -> PodNote:
    return PodNote("shop", name, why, DETAIL, controller, node="node-a", owner=OWNER)


@pytest.mark.parametrize(
    ("kind", "severity", "says"),
    [
        pytest.param(ComputeKind.KARPENTER, Severity.WARNING, "Karpenter does not replace node-a", id="karpenter"),
        pytest.param(ComputeKind.AUTO_MODE, Severity.WARNING, "Karpenter does not replace node-a", id="auto mode"),
        pytest.param(ComputeKind.MANAGED, Severity.INFO, "a drain evicts them all the same", id="a managed group"),
    ],
)
def test_pods_that_ask_are_told_once_for_their_workload(kind: ComputeKind, severity: Severity, says: str) -> None:
    notes = (note("web-1"), note("web-2"), note("web-3", why="finalizers"))
    (finding,) = found("FK415", snapshot({parts.POD_NOTES: notes, parts.NODES: (node(kind=kind),)}))
    assert (finding.severity, str(finding.subject)) == (severity, "Deployment shop/web")
    assert f"2 pods with {DETAIL}: {says}" in finding.message


def test_a_pod_without_a_controller_is_named_itself() -> None:
    (finding,) = found("FK415", snapshot({parts.POD_NOTES: (note("job", controller=""),)}))
    assert str(finding.subject) == "Pod shop/job"


def test_pods_that_ask_nothing_are_not_told() -> None:
    assert found("FK415", snapshot({parts.POD_NOTES: (note("web", why="no owner"),)})) == ()


def test_pods_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK415", parts.POD_NOTES) is Verdict.READY
