"""FK402 by the status of the budget."""

import pytest

from fleetkeeper.core import observed, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from tests.core.checks.workloads import budget, of_budgets, unseen, workload


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(budget(healthy=2, allowed=0), id="just enough are healthy"),
        pytest.param(
            budget(healthy=1, allowed=0, unhealthy_policy="AlwaysAllow"), id="too few, but unready ones may go"
        ),
    ],
)
def test_a_budget_that_is_short_now_is_told_with_its_numbers(made: observed.Budget) -> None:
    (finding,) = of_budgets("FK402", (made,), (workload(),))
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)
    assert (
        f"none of its 3 pods go now: {made.healthy} are healthy and 2 must stay; with all healthy 1" in finding.message
    )
    assert f"make the {3 - made.healthy} unready ready" in finding.fix


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(budget(), id="one may go"),
        pytest.param(budget(minimum="3", desired=3, allowed=0), id="none ever may"),
        pytest.param(budget(healthy=1, allowed=0), id="its unready pods are held"),
        pytest.param(budget(healthy=2, allowed=0, observed=False), id="its status is old"),
    ],
)
def test_another_state_is_not_told_here(made: observed.Budget) -> None:
    assert of_budgets("FK402", (made,), (workload(),)) == ()


def test_budgets_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK402", parts.BUDGETS) is Verdict.UNKNOWN
