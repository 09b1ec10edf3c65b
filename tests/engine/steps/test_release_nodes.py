"""release-nodes: our hold goes, Karpenter replaces the nodes, and what does not move is told with its owner."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.node_holds import HELD_BY, HELD_WITH
from fleetkeeper.core.verdict import Act, Blocked, Done, Skip, Undone, Wait
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.faults import Fault
from tests.engine.steps.nodes import (
    CLASSES,
    NEW,
    OLD,
    POOLS,
    annotate,
    budgets,
    change_budgets,
    deploy,
    inside,
    join_pool,
    kubelets,
    pods,
    pool,
    put_budget,
    put_pool,
    serve_karpenter,
    two_budgets,
    upgrade,
)
from tests.engine.steps.walking import Place, Walk, told
from tests.sim.controllers.behaving import BUDGETS, NODES, PODS, SHOP

ALL = {"nodes": "100%"}
KEEP = "karpenter.sh/do-not-disrupt"


@pytest.fixture
def place() -> Place:
    """Three nodes of a pool on 1.34, held while the control plane went to 1.35."""
    made = Place()
    serve_karpenter(made)
    put_pool(made, budgets=[ALL])
    join_pool(made)
    hold = made.walk("hold-nodes")
    hold.ticks(2)
    assert isinstance(hold.tick(), Done)
    upgrade(made)
    return made


def release(place: Place, **params: Any) -> Walk:
    run = place.walk("release-nodes", to="1.35", **params)
    assert isinstance(run.ticks(2), Act)
    return run


def waits(run: Walk, place: Place, minutes: float) -> Any:
    """The verdict after so long, looked at every half minute as the engine does."""
    verdict: Any = run.tick()
    for _ in range(round(minutes * 2)):
        place.later(seconds=30)
        verdict = run.tick()
    return verdict


def test_the_hold_goes_and_it_waits_until_all_nodes_run_the_minor(place: Place) -> None:
    run = place.walk("release-nodes", to="1.35")
    act = run.look()
    assert isinstance(act, Act)
    assert "release NodePool general" in act.what
    run.ticks(2)
    assert budgets(place) == [ALL]
    wait = run.tick()
    assert isinstance(wait, Wait)
    assert "3 of 3 nodes of NodePool general not at 1.35 yet" in wait.why
    done = waits(run, place, 20)
    assert isinstance(done, Done)
    assert "3 nodes of NodePool general at 1.35" in done.note
    assert kubelets(place) == [NEW] * 3


def test_without_wait_it_is_done_when_the_hold_is_off(place: Place) -> None:
    run = release(place, wait=False)
    assert isinstance(run.tick(), Done)
    assert kubelets(place) == [OLD] * 3


def test_a_pool_that_is_not_held_is_only_waited_for(place: Place) -> None:
    release(place)
    run = place.walk("release-nodes", to="1.35")
    assert isinstance(waits(run, place, 20), Done)
    assert not run.intended


@pytest.mark.parametrize("ticks_before", [1, 2], ids=["after the intent", "after the act"])
def test_a_crash_takes_the_hold_off_once(place: Place, ticks_before: int) -> None:
    change_budgets(place, {"nodes": "0", "reasons": ["Drifted"]}, {"nodes": "0", "reasons": ["Drifted"]}, ALL)
    run = place.walk("release-nodes", to="1.35", wait=False)
    run.ticks(ticks_before)
    again = replace(run)
    again.ticks(2)
    assert isinstance(again.tick(), Done)
    assert budgets(place) == [{"nodes": "0", "reasons": ["Drifted"]}, ALL], "the owner's own of the same text stays"


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_takes_the_hold_off_once(place: Place, kind: str) -> None:
    place.living.world.faults = [Fault("kube", kind, verb="patch", count=2)]
    run = place.walk("release-nodes", to="1.35", wait=False)
    run.ticks(6)
    assert isinstance(run.tick(), Done)
    assert budgets(place) == [ALL]


def test_a_hold_that_somebody_changed_is_told_and_its_budgets_stay(place: Place) -> None:
    change_budgets(place, {"nodes": "2"})
    run = release(place, wait=False)
    done = run.tick()
    assert isinstance(done, Done)
    assert "somebody changed the budgets of NodePool general (nodes 2) while they were held" in done.note
    assert budgets(place) == [{"nodes": "2"}]
    assert not pool(place)["metadata"].get("annotations")


def test_the_hold_of_another_run_is_left_and_blocks(place: Place) -> None:
    annotate(place, POOLS, "", "general", **{HELD_BY: "run-7/shop"})
    blocked = place.walk("release-nodes", to="1.35").look()
    assert isinstance(blocked, Blocked)
    assert "held by run-7/shop" in blocked.why
    assert pool(place)["metadata"]["annotations"].keys() == {HELD_BY, HELD_WITH}


def owner_closes(place: Place) -> None:
    change_budgets(place, {"nodes": "0", "reasons": ["Drifted"]}, {"nodes": "0"}, ALL)
    annotate(place, POOLS, "", "general", owner="team-platform")


def owner_closes_at_times(place: Place) -> None:
    own = {"nodes": "0%", "schedule": "0 9 * * 1-5", "duration": "8h", "reasons": ["Drifted"]}
    change_budgets(place, {"nodes": "0", "reasons": ["Drifted"]}, own, ALL)


def nodes_ask_to_stay(place: Place) -> None:
    for _, name in place.cluster.objects[NODES]:
        annotate(place, NODES, "", name, **{KEEP: "true"})


def a_pod_asks_to_stay(place: Place) -> None:
    """The simulated Karpenter knows this only of nodes, so a budget keeps the node too."""
    deploy(place, "job", annotations={KEEP: "true", "owner": "team-batch"})
    put_budget(place, "job", minAvailable=1)


def a_budget_never_lets_go(place: Place) -> None:
    deploy(place, "api", 2)
    put_budget(place, "api", minAvailable=2)
    annotate(place, BUDGETS, SHOP, "api", team="team-shop")


@pytest.mark.parametrize(
    ("change", "says", "owner", "fix"),
    [
        pytest.param(
            owner_closes, r"budget of its owner's that lets nothing go \(nodes 0\)", "team-platform", "open that",
            id="a budget of the pool's owner",
        ),
        pytest.param(
            owner_closes_at_times, r'nodes 0% for Drifted, on "0 9 \* \* 1-5" for 8h', "", "wait for its schedule",
            id="a budget of the owner's with a schedule",
        ),
        pytest.param(
            nodes_ask_to_stay, f"nodes ask to stay: (.*{KEEP}=true.){{3}}", "", f"annotate node .*{KEEP}-",
            id="nodes that ask to stay",
        ),
        pytest.param(
            a_pod_asks_to_stay, r"shop/job-.* of Deployment/job on .*: it asks to stay", "team-batch", "annotation off",
            id="a pod that asks to stay",
        ),
        pytest.param(
            a_budget_never_lets_go,
            r"shop/api-.* of Deployment/api on .*: PDB shop/api allows 0 more disruptions, 2 of 2 must be healthy",
            "team-shop",
            r"let PDB shop/api \(minAvailable 2\) spare one pod",
            id="a budget that is never met",
        ),
        pytest.param(
            two_budgets, r"2 PodDisruptionBudgets take it \(shop/api and shop/other\)", "", "leave one of",
            id="two budgets on one pod",
        ),
    ],
)  # fmt: skip
def test_nodes_that_do_not_move_are_told_and_after_half_an_hour_a_person_is_called(
    place: Place, change: Callable[[Place], None], says: str, owner: str, fix: str
) -> None:
    change(place)
    run = release(place)
    early = waits(run, place, 20)
    assert isinstance(early, Wait), early
    assert re.search(says, early.why), early
    late = waits(run, place, 60)
    assert isinstance(late, Blocked), late
    assert re.search(says, late.why), late
    assert "nothing has moved for 30m" in late.why
    assert (late.owner, bool(re.search(fix, late.fix))) == (owner, True), late


def test_it_goes_on_by_itself_when_the_way_is_free_again(place: Place) -> None:
    a_budget_never_lets_go(place)
    run = release(place)
    assert isinstance(waits(run, place, 80), Blocked)
    inside(place).change(BUDGETS, "api", minAvailable=1)
    assert isinstance(waits(run, place, 30), Done)
    assert kubelets(place) == [NEW] * 3


def test_a_pool_with_a_grace_period_says_when_it_ends_the_pod(place: Place) -> None:
    objects = inside(place).live.objects

    def patient(obj: Any) -> Any:
        template = {"spec": {**obj["spec"]["template"]["spec"], "terminationGracePeriod": "20m"}}
        return {**obj, "spec": {**obj["spec"], "template": template}}

    objects.edit(POOLS, "", "general", patient)
    a_budget_never_lets_go(place)
    run = release(place)
    early = waits(run, place, 10)
    assert "(NodePool general ends it after 20m)" in told(early)
    assert isinstance(waits(run, place, 60), Done)


def test_images_by_id_never_follow_and_block_at_once(place: Place) -> None:
    inside(place).live.objects.edit(
        CLASSES, "", "default", lambda o: {**o, "spec": {"amiSelectorTerms": [{"id": "ami-1"}]}}
    )
    run = release(place)
    blocked = run.tick()
    assert isinstance(blocked, Blocked)
    assert "NodePool general follows EC2NodeClass default, which names its images by id" in blocked.why
    assert "select by alias" in blocked.fix


def test_a_node_whose_pods_end_slowly_is_told_as_held_by_its_finalizer(place: Place) -> None:
    deploy(place, "slow")
    (found,) = pods(place)
    namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
    objects = inside(place).live.objects
    objects.edit(PODS, namespace, name, lambda o: {**o, "metadata": {**o["metadata"], "finalizers": ["example.com/x"]}})
    run = release(place)
    wait = waits(run, place, 20)
    assert "finalizers hold it: example.com/x" in told(wait)


def test_undoing_takes_nothing_back(place: Place) -> None:
    run = release(place)
    undone = run.undo()
    assert isinstance(undone, Undone)
    assert budgets(place) == [ALL]


def test_without_karpenter_it_is_skipped() -> None:
    assert isinstance(Place().walk("release-nodes", to="1.35").look(), Skip)


@pytest.mark.parametrize(
    ("params", "name", "says"),
    [
        pytest.param({}, "to", "is missing", id="no minor"),
        pytest.param({"to": "newest"}, "to", "is not a Kubernetes version such as 1.36", id="no minor at all"),
        pytest.param({"to": "1.35", "wait": "no"}, "wait", "true or false", id="a text for a switch"),
    ],
)
def test_it_refuses_parameters(params: dict[str, Any], name: str, says: str) -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("release-nodes", **params)
    assert says in refused.value.wrong[name]
