"""FK406 by the selector."""

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.pods import Labels
from tests.core.checks.workloads import budget, of_budgets, unseen, workload

ALL = budget(selector=Labels())
FIVE = tuple(workload(f"web-{number}") for number in range(5))


def test_an_empty_selector_is_told_with_what_it_takes() -> None:
    (finding,) = of_budgets("FK406", (ALL,), FIVE)
    assert "takes all 5 workloads" in finding.message
    assert "(Deployment web-0, Deployment web-1, Deployment web-2 and 2 more)" in finding.message
    assert "spec.selector.matchLabels" in finding.fix


@pytest.mark.parametrize(
    ("made", "workloads"),
    [
        pytest.param(ALL, FIVE[:1], id="one workload in the namespace"),
        pytest.param(budget(), FIVE, id="a selector with labels"),
        pytest.param(budget(selector=None), FIVE, id="no selector"),
    ],
)
def test_a_selector_that_takes_what_is_meant_is_not_told(
    made: observed.Budget, workloads: tuple[model.Workload, ...]
) -> None:
    assert of_budgets("FK406", (made,), workloads) == ()


def test_budgets_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK406", parts.BUDGETS) is Verdict.READY
