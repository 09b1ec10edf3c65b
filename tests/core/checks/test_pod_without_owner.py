"""FK411 by the pods that no controller owns."""

from fleetkeeper.core import model, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Breaks, Severity
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import bare_pod, unseen


def test_a_pod_that_a_drain_would_delete_for_good_is_told() -> None:
    (finding,) = found("FK411", snapshot({parts.PODS: model.Pods(4, (bare_pod(),))}))
    assert (finding.severity, finding.breaks, finding.blocks) == (Severity.WARNING, Breaks.LOST, False)
    assert str(finding.subject) == "Pod shop/lonely"
    assert finding.owner == {"team": "shop"}


def test_pods_of_controllers_are_not_told() -> None:
    assert found("FK411", snapshot({parts.PODS: model.Pods(4, ())})) == ()


def test_pods_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK411", parts.PODS) is Verdict.READY
