"""FK340 to FK343: advice for workloads, which never blocks."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import Workload
from fleetkeeper.core.pods import Labels, Requirement
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import budget, unseen, workload

ZONE = Requirement("topology.kubernetes.io/zone", "In", ("eu-west-1a",))


@pytest.mark.parametrize(
    ("code", "made", "message", "fix"),
    [
        pytest.param(
            "FK340", workload(replicas=1), "runs as 1 pod", "scale deployment web --replicas=2", id="a single replica"
        ),
        pytest.param(
            "FK341",
            workload(labels={"app": "web", "helm.sh/chart": "web-1.2.3"}, selector=Labels({"app": "web"})),
            "no budget keeps any of its 3 pods",
            "kubectl -n shop create pdb web --max-unavailable=1 --selector=app=web",
            id="no budget",
        ),
        pytest.param("FK342", workload(is_probed=False), "no readiness probe", "readinessProbe", id="no probe"),
        pytest.param("FK343", workload(), "keeps its 3 pods apart", "topologySpreadConstraints", id="no spread"),
        pytest.param(
            "FK343", workload(node_terms=(ZONE,)), "keeps its 3 pods apart", "topology", id="node affinity is no spread"
        ),
    ],
)
def test_advice_is_given_and_blocks_nothing(code: str, made: Workload, message: str, fix: str) -> None:
    other = budget(selector=Labels({"app": "other"}))
    (finding,) = found(code, snapshot({parts.WORKLOADS: (made,), parts.BUDGETS: (other,)}))
    assert (finding.severity, finding.blocks) == (Severity.INFO, False)
    assert message in finding.message
    assert fix in finding.fix
    assert finding.owner == {"team": "shop"}


@pytest.mark.parametrize(
    ("code", "made"),
    [
        pytest.param("FK340", workload(replicas=2), id="two replicas"),
        pytest.param("FK340", workload(replicas=0), id="no replica"),
        pytest.param("FK340", workload(kind="Job", replicas=1), id="a job"),
        pytest.param("FK341", workload(), id="a budget takes it"),
        pytest.param("FK341", workload(replicas=1), id="one pod needs no budget"),
        pytest.param("FK342", workload(), id="it is probed"),
        pytest.param("FK342", workload(replicas=0, is_probed=False), id="nothing runs"),
        pytest.param("FK343", workload(apart=("kubernetes.io/hostname",)), id="required anti-affinity"),
        pytest.param("FK343", workload(apart_preferred=("kubernetes.io/hostname",)), id="preferred anti-affinity"),
        pytest.param("FK343", workload(spread=("topology.kubernetes.io/zone",)), id="a spread constraint"),
        pytest.param("FK343", workload(replicas=1), id="one pod is nowhere else"),
    ],
)
def test_a_workload_that_does_well_gets_none(code: str, made: Workload) -> None:
    assert found(code, snapshot({parts.WORKLOADS: (made,), parts.BUDGETS: (budget(),)})) == ()


@pytest.mark.parametrize("code", ["FK340", "FK341", "FK342", "FK343"])
def test_workloads_that_were_not_seen_are_unknown_and_block_nothing(code: str) -> None:
    assert unseen(code, parts.WORKLOADS) is Verdict.READY
