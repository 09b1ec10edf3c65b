"""Writes over HTTP move a served world that lives: its controllers follow them, and its watches tell of them."""

import json
from typing import Any

import pytest

from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import Object, SimCluster
from tests.sim.fleet_of_three import simulator
from tests.sim.kube_wire import Reply, ask, get

PODS = "/api/v1/namespaces/payments/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/payments/deployments"
BUDGETS = "/apis/policy/v1/namespaces/payments/poddisruptionbudgets"
MERGE = "application/merge-patch+json"

__all__ = ["simulator"]


@pytest.fixture
def cluster(simulator: Simulator) -> SimCluster:
    return simulator.world.clusters["payments"]


def send(method: str, cluster: SimCluster, path: str, body: Object, kind: str = "application/json") -> Reply:
    return ask(method, cluster, path, "test", body=body, content_type=kind)


def pods(cluster: SimCluster, app: str) -> dict[str, Object]:
    found = get(cluster, f"{PODS}?labelSelector=app%3D{app}", "test").json()["items"]
    return {each["metadata"]["name"]: each for each in found}


def deploy(simulator: Simulator, cluster: SimCluster, replicas: int = 2) -> dict[str, Object]:
    """A new workload "web" after a while; its pods by name."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "web:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    assert send("POST", cluster, DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec}).status == 201
    simulator.advance(120)
    return pods(cluster, "web")


def evict(cluster: SimCluster, pod: str) -> Reply:
    return send("POST", cluster, f"{PODS}/{pod}/eviction", {"metadata": {"name": pod}})


def test_a_deployment_that_is_created_runs(simulator: Simulator, cluster: SimCluster) -> None:
    made = deploy(simulator, cluster)
    assert {each["status"]["phase"] for each in made.values()} == {"Running"}
    assert all(each["spec"]["nodeName"] for each in made.values())
    status = get(cluster, f"{DEPLOYMENTS}/web", "test").json()["status"]
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)


def test_a_deployment_that_is_deleted_takes_its_pods_along(simulator: Simulator, cluster: SimCluster) -> None:
    deploy(simulator, cluster)
    assert ask("DELETE", cluster, f"{DEPLOYMENTS}/web", "test").status == 200
    simulator.advance(120)
    assert pods(cluster, "web") == {}


def test_an_evicted_pod_is_replaced_and_its_budget_waits_for_that(simulator: Simulator, cluster: SimCluster) -> None:
    made = deploy(simulator, cluster)
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    assert send("POST", cluster, BUDGETS, {"metadata": {"name": "web"}, "spec": spec}).status == 201
    simulator.advance(1)
    first, second = sorted(made)
    assert evict(cluster, first).status == 201
    simulator.advance(1)
    refused = evict(cluster, second)
    assert refused.status == 429
    assert "needs 1 healthy pods and has 1 currently" in refused.json()["details"]["causes"][0]["message"]
    simulator.advance(120)
    after = pods(cluster, "web")
    assert (first in after, second in after, len(after)) == (False, True, 2)
    assert evict(cluster, second).status == 201


def test_a_cordoned_node_takes_no_more_pods(simulator: Simulator, cluster: SimCluster) -> None:
    nodes = [each["metadata"]["name"] for each in get(cluster, "/api/v1/nodes", "test").json()["items"]]
    for name in nodes[1:]:
        assert send("PATCH", cluster, f"/api/v1/nodes/{name}", {"spec": {"unschedulable": True}}, MERGE).status == 200
    made = deploy(simulator, cluster)
    assert {each["spec"]["nodeName"] for each in made.values()} == {nodes[0]}


def test_a_watch_tells_what_the_controllers_do(simulator: Simulator, cluster: SimCluster) -> None:
    since = get(cluster, PODS, "test").json()["metadata"]["resourceVersion"]
    deploy(simulator, cluster, replicas=1)
    query = f"watch=1&resourceVersion={since}&labelSelector=app%3Dweb&timeoutSeconds=1"
    lines = get(cluster, f"{PODS}?{query}", "test").body.splitlines()
    seen: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert [each["type"] for each in seen][:2] == ["ADDED", "MODIFIED"]
    assert seen[-1]["object"]["status"]["phase"] == "Running"


def test_the_world_and_the_wire_are_one_state(simulator: Simulator, cluster: SimCluster) -> None:
    send("POST", cluster, "/api/v1/namespaces/payments/configmaps", {"metadata": {"name": "made"}, "data": {"a": "b"}})
    assert cluster.objects["/configmaps"]["payments", "made"]["data"] == {"a": "b"}
    assert simulator.living.of(cluster).objects.get("/configmaps", "payments", "made") is not None
