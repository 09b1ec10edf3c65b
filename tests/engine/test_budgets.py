"""API budgets: what an account and region allows is shared, and who has to wait is due again when it is there."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from fleetkeeper.core.run import Cause, Control, Role, Run, RunState, Task, TaskKey, TaskState
from fleetkeeper.engine.budgets import CALLS, Budgets
from fleetkeeper.engine.run_ports import Claim
from tests.engine.rig import T0

RUN = Run("run-1", "plan-1", "d", RunState.RUNNING, T0, Control.RUN, T0, "ann")


class Buckets:
    """Buckets that do not fill; wait is what they answer when they are empty."""

    def __init__(self, wait: float = 10.0, **left: int) -> None:
        self.wait = wait
        self.left = left

    def take_budget(self, account: str, region: str, calls: int, rate: float, burst: int) -> float:
        if self.left[account] < calls:
            return self.wait
        self.left[account] -= calls
        return 0.0


def claims(account: str, number: int) -> list[Claim]:
    made = []
    for idx in range(number):
        task = Task(TaskKey(account, idx), Role.MEMBER, f"{account}-{idx}", 0, "", TaskState.RUNNING, T0, 1)
        made.append(Claim(replace(task, account=account, region="eu-west-1", due=T0), None, 7, RUN))
    return made


def budgets(buckets: Any, burst: int = 20) -> Budgets:
    return Budgets(buckets, 10.0, burst)


def test_what_is_allowed_goes_and_the_rest_is_due_when_there_are_calls_again() -> None:
    admitted, later = budgets(Buckets(a=8)).admitted(claims("a", 10), T0)
    assert 1 <= len(admitted) <= 8 // CALLS
    assert len(admitted) + len(later) == 10
    assert {outcome.task.due for outcome in later} == {T0 + timedelta(seconds=10)}
    assert {outcome.epoch for outcome in later} == {7}


def test_a_long_wait_says_why() -> None:
    _, (outcome,) = budgets(Buckets(a=0)).admitted(claims("a", 1), T0)
    assert outcome.task.state is TaskState.PENDING
    assert outcome.task.why is not None
    assert outcome.task.why.cause is Cause.BUDGET
    assert outcome.task.why.text == "the 10 API calls a second of a/eu-west-1 are used up"


def test_a_short_wait_is_not_worth_a_word() -> None:
    _, (outcome,) = budgets(Buckets(wait=0.3, a=0)).admitted(claims("a", 1), T0)
    assert (outcome.task.state, outcome.task.why) == (TaskState.RUNNING, None)


def test_an_account_that_is_used_up_holds_up_no_other() -> None:
    admitted, later = budgets(Buckets(a=0, b=100)).admitted([*claims("a", 5), *claims("b", 5)], T0)
    assert {claim.task.account for claim in admitted} == {"b"}
    assert {outcome.task.account for outcome in later} == {"a"}


def test_what_belongs_to_no_account_needs_no_budget() -> None:
    admitted, later = budgets(Buckets()).admitted(claims("", 3), T0)
    assert (len(admitted), later) == (3, [])


def test_more_claims_than_a_burst_are_asked_for_in_portions() -> None:
    admitted, later = budgets(Buckets(a=1000)).admitted(claims("a", 50), T0)
    assert (len(admitted), later) == (50, [])
