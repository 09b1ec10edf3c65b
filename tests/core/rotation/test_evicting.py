"""Which pods of nodes in work go at a tick: budgets across nodes, volumes one by one, room for every replacement."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core.live import LivePod, Room, Taint, Toleration
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.rotation.decide import turn
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Eviction, Outcome, Refusal, Seen
from tests.core.rotation.builders import (
    BEGAN,
    EVERYTHING,
    LONG_AGO,
    MINUTE,
    NOW,
    RULES,
    budget,
    node,
    old,
    pod,
    replica,
    seen,
    three,
    unready,
    volume,
)


def gone(found: Seen, rules: Rules = RULES) -> list[str]:
    return sorted(each.name for each in turn(found, rules).evict)


def held(found: Seen, rules: Rules = RULES) -> dict[str, str]:
    return {each.pod.name: each.why for each in turn(found, rules).held}


def four(**other: Any) -> tuple[LivePod, ...]:
    """All of web, on two old nodes."""
    return tuple(pod(f"web-{i}", f"old-{1 + i % 2}", **other) for i in range(4))


FOUR: dict[str, Any] = {"minimum": "2", "expected": 4, "desired": 2, "healthy": 4, "allowed": 2}
LEAVES: dict[str, Any] = {"leaving_since": NOW - timedelta(seconds=5), "ready": False}
LOW: dict[str, Any] = {"priority": 0}
HIGH: dict[str, Any] = {"priority": 1000}
CRITICAL: dict[str, Any] = {"priority": 2_000_000_000, "labels": {"app": "dns"}, "controller": "Deployment/dns"}
DB = tuple(replica(f"db-{i}", f"old-{1 + i % 2}") for i in range(3))
DB_VOLUMES = tuple(volume(f"db-{i}", (f"old-{1 + i % 2}",)) for i in range(3))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(seen(three(), budgets=(budget(),)), ["web-1"], id="a pod goes when its budget lets one go"),
        pytest.param(
            seen(four(), budgets=(budget(**FOUR),)), ["web-0", "web-1"], id="one pool of tokens spans all nodes"
        ),
        pytest.param(
            seen(three(), budgets=(budget(allowed=0, healthy=2),)), [], id="the server's own count of zero lets none go"
        ),
        pytest.param(
            seen((pod("web-1"), unready("web-2"), pod("web-3", "new-1")), budgets=(budget(),)), [],
            id="a replacement that is not Ready holds its token, whatever an older budget says",
        ),
        pytest.param(
            seen((pod("web-1"), pod("web-2", "old-2", **LEAVES), pod("web-3", "new-1")), budgets=(budget(),)), [],
            id="a pod that terminates holds its token",
        ),
        pytest.param(
            seen(three(), budgets=(budget(observed=False),)), [], id="a budget that was not counted yet lets none go"
        ),
        pytest.param(
            seen(three(), budgets=(budget(minimum="", maximum_unavailable="34%", desired=1, allowed=2),)), ["web-1"],
            id="a budget in percent",
        ),
        pytest.param(
            seen(
                (*three(), pod("api-1", "old-2", labels={"app": "api", "tier": "x"}, controller="Deployment/api")),
                budgets=(budget(selector=Labels(), minimum="3", expected=4, desired=3, healthy=4),),
            ),
            ["api-1"], id="a budget that two workloads share has one pool",
        ),
        pytest.param(
            seen((unready("web-1", "old-1"), pod("web-2", "new-1"), pod("web-3", "new-1")),
                 budgets=(budget(healthy=2, allowed=0),)),
            ["web-1"], id="a pod that is not Ready goes free while enough are healthy",
        ),
        pytest.param(
            seen((unready("web-1", "old-1"), unready("web-2"), pod("web-3", "new-1")),
                 budgets=(budget(healthy=1, allowed=0),)),
            [], id="a pod that is not Ready stays while too few are healthy",
        ),
        pytest.param(
            seen((unready("web-1", "old-1"), unready("web-2"), pod("web-3", "new-1")),
                 budgets=(budget(healthy=1, allowed=0, unhealthy_policy="AlwaysAllow"),)),
            ["web-1"], id="unless its budget always lets such pods go",
        ),
        pytest.param(
            seen((unready("web-1", "old-1", phase="Pending"),), budgets=(budget(allowed=0, observed=False),)),
            ["web-1"], id="a pod that has not started asks no budget",
        ),
        pytest.param(seen(four()), ["web-0"], id="without a budget a quarter of a workload goes, and one at least"),
        pytest.param(
            seen(tuple(pod(f"web-{i}", f"old-{1 + i % 2}") for i in range(8))), ["web-0", "web-1"],
            id="a quarter of eight pods are two",
        ),
        pytest.param(seen((*four(), unready("web-4"))), [], id="without a budget, too, a replacement is awaited"),
        pytest.param(
            seen((*four(), unready("web-4", created_at=LONG_AGO, unready_since=NOW - MINUTE))), [],
            id="and so is a pod that has just stopped to be Ready",
        ),
        pytest.param(
            seen((*four(), unready("web-4", "old-3", created_at=LONG_AGO)),
                 (old("old-1"), old("old-2"), old("old-3", ready=False), node())),
            ["web-4"], id="a pod on a dead node goes, and those that are well wait for it",
        ),
        pytest.param(
            seen((*four(), unready("web-4", created_at=LONG_AGO))), ["web-0"],
            id="a pod that has been broken for long is no replacement, and is not awaited",
        ),
        pytest.param(
            seen(four(), sizes={("shop", "Deployment/web"): 5}), [],
            id="a replica that is not made yet is missing, where the size is known",
        ),
        pytest.param(
            seen((*four(), pod("web-9", "old-2", **LEAVES)), sizes={("shop", "Deployment/web"): 4}), ["web-0"],
            id="one that still terminates is not, once its replacement is Ready",
        ),
        pytest.param(seen(DB, volumes=DB_VOLUMES), ["db-0"], id="pods with volumes go one at a time"),
        pytest.param(
            seen(DB, volumes=DB_VOLUMES,
                 budgets=(budget("db", minimum="1", desired=1, allowed=2),)), ["db-0"],
            id="one at a time also where a budget allows more",
        ),
        pytest.param(
            seen((*DB[1:], replica("db-0")), volumes=(volume("db-0", ("old-1", "new-1")), *DB_VOLUMES[1:])), [],
            id="the next pod waits until the volume of the last is detached from the old node",
        ),
        pytest.param(
            seen(DB[1:], volumes=(volume("db-0", ("old-1",)), *DB_VOLUMES[1:])), [],
            id="a volume that is attached and has no pod is on its way",
        ),
        pytest.param(
            seen((*DB[1:], unready("db-0", controller="StatefulSet/db", labels={"app": "db"}, claims=("data-db-0",))),
                 volumes=(volume("db-0", ("new-1",)), *DB_VOLUMES[1:])),
            [], id="the next pod waits until the last is Ready",
        ),
        pytest.param(
            seen((*DB[1:], replica("db-0", "new-1")), volumes=(volume("db-0", ("new-1",)), *DB_VOLUMES[1:])), ["db-1"],
            id="then it goes",
        ),
        pytest.param(
            seen(tuple(pod(f"web-{i}", f"old-{1 + i % 2}", claims=("shared",)) for i in range(8))), ["web-0", "web-1"],
            id="a volume that many nodes use at once is no reason to go one by one",
        ),
        pytest.param(
            seen((pod("web-1", controller="DaemonSet/agent"), pod("web-2", static=True))), [],
            id="pods of DaemonSets and mirror pods never go",
        ),
        pytest.param(seen((pod("web-1", phase="Succeeded", ready=False),)), [], id="a pod that has ended stays"),
        pytest.param(seen((pod("job-1", controller="CronJob/nightly"),)), [], id="a Job's pod may end by itself"),
        pytest.param(
            seen((pod("web-1", **LOW), pod("dns-1", **CRITICAL))), ["web-1"],
            id="what the cluster lives by goes last from its node",
        ),
        pytest.param(seen((pod("dns-1", **CRITICAL),)), ["dns-1"], id="and goes when nothing else is left there"),
        pytest.param(
            seen((pod("web-1", **HIGH), pod("web-2", "old-2", **LOW), pod("web-3", "new-1")), budgets=(budget(),)),
            ["web-2"], id="of two pods for one token the one with the lower priority goes",
        ),
    ],
)  # fmt: skip
def test_which_pods_go(found: Seen, expected: list[str]) -> None:
    assert gone(found) == expected


SMALL = Room(400, 1 << 30, 20)


@pytest.mark.parametrize(
    ("fresh", "moved", "goes"),
    [
        pytest.param({}, {}, True, id="a new node with room"),
        pytest.param({"room": SMALL}, {}, False, id="a new node without CPU for it"),
        pytest.param({"room": Room(4000, 1 << 20, 20)}, {}, False, id="a new node without memory for it"),
        pytest.param({"room": Room(4000, 16 << 30, 0)}, {}, False, id="a new node without a place for a pod"),
        pytest.param({"ready": False}, {}, False, id="a new node that is not Ready"),
        pytest.param({"schedulable": False}, {}, False, id="a new node that somebody cordoned"),
        pytest.param({"leaving": True}, {}, False, id="a new node that is being removed"),
        pytest.param({"taints": (Taint("gpu", "", "NoSchedule"),)}, {}, False, id="a taint that it does not tolerate"),
        pytest.param(
            {"taints": (Taint("gpu", "", "NoSchedule"),)}, {"tolerates": (Toleration("gpu", "Exists"),)}, True,
            id="a taint that it tolerates",
        ),
        pytest.param(
            {"taints": (Taint("gpu", "a", "NoSchedule"),)}, {"tolerates": (Toleration("gpu", "Equal", "b"),)}, False,
            id="a taint of another value",
        ),
        pytest.param(
            {"taints": (Taint("gpu", "", "PreferNoSchedule"),)}, {}, True, id="a taint that only asks for others first"
        ),
        pytest.param({}, {"selects": {"disk": "ssd"}}, False, id="a nodeSelector that it does not match"),
        pytest.param({"labels": {"disk": "ssd"}}, {"selects": {"disk": "ssd"}}, True, id="a nodeSelector that it does"),
    ],
)  # fmt: skip
def test_a_pod_goes_only_where_its_replacement_fits(fresh: dict[str, Any], moved: dict[str, Any], goes: bool) -> None:
    found = seen((pod("web-1", **moved),), (old(), node("new-1", **fresh)))
    assert gone(found) == (["web-1"] if goes else [])
    assert (turn(found, RULES).wanting is None) is goes


@pytest.mark.parametrize("zone", ["a", "b"])
def test_a_pod_goes_only_where_its_volume_can_follow(zone: str) -> None:
    found = seen(
        (replica("db-0", "old-1"),), (old(), node("new-1", zone=zone)), volumes=(volume("db-0", zones=("a",)),)
    )
    assert gone(found) == (["db-0"] if zone == "a" else [])
    assert turn(found, RULES).wanting_in == (() if zone == "a" else ("a",))


def test_room_is_given_once() -> None:
    pods = tuple(pod(f"web-{i}", controller=f"Deployment/w{i}") for i in range(3))
    assert gone(seen(pods, (old(), node("new-1", room=Room(1000, 16 << 30, 20))))) == ["web-0", "web-1"]


def test_pods_without_a_node_have_the_first_claim_to_room() -> None:
    found = (pod("web-1"), unready("api-1", "", controller="Deployment/api", phase="Pending"))
    assert gone(seen(found, (old(), node("new-1", room=Room(900, 16 << 30, 20))))) == []


def test_a_replica_that_comes_once_the_old_one_is_gone_has_its_room_kept() -> None:
    found = (pod("web-1"), replica("db-0", "old-1", claims=(), **LEAVES))
    assert gone(seen(found, (old(), node("new-1", room=Room(900, 16 << 30, 20))))) == []


def test_the_reserve_stays_free() -> None:
    pods = three()
    nodes = (old(), node("new-1", room=Room(1500, 16 << 30, 20)), node("new-2", room=Room(300, 16 << 30, 20)))
    assert gone(seen(pods, nodes), RULES) == ["web-1"]
    assert gone(seen(pods, nodes), replace(RULES, reserve=0.3)) == []


def test_without_a_known_size_those_that_leave_are_no_part_of_a_deployment() -> None:
    leaving = (pod("web-8", "old-1", **LEAVES), pod("web-9", "old-1", **LEAVES))
    assert gone(seen((*four(), *leaving)), replace(RULES, unbudgeted=0.5)) == []
    assert gone(seen((*four(), leaving[0])), replace(RULES, unbudgeted=0.5)) == ["web-0"]


def refused(outcome: Outcome, ago: int, since: int = 600, retry_after: int = 0) -> dict[str, Refusal]:
    at, first = NOW - timedelta(seconds=ago), NOW - timedelta(seconds=since)
    return {"uid-web-1": Refusal(Eviction(outcome, "no", retry_after), first, at)}


@pytest.mark.parametrize(
    ("refusal", "again"),
    [
        pytest.param(refused(Outcome.NOT_COUNTED, 4, retry_after=10), 6, id="the server says when"),
        pytest.param(refused(Outcome.NOT_COUNTED, 11, retry_after=10), None, id="that time has come"),
        pytest.param(refused(Outcome.BUDGET, 20), 40, id="it says nothing: a minute at most"),
        pytest.param(refused(Outcome.BUDGET, 2, 10), 2, id="the younger the refusal, the shorter the pause"),
        pytest.param(refused(Outcome.BUDGET, 1, 1), None, id="the first one is asked again at once"),
        pytest.param(refused(Outcome.CONFLICT, 1), None, id="a pod that had changed is asked again at once"),
    ],
)
def test_a_refused_pod_is_asked_again(refusal: dict[str, Refusal], again: int | None) -> None:
    found = turn(seen(three(), refusals=refusal), RULES)
    assert [each.name for each in found.evict] == ([] if again else ["web-1"])
    assert [each.again for each in found.held] == ([timedelta(seconds=again)] if again else [])


def test_a_refused_pod_does_not_keep_the_token_from_another() -> None:
    pods = (pod("web-1"), pod("web-2", "old-2"), pod("web-3", "new-1"))
    found = seen(pods, budgets=(budget(),), refusals=refused(Outcome.REFUSED, 1))
    assert gone(found) == ["web-2"]


def test_a_pod_that_waits_says_for_which_budget() -> None:
    found = turn(seen((pod("web-1"), unready("web-2"), pod("web-3", "new-1")), budgets=(budget(),)), RULES)
    assert [(each.budget, each.why) for each in found.held] == [("shop/web", "PDB shop/web has no disruption left")]


def test_nothing_goes_before_every_old_node_is_seen_closed() -> None:
    found = seen(three(), (old("old-1"), node("old-2"), node("new-1")))
    assert gone(found) == []
    assert held(found) == {}


def test_the_same_sight_gives_the_same_turn() -> None:
    found = seen((*four(), *DB), budgets=(budget(**FOUR),), volumes=DB_VOLUMES)
    assert turn(found, RULES) == turn(found, RULES)


def test_a_bare_pod_goes_where_the_operator_allows_it_and_needs_no_room() -> None:
    found = seen((pod("one-off", controller=""),), (old(), node("new-1", room=Room())))
    assert gone(found, replace(RULES, bare=True)) == ["one-off"]


def test_a_pod_that_asks_to_stay_goes_where_nobody_honours_it() -> None:
    found = seen((pod("web-1", stays="karpenter.sh/do-not-disrupt=true"),))
    assert gone(found, replace(RULES, honours_do_not_disrupt=False)) == ["web-1"]


def test_a_tolerant_pod_fits_a_tainted_node_of_another_rotations_choice() -> None:
    """Room is asked of every taint; that it would come back is another matter (see obstacles)."""
    found = seen((pod("web-1", tolerates=(EVERYTHING,)),))
    assert gone(found) == []
    assert turn(found, RULES).blocked[0].since == BEGAN


def test_the_longest_chain_is_evicted_from_first() -> None:
    found = seen((pod("api-0", labels={"app": "api"}, controller="ReplicaSet/api"), *four()), budgets=(budget(**FOUR),))
    assert [each.name for each in turn(found, RULES).evict] == ["web-0", "web-1", "api-0"]
