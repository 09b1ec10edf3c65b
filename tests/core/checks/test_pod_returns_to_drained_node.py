"""FK417 by tolerations."""

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.pods import Toleration
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen, workload

ALL = (Toleration(operator="Exists"),)


@pytest.mark.parametrize(
    "toleration",
    [
        pytest.param(Toleration(operator="Exists"), id="everything"),
        pytest.param(Toleration(operator="Exists", effect="NoSchedule"), id="every taint against scheduling"),
        pytest.param(Toleration("node.kubernetes.io/unschedulable", "Exists"), id="the cordon"),
    ],
)
def test_a_workload_that_comes_back_is_told(toleration: Toleration) -> None:
    (finding,) = found("FK417", snapshot({parts.WORKLOADS: (workload(tolerations=(toleration,)),)}))
    assert "may come back to the node that is drained" in finding.message
    assert "toleration without a key" in finding.fix


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(workload(kind="DaemonSet", replicas=None, tolerations=ALL), id="a daemon set"),
        pytest.param(workload(replicas=0, tolerations=ALL), id="nothing runs"),
        pytest.param(workload(tolerations=(Toleration("dedicated", value="shop"),)), id="a taint by name"),
        pytest.param(workload(tolerations=(Toleration(operator="Exists", effect="NoExecute"),)), id="another effect"),
        pytest.param(model.Workload("Deployment", "shop", "web", "u", ()), id="its template was not read"),
    ],
)
def test_a_workload_that_goes_elsewhere_is_not_told(made: model.Workload) -> None:
    assert found("FK417", snapshot({parts.WORKLOADS: (made,)})) == ()


def test_workloads_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK417", parts.WORKLOADS) is Verdict.READY
