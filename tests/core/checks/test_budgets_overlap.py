"""FK405 by selectors."""

import pytest

from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.pods import Labels
from tests.core.checks.workloads import bare_pod, budget, of_budgets, unseen, workload

BOTH = (budget("web"), budget("all", selector=Labels()))


@pytest.mark.parametrize(
    ("made", "severity"),
    [
        pytest.param(workload(), Severity.BLOCKER, id="of a deployment"),
        pytest.param(workload(kind="CronJob", replicas=None), Severity.WARNING, id="of a cron job, whose pods end"),
    ],
)
def test_two_budgets_on_one_workload_are_named(made: model.Workload, severity: Severity) -> None:
    (finding,) = of_budgets("FK405", BOTH, (made,))
    assert (finding.severity, finding.blocks) == (severity, severity is Severity.BLOCKER)
    assert finding.subject.kind == made.kind
    assert "taken by 2 budgets (all, web)" in finding.message
    assert "kubectl -n shop delete pdb web" in finding.fix


def test_two_budgets_on_a_pod_without_an_owner_are_named() -> None:
    (finding,) = of_budgets("FK405", BOTH, (), bare_pod())
    assert str(finding.subject) == "Pod shop/lonely"


@pytest.mark.parametrize(
    ("budgets", "made"),
    [
        pytest.param(BOTH, workload(kind="DaemonSet", replicas=None), id="no drain evicts a daemon set"),
        pytest.param(BOTH, workload(replicas=0), id="nothing runs"),
        pytest.param(BOTH[:1], workload(), id="one budget"),
        pytest.param(BOTH, workload(namespace="bank"), id="another namespace"),
        pytest.param(
            (budget("web"), budget("api", selector=Labels({"app": "api"}))), workload(), id="they do not meet"
        ),
    ],
)
def test_budgets_that_do_not_meet_are_not_told(budgets: tuple[observed.Budget, ...], made: model.Workload) -> None:
    assert of_budgets("FK405", budgets, (made,)) == ()


def test_budgets_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK405", parts.BUDGETS) is Verdict.UNKNOWN
