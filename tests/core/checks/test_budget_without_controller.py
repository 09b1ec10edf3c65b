"""FK410 by the pods that no controller owns."""

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.assess import Verdict
from tests.core.checks.workloads import bare_pod, budget, of_budgets, unseen, workload

IDLE = budget(maximum_unavailable="1", expected=0, healthy=1, allowed=0)


@pytest.mark.parametrize(
    ("made", "limit"),
    [
        pytest.param(IDLE, "maxUnavailable 1", id="by number"),
        pytest.param(budget(minimum="50%", expected=0, allowed=0), "minAvailable 50%", id="by percentage"),
    ],
)
def test_pods_without_a_controller_are_held_for_ever(made: observed.Budget, limit: str) -> None:
    (finding,) = of_budgets("FK410", (made,), (), bare_pod())
    assert finding.blocks
    assert finding.message == f"{limit} counts controllers, and 1 pod (lonely) have none: it never lets one go"
    assert "kubectl -n shop delete pdb web" in finding.fix


@pytest.mark.parametrize(
    ("made", "workloads", "bare"),
    [
        pytest.param(IDLE, (), (), id="no such pod"),
        pytest.param(budget(minimum="1", expected=2), (), (bare_pod(),), id="pods are counted, not controllers"),
        pytest.param(budget(maximum_unavailable="1"), (workload(),), (bare_pod(),), id="a controller is counted too"),
    ],
)
def test_a_budget_that_counts_something_is_not_told(
    made: observed.Budget, workloads: tuple[model.Workload, ...], bare: tuple[model.Workload, ...]
) -> None:
    assert of_budgets("FK410", (made,), workloads, *bare) == ()


def test_pods_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK410", parts.PODS) is Verdict.UNKNOWN
