"""Who is named for what does not go: pod, reason, since when, owner and what would free it; and force, by its ages."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.core.draining import Obstacle
from fleetkeeper.core.live import LivePod, Marks, Toleration
from fleetkeeper.core.rotation.decide import preview, turn
from fleetkeeper.core.rotation.rules import Force, Rules
from fleetkeeper.core.rotation.seen import Eviction, Outcome, Refusal, Seen
from tests.core.rotation.builders import (
    BEGAN,
    EVERYTHING,
    HOUR,
    LONG_AGO,
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

CLOSED: dict[str, Any] = {"minimum": "3", "desired": 3, "allowed": 0}
OWNED: dict[str, Any] = {"owner": {"team": "team-shop"}}


def blocked(found: Seen, rules: Rules = RULES) -> tuple[Obstacle, ...]:
    return turn(found, rules).blocked


@pytest.mark.parametrize(
    ("found", "why"),
    [
        pytest.param(
            seen(three(**OWNED), budgets=(budget(**CLOSED),)), "PDB shop/web allows 0 more disruptions",
            id="a budget of all pods",
        ),
        pytest.param(
            seen(three(**OWNED), budgets=(budget(), budget("other", selector=budget().selector))),
            "2 PodDisruptionBudgets take it (shop/web and shop/other)", id="two budgets",
        ),
        pytest.param(
            seen(three(**OWNED), budgets=(budget(allowed=0, observed=False, reason="SyncFailed", message="no scale"),)),
            "PDB shop/web lets nothing go, for its pods cannot be counted: no scale", id="a budget without a count",
        ),
        pytest.param(
            seen((pod("web-1", controller="", **OWNED),)), "nothing would bring it back", id="a bare pod"
        ),
        pytest.param(seen((pod("web-1", tolerant=True, **OWNED),)), "it tolerates cordoned nodes", id="a tolerant pod"),
        pytest.param(
            seen((pod("web-1", tolerates=(Toleration("node.kubernetes.io/unschedulable", "Exists", "", "NoSchedule"),),
                      **OWNED),)),
            "it tolerates cordoned nodes", id="a pod that tolerates cordons by name",
        ),
        pytest.param(
            seen((pod("web-1", stays="karpenter.sh/do-not-disrupt=true", **OWNED),)), "it asks to stay",
            id="a pod that asks to stay",
        ),
        pytest.param(
            seen((pod("web-1", claims=("data-web-1",), **OWNED),), volumes=(volume("web-1", (), nodes=("old-1",)),)),
            "volume pv-web-1 is a local disk of this node", id="a local volume",
        ),
        pytest.param(
            seen((pod("web-1", selects={"kubernetes.io/hostname": "old-1"}, **OWNED),)),
            "its nodeSelector names the node old-1", id="a pod that is bound to its node by name",
        ),
    ],
)  # fmt: skip
def test_what_never_goes_is_named_before_and_at_the_first_tick(found: Seen, why: str) -> None:
    (each,) = blocked(found)
    assert each.pod.name == "web-1"
    assert each.why.startswith(why)
    assert (each.for_good, each.since, each.owner) == (True, BEGAN, "team-shop")
    assert each.fix
    assert f"(since {BEGAN:%H:%M} UTC)" in each.text
    assert turn(found, RULES).evict == ()
    before = replace(found, nodes=(untouched("old-1"), node()), old=frozenset({"old-1"}))
    assert [replace(each, since=BEGAN) for each in preview(before, RULES)] == [each]


def test_a_tolerance_of_a_node_that_is_not_ready_is_every_pods_and_no_obstacle() -> None:
    usual = Toleration("node.kubernetes.io/not-ready", "Exists", "", "NoExecute")
    assert blocked(seen((pod("web-1", tolerates=(usual,)),))) == ()
    assert blocked(seen((pod("web-1", tolerates=(replace(EVERYTHING, effect="NoExecute"),)),))) == ()


def test_a_cluster_that_can_be_moved_has_no_preview() -> None:
    assert preview(seen(three(), budgets=(budget(),)), RULES) == ()


def test_a_budget_that_only_waits_for_its_pods_is_not_foretold() -> None:
    assert preview(seen(three(), budgets=(budget(healthy=2, allowed=0),)), RULES) == ()


BROKEN = (pod("web-1"), unready("web-2", created_at=LONG_AGO), pod("web-3", "new-1"))
MOVING = (pod("web-1"), unready("web-2"), pod("web-3", "new-1"))
SHORT: dict[str, Any] = {"healthy": 2, "allowed": 0}


@pytest.mark.parametrize(
    ("pods", "after", "named"),
    [
        pytest.param(BROKEN, MINUTE, True, id="nothing is on its way that would help: at once"),
        pytest.param(MOVING, 4 * MINUTE, False, id="a replacement is on its way"),
        pytest.param(MOVING, 6 * MINUTE, True, id="for longer than patience lasts"),
    ],
)
def test_a_budget_without_tokens_is_named(pods: tuple[LivePod, ...], after: timedelta, named: bool) -> None:
    found = seen(pods, (old(marks=Marks(US, NOW - HOUR, True, True)), node()), budgets=(budget(**SHORT),))
    if after != MINUTE:
        pods = tuple(replace(each, created_at=NOW - after) if not each.ready else each for each in pods)
        found = replace(found, pods=pods)
    told = blocked(found)
    assert bool(told) is named
    if named:
        assert told[0].why == "PDB shop/web allows 0 more disruptions, 2 of 3 must be healthy and 2 are"
        assert not told[0].for_good
        assert told[0].since is not None


FULL = "0/5 nodes are available: 2 node(s) were unschedulable, 3 Insufficient cpu. preemption: 0/5 nodes are available."
OTHER_WORDS = "pod has unbound immediate PersistentVolumeClaims"


def unplaced(name: str, message: str, **other: Any) -> LivePod:
    return unready(name, "", phase="Pending", created_at=LONG_AGO, unplaced=message, **other)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        pytest.param(FULL, "Insufficient cpu, node(s) were unschedulable", id="without counts, which change"),
        pytest.param(OTHER_WORDS, OTHER_WORDS, id="in other words"),
    ],
)
def test_a_pod_that_no_node_takes_is_named_with_what_the_scheduler_says(message: str, told: str) -> None:
    found = seen((pod("web-1"), unplaced("web-2", message), pod("web-3", "new-1")), budgets=(budget(**SHORT),))
    (each,) = blocked(found)
    assert each.pod.name == "web-1"
    assert each.why == (
        f"PDB shop/web allows 0 more disruptions, 2 of 3 must be healthy and 2 are; shop/web-2 has no node: {told}"
    )
    assert each.fix == "let a node take shop/web-2: kubectl --namespace shop describe pod web-2"


def test_a_pod_of_others_that_no_node_takes_is_not_named() -> None:
    others = unplaced("api-1", FULL, controller="Deployment/api", labels={"app": "api"})
    found = seen((*BROKEN, others, unplaced("web-9", FULL, namespace="blog")), budgets=(budget(**SHORT),))
    (each,) = blocked(found)
    assert "has no node" not in each.why


def test_a_bare_pod_that_no_node_takes_is_no_sibling_of_another() -> None:
    bare = pod("web-1", controller="", labels={"app": "web"}, ready_since=LONG_AGO)
    found = seen(
        (
            bare,
            unready("web-2", created_at=LONG_AGO),
            pod("web-3", "new-1"),
            unplaced("job", FULL, controller="", labels={}),
        ),
        budgets=(budget(**SHORT),),
    )
    (each,) = blocked(found, replace(RULES, bare=True))
    assert (each.pod.name, "has no node" in each.why) == ("web-1", False)


@pytest.mark.parametrize(
    ("left", "ready", "finalizers", "why"),
    [
        pytest.param(10, True, (), "", id="a pod in its grace"),
        pytest.param(40, True, (), "", id="a moment later"),
        pytest.param(10, True, ("x/y",), "", id="finalizers in its grace"),
        pytest.param(
            70, True, ("x/y",), "it is terminating since 09:28 UTC, and finalizers hold it: x/y", id="finalizers"
        ),
        pytest.param(400, True, (), "it is terminating, and its grace of 30s is over", id="no reason to be seen"),
        pytest.param(
            10, False, (), "it is terminating, and the kubelet of its node does not answer", id="a dead kubelet"
        ),
    ],
)
def test_a_pod_that_was_asked_to_go_and_does_not(left: int, ready: bool, finalizers: tuple[str, ...], why: str) -> None:
    leaving = pod("web-1", leaving_since=NOW - timedelta(seconds=left), finalizers=finalizers, ready=False)
    found = seen((leaving,), (old(ready=ready), node()))
    assert [each.why for each in blocked(found)] == ([why] if why else [])


def test_a_dead_node_leaves_its_place_to_the_next() -> None:
    leaving = pod("web-1", leaving_since=NOW - MINUTE, ready=False)
    nodes = (old("old-1", ready=False), waiting("old-2"), node())
    found = turn(seen((leaving, pod("api-1", "old-2", controller="Deployment/api")), nodes), replace(RULES, parallel=1))
    assert [each.name for each in found.evict] == ["api-1"]


def test_a_job_is_given_time_and_then_named() -> None:
    for age, named in ((59 * MINUTE, False), (HOUR, True)):
        found = seen((pod("nightly-1", controller="Job/nightly"),), (old(marks=Marks(US, NOW - age, True)), node()))
        assert [each.pod.name for each in blocked(found)] == (["nightly-1"] if named else [])
        assert turn(found, RULES).evict == ()


def test_a_webhooks_refusal_is_named_in_its_words_when_patience_is_over() -> None:
    for age, named in ((4 * MINUTE, False), (5 * MINUTE, True)):
        refusal = Refusal(Eviction(Outcome.REFUSED, "denied by strimzi"), NOW - age, NOW)
        told = blocked(seen(three(), refusals={"uid-web-1": refusal}))
        assert [each.why for each in told] == (
            ["the API server refuses to evict it: denied by strimzi"] if named else []
        )


def test_a_volume_that_does_not_leave_is_named_by_the_pod_that_waits_for_it() -> None:
    waits = unready("db-0", controller="StatefulSet/db", claims=("data-db-0",), created_at=NOW - 6 * MINUTE)
    home = old(marks=Marks(US, NOW - HOUR, True, True))
    told = blocked(seen((waits,), (home, node()), volumes=(volume("db-0", ("old-1",)),)))
    assert [each.why for each in told] == [
        "volume pv-db-0 is still attached to old-1, which has no pod left that uses it"
    ]


# ---- force

FORCE = replace(RULES, force=Force("alice"))
AGED = (old(marks=Marks(US, NOW - 7 * HOUR, True, True)), node("new-1"))


def forced(found: Seen, rules: Rules = FORCE) -> list[str]:
    return [each.name for each in turn(found, rules).delete]


@pytest.mark.parametrize(
    ("change", "goes"),
    [
        pytest.param({}, True, id="every age is reached"),
        pytest.param({"nodes": (old(marks=Marks(US, NOW - 5 * HOUR, True)), node())}, False, id="the drain is young"),
        pytest.param(
            {"nodes": (node("old-1", marks=Marks(US, NOW - 7 * HOUR, quarantined="stuck")), node())}, True,
            id="its node was set aside meanwhile",
        ),
        pytest.param({"pods": three(created_at=NOW - 71 * HOUR)}, False, id="the pod is young"),
        pytest.param({"forced_at": NOW - 4 * MINUTE}, False, id="another was deleted a moment ago"),
        pytest.param({"forced_at": NOW - 5 * MINUTE}, True, id="another was deleted some time ago"),
        pytest.param({"budgets": ()}, False, id="no budget holds it"),
        pytest.param({"pods": three(stays="karpenter.sh/do-not-disrupt=true")}, False, id="it asks to stay besides"),
        pytest.param(
            {"pods": (pod("web-1"), pod("web-2", "new-1", ready_since=NOW - MINUTE))}, False,
            id="a sibling became Ready a moment ago",
        ),
        pytest.param(
            {"pods": (pod("web-1"), unready("web-2", created_at=NOW - 5 * HOUR))}, False, id="a sibling may still come"
        ),
        pytest.param(
            {"pods": (pod("web-1"), unready("web-2", created_at=NOW - 6 * HOUR))}, True, id="a sibling never comes"
        ),
        pytest.param(
            {"pods": (pod("web-1"), pod("web-2", "new-1", leaving_since=NOW))}, False, id="a sibling is leaving"
        ),
    ],
)  # fmt: skip
def test_a_pod_is_deleted_past_its_budget_only_when_all_is_so(change: dict[str, Any], goes: bool) -> None:
    found = replace(seen(three(), AGED, budgets=(budget(**CLOSED),)), **change)
    assert forced(found) == (["web-1"] if goes else [])
    assert forced(found, RULES) == []


def test_one_pod_at_a_time_is_deleted() -> None:
    pods = (pod("web-1"), pod("web-2"), replica("web-3"))
    assert forced(seen(pods, AGED, budgets=(budget(**CLOSED),))) == ["web-1"]
