"""The simple workers: what a budget lets go, and where an evicted pod's replacement lands."""

from collections.abc import Iterator
from typing import Any

import pytest

from fleetkeeper.sim.aws.evictions import matches
from fleetkeeper.sim.aws.workers import Draining
from fleetkeeper.sim.world import Object
from tests.sim.eks_writes import Driven, a_pod, driven, join_nodes, put_budget, put_pods

BROKEN: Object = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}
PENDING: Object = {"phase": "Pending", "conditions": []}
DONE: Object = {"phase": "Succeeded", "conditions": []}


@pytest.fixture
def run() -> Iterator[Driven]:
    """Two nodes; the first one is cordoned and about to be drained."""
    with driven() as made:
        made.aws.server.stage.workers.cordon(made.cluster, min(join_nodes(made)), on=True)
        yield made


def drain(run: Driven) -> Draining:
    return run.aws.server.stage.workers.evict_all(run.cluster, min(run.nodes()))


CASES: dict[str, tuple[list[Object], dict[str, Any], int]] = {
    "no budget": ([{}], {}, 0),
    "a budget with room": ([{}, {}], {"minAvailable": 1}, 1),
    "a budget without room": ([{}], {"minAvailable": 1}, 1),
    "a percentage is rounded up": ([{}, {}], {"minAvailable": "51%"}, 2),
    "unavailable by percentage": ([{}, {}, {}], {"maxUnavailable": "34%"}, 1),
    "an unready pod under a budget that wants none": ([{"status": BROKEN}], {"minAvailable": 0}, 1),
    "an unready pod that the policy lets go": (
        [{"status": BROKEN}],
        {"minAvailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
        0,
    ),
    "an unready pod that the default policy keeps": ([{"status": BROKEN}], {"minAvailable": 1}, 1),
    "a pending pod": ([{"status": PENDING}], {"minAvailable": 1}, 0),
    "a pod that has ended": ([{"status": DONE}], {"minAvailable": 1}, 0),
}


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_a_budget_decides(run: Driven, case: str) -> None:
    pods, budget, left = CASES[case]
    put_pods(run, *({**a_pod(f"web-{number}", min(run.nodes())), **more} for number, more in enumerate(pods)))
    if budget:
        put_budget(run, **budget)
    assert drain(run).left == left


def test_an_unready_pod_may_go_while_the_budget_is_met(run: Driven) -> None:
    other = max(run.nodes())
    put_pods(run, a_pod("web-0", min(run.nodes()), status=BROKEN), a_pod("web-1", other))
    put_budget(run, minAvailable=1)
    assert drain(run).left == 0


def test_a_replacement_lands_on_the_other_node_and_is_ready_later(run: Driven) -> None:
    put_pods(run, a_pod("web-1", min(run.nodes())), a_pod("web-2", min(run.nodes())))
    put_budget(run, maxUnavailable=1)
    assert drain(run).left == 1
    run.later(seconds=19)
    assert drain(run).left == 1
    run.later(seconds=1)
    assert drain(run).left == 0
    assert {pod["spec"]["nodeName"] for pod in run.cluster.objects["/pods"].values()} == {max(run.nodes())}


def test_a_replacement_without_a_node_waits_for_one(run: Driven) -> None:
    put_pods(run, a_pod("web-1", min(run.nodes())))
    run.aws.server.stage.workers.cordon(run.cluster, max(run.nodes()), on=True)
    drain(run)
    (pod,) = run.cluster.objects["/pods"].values()
    assert "nodeName" not in pod["spec"]
    run.aws.server.stage.workers.cordon(run.cluster, max(run.nodes()), on=False)
    drain(run)
    (pod,) = run.cluster.objects["/pods"].values()
    assert pod["spec"]["nodeName"] == max(run.nodes())


def test_a_bare_pod_is_not_replaced(run: Driven) -> None:
    put_pods(run, a_pod("web-1", min(run.nodes()), owner=""))
    drain(run)
    assert run.cluster.objects["/pods"] == {}


@pytest.mark.parametrize(
    ("selector", "takes"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_selectors(selector: Object, takes: bool) -> None:
    assert matches(selector, {"app": "web"}) is takes
