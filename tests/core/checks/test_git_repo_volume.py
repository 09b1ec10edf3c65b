"""FK315 by volumes."""

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Severity
from fleetkeeper.core.pods import Volume
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.snapshots import NO_ROWS, found, snapshot
from tests.core.checks.workloads import bare_pod, unseen, workload

CHANGE = change(row("gitrepo-volume"))
GIT = (Volume("site", "gitRepo", "https://git.example/site"),)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({parts.WORKLOADS: (workload(volumes=GIT),)}, id="of a deployment"),
        pytest.param({parts.PODS: model.Pods(1, (bare_pod(volumes=GIT),))}, id="of a pod without an owner"),
    ],
)
def test_a_volume_that_kubelets_refuse_blocks(values: dict[str, object]) -> None:
    (finding,) = found("FK315", snapshot(values), compat=CHANGE)
    assert (finding.severity, finding.blocks, finding.breaks) == (Severity.BLOCKER, True, Breaks.AT_NODES)
    assert finding.message == "mounts gitRepo volume site, which kubelets of 1.35 refuse"
    assert "init container" in finding.fix


@pytest.mark.parametrize(
    ("made", "compat"),
    [
        pytest.param(workload(volumes=(Volume("a", "emptyDir"),)), CHANGE, id="another volume"),
        pytest.param(workload(volumes=GIT), NO_ROWS, id="the target takes it"),
        pytest.param(model.Workload("Job", "shop", "web", "u", ()), CHANGE, id="its template was not read"),
    ],
)
def test_another_volume_or_target_is_not_told(made: model.Workload, compat: Compat) -> None:
    assert found("FK315", snapshot({parts.WORKLOADS: (made,)}), compat=compat) == ()


def test_workloads_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK315", parts.WORKLOADS) is Verdict.READY
