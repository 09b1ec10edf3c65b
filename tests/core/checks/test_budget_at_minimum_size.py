"""FK404 by the autoscaler's minimum."""

import pytest

from fleetkeeper.core import model, parts
from fleetkeeper.core.assess import Verdict
from tests.core.checks.workloads import budget, of_budgets, unseen, workload

BUSY = budget(expected=6, healthy=6, allowed=4)


def test_a_budget_that_holds_all_at_the_minimum_is_told() -> None:
    (finding,) = of_budgets("FK404", (BUSY,), (workload(replicas=6, minimum=2),))
    assert "minAvailable 2 lets 4 of 6 pods go now, but none at the autoscaler's minimum (Deployment web 2)" in (
        finding.message
    )
    assert not finding.blocks
    assert "minReplicas" in finding.fix


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(workload(replicas=6, minimum=3), id="one may go at the minimum"),
        pytest.param(workload(replicas=6), id="no autoscaler"),
        pytest.param(workload(replicas=2, minimum=2), id="none may go today either"),
    ],
)
def test_a_minimum_that_hides_nothing_is_not_told(made: model.Workload) -> None:
    assert of_budgets("FK404", (BUSY,), (made,)) == ()


def test_workloads_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK404", parts.WORKLOADS) is Verdict.READY
