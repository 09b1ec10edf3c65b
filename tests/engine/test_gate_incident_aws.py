"""The hold of AWS's own trouble: open issues and zones that are left hold, and so does whatever nobody can tell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from fleetkeeper.core.aws_trouble import AUTOSHIFT, HealthIssue, ZonalShift
from fleetkeeper.core.model import Scope
from fleetkeeper.core.playbook import Param
from fleetkeeper.core.run import TaskState
from fleetkeeper.core.verdict import Done, Wait
from fleetkeeper.engine.world import Answer
from fleetkeeper.engine.writers import CloudWriter
from fleetkeeper.errors import GapReason, ParamError, Refused
from tests.contract.observed import NOON, SCOPE
from tests.engine.gating import EU, US, Gating, gate, task

BOTH: Mapping[str, Param] = {"aws_health": True, "zonal_shift": True}
ISSUE = HealthIssue("EKS", "AWS_EKS_OPERATIONAL_ISSUE", NOON - timedelta(hours=1))
SHIFT = ZonalShift("euw1-az2", "ZONAL_SHIFT", "arn:of-a-balancer", NOON + timedelta(hours=2), "az2 is slow")


@dataclass
class Clouds:
    """The writers of every account and region: all of them alike. asked: of which something was asked."""

    issues: tuple[HealthIssue, ...] | None = ()
    shifts: tuple[ZonalShift, ...] = ()
    refuses: str = ""
    asked: list[tuple[str, Scope]] = field(default_factory=list)

    def cloud(self, scope: Scope) -> CloudWriter:
        return cast(CloudWriter, OneCloud(self, scope))


@dataclass
class OneCloud:
    of: Clouds
    scope: Scope

    def health_issues(self) -> tuple[HealthIssue, ...] | None:
        self.of.asked.append(("health", self.scope))
        self._answer("health:DescribeEvents")
        return self.of.issues

    def zonal_shifts(self) -> tuple[ZonalShift, ...]:
        self.of.asked.append(("shifts", self.scope))
        self._answer("arc-zonal-shift:ListZonalShifts")
        return self.of.shifts

    def _answer(self, operation: str) -> None:
        if self.of.refuses == operation:
            raise Refused(f"{operation}: AccessDenied", GapReason.FORBIDDEN)


def made(clouds: Clouds, **other: Any) -> Gating:
    found = Gating(writers=cast(Any, clouds), **other)
    found.runs.tasks = [
        task(0, EU, TaskState.RUNNING, ended_at=None),
        task(1, US, TaskState.NOT_STARTED, ended_at=None),
    ]
    return found


@pytest.mark.parametrize(
    ("clouds", "says", "owner"),
    [
        pytest.param(
            Clouds(issues=(ISSUE,)),
            f"AWS Health has open issues: EKS in {SCOPE}: AWS_EKS_OPERATIONAL_ISSUE since",
            "AWS",
            id="an open issue",
        ),
        pytest.param(
            Clouds(shifts=(SHIFT,)),
            f"traffic is moved out of a zone: euw1-az2 in {SCOPE}: a zonal shift of arn:of-a-balancer until",
            "who moves it",
            id="a zonal shift",
        ),
        pytest.param(
            Clouds(shifts=(ZonalShift("euw1-az2", AUTOSHIFT),)),
            "an autoshift of AWS",
            "who moves it",
            id="an autoshift",
        ),
        pytest.param(
            Clouds(refuses="health:DescribeEvents"),
            f"nobody knows whether AWS is in trouble: {SCOPE}: forbidden: health:DescribeEvents",
            f"the owner of account {SCOPE.account}",
            id="AWS Health that may not be asked",
        ),
        pytest.param(
            Clouds(refuses="arc-zonal-shift:ListZonalShifts"), "nobody knows", "the owner of account", id="no shifts"
        ),
        pytest.param(
            Clouds(issues=None, shifts=(SHIFT,)), "a zonal shift", "who moves it", id="a shift, without a plan"
        ),
    ],
)
def test_it_holds_while_there_is(clouds: Clouds, says: str, owner: str) -> None:
    found = made(clouds).held("incident", BOTH)
    assert isinstance(found, Wait)
    assert says in found.why
    assert found.owner.startswith(owner)
    assert found.again == timedelta(seconds=30)


def test_it_lets_go_where_aws_says_that_all_is_well() -> None:
    clouds = Clouds()
    found = made(clouds).held("incident", BOTH)
    assert found == Done(f"AWS Health has no open issue of EKS or EC2 in {SCOPE}; no zonal shift is active in {SCOPE}")
    assert clouds.asked == [("health", SCOPE), ("shifts", SCOPE)]


def test_an_account_without_a_support_plan_does_not_hold_for_ever_and_is_named() -> None:
    found = made(Clouds(issues=None)).held("incident", {"aws_health": True})
    assert found == Done(f"AWS Health cannot be asked for {SCOPE.account}: no support plan with its API")


@pytest.mark.parametrize(
    ("params", "asked"), [({"aws_health": True}, ["health"]), ({"zonal_shift": True}, ["shifts"])], ids=str
)
def test_only_what_is_wanted_is_asked(params: Mapping[str, Param], asked: list[str]) -> None:
    clouds = Clouds()
    made(clouds).held("incident", params)
    assert [what for what, _ in clouds.asked] == asked


def over(found: Gating) -> None:
    found.runs.tasks = [task(0, EU), task(1, US)]


def none(_: Gating) -> None: ...


@pytest.mark.parametrize(
    ("change", "number"), [pytest.param(over, 0, id="is over"), pytest.param(none, 1, id="has work left")]
)
def test_aws_is_asked_where_the_run(change: Callable[[Gating], None], number: int) -> None:
    clouds = Clouds()
    found = made(clouds)
    change(found)
    verdict = found.held("incident", {"aws_health": True})
    assert isinstance(verdict, Done)
    assert len(clouds.asked) == number
    assert number or verdict.note == "no cluster of AWS is left to work on"


def test_as_a_gate_it_asks_for_the_members_of_its_stage() -> None:
    clouds = Clouds()
    found = made(clouds)
    over(found)
    assert isinstance(found.verdict("incident", {"aws_health": True}), Done)
    assert clouds.asked == [("health", SCOPE)]


class Pager:
    def __init__(self, is_open: str) -> None:
        self.open = is_open

    def ask(self, name: str, query: Mapping[str, str]) -> Answer:
        return Answer(200, {"open": self.open}, self.open)


@pytest.mark.parametrize(
    ("is_open", "issues", "says"),
    [
        pytest.param("true", (), "pager answered open=true", id="the pager is open"),
        pytest.param("false", (ISSUE,), "AWS Health has open issues", id="AWS is in trouble"),
    ],
)
def test_either_of_two_holds(is_open: str, issues: tuple[HealthIssue, ...], says: str) -> None:
    params: Mapping[str, Param] = {"entry": "pager", "clear": "open=false", **BOTH}
    found = made(Clouds(issues=issues), hooks=cast(Any, Pager(is_open))).held("incident", params)
    assert isinstance(found, Wait)
    assert says in found.why


def test_both_let_go_together() -> None:
    params: Mapping[str, Param] = {"entry": "pager", "clear": "open=false", "aws_health": True}
    found = made(Clouds(), hooks=cast(Any, Pager("false"))).held("incident", params)
    assert isinstance(found, Done)
    assert found.note.startswith("no incident is open, pager answered open=false; AWS Health has no open issue")


@pytest.mark.parametrize(
    ("params", "says"),
    [
        pytest.param({}, "needs entry", id="nothing is asked"),
        pytest.param({"aws_health": False}, "needs entry", id="it is turned off"),
        pytest.param({"aws_health": "yes"}, "true or false", id="it is no flag"),
        pytest.param({"aws_health": True, "alerts": "ALERTS"}, "belongs to source", id="alerts of no server"),
        pytest.param({"entry": "a", "clear": "b=c", "source": "d"}, "write two holds", id="two at once"),
    ],
)
def test_parameters_that_make_no_hold(params: Mapping[str, Param], says: str) -> None:
    with pytest.raises(ParamError, match=says):
        gate("incident", params)
