"""A wave of upgrades over real control planes, end to end, and the way back of one of them: what becomes of all of it.

Two stories are lived through once, and each test looks at one side of what was seen. Everything is what an operator
has: the shipped steps, the settings, EKS over HTTP, the shipped rights in the clusters, approvals by another person.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from fleetkeeper.core.plan import Member, Plan
from fleetkeeper.core.run import RunState, StepState, TaskState, Verb
from fleetkeeper.engine.run_ports import StoredRun
from fleetkeeper.sim.control_plane import build
from fleetkeeper.sim.eks_state import SimUpdate
from tests.control_plane.fleet_of_two import OWN_BUDGETS, Fleet, fleet_of_two, steps_of, task_of, told
from tests.control_plane.witnesses import Sight

pytestmark = pytest.mark.usefixtures("adjacent_minors")

OLDER, NEWER = build.DEFAULT_MINORS
BOTH = pytest.mark.parametrize("key", ["shop", "loft"])
HOLD = {"nodes": "0", "reasons": ["Drifted"]}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with pytest.MonkeyPatch.context() as environ, fleet_of_two(tmp_path_factory.mktemp("two"), environ) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Wave:
    """The wave when it has ended. before, after: the clusters by key; budgets, pools: what witnesses saw until then.

    ledger: UIDs of pods in shop, on the node that only its owner replaces.
    """

    plan: Plan
    run: StoredRun
    before: dict[str, Sight]
    after: dict[str, Sight]
    budgets: dict[str, list[tuple[str, int, int]]]
    pools: list[list[dict[str, object]]]
    moves: dict[str, SimUpdate]
    rolls: dict[str, SimUpdate]
    addons: dict[str, dict[str, str]]
    ledger: set[str]


@pytest.fixture(scope="module")
def wave(fleet: Fleet) -> Wave:
    """Both clusters to the newer minor, the canary first."""
    before = {key: each.settled() for key, each in fleet.witnesses.items()}
    ledger = fleet.witnesses["shop"].ledger()
    plan = fleet.plan("minor-upgrade")
    assert [each.name for each in plan.members] == ["shop", "loft"], plan.header.left
    run = fleet.rests(fleet.begin(plan))
    assert run.run.state is RunState.SUCCEEDED, told(run)
    return Wave(
        plan=plan,
        run=run,
        before=before,
        after={key: each.settled() for key, each in fleet.witnesses.items()},
        budgets={key: list(each.budgets) for key, each in fleet.witnesses.items()},
        pools=list(fleet.witnesses["loft"].pools),
        moves={key: fleet.updates(key, "VersionUpdate", "")[0] for key in fleet.witnesses},
        rolls={key: fleet.updates(key, "VersionUpdate", "general")[0] for key in fleet.witnesses},
        addons={key: fleet.addons(key) for key in fleet.witnesses},
        ledger=ledger,
    )


# ---- up


@BOTH
def test_the_real_api_server_serves_the_newer_minor(wave: Wave, key: str) -> None:
    assert wave.before[key].version.startswith(f"v{OLDER}.")
    assert wave.after[key].version.startswith(f"v{NEWER}.")


def test_the_second_stage_begins_after_the_soak_of_the_first(wave: Wave) -> None:
    soak = task_of(wave.run, "soak")
    assert soak.state is TaskState.SUCCEEDED
    assert soak.ended_at is not None
    bake = steps_of(wave.run, "shop")[f"bake-{dashed(NEWER)}"]
    assert bake.ended_at is not None
    assert wave.moves["shop"].created_at < bake.ended_at < wave.rolls["shop"].created_at
    assert wave.rolls["shop"].created_at < soak.ended_at < wave.moves["loft"].created_at


@BOTH
def test_pods_live_through_the_step_of_the_control_plane(fleet: Fleet, wave: Wave, key: str) -> None:
    begins = steps_of(wave.run, key)["preflight"].ended_at
    assert begins is not None
    sights = fleet.witnesses[key].between(begins, wave.rolls[key].created_at)
    assert {each.version[: len(NEWER) + 1] for each in sights} == {f"v{OLDER}", f"v{NEWER}"}, "it was seen on both"
    assert {frozenset(each.pods.items()) for each in sights} == {frozenset(wave.before[key].pods.items())}


@BOTH
def test_nodes_are_rolled_and_what_they_ran_runs_elsewhere(wave: Wave, key: str) -> None:
    before, after = wave.before[key], wave.after[key]
    rolled = before.kubelets.keys() - after.kubelets.keys()
    kept = {name for name, kubelet in after.kubelets.items() if kubelet.startswith(f"v{OLDER}.")}
    assert len(before.kubelets) == len(after.kubelets) == 3
    assert len(rolled) == len(after.kubelets.keys() - kept) == {"shop": 2, "loft": 3}[key]
    assert all(after.kubelets[name].startswith(f"v{NEWER}.") for name in after.kubelets.keys() - kept)
    assert {uid for uid, node in before.pods.items() if uid in after.pods and node in rolled} == set()
    stayed = {uid for uid, node in before.pods.items() if node in kept}
    assert stayed <= after.pods.keys()
    assert (len(wave.ledger) == 2 and wave.ledger <= stayed) == (key == "shop"), "its group has its owner's images"


@BOTH
def test_no_budget_was_violated_while_nodes_rolled(wave: Wave, key: str) -> None:
    seen = [each for each in wave.budgets[key] if each[0] == "web"]
    assert (2, 2) in [each[1:] for each in seen], "evictions went as far as the budget lets them"
    assert [each for each in wave.budgets[key] if each[1] < each[2]] == []


def test_karpenters_pool_is_held_before_the_control_plane_moves_and_is_as_before_at_the_end(
    fleet: Fleet, wave: Wave
) -> None:
    assert wave.pools == [OWN_BUDGETS, [HOLD, *OWN_BUDGETS], OWN_BUDGETS]
    assert "annotations" not in fleet.witnesses["loft"].pool()["metadata"]
    steps = steps_of(wave.run, "loft")
    held, released = steps[f"hold-{dashed(NEWER)}"], steps[f"release-{dashed(NEWER)}"]
    assert held.ended_at is not None
    assert released.started_at is not None
    assert held.ended_at < wave.moves["loft"].created_at < wave.rolls["loft"].created_at < released.started_at
    sights = fleet.witnesses["loft"].between(held.ended_at, released.started_at)
    assert {each.flex for each in sights} == {wave.before["loft"].flex}, "they stay, though the minor has moved"
    assert len(wave.after["loft"].flex) == 1
    assert not wave.after["loft"].flex & wave.before["loft"].flex


def test_addons_are_where_the_newer_minor_wants_them(wave: Wave) -> None:
    newest = {"coredns": "v1.14.3-eksbuild.11", "kube-proxy": "v1.36.1-eksbuild.2", "vpc-cni": "v1.23.0-eksbuild.1"}
    assert wave.addons == {"shop": newest, "loft": newest}
    names = [each.name for each in member(wave.plan, "loft").steps]
    assert names.index("before-coredns-1-36") < names.index("control-plane-1-36"), "1.36 does not take the one before"


# ---- and back


@dataclass(frozen=True, slots=True)
class Back:
    """The way back of shop: how EKS's default rule ends it, and how it goes where EKS takes node groups back."""

    refused: StoredRun
    between: Sight
    plan: Plan
    run: StoredRun
    after: Sight
    rolls: SimUpdate
    moved: SimUpdate


@pytest.fixture(scope="module")
def back(fleet: Fleet, wave: Wave) -> Back:
    shop = fleet.witnesses["shop"]
    plan = fleet.plan("rollback", "name=shop", wave.run.run.id)
    assert [each.name for each in plan.members] == ["shop"], plan.header.left
    refused = fleet.rests(fleet.begin(plan))
    fleet.say(Verb.ABORT, refused.run.id, "ann")
    fleet.over(refused.run.id)
    between = shop.settled()
    with fleet.simulator.world.lock:
        fleet.simulator.world.eks.node_groups_roll_back = True
    plan = fleet.plan("rollback", "name=shop", wave.run.run.id)
    run = fleet.rests(fleet.begin(plan))
    assert run.run.state is RunState.SUCCEEDED, told(run)
    return Back(
        refused=refused,
        between=between,
        plan=plan,
        run=run,
        after=shop.settled(),
        rolls=fleet.updates("shop", "VersionUpdate", "general")[-1],
        moved=fleet.updates("shop", "VersionRollback", "")[0],
    )


def test_where_eks_takes_no_group_back_the_run_says_so_and_leaves_all_as_it_is(wave: Wave, back: Back) -> None:
    assert back.refused.run.state is RunState.PAUSED, told(back.refused)
    shop = task_of(back.refused, "shop")
    assert shop.state is TaskState.FAILED
    assert shop.why is not None
    assert f"EKS does not take general back from {NEWER} to {OLDER}" in shop.why.text
    assert "cannot be rolled back" in shop.why.text, "in EKS's own words, too"
    assert shop.why.fix.endswith(f"or leave the control plane at {NEWER}")
    assert "EKS may refuse to take it back" in str(member(back.plan, "shop").steps[1].why)
    assert [each.kind for each in back.refused.steps] == ["preflight", "update-nodegroup"]
    assert back.between == replace(wave.after["shop"], at=back.between.at)


def test_the_real_api_server_serves_the_minor_before_again(back: Back) -> None:
    assert back.after.version.startswith(f"v{OLDER}.")
    assert (back.moved.type, back.moved.status) == ("VersionRollback", "Successful")
    assert {each.state for each in back.run.steps} == {StepState.SUCCEEDED}


def test_nodes_went_back_before_it_and_pods_elsewhere_lived_through_all_of_it(
    fleet: Fleet, wave: Wave, back: Back
) -> None:
    assert back.rolls.created_at < back.moved.created_at
    assert all(each.startswith(f"v{OLDER}.") for each in back.after.kubelets.values())
    kept = back.between.kubelets.keys() & back.after.kubelets.keys()
    assert len(kept) == 1
    stayed = {uid for uid, node in wave.before["shop"].pods.items() if node in kept}
    assert wave.ledger <= stayed
    assert stayed <= back.after.pods.keys()
    ended = steps_of(back.run, "shop")["control-plane"].ended_at
    assert ended is not None
    sights = fleet.witnesses["shop"].between(back.moved.created_at, ended)
    assert {frozenset(each.pods) for each in sights} == {frozenset(back.after.pods)}, "its own step restarts no pod"


def test_an_addon_that_does_not_go_with_the_minor_before_is_back(fleet: Fleet, wave: Wave, back: Back) -> None:
    assert [each.name for each in member(back.plan, "shop").steps if each.kind == "update-addon"] == [
        "addons-kube-proxy"
    ]
    assert fleet.addons("shop") == wave.addons["shop"] | {"kube-proxy": "v1.35.4-eksbuild.5"}


def test_the_other_cluster_is_left_where_it_is(fleet: Fleet, wave: Wave, back: Back) -> None:
    assert back.run.plan.header.of == wave.run.run.id
    loft = fleet.witnesses["loft"].sight()
    assert (loft.version, loft.kubelets) == (wave.after["loft"].version, wave.after["loft"].kubelets)


def member(plan: Plan, name: str) -> Member:
    (found,) = (each for each in plan.members if each.name == name)
    return found


def dashed(minor: str) -> str:
    return minor.replace(".", "-")
