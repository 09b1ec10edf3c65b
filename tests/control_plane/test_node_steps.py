"""The steps of nodes on a real API server: holds on NodePools, and the diagnosis of pods that real budgets keep."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fleetkeeper.core.draining import obstacles, told
from fleetkeeper.core.model import ClusterId, Scope
from fleetkeeper.core.node_holds import HELD_BY
from fleetkeeper.core.verdict import Act, Blocked, Done, Residue, Undone, Verdict
from fleetkeeper.engine.world import World
from fleetkeeper.engine.writers import CloudWriter, KubeWriter
from fleetkeeper.sim.control_plane.kwok import NodeShape
from fleetkeeper.sim.control_plane.plane import ControlPlane
from tests.contract.karpenter_crds import node_class, node_class_crd, node_pool, node_pool_crd
from tests.control_plane.test_executor_role import opened, put, writing
from tests.engine.steps.walking import Place
from tests.waiting import wait_until

POOLS = "/apis/karpenter.sh/v1/nodepools"
MERGE = "application/merge-patch+json"
HOLD = {"nodes": "0", "reasons": ["Drifted"]}
OWN = {"nodes": "20%"}
CRDS = "apiextensions.k8s.io/v1/customresourcedefinitions"
Object = dict[str, Any]


class OnePlane:
    """The Writers port of a cluster whose API server is this plane."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane

    def cloud(self, scope: Scope) -> CloudWriter:
        raise AssertionError("no cloud is asked for")

    def kube(self, scope: Scope | None, name: str, id: ClusterId) -> KubeWriter:
        return opened(self._plane, self._plane.admin)


class Steps:
    """A place whose API server is real: what a step says tick by tick."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane, self.place = plane, Place()
        world = self.place.world
        self.place.world = World(
            clock=world.clock,
            store=world.store,
            runs=world.runs,
            writers=OnePlane(plane),
            hooks=world.hooks,
            programs=world.programs,
            metrics=world.metrics,
            calendars=world.calendars,
            messenger=world.messenger,
            approvals=world.approvals,
        )

    def held(self) -> Verdict:
        run = self.place.walk("hold-nodes")
        assert isinstance(run.ticks(2), Act)
        return run.tick()

    def budgets(self, name: str = "general") -> list[Object]:
        found: list[Object] = self.pool(name)["spec"]["disruption"]["budgets"]
        return found

    def pool(self, name: str = "general") -> Object:
        found: Object = self.plane.request("GET", f"{POOLS}/{name}").json()
        return found

    def change(self, *budgets: Object) -> None:
        body = {"spec": {"disruption": {"budgets": list(budgets)}}}
        assert self.plane.request("PATCH", f"{POOLS}/general", body, content_type=MERGE).ok


@pytest.fixture(scope="module")
def karpenter(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """Its kinds, for these tests alone: the plane is everybody's."""
    crds = (node_pool_crd(), node_class_crd())
    for each in crds:
        put(control_plane, CRDS, each)
    control_plane.create("/apis/karpenter.k8s.aws/v1/ec2nodeclasses", node_class())
    yield control_plane
    for each in crds:
        control_plane.request("DELETE", f"/apis/{CRDS}/{each['metadata']['name']}")


@pytest.fixture
def steps(karpenter: ControlPlane) -> Iterator[Steps]:
    """One NodePool of the test alone."""
    karpenter.create(POOLS, node_pool(budgets=[OWN]))
    yield Steps(karpenter)
    for each in karpenter.request("GET", POOLS).json()["items"]:
        karpenter.request("DELETE", f"{POOLS}/{each['metadata']['name']}")


def test_a_pool_is_held_and_released_as_it_was(steps: Steps) -> None:
    before = steps.pool()
    assert isinstance(steps.held(), Done)
    assert steps.budgets() == [HOLD, OWN]
    assert steps.pool()["metadata"]["annotations"][HELD_BY].endswith("/shop")
    run = steps.place.walk("release-nodes", to="1.35", wait=False)
    assert isinstance(run.ticks(2), Act)
    assert isinstance(run.tick(), Done)
    assert steps.pool()["spec"] == before["spec"]
    assert not steps.pool()["metadata"].get("annotations")


def test_a_pool_that_said_nothing_has_its_default_again(steps: Steps) -> None:
    made = node_pool("silent")
    del made["spec"]["disruption"]
    steps.plane.create(POOLS, made)
    assert steps.budgets("silent") == [{"nodes": "10%"}], "the server fills it in"
    steps.held()
    assert steps.budgets("silent") == [HOLD, {"nodes": "10%"}]
    assert isinstance(steps.place.walk("hold-nodes").undo(), Undone)
    assert steps.budgets("silent") == [{"nodes": "10%"}]


def test_a_budget_that_a_person_changed_is_left_and_told(steps: Steps) -> None:
    steps.held()
    steps.change({"nodes": "0"}, OWN)
    assert isinstance(steps.place.walk("hold-nodes").look(), Blocked)
    assert isinstance(steps.place.walk("hold-nodes").undo(), Residue)
    assert steps.budgets() == [{"nodes": "0"}, OWN]


def test_a_pool_with_fifty_budgets_blocks_and_stays_as_it_is(steps: Steps) -> None:
    steps.change(*({"nodes": str(number)} for number in range(50)))
    blocked = steps.place.walk("hold-nodes").look()
    assert isinstance(blocked, Blocked)
    assert "50 budgets" in blocked.why


@contextmanager
def node_of(plane: ControlPlane, name: str) -> Iterator[str]:
    labels = {"eks.amazonaws.com/nodegroup": name}
    plane.add_nodes([name], NodeShape(kubelet=f"v{plane.version}", labels=labels))
    yield name
    plane.request("DELETE", f"/api/v1/nodes/{name}")


def test_a_pod_that_a_real_budget_keeps_is_named_with_its_deployment(
    control_plane: ControlPlane, namespace: str
) -> None:
    with node_of(control_plane, f"node-{namespace[-6:]}") as node:
        deploy(control_plane, namespace, node)
        guard(control_plane, namespace, "web", minAvailable=2)
        with writing(control_plane, control_plane.admin) as kube:
            wait_until(lambda: len(kube.pods([node])) == 2 and counted(kube, namespace, 2), "two pods are counted")
            found = obstacles(kube.pods([node]), kube.budgets())
            assert {each.pod.controller for each in found} == {"Deployment/web"}
            assert f"PDB {namespace}/web allows 0 more disruptions, 2 of 2 must be healthy" in told(found)
            assert all(each.for_good for each in found)
            assert evicted(control_plane, namespace, found[0].pod.name) == 429, "the API server says the same"

            guard(control_plane, namespace, "other", maxUnavailable=2)
            wait_until(lambda: sum(each.namespace == namespace for each in kube.budgets()) == 2, "two budgets")
            found = obstacles(kube.pods([node]), kube.budgets())
            assert "2 PodDisruptionBudgets take it" in told(found)
            assert evicted(control_plane, namespace, found[0].pod.name) == 500

            control_plane.request("DELETE", f"{budgets(namespace)}/web")
            wait_until(lambda: counted(kube, namespace, 0), "the other one is counted")
            assert obstacles(kube.pods([node]), kube.budgets()) == ()
            assert evicted(control_plane, namespace, kube.pods([node])[0].name) == 201


def deploy(plane: ControlPlane, namespace: str, node: str) -> None:
    labels = {"app": "web"}
    spec = {"containers": [{"name": "main", "image": "web:1"}], "nodeSelector": {"kubernetes.io/hostname": node}}
    tolerations = [{"operator": "Exists"}]
    template = {"metadata": {"labels": labels}, "spec": {**spec, "tolerations": tolerations}}
    body = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    plane.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", {"metadata": {"name": "web"}, "spec": body})


def guard(plane: ControlPlane, namespace: str, name: str, **limits: int) -> None:
    spec = {"selector": {"matchLabels": {"app": "web"}}, **limits}
    plane.create(budgets(namespace), {"metadata": {"name": name}, "spec": spec})


def budgets(namespace: str) -> str:
    return f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"


def counted(kube: KubeWriter, namespace: str, desired: int) -> bool:
    mine = [each for each in kube.budgets() if each.namespace == namespace]
    return any(each.observed and each.healthy == each.expected == 2 and each.desired == desired for each in mine)


def evicted(plane: ControlPlane, namespace: str, pod: str) -> int:
    """What the API server answers to an eviction that it is asked to rehearse."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    return plane.request("POST", path, body | {"deleteOptions": {"dryRun": ["All"]}}).status
