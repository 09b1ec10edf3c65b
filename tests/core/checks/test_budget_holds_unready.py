"""FK403 by health and policy."""

import pytest

from fleetkeeper.core import observed, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from tests.core.checks.workloads import budget, of_budgets, unseen, workload


@pytest.mark.parametrize("policy", ["", "IfHealthyBudget"])
def test_unready_pods_that_are_held_are_told_with_the_patch(policy: str) -> None:
    (finding,) = of_budgets("FK403", (budget(healthy=1, allowed=0, unhealthy_policy=policy),), (workload(),))
    assert finding.severity is Severity.WARNING
    assert "1 of 3 pods are healthy and 2 must be: IfHealthyBudget lets no pod go" in finding.message
    assert """patch pdb web --type merge -p '{"spec":{"unhealthyPodEvictionPolicy":"AlwaysAllow"}}'""" in finding.fix


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(budget(healthy=1, allowed=0, unhealthy_policy="AlwaysAllow"), id="unready pods may go"),
        pytest.param(budget(healthy=2, allowed=0), id="enough are healthy"),
        pytest.param(budget(minimum="3", desired=3, healthy=2, allowed=0), id="none ever may"),
        pytest.param(budget(expected=0, healthy=0, allowed=0), id="nothing is expected"),
    ],
)
def test_what_is_not_held_is_not_told(made: observed.Budget) -> None:
    assert of_budgets("FK403", (made,), (workload(),)) == ()


def test_budgets_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK403", parts.BUDGETS) is Verdict.UNKNOWN
