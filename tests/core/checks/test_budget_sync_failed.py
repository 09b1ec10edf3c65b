"""FK408 by the condition."""

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from tests.core.checks.workloads import budget, of_budgets, unseen, workload

FAILED = budget(maximum_unavailable="1", reason="SyncFailed", message="foos.example.com does not implement scale")


def test_a_failed_sync_blocks_with_the_controller_s_own_words() -> None:
    (finding,) = of_budgets("FK408", (FAILED,), ())
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert "(SyncFailed: foos.example.com does not implement scale), so it lets none go" in finding.message
    assert "minAvailable with a number" in finding.fix


def test_a_failed_sync_of_a_daemon_set_holds_no_drain() -> None:
    assert of_budgets("FK408", (FAILED,), (workload(kind="DaemonSet", replicas=None),)) == ()


def test_another_reason_is_not_told() -> None:
    assert of_budgets("FK408", (budget(reason="InsufficientPods"),), ()) == ()


def test_budgets_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK408", parts.BUDGETS) is Verdict.UNKNOWN
