"""What is done to nodes at a tick: fenced, closed while there is room, begun in turn, opened again, set aside."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core.live import LiveNode, LivePod, Marks, Room
from fleetkeeper.core.rotation.decide import turn
from fleetkeeper.core.rotation.nodes import released
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.rotation.turn import Change
from tests.core.rotation.builders import (
    FENCED,
    HOUR,
    MINUTE,
    NOW,
    RULES,
    US,
    budget,
    node,
    old,
    pod,
    replica,
    seen,
    three,
    unready,
    untouched,
    volume,
    waiting,
)

THEIRS = Marks("run-2/nodes", NOW - MINUTE, True)
FULL = Room(500, 1 << 30, 1)


def changes(found: Seen, rules: Rules = RULES) -> list[str]:
    return sorted(f"{each.change} {each.node.name}" for each in turn(found, rules).changes)


def on_each(*names: str, **other: Any) -> tuple[LivePod, ...]:
    return tuple(
        pod(f"{name}-pod", name, controller=f"Deployment/of-{name}", labels={"app": name}, **other) for name in names
    )


def aside(name: str, **other: Any) -> LiveNode:
    return node(name, taints=(FENCED,), marks=Marks(US, NOW - HOUR, quarantined="web-1 does not go"), **other)


@pytest.mark.parametrize(
    ("nodes", "pods", "expected"),
    [
        pytest.param(
            (untouched("old-1"), untouched("old-2"), node()), on_each("old-1"), ["cordon old-1", "cordon old-2"],
            id="all old nodes are closed at once, the empty ones too, while new ones have room",
        ),
        pytest.param(
            (untouched("old-1"), untouched("old-2")), on_each("old-1"), ["fence old-1", "fence old-2"],
            id="without room they are fenced and stay open",
        ),
        pytest.param(
            (waiting("old-1"), waiting("old-2"), waiting("old-3"), node()), on_each("old-1", "old-2", "old-3"),
            ["begin old-1", "begin old-2"], id="so many are begun as may be in work side by side",
        ),
        pytest.param(
            (old("old-1"), waiting("old-2"), waiting("old-3"), node()), on_each("old-1", "old-2", "old-3"),
            ["begin old-2"], id="another one begins as soon as there is a place",
        ),
        pytest.param(
            (old("old-1"), old("old-2"), waiting("old-3"), node()), on_each("old-2", "old-3"), ["begin old-3"],
            id="a node that is empty leaves its place to the next",
        ),
        pytest.param(
            (old("old-1"), old("old-2"), waiting("old-3"), node()), on_each("old-1", "old-2"), ["begin old-3"],
            id="an empty node takes no place",
        ),
        pytest.param(
            (old("old-1"), waiting("old-2"), node("old-3"), node()), on_each("old-1", "old-2"), ["cordon old-3"],
            id="a node of the old kind that joins is closed before anything else goes on",
        ),
        pytest.param(
            (untouched("old-1", schedulable=False), node()), on_each("old-1"), ["begin old-1"],
            id="what somebody else cordoned is begun, and never called ours",
        ),
        pytest.param(
            (untouched("old-1", marks=THEIRS), waiting("old-2"), node()), on_each("old-1", "old-2"), ["begin old-2"],
            id="a node in another rotation's work is left to it",
        ),
        pytest.param(
            (waiting("old-1"), node("new-1", marks=THEIRS)), on_each("old-1"), [],
            id="and its nodes are no place for our pods",
        ),
        pytest.param(
            (old("old-1", taints=()), node()), on_each("old-1"), ["fence old-1"], id="a lost fence is put up again"
        ),
        pytest.param(
            (old("old-1"), aside("old-2"), node()), on_each("old-1"), ["begin old-2"],
            id="a node that was set aside is taken up again when nothing holds it any more",
        ),
    ],
)  # fmt: skip
def test_nodes_are_closed_and_begun(
    nodes: tuple[LiveNode, ...], pods: tuple[LivePod, ...], expected: list[str]
) -> None:
    assert changes(seen(pods, nodes)) == expected


def test_the_pods_of_a_node_go_with_the_tick_that_begins_it() -> None:
    found = turn(seen(on_each("old-1"), (waiting("old-1"), node())), RULES)
    assert [each.node for each in found.evict] == ["old-1"]


def test_no_node_begins_before_all_are_seen_closed() -> None:
    found = seen(on_each("old-1"), (waiting("old-1"), untouched("old-2"), node()))
    assert changes(found) == ["cordon old-2"]
    assert turn(found, RULES).evict == ()


WAITS = (unready("api-1", "", controller="Deployment/api", phase="Pending"),)


def test_new_replicas_that_only_fit_old_nodes_get_those_that_are_not_begun() -> None:
    nodes = (old("old-1"), waiting("old-2"), old("old-3", marks=Marks(US)), node(room=FULL))
    found = turn(seen((*on_each("old-1", "old-2"), *WAITS, *WAITS), nodes), RULES)
    assert [(each.change, each.node.name) for each in found.changes] == [(Change.FENCE, "old-2")]
    assert found.evict == ()
    assert found.wanting == Room(1500, 3 << 30, 3)


def test_old_nodes_are_opened_when_the_reserve_is_used_up() -> None:
    nodes = (old("old-1"), waiting("old-2"), node(room=Room(1000, 2 << 30, 2)))
    busy = pod("api-1", "new-1", controller="Deployment/api")
    found = seen((*on_each("old-1", "old-2"), busy), nodes)
    assert changes(found, replace(RULES, reserve=0.3)) == []
    assert changes(found, replace(RULES, reserve=0.4)) == ["fence old-2"]


def test_a_pod_that_no_node_at_all_takes_keeps_nothing_up() -> None:
    lost = unready("gpu-1", "", controller="Deployment/gpu", phase="Pending", selects={"gpu": "yes"})
    found = turn(seen((*on_each("old-1"), lost)), RULES)
    assert [each.node for each in found.evict] == ["old-1"]


def test_the_first_node_goes_alone_and_is_told_when_it_is_empty() -> None:
    rules = replace(RULES, canary=True)
    begins = seen(on_each("old-1", "old-2"), (waiting("old-1"), waiting("old-2"), node()))
    assert changes(begins, rules) == ["begin old-1"]
    works = seen(on_each("old-1", "old-2"), (old("old-1"), waiting("old-2"), node()))
    assert changes(works, rules) == []
    done = seen(on_each("old-2"), (old("old-1"), waiting("old-2"), node()))
    assert changes(done, rules) == []
    assert turn(done, rules).batch_is_over
    settled = replace(done, settled_at=NOW)
    assert changes(settled, rules) == ["begin old-2"]
    assert not turn(settled, rules).batch_is_over


def test_an_empty_node_is_no_canary_while_there_are_others() -> None:
    rules = replace(RULES, canary=True)
    assert changes(seen(on_each("old-2"), (waiting("old-1"), waiting("old-2"), node())), rules) == ["begin old-2"]
    assert changes(seen((), (waiting("old-1"), waiting("old-2"), node())), rules) == ["begin old-1"]


@pytest.mark.parametrize(
    ("settled", "expected"),
    [
        pytest.param(NOW - timedelta(seconds=30), [], id="health settles"),
        pytest.param(NOW - timedelta(seconds=60), ["begin old-2", "begin old-3"], id="the next batch begins"),
        pytest.param(NOW - HOUR, [], id="a batch that is under way is not filled up"),
    ],
)
def test_between_batches_health_is_given_time(settled: Any, expected: list[str]) -> None:
    nodes = (old("old-1"), waiting("old-2"), waiting("old-3"), node())
    found = replace(seen(on_each("old-1", "old-2", "old-3"), nodes), settled_at=settled)
    if expected:
        found = replace(found, nodes=nodes[1:], old=frozenset({"old-2", "old-3"}))
    assert changes(found, replace(RULES, settle=MINUTE)) == expected


def test_a_batch_is_over_when_all_of_it_is_empty() -> None:
    rules = replace(RULES, settle=MINUTE)
    nodes = (old("old-1"), old("old-2"), waiting("old-3"), node())
    assert not turn(seen(on_each("old-2", "old-3"), nodes), rules).batch_is_over
    assert turn(seen(on_each("old-3"), nodes), rules).batch_is_over


CLOSED: dict[str, Any] = {"minimum": "3", "desired": 3, "allowed": 0}


def test_a_node_on_which_nothing_moves_is_set_aside_by_name_and_the_next_begins() -> None:
    for age, expected in ((29 * MINUTE, ["begin old-2"]), (30 * MINUTE, ["begin old-2", "quarantine old-1"])):
        stuck = old("old-1", marks=Marks(US, NOW - age, True, True))
        nodes = (stuck, waiting("old-2"), node())
        found = seen((*three(), *on_each("old-2")), nodes, budgets=(budget(**CLOSED),))
        assert changes(found, replace(RULES, parallel=1)) == expected
    why = next(each.why for each in turn(found, RULES).changes if each.change is Change.QUARANTINE)
    assert why.startswith("shop/web-1: PDB shop/web allows 0 more disruptions")


def test_a_node_on_which_something_moves_is_not_set_aside() -> None:
    slow = old("old-1", marks=Marks(US, NOW - 5 * HOUR, True, True))
    found = seen((*three(), *on_each("old-1")), (slow, node()), budgets=(budget(**CLOSED),))
    assert changes(found) == []


def test_a_node_that_was_set_aside_stays_so_while_it_is_held() -> None:
    found = seen(three("old-1"), (aside("old-1"), node()), budgets=(budget(**CLOSED),))
    assert changes(found) == []
    assert turn(found, RULES).is_over
    assert [each.pod.name for each in turn(found, RULES).blocked] == ["web-1"]


def test_a_node_is_empty_when_nothing_moves_leaves_or_is_attached() -> None:
    def empty(pods: tuple[LivePod, ...], **other: Any) -> bool:
        found = turn(seen(pods, (old(), node()), **other), RULES)
        assert found.is_over is bool(found.empty)
        return bool(found.empty)

    assert empty(())
    assert empty((pod("agent-1", controller="DaemonSet/agent"), pod("web-1", phase="Succeeded")))
    assert not empty((pod("web-1"),))
    assert not empty((pod("web-1", leaving_since=NOW),))
    assert not empty((replica("db-0", "new-1"),), volumes=(volume("db-0", ("old-1", "new-1")),))


def test_a_node_that_was_not_begun_is_not_called_empty() -> None:
    assert turn(seen((), (waiting("old-1"), node())), RULES).empty == ()


def test_a_node_that_is_gone_is_not_waited_for() -> None:
    found = replace(seen((), (old("old-1"), node())), old=frozenset({"old-1", "old-gone"}))
    assert turn(found, RULES).is_over


def test_others_nodes_are_told() -> None:
    found = turn(seen((), (old("old-1"), old("old-2", marks=THEIRS), node())), RULES)
    assert [each.name for each in found.others] == ["old-2"]
    assert found.is_over


def test_the_way_back_is_every_node_with_our_mark_and_no_other() -> None:
    nodes = (old("old-1"), untouched("old-2"), old("old-3", marks=THEIRS), node("new-1", marks=Marks(US)))
    assert [(each.change, each.node.name) for each in released(seen((), nodes))] == [
        (Change.RELEASE, "old-1"),
        (Change.RELEASE, "new-1"),
    ]


def test_progress_counts_nodes_and_pods() -> None:
    nodes = (old("old-1"), old("old-2"), waiting("old-3"), aside("old-4"), node())
    leaving = pod("web-9", "old-2", leaving_since=NOW)
    found = turn(seen((*on_each("old-2", "old-3", "old-4"), leaving, unready("web-8")), nodes), RULES).progress
    assert (found.nodes, found.empty, found.working, found.quarantined) == (4, 1, 1, 1)
    assert (found.pods, found.leaving, found.arriving) == (3, 1, 1)
