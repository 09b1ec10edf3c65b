"""Every rule of EKS about the way back of a control plane, broken on the simulator: refused by the plan or the step.

docs/eks.md has a row for each rule, which names the test here.
"""

from datetime import timedelta

import pytest

from fleetkeeper.core.verdict import Act, Blocked, Done, Undone, Verdict
from fleetkeeper.engine.writers import AddonUpdate
from fleetkeeper.errors import GapReason, ParamError, ReadError
from fleetkeeper.sim.eks_state import SimUpgrade
from fleetkeeper.sim.world import SimAddon
from tests.engine.steps.moving import (
    back,
    cloud,
    ended,
    failed,
    fresh,
    insight,
    join_at,
    knows_support,
    moves,
    upgraded,
)
from tests.engine.steps.walking import TOKEN, Place, told
from tests.sim.auto_mode import a_pool, make_auto

RB = "ROLLBACK_READINESS"
ADDON = AddonUpdate("shop", "coredns", "v1.14.3-eksbuild.11")


@pytest.fixture
def moved() -> Place:
    """A cluster that has just come from 1.34 to 1.35."""
    made = Place()
    upgraded(made)
    knows_support(made)
    return made


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


def test_a_token_that_was_used_for_something_else_fails_one_attempt(moved: Place) -> None:
    run = back(moved)
    run.tick()
    moved.cluster.eks.tokens[f"UpdateClusterVersion {TOKEN}"] = ("something else", "u-0")
    run.tick()
    assert "already used with other parameters" in failed(run.tick()).why
    run.retry()
    assert isinstance(ended(run), Done)


def test_a_rollback_is_followed_by_its_own_kind_of_update(moved: Place) -> None:
    assert isinstance(ended(back(moved)), Done)
    assert moves(moved) == ["VersionUpdate Successful", "VersionRollback Successful"]


def test_a_second_step_back_is_no_way(moved: Place) -> None:
    assert isinstance(ended(back(moved)), Done)
    fresh(moved)
    found = failed(moved.walk("rollback-control-plane", **{"from": "1.34", "to": "1.33"}).look())
    assert "one step back, once" in found.why
    assert found.final


def test_two_steps_at_once_are_no_parameters() -> None:
    with pytest.raises(ParamError, match="one step back"):
        Place().walk("rollback-control-plane", **{"from": "1.35", "to": "1.33"})


def test_after_seven_days_the_other_ways_are_named(moved: Place) -> None:
    moved.later(days=7)
    fresh(moved)
    found = failed(back(moved).look())
    assert "7 days after the upgrade" in found.why
    assert "restore a backup" in found.fix
    assert found.final


def test_a_cluster_that_was_made_at_its_minor_has_no_way_back() -> None:
    made = Place()
    made.cluster.version = "1.35"
    knows_support(made)
    assert "made at 1.35" in failed(back(made).look()).why


def test_what_eks_alone_knows_to_forbid_is_told_in_its_words(moved: Place) -> None:
    """That it was moved at the end of extended support is seen by nobody but EKS where the target has support left."""
    done = moved.cluster.eks.upgrade
    assert done is not None
    moved.cluster.eks.upgrade = SimUpgrade(done.previous, done.completed_at, forced=True)
    found = failed(ended(back(moved)))
    assert "InvalidRequestException" in found.why
    assert "end of extended support" in found.why


def test_a_feature_that_the_older_minor_lacks_is_told_in_the_words_of_eks(moved: Place) -> None:
    moved.cluster.eks.newer_features.append("example")
    assert "lacks features that are enabled: example" in failed(ended(back(moved))).why


def test_a_target_in_extended_support_needs_the_policy_first(moved: Place) -> None:
    """1.34 leaves standard support on 2 December 2026."""
    moved.later(days=13)
    next(iter(moved.cluster.eks.updates.values())).created_at = moved.now - timedelta(days=1)
    moved.cluster.eks.upgrade = SimUpgrade("1.34", moved.now - timedelta(days=1))
    fresh(moved)
    blocked = back(moved).look()
    assert isinstance(blocked, Blocked)
    assert "--upgrade-policy supportType=EXTENDED; extended support costs $0.50 more an hour" in blocked.fix
    moved.cluster.support_type = "EXTENDED"
    assert isinstance(ended(back(moved)), Done)


@pytest.mark.parametrize(
    ("status", "kind"), [("ERROR", Blocked), ("UNKNOWN", Blocked), ("WARNING", Act), ("PASSING", Act)]
)
def test_insights_of_the_way_back_block_by_name(moved: Place, status: str, kind: type[Verdict]) -> None:
    insight(status, "1.34", RB, "Odd use")(moved)
    verdict = back(moved).look()
    assert isinstance(verdict, kind)
    assert ("Odd use" in told(verdict)) is (status != "PASSING")


@pytest.mark.parametrize("kind", ["ec2", "fargate"])
def test_nodes_that_went_ahead_block_the_way_back(moved: Place, kind: str) -> None:
    join_at(moved, "v1.35.8-eks-1", kind)
    blocked = back(moved).look()
    assert isinstance(blocked, Blocked)
    assert "Kubelet version rollback compatibility" in blocked.why
    assert "scale the workloads of the profiles jobs" in blocked.fix


def test_an_addon_that_went_ahead_blocks_the_way_back(moved: Place) -> None:
    moved.cluster.addons["kube-proxy"] = SimAddon("kube-proxy", "v1.35.4-eksbuild.5")
    fresh(moved)
    assert "EKS add-on version rollback compatibility" in told(back(moved).look())


@pytest.mark.parametrize("minutes", [119, 10_081])
def test_a_timeout_out_of_bounds_is_no_parameter(minutes: int) -> None:
    with pytest.raises(ParamError, match="from 120 to 10080"):
        back(Place(), timeout_minutes=minutes)


def test_auto_mode_takes_its_nodes_back_first_and_nothing_else_begins(auto: Place) -> None:
    run = back(auto)
    run.ticks(2)
    assert "the nodes of Auto Mode go back first" in told(run.tick())
    with pytest.raises(ReadError) as refused:
        cloud(auto).update_addon(ADDON, "beside")
    assert refused.value.reason is GapReason.IN_USE
    auto.later(minutes=20)
    assert isinstance(run.tick(), Done)


def test_an_abort_cancels_a_rollback_while_the_nodes_of_auto_mode_roll(auto: Place) -> None:
    run = back(auto)
    run.ticks(2)
    auto.later(seconds=90)
    run.undo()
    assert isinstance(run.undo(), Undone)
    assert moves(auto)[-1] == "VersionRollback Cancelled"


def test_a_rollback_of_auto_mode_that_runs_out_of_time_says_what_to_open(auto: Place) -> None:
    run = back(auto, timeout_minutes=120)
    run.tick()
    auto.cluster.put("karpenter.sh/nodepools", a_pool("0"))
    found = failed(ended(run, 121))
    assert "go forward to 1.35 again" in found.why
    assert "do-not-disrupt" in found.fix


def test_a_budget_of_nothing_blocks_the_way_back_of_auto_mode(auto: Place) -> None:
    auto.cluster.put("karpenter.sh/nodepools", a_pool("0"))
    fresh(auto)
    blocked = back(auto).look()
    assert isinstance(blocked, Blocked)
    assert "general-purpose has a budget of 0" in blocked.why


def test_addons_and_groups_stay_where_they_are(moved: Place) -> None:
    before = {name: each.version for name, each in moved.cluster.addons.items()}
    assert isinstance(ended(back(moved)), Done)
    assert {name: each.version for name, each in moved.cluster.addons.items()} == before
    assert moved.cluster.node_groups["main"].version == "1.34"
