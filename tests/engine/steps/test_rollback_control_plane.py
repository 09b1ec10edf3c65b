"""rollback-control-plane on a simulated EKS: every rule that closes the way back, and what must be done before."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Skip, Undone, Verdict, Wait
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.eks_state import SimUpgrade
from fleetkeeper.sim.faults import Fault
from tests.engine.steps.moving import (
    Change,
    aged,
    back,
    cloud,
    fresh,
    insight,
    knows_support,
    moves,
    someone_moves,
    status,
    upgraded,
)
from tests.engine.steps.walking import Place, Walk, told
from tests.sim.auto_mode import a_pool, make_auto

RB = "ROLLBACK_READINESS"


@pytest.fixture
def place() -> Place:
    """A cluster that has come from 1.34 to 1.35 ten minutes ago; its nodes stayed behind."""
    made = Place()
    upgraded(made)
    knows_support(made)
    return made


def unchanged(_: Place) -> None:
    """Everything is as a rollback wants it."""


def later(**by: float) -> Change:
    def change(place: Place) -> None:
        place.later(**by)
        fresh(place)

    return change


def made_so(place: Place) -> None:
    place.cluster.eks.updates.clear()


def taken_back_once(place: Place) -> None:
    """Back to 1.34; a further step to 1.33 is asked for."""
    someone_moves(place, "1.34")
    place.later(minutes=10)
    fresh(place)
    knows_support(place)


def extended(place: Place) -> None:
    """1.34 leaves standard support on 2 December 2026; the upgrade was a day ago then."""
    place.later(days=13)
    next(iter(place.cluster.eks.updates.values())).created_at = place.now - timedelta(days=1)
    place.cluster.eks.upgrade = SimUpgrade("1.34", place.now - timedelta(days=1))
    fresh(place)


def extended_with_the_policy(place: Place) -> None:
    place.cluster.support_type = "EXTENDED"
    extended(place)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(
            unchanged, Act, "roll the control plane of shop back from 1.35 to 1.34$", id="an open way is taken"
        ),
        pytest.param(
            later(days=7), Failed, "until 27 Nov 09:00 UTC: 7 days.*mend the cluster", id="after 7 days it fails"
        ),
        pytest.param(made_so, Failed, "made at 1.35.*not upgraded to it.*restore a backup", id="made at its minor"),
        pytest.param(
            lambda p: p.store.scope_values.clear(),
            Blocked,
            "1.34 is not known.*fleetkeeper observe",
            id="unknown support",
        ),
        pytest.param(
            extended,
            Blocked,
            "1.34 is in extended support.*STANDARD.*update-cluster-config --name shop --upgrade-policy"
            " supportType=EXTENDED.*[$]0.50 more an hour",
            id="a target in extended support needs the policy",
        ),
        pytest.param(extended_with_the_policy, Act, "", id="with the policy it does not"),
        pytest.param(
            insight("ERROR", "1.34", RB, "Odd use"), Blocked, "Odd use .ERROR.: why so.*describe-insight", id="ERROR"
        ),
        pytest.param(insight("UNKNOWN", "1.34", RB, "Odd use"), Blocked, "Odd use .UNKNOWN.", id="UNKNOWN"),
        pytest.param(insight("WARNING", "1.34", RB, "Odd use"), Act, "EKS warns of Odd use", id="WARNING is told"),
        pytest.param(insight("ERROR", "1.36", "UPGRADE_READINESS"), Act, "", id="upgrade insights do not matter"),
        pytest.param(aged(2), Blocked, "2d old", id="old insights"),
        pytest.param(lambda p: p.cluster.insights.clear(), Blocked, "no rollback readiness insights", id="no insights"),
        pytest.param(status("FAILED"), Blocked, "not ACTIVE", id="one that failed blocks"),
        pytest.param(
            lambda p: someone_moves(p, "1.34"), Wait, "VersionRollback to 1.34 since .* by arn:", id="somebody else's"
        ),
        pytest.param(
            taken_back_once, Done, r"already at 1.34: adopted, update \S+ of 2026-11-20 09:10", id="one that is back"
        ),
        pytest.param(lambda p: upgraded(p, "1.36"), Failed, "at 1.36, the plan goes from", id="one that went on"),
    ],
)
def test_of_what_it_sees(place: Place, change: Callable[[Place], object], kind: type[Verdict], says: str) -> None:
    change(place)
    before = moves(place)
    verdict = back(place).look()
    assert isinstance(verdict, kind), verdict
    assert re.search(says, told(verdict)), verdict
    assert moves(place) == before


def test_it_goes_one_step_back_and_no_more(place: Place) -> None:
    taken_back_once(place)
    insight("PASSING", "1.33", RB)(place)
    failed = place.walk("rollback-control-plane", **{"from": "1.34", "to": "1.33"}).look()
    assert isinstance(failed, Failed)
    assert "taken back to 1.34 already" in failed.why
    assert failed.final


def test_it_ends_active_at_the_minor_before(place: Place) -> None:
    run = back(place)
    run.ticks(2)
    assert isinstance(run.tick(), Wait)
    place.later(minutes=10)
    done = run.tick()
    assert isinstance(done, Done)
    assert (place.cluster.version, moves(place)) == ("1.34", ["VersionUpdate Successful", "VersionRollback Successful"])


@pytest.mark.parametrize("forgets", [False, True], ids=["after the act is stored", "before the act is stored"])
@pytest.mark.parametrize("minutes", [0, 10], ids=["while it still runs", "after it has ended"])
def test_a_crash_leaves_one_rollback(place: Place, minutes: int, forgets: bool) -> None:
    run = back(place)
    run.forgets = forgets
    run.ticks(2)
    place.later(minutes=minutes)
    run.ticks(2)
    place.later(minutes=10)
    assert isinstance(run.tick(), Done)
    assert len(moves(place)) == 2


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle"])
def test_an_answer_that_is_lost_leaves_one_rollback(place: Place, kind: str) -> None:
    place.living.world.faults = [Fault("aws", kind, operation="UpdateClusterVersion", count=1)]
    run = back(place)
    run.ticks(5)
    place.later(minutes=10)
    assert isinstance(run.ticks(2), Done)
    assert len(moves(place)) == 2


def test_a_feature_that_the_older_minor_lacks_is_refused_by_eks_in_its_own_words(place: Place) -> None:
    place.cluster.eks.newer_features.append("example")
    run = back(place)
    run.ticks(2)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "InvalidRequestException: Cluster version cannot be rolled back: 1.34 lacks features" in failed.why
    assert len(moves(place)) == 1


def test_api_servers_that_stay_unhealthy_leave_it_where_it_was(place: Place) -> None:
    place.living.world.eks.failing_control_planes.add(place.cluster.key)
    run = back(place)
    run.ticks(2)
    place.later(minutes=10)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "the cluster is at 1.35" in failed.why


def test_fargate_pods_are_named_when_an_insight_closes_the_way(place: Place) -> None:
    insight("ERROR", "1.34", RB, "Kubelet version rollback compatibility")(place)
    blocked = back(place).look()
    assert isinstance(blocked, Blocked)
    assert "scale the workloads of the profiles jobs (jobs) to 0" in blocked.fix
    place.cluster.fargate_profiles.clear()
    assert "Fargate" not in told(back(place).look())


# ---- Auto Mode


@pytest.fixture
def auto() -> Place:
    """An Auto Mode cluster at 1.35, with two nodes that followed it."""
    made = Place()
    make_auto(made.living, made.cluster)
    upgraded(made)
    made.later(minutes=10)
    fresh(made)
    knows_support(made)
    return made


def test_auto_mode_takes_its_nodes_back_first_and_is_told_until_when(auto: Place) -> None:
    run = back(auto, timeout_minutes=150)
    assert "EKS Auto Mode takes its nodes back first, within 2 h 30 min" in told(run.look())
    run.ticks(2)
    waits = run.tick()
    assert isinstance(waits, Wait)
    assert "the nodes of Auto Mode go back first, until 20 Nov 11:50 UTC: then EKS gives up" in waits.why
    auto.later(minutes=20)
    assert isinstance(run.tick(), Done)
    assert auto.cluster.version == "1.34"


def test_without_a_timeout_it_is_that_of_eks(auto: Place) -> None:
    assert "within 12 h" in told(back(auto).look())


def test_a_budget_of_nothing_blocks_auto_mode_by_name(auto: Place) -> None:
    auto.cluster.put("karpenter.sh/nodepools", a_pool("0"))
    fresh(auto)
    blocked = back(auto).look()
    assert isinstance(blocked, Blocked)
    assert "NodePool general-purpose has a budget of 0" in blocked.why
    assert "no NodePool may have a budget of 0" in blocked.fix


def test_auto_mode_that_runs_out_of_time_says_what_kept_its_nodes(auto: Place) -> None:
    run = back(auto, timeout_minutes=120)
    run.ticks(1)
    auto.cluster.put("karpenter.sh/nodepools", a_pool("0"))
    run.ticks(1)
    auto.later(minutes=121)
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "were not rolled back within 120 minutes" in failed.why
    assert "go forward to 1.35 again" in failed.why
    assert "longer timeout_minutes" in failed.fix


def test_an_abort_cancels_it_while_nodes_roll(auto: Place) -> None:
    run = back(auto)
    assert run.step.cancellable
    run.ticks(2)
    auto.later(seconds=90)
    waits = run.undo()
    assert isinstance(waits, Wait)
    assert "is being cancelled" in waits.why
    undone = run.undo()
    assert isinstance(undone, Undone)
    assert "the nodes of Auto Mode go forward to 1.35 again" in undone.note
    auto.later(minutes=10)
    assert (auto.cluster.version, moves(auto)[-1]) == ("1.35", "VersionRollback Cancelled")


def test_an_abort_after_the_nodes_follows_it_to_its_end(auto: Place) -> None:
    run = back(auto)
    run.ticks(2)
    auto.later(minutes=5)
    assert auto.cluster.status == "UPDATING"
    waits = run.undo()
    assert isinstance(waits, Wait)
    assert "in progress" in waits.why
    auto.later(minutes=10)
    assert "stays at 1.34" in told(run.undo())


def test_a_rollback_that_somebody_cancelled_fails(auto: Place) -> None:
    run = back(auto)
    run.ticks(2)
    cloud(auto).cancel_update("shop", run.memory["update"])
    failed = run.tick()
    assert isinstance(failed, Failed)
    assert "ended as Cancelled" in failed.why


# ---- an abort of any other


def aborted(run: Walk) -> Verdict:
    moment = replace(run.moment, following=True)
    return run.step.decide(run.step.look(run.place.world, run.subject, moment), moment)


def test_an_abort_follows_what_cannot_be_cancelled(place: Place) -> None:
    run = back(place)
    run.ticks(2)
    waits = run.undo()
    assert isinstance(waits, Wait)
    assert moves(place)[-1] == "VersionRollback InProgress"
    place.later(minutes=10)
    undone = run.undo()
    assert isinstance(undone, Undone)
    assert "shop stays at 1.34" in undone.note


def test_an_abort_finds_the_rollback_whose_answer_was_lost(place: Place) -> None:
    run = back(place)
    run.forgets = True
    run.ticks(2)
    assert isinstance(run.undo(), Wait)


def test_an_abort_before_the_act_leaves_nothing(place: Place) -> None:
    run = back(place)
    insight("ERROR", "1.34", RB)(place)
    assert isinstance(aborted(run), Skip)
    assert run.undo() == Undone("no rollback to 1.34 of ours is there")
    place.living.world.clusters.clear()
    assert run.undo() == Undone("no rollback to 1.34 of ours is there")


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({"from": "1.35", "to": "1.33"}, "to", "minor before 1.35", id="two steps"),
        pytest.param({"from": "1.35", "to": "1.36"}, "to", "minor before 1.35", id="forward"),
        pytest.param(
            {"from": "1.35", "to": "1.34", "timeout_minutes": 119},
            "timeout_minutes",
            "from 120 to 10080",
            id="too short",
        ),
        pytest.param(
            {"from": "1.35", "to": "1.34", "timeout_minutes": 10081}, "timeout_minutes", "not 10081", id="too long"
        ),
        pytest.param(
            {"from": "1.35", "to": "1.34", "timeout_minutes": 120.5}, "timeout_minutes", "whole number", id="a fraction"
        ),
    ],
)
def test_it_refuses_parameters(params: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("rollback-control-plane", **params)
    assert says in refused.value.wrong[name]
