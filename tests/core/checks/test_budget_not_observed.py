"""FK409 by the generation."""

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from tests.core.checks.workloads import budget, of_budgets, unseen


def test_a_budget_that_is_not_observed_blocks_as_unknown() -> None:
    (finding,) = of_budgets("FK409", (budget(observed=False),), ())
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, True)
    assert "kubectl -n shop get pdb web -o yaml" in finding.fix


def test_an_observed_budget_is_not_told() -> None:
    assert of_budgets("FK409", (budget(),), ()) == ()


def test_budgets_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK409", parts.BUDGETS) is Verdict.UNKNOWN
