"""FK407 by the selector and the controller's count."""

from typing import Any

import pytest

from fleetkeeper.core import observed, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.pods import Labels
from tests.core.checks.workloads import budget, of_budgets, unseen, workload

IDLE: dict[str, Any] = {"expected": 0, "healthy": 0, "allowed": 0}


@pytest.mark.parametrize(
    ("made", "says"),
    [
        pytest.param(budget(selector=None, **IDLE), "it has no selector, so it takes no pod", id="no selector"),
        pytest.param(budget(selector=Labels({"app": "old"}), **IDLE), "its selector takes no pod", id="labels of old"),
    ],
)
def test_a_budget_that_takes_no_pod_is_told(made: observed.Budget, says: str) -> None:
    (finding,) = of_budgets("FK407", (made,), (workload(),))
    assert (finding.severity, finding.message) == (Severity.INFO, says)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(budget(**IDLE), id="it takes a workload that is scaled to none"),
        pytest.param(budget(selector=Labels({"app": "rollout"})), id="the controller found pods"),
        pytest.param(budget(selector=None, observed=False, **IDLE), id="its status is old"),
    ],
)
def test_a_budget_that_may_take_pods_is_not_told(made: observed.Budget) -> None:
    assert of_budgets("FK407", (made,), (workload(replicas=0),)) == ()


def test_workloads_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK407", parts.WORKLOADS) is Verdict.READY
