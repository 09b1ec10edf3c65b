"""drain-nodes over a simulated cluster: pods move once, budgets hold, crashes cost nothing, aborts leave no trace."""

from collections.abc import Callable
from typing import Any

import pytest

from fleetkeeper.core.rotation.seen import Eviction, Outcome
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Undone, Wait
from fleetkeeper.engine.steps.drain_nodes import DrainNodes
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.controllers.nodes import silence
from tests.engine.steps.emptying import (
    Rotation,
    Witness,
    change,
    drain,
    marks,
    node,
    nodes,
    on,
    stateful,
)
from tests.engine.steps.nodes import annotate, inside, put_budget
from tests.engine.steps.walking import Place, told
from tests.sim.controllers.behaving import DEPLOYMENTS, PODS

CPU = {"requests": {"cpu": "500m"}}


def web(place: Place, replicas: int = 6, name: str = "web", **pod: object) -> None:
    containers = [{"name": "main", "image": f"{name}:1", "resources": CPU}]
    inside(place).deploy(name, replicas, pod={"containers": containers, **pod})
    place.later(seconds=30)


def halves(replicas: int = 6, **budget: Any) -> tuple[Place, list[str], list[str]]:
    """Three nodes with pods, and three that came later: the old ones, and the new ones."""
    place = Place()
    old = nodes(place, 3)
    web(place, replicas)
    if budget:
        put_budget(place, **budget)
    return place, old, nodes(place, 3, first=10)


# ---- how it goes


def test_every_pod_moves_once_within_its_budget_and_the_nodes_stay_cordoned() -> None:
    place, old, _ = halves(maxUnavailable=1)
    witness = Witness(place, set(old))
    verdict = drain(place, *old, parallel="2").until_it_rests()
    assert isinstance(verdict, Done)
    assert verdict.note == "3 nodes emptied, and left cordoned"
    assert (witness.evictions_per_pod, witness.landed, witness.exceeded) == (1.0, [], [])
    assert on(place, *old) == []
    place.later(seconds=15)
    assert inside(place).ready() == 6
    assert all("cordoned" in marks(place)[name] for name in old)


def test_an_uncordon_by_hand_makes_a_drained_node_whole_again() -> None:
    place, old, _ = halves()
    drain(place, old[0]).until_it_rests()
    spec, labels = node(place, old[0])["spec"], node(place, old[0])["metadata"]["labels"]
    assert spec["unschedulable"] is True
    assert [each["key"] for each in spec.get("taints", ())] == ["node.kubernetes.io/unschedulable"]
    assert "node.kubernetes.io/exclude-from-external-load-balancers" not in labels


def test_nodes_are_chosen_by_their_labels_too() -> None:
    place, old, _ = halves()
    verdict = Rotation(
        place, "drain-nodes", {"selector": "topology.kubernetes.io/zone=eu-west-1b", "parallel": "100%"}
    ).until_it_rests()
    assert isinstance(verdict, Done)
    assert on(place, old[1]) == []
    assert old[0] not in marks(place)


def test_the_progress_is_told_while_it_waits() -> None:
    place, old, _ = halves(maxUnavailable=1)
    run = drain(place, *old)
    run.until_it_rests()
    texts = [each.why for each in run.told if isinstance(each, Wait)]
    assert any("waiting for PDB shop/web" in text for text in texts)
    assert any("nodes 1/3 done" in text and "pods 2 moved" in text for text in texts)
    assert all(len(text) <= 300 for text in texts)


def test_a_step_that_acted_asks_for_its_next_look_at_once() -> None:
    place, old, _ = halves()
    verdict = drain(place, *old).tick()
    assert isinstance(verdict, Act)
    assert verdict.again is not None
    assert verdict.again.total_seconds() == 0.5
    assert verdict.what.startswith("fence 3 nodes") or verdict.what.startswith("cordon 3 nodes")


# ---- crashes


@pytest.mark.parametrize("fate", ["before", "after"])
def test_a_death_around_every_act_costs_no_pod_a_second_move(fate: str) -> None:
    place, old, _ = halves(maxUnavailable=1)
    witness = Witness(place, set(old))
    run = drain(place, *old, parallel="2")
    run.dies = [fate, ""] * 50
    assert isinstance(run.until_it_rests(), Done)
    assert (witness.evictions_per_pod, witness.landed, witness.exceeded) == (1.0, [], [])


def test_a_drain_that_forgot_everything_goes_on_from_what_the_nodes_say() -> None:
    place, old, _ = halves(maxUnavailable=1)
    witness = Witness(place, set(old))
    drain(place, *old).until_it_rests(limit=8)
    assert isinstance(drain(place, *old).until_it_rests(), Done)
    assert (witness.evictions_per_pod, witness.exceeded) == (1.0, [])


def test_it_stops_at_once_when_fleetkeeper_is_told_to() -> None:
    place, old, _ = halves()
    run = drain(place, *old, parallel="100%", canary=False)
    witness = Witness(place, set(old))
    object.__setattr__(place.world, "stopping", lambda: sum(witness.evicted.values()) >= 1)
    for _ in range(5):
        run.tick()
    assert sum(witness.evicted.values()) == 1


# ---- aborts, and what is somebody else's


def test_an_abort_in_the_middle_leaves_no_node_cordoned_by_us_and_no_mark() -> None:
    place, old, _ = halves(maxUnavailable=1)
    run = drain(place, *old)
    run.until_it_rests(limit=6)
    assert marks(place) != {}
    undone = run.abort()
    assert isinstance(undone, Undone)
    assert "3 nodes released" in undone.note
    assert marks(place) == {}


def test_an_abort_after_the_end_makes_the_nodes_schedulable_again() -> None:
    place, old, _ = halves()
    run = drain(place, *old)
    assert isinstance(run.until_it_rests(), Done)
    run.abort()
    assert marks(place) == {}


def test_a_cordon_of_somebody_else_is_never_taken_off() -> None:
    place, old, new = halves()
    change(place, old[0], unschedulable=True)
    change(place, new[0], unschedulable=True)
    run = drain(place, *old)
    assert isinstance(run.until_it_rests(), Done)
    run.abort()
    assert marks(place) == {old[0]: ["cordoned"], new[0]: ["cordoned"]}


def test_an_abort_of_one_drain_leaves_the_marks_of_another() -> None:
    place, old, _ = halves()
    drain(place, old[0]).until_it_rests()
    other = drain(place, old[1])
    other.until_it_rests()
    other.abort()
    assert set(marks(place)) == {old[0]}


# ---- what a cluster does meanwhile


def test_a_load_that_triples_in_mid_drain_finds_room_on_nodes_that_are_opened_again() -> None:
    place = Place()
    old = nodes(place, 3)
    web(place, 6, containers=[{"name": "main", "image": "web:1", "resources": {"requests": {"cpu": "1"}}}])
    nodes(place, 2, first=10)
    run = drain(place, *old)
    run.until_it_rests(limit=4)
    inside(place).change(DEPLOYMENTS, "web", replicas=14)
    run.until_it_rests(limit=60)
    waiting = [each for each in inside(place).pods() if not each["spec"].get("nodeName")]
    assert waiting == []
    assert inside(place).ready() == 14


def test_a_budget_that_comes_in_mid_drain_holds_from_then_on() -> None:
    place, old, _ = halves()
    witness = Witness(place, set(old))
    run = drain(place, *old, parallel="100%", canary=False)
    run.until_it_rests(limit=1)
    put_budget(place, maxUnavailable=1)
    place.later(seconds=30)
    witness.exceeded.clear()
    assert isinstance(run.until_it_rests(), Done)
    assert (witness.exceeded, witness.evictions_per_pod) == ([], 1.0)


def test_a_node_that_goes_away_in_mid_drain_is_no_trouble() -> None:
    place, old, _ = halves(maxUnavailable=1)
    run = drain(place, *old)
    run.until_it_rests(limit=5)
    inside(place).live.objects.delete("/nodes", ("", old[2]))
    assert isinstance(run.through(1800), Done)
    place.later(seconds=60)
    assert on(place, *old) == []


def test_a_node_whose_kubelet_died_is_named_and_the_rest_goes_on() -> None:
    place, old, _ = halves()
    silence(inside(place).live, old[0])
    place.later(seconds=60)
    run = drain(place, *old, canary=False)
    verdict = run.through(4000)
    assert on(place, old[1], old[2]) == []
    assert isinstance(verdict, Blocked)
    assert f"set aside: {old[0]} (shop/web-" in told(verdict)
    assert "the kubelet of its node does not answer" in told(verdict)


def test_a_stateful_set_moves_one_pod_at_a_time_with_its_volume() -> None:
    place = Place()
    old = nodes(place, 2)
    stateful(place)
    place.later(seconds=120)
    nodes(place, 2, first=10)
    assert inside(place).ready() == 3
    witness = Witness(place, set(old))
    least: list[int] = []
    inside(place).live.objects.subscribe(lambda event: least.append(inside(place).ready()))
    assert isinstance(drain(place, *old, parallel="2", canary=False).until_it_rests(), Done)
    assert min(least) == 2
    assert (witness.evictions_per_pod, witness.landed) == (1.0, [])


def test_pods_of_daemon_sets_are_never_evicted() -> None:
    place, old, _ = halves()
    inside(place).deploy("agent", resource="apps/daemonsets")
    place.later(seconds=30)
    witness = Witness(place, set(old))
    assert isinstance(drain(place, *old).until_it_rests(), Done)
    assert sum(witness.evicted.values()) == 6
    assert any(each["metadata"]["labels"]["app"] == "agent" for each in inside(place).pods(old[0]))


# ---- what stands in the way


def _bare(place: Place, on_node: str) -> None:
    containers = [{"name": "main", "image": "a"}]
    inside(place).create(PODS, "alone", {"nodeName": on_node, "containers": containers})


def _stays(place: Place, on_node: str) -> None:
    name = on(place, on_node)[0]
    annotate(place, PODS, "shop", name, **{"karpenter.sh/do-not-disrupt": "true"})


def _two(place: Place, on_node: str) -> None:
    inside(place).budget("web", maxUnavailable=1)
    inside(place).create(
        "policy/poddisruptionbudgets",
        "again",
        {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 1},
    )


def _none(place: Place, on_node: str) -> None:
    inside(place).budget("web", maxUnavailable=0)


STUCK: dict[str, tuple[Callable[[Place, str], None], str]] = {
    "a pod without a controller": (_bare, "shop/alone"),
    "a pod that asks to stay": (_stays, "do-not-disrupt"),
    "two budgets on one pod": (_two, "shop/again"),
    "a budget that never lets one go": (_none, "PDB shop/web allows 0"),
}


@pytest.mark.parametrize("case", STUCK)
def test_what_can_never_move_is_named_before_anything_changes(case: str) -> None:
    place, old, _ = halves()
    arrange, words = STUCK[case]
    arrange(place, old[0])
    place.later(seconds=10)
    verdict = drain(place, *old).tick()
    assert isinstance(verdict, Blocked)
    assert "nothing was begun" in verdict.why
    assert words in verdict.why
    assert verdict.fix
    assert marks(place) == {}


def test_a_right_that_the_executor_lacks_is_told_before_anything_changes() -> None:
    place, old, _ = halves()
    Witness(place, set(), refuses=Eviction(Outcome.REFUSED, "pods/eviction is forbidden"))
    verdict = drain(place, *old).tick()
    assert isinstance(verdict, Blocked)
    assert "the API server refuses dry runs of evictions: shop/web-" in verdict.why
    assert "a right of the executor" in verdict.fix
    assert marks(place) == {}


def test_with_set_aside_the_rest_goes_on_and_the_node_is_open_again() -> None:
    place, old, _ = halves()
    _bare(place, old[0])
    place.later(seconds=10)
    run = drain(place, *old, never_movable="set-aside", quarantine="2m")
    verdict = run.through(3600)
    assert isinstance(verdict, Blocked)
    assert "shop/alone" in verdict.why
    assert on(place, old[1], old[2]) == []
    assert on(place, old[0]) == ["alone"]
    assert "cordoned" not in marks(place)[old[0]]
    inside(place).delete_pod("alone", grace=0)
    assert isinstance(run.through(3600), Done)


def test_a_pod_without_a_controller_goes_where_that_is_allowed() -> None:
    place, old, _ = halves()
    _bare(place, old[0])
    place.later(seconds=10)
    assert isinstance(drain(place, *old, allow_bare=True).until_it_rests(), Done)
    assert "alone" not in [each["metadata"]["name"] for each in inside(place).pods()]


def test_without_room_nothing_is_evicted_and_the_lack_is_told() -> None:
    place = Place()
    old = nodes(place, 2)
    web(place, 4)
    verdict = drain(place, *old).until_it_rests(limit=120)
    assert isinstance(verdict, Blocked)
    assert "no room" in verdict.why
    assert inside(place).ready() == 4


def test_a_name_that_no_node_has_fails_with_those_that_there_are() -> None:
    place, old, _ = halves()
    verdict = drain(place, "ip-10-9-9-9").tick()
    assert isinstance(verdict, Failed)
    assert verdict.why == "there is no node ip-10-9-9-9"
    assert old[0] in verdict.fix
    assert verdict.final


WRONG = {
    "neither nodes nor a selector": ({}, "nodes"),
    "both": ({"nodes": ("a",), "selector": "a=b"}, "nodes"),
    "no percentage": ({"nodes": ("a",), "reserve": "7"}, "reserve"),
    "nothing side by side": ({"nodes": ("a",), "parallel": "0"}, "parallel"),
    "no number": ({"nodes": ("a",), "parallel": "many"}, "parallel"),
    "an odd word for what never moves": ({"nodes": ("a",), "never_movable": "force"}, "never_movable"),
    "a label without a value": ({"selector": "zone"}, "selector"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_parameters_are_told(case: str) -> None:
    params, named = WRONG[case]
    with pytest.raises(ParamError) as refused:
        DrainNodes.of(params)  # type: ignore[arg-type]
    assert named in refused.value.wrong
