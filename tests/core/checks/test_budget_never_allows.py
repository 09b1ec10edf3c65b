"""FK401 by limits and sizes."""

import pytest

from fleetkeeper.core import observed, parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Breaks, Severity
from tests.core.checks.workloads import bare_pod, budget, of_budgets, unseen, workload

PATCH = """kubectl -n shop patch pdb web --type merge -p '{"spec":{"minAvailable":null,"maxUnavailable":1}}'"""


@pytest.mark.parametrize(
    ("made", "replicas", "message", "fix"),
    [
        pytest.param(
            budget(minimum="3", desired=3, allowed=0), 3, "minAvailable 3 of 3 pods never lets one go", PATCH, id="all"
        ),
        pytest.param(
            budget(maximum_unavailable="0%", allowed=0), 3, "maxUnavailable 0% of 3 pods never", PATCH, id="no percent"
        ),
        pytest.param(
            budget(minimum="", expected=0, desired=0, allowed=0),
            3,
            "neither minAvailable nor maxUnavailable of 3 pods never lets one go",
            PATCH,
            id="no limit at all, by which the controller expects none",
        ),
        pytest.param(
            budget(minimum="50%", expected=1, healthy=1, desired=1, allowed=0),
            1,
            "minAvailable 50% of 1 pod never lets one go (Deployment web)",
            f"run at least 2 replicas, then {PATCH}",
            id="half of a single replica",
        ),
    ],
)
def test_a_budget_that_can_never_allow_blocks(made: observed.Budget, replicas: int, message: str, fix: str) -> None:
    (finding,) = of_budgets("FK401", (made,), (workload(replicas=replicas),))
    assert (finding.severity, finding.blocks, finding.breaks) == (Severity.BLOCKER, True, Breaks.AT_NODES)
    assert message in finding.message
    assert finding.fix.startswith(fix)
    assert finding.owner == {"team": "budgets"}


def test_a_budget_without_an_owner_is_its_workload_s() -> None:
    made = budget(minimum="3", allowed=0, owner={})
    (finding,) = of_budgets("FK401", (made,), (workload(),))
    assert finding.owner == {"team": "shop"}


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        pytest.param(budget(), "Deployment", id="one may go"),
        pytest.param(budget(healthy=2, allowed=0), "Deployment", id="one could go if all were healthy"),
        pytest.param(budget(maximum_unavailable="30%", expected=1), "Deployment", id="30 percent of one is one"),
        pytest.param(budget(minimum="3", allowed=0), "DaemonSet", id="no drain evicts a daemon set"),
        pytest.param(budget(minimum="3", allowed=0, reason="SyncFailed"), "Deployment", id="its counts are not known"),
    ],
)
def test_a_budget_that_may_allow_is_not_told(made: observed.Budget, kind: str) -> None:
    assert of_budgets("FK401", (made,), (workload(kind=kind, replicas=3 if kind == "Deployment" else None),)) == ()


def test_a_budget_of_a_job_warns_for_a_drain_outlasts_it() -> None:
    made = budget(minimum="1", expected=1, healthy=1, allowed=0)
    (finding,) = of_budgets("FK401", (made,), (workload(kind="CronJob", replicas=None),))
    assert (finding.severity, finding.blocks) == (Severity.WARNING, False)


def test_pods_without_an_owner_count_by_number() -> None:
    (finding,) = of_budgets("FK401", (budget(minimum="1", expected=1, allowed=0),), (), bare_pod())
    assert "minAvailable 1 of 1 pod" in finding.message


@pytest.mark.parametrize("part", [parts.BUDGETS, parts.WORKLOADS, parts.PODS])
def test_what_was_not_seen_blocks_as_unknown(part: str) -> None:
    assert unseen("FK401", part) is Verdict.UNKNOWN
