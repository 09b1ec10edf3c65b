"""Which node comes next, the least time a rotation can take, how near it comes to that, and its line of progress."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core.live import LiveNode, LivePod, Room
from fleetkeeper.core.rotation.bound import Bound, Times, lower_bound
from fleetkeeper.core.rotation.decide import turn
from fleetkeeper.core.rotation.facts import Mover
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.turn import Change
from fleetkeeper.core.rotation.words import progress_line
from tests.core.rotation.builders import MINUTE, RULES, budget, node, old, pod, replica, seen, three, volume, waiting
from tests.core.rotation.little_world import Load, World
from tests.core.rotation.playing import Play, quick

LONG = timedelta(hours=1)
ONE = replace(RULES, parallel=1)
NODES = (waiting("old-1"), waiting("old-2"), waiting("old-3"), node("new-1"), node("new-2"))
FREE = {"controller": "Deployment/free", "labels": {"app": "free"}}


def free(name: str, at: str) -> LivePod:
    return pod(name, at, labels={"app": name}, controller=f"Deployment/{name}")


def first(pods: tuple[LivePod, ...], nodes: tuple[LiveNode, ...] = NODES, **other: object) -> str:
    found = turn(replace(seen(pods, nodes), **other), ONE)  # type: ignore[arg-type]
    return next(each.node.name for each in found.changes if each.change is Change.BEGIN)


def test_an_empty_node_and_one_with_pods_begin_together() -> None:
    found = turn(seen((free("a", "old-1"), free("b", "old-3")), NODES), ONE)
    begun = {each.node.name for each in found.changes if each.change is Change.BEGIN}
    assert begun == {"old-1", "old-2"}


def test_a_node_without_budgets_comes_before_one_with_them() -> None:
    pods = (pod("web-1", "old-1"), pod("web-2", "new-1"), pod("web-3", "new-1"), free("b", "old-2"), free("c", "old-3"))
    assert first(pods, budgets=(budget(),)) == "old-2"


def test_a_node_with_a_pod_that_never_goes_comes_last() -> None:
    pods = (pod("one-off", "old-1", controller=""), free("b1", "old-2"), free("c", "old-3"), pod("x", "old-2", **FREE))
    assert first(pods) == "old-3"


def test_a_node_with_a_job_comes_late() -> None:
    pods = (pod("nightly-1", "old-1", controller="Job/nightly"), free("b", "old-2"), pod("x", "old-3", controller=""))
    assert first(pods) == "old-2"


def test_a_node_whose_budget_others_use_up_comes_later() -> None:
    nodes = (old("old-1"), *NODES[1:])
    pods = (pod("web-1", "old-1"), pod("web-2", "old-2"), pod("web-3", "new-1"), free("c", "old-3"), free("d", "old-3"))
    found = turn(replace(seen(pods, nodes), budgets=(budget(allowed=0, healthy=2),)), replace(RULES, parallel=2))
    assert [each.node.name for each in found.changes] == ["old-3"]


def test_a_node_with_two_idle_budgets_comes_before_one_that_would_wait_for_its() -> None:
    nodes = (old("old-1"), *NODES[1:])
    idle = (
        pod("api-1", "old-3", labels={"app": "api"}, controller="Deployment/api"),
        pod("job-1", "old-3", labels={"app": "job"}, controller="Deployment/job"),
    )
    pods = (pod("web-1", "old-1"), pod("web-2", "old-2"), pod("web-3", "new-1"), *idle)
    budgets = (
        budget(allowed=0, healthy=2),
        *(budget(name, minimum="0", expected=1, desired=0) for name in ("api", "job")),
    )
    found = turn(replace(seen(pods, nodes), budgets=budgets), replace(RULES, parallel=2))
    assert [each.node.name for each in found.changes] == ["old-3"]


def test_a_budget_that_takes_longest_is_never_idle() -> None:
    """Two nodes with six pods of a budget that lets one go at a time, and a third with a free pod only."""
    nodes = tuple(waiting(f"old-{i}") for i in range(3))
    pods = (*(pod(f"web-{i}{j}", f"old-{i}") for i in range(1, 3) for j in range(3)), free("a", "old-0"))
    numbers: dict[str, Any] = {"minimum": "5", "expected": 6, "desired": 5, "healthy": 6}
    found = seen(pods, (*nodes, node("new-1", room=Room(9000, 64 << 30, 50))), budgets=(budget(**numbers),))
    assert [e.node.name for e in turn(found, ONE).changes] == ["old-1"]


def test_a_node_for_whose_pods_there_is_no_room_lets_others_go_first() -> None:
    nodes = (waiting("old-1"), waiting("old-2"), node("new-1", zone="b"))
    pods = (replica("db-0", "old-1"), free("b", "old-2"), free("c", "old-2"))
    assert first(pods, nodes, volumes=(volume("db-0", zones=("a",)),)) == "old-2"


# ---- the lower bound


def times(**other: timedelta) -> Times:
    def ready(mover: Mover) -> timedelta:
        return timedelta(minutes=2)

    return Times(other.get("node", MINUTE), other.get("provisioning", MINUTE), ready)


def six(labels: str = "web") -> tuple[LivePod, ...]:
    return tuple(pod(f"web-{i}", f"old-{1 + i % 2}", labels={"app": labels}) for i in range(6))


SIX = budget(minimum="4", expected=6, desired=4, healthy=6, allowed=2)


@pytest.mark.parametrize(
    ("rules", "given", "expected"),
    [
        pytest.param(ONE, times(), Bound(timedelta(minutes=6), "PDB shop/web"), id="six pods, two at a time"),
        pytest.param(ONE, times(node=LONG), Bound(2 * LONG, "nodes"), id="two nodes in turn"),
        pytest.param(replace(ONE, parallel=2), times(node=LONG), Bound(LONG, "nodes"), id="two nodes side by side"),
        pytest.param(
            ONE, times(provisioning=LONG), Bound(LONG, "provisioning"), id="new nodes that take an hour to come"
        ),
    ],
)
def test_the_least_time_is_the_longest_of_three(rules: Rules, given: Times, expected: Bound) -> None:
    assert lower_bound(seen(six(), budgets=(SIX,)), rules, given) == expected


def test_a_budget_that_is_spent_for_now_is_reckoned_as_if_it_were_whole() -> None:
    spent = replace(SIX, healthy=4, allowed=0)
    assert lower_bound(seen(six(), budgets=(spent,)), ONE, times()).length == timedelta(minutes=6)


def test_pods_that_never_go_take_no_time() -> None:
    never = replace(SIX, minimum="6", desired=6, allowed=0)
    assert lower_bound(seen(six(), budgets=(never,)), ONE, times()) == Bound(timedelta(minutes=2), "nodes")


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_rotation_takes_little_more_than_it_must(parallel: int) -> None:
    """Twelve nodes, sixty pods, several budgets and volumes; looked at every five seconds."""
    loads = [
        Load("web", "Deployment", 24, Room(300, 1 << 30, 1), start=30, budget=("", "2"), labels={"app": "web"}),
        Load("api", "Deployment", 20, Room(300, 1 << 30, 1), start=20, budget=("50%", ""), labels={"app": "api"}),
        Load("db", "StatefulSet", 4, Room(300, 1 << 30, 1), pinned=True, budget=("", "1"), labels={"app": "db"}),
        Load("job", "Deployment", 12, Room(300, 1 << 30, 1), labels={"app": "job"}),
    ]
    world = World(loads, {})
    for i in range(12):
        world.add(f"old-{i:02}", "abc"[i % 3], Room(2500, 16 << 30, 20), old=True)
    world.settle()
    for i in range(12):
        world.add(f"new-{i:02}", "abc"[i % 3], Room(2500, 16 << 30, 20))
    rules = quick(parallel=parallel, canary=False)
    taking = {each.name: each.start + (40 if each.pinned else 0) for each in loads}
    one_node = timedelta(seconds=25)  # ten to stop, fifteen for a volume to leave
    given = Times(one_node, timedelta(), lambda mover: timedelta(seconds=taking[mover.pod.labels["app"]]))
    least = lower_bound(world.seen(), rules, given)
    play = Play(world, rules)
    assert play.to_end().is_over
    assert play.wrongs == []
    assert len(play.evictions) == 60
    assert timedelta(seconds=world.now) <= 1.3 * least.length


# ---- words


def test_the_line_tells_how_far_it_is_and_who_waits_for_what() -> None:
    nodes = (old("old-1"), waiting("old-2"), node("new-1"))
    pods = (*three("old-1"), pod("web-9", "old-2", leaving_since=None), replica("x-1", "old-1", leaving_since=None))
    found = turn(seen(pods, nodes, budgets=(budget(allowed=0, healthy=2, expected=5),)), ONE)
    assert progress_line(found, nodes=30, pods=140) == (
        "28 of 30 nodes empty, 1 in work; 3 of 140 pods left; waits on PDB shop/web (1 pod)"
    )


def test_the_line_names_the_first_of_those_that_block() -> None:
    found = turn(seen(three(), budgets=(budget(minimum="3", desired=3, allowed=0),)), RULES)
    assert progress_line(found) == (
        "1 of 2 nodes empty, 1 in work; 1 pod left; "
        "blocked: shop/web-1 of Deployment/web on old-1: PDB shop/web allows 0 more disruptions, "
        "3 of 3 must be healthy (since 09:29 UTC)"
    )


def test_the_line_tells_which_room_is_missing() -> None:
    found = turn(seen((pod("web-1"),), (old("old-1"),)), RULES)
    assert progress_line(found) == (
        "0 of 1 node empty, 1 in work; 1 pod left; waits for room on new nodes (0.5 CPU and 1.0 GiB)"
    )
