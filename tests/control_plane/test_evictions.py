"""Evictions on a real control plane: its answers, what we take each of them for, and what we name as the cause."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest

from fleetkeeper.core.budgets import SYNC_FAILED
from fleetkeeper.core.draining import Obstacle, obstacles
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.rotation.obstacles import of_scheduler
from fleetkeeper.core.rotation.seen import Outcome
from fleetkeeper.engine.writers import KubeWriter
from fleetkeeper.sim.control_plane.kwok import NodeShape
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.values import to_json
from tests.control_plane.test_executor_role import writing
from tests.waiting import wait_until

MERGE = "application/merge-patch+json"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shop:
    """A namespace with pods of one label, on a node of their own."""

    plane: ControlPlane
    kube: KubeWriter
    namespace: str
    node: str

    def deploy(self, replicas: int) -> None:
        labels = {"app": "web"}
        spec = {**_spec(), "nodeSelector": {"kubernetes.io/hostname": self.node}}
        template = {"metadata": {"labels": labels}, "spec": spec}
        body = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        self.plane.create(self.path("apps/v1", "deployments"), {"metadata": {"name": "web"}, "spec": body})
        wait_until(lambda: len(self.ready()) == replicas, "all pods are Ready")

    def pod_of(self, owner: Object | None = None) -> None:
        metadata = {"name": "alone", "labels": {"app": "web"}, "ownerReferences": [owner] if owner else []}
        self.plane.create(self.path("v1", "pods"), {"metadata": metadata, "spec": {**_spec(), "nodeName": self.node}})
        wait_until(lambda: len(self.ready()) == 1, "the pod is Ready")

    def guard(self, name: str = "web", *, counted: bool = True, **spec: object) -> None:
        """A budget, counted by its controller unless it cannot be."""
        body = {"selector": {"matchLabels": {"app": "web"}}, **spec}
        self.plane.create(self.path("policy/v1", "poddisruptionbudgets"), {"metadata": {"name": name}, "spec": body})
        if counted:
            pods = len(self.pods())
            wait_until(lambda: any(b.name == name and b.observed and b.expected == pods for b in self.budgets()), name)

    def unready(self, *pods: LivePod) -> None:
        """Their kubelet says that they are not Ready, and the budgets' controller has seen it."""
        healthy = len(self.pods()) - len(pods)
        for pod in pods:
            said = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
            path = f"{self.path('v1', 'pods')}/{pod.name}/status"
            assert self.plane.request("PATCH", path, said, content_type=MERGE).ok
        wait_until(lambda: all(each.healthy == healthy for each in self.budgets()), "the unready pods are counted")

    def path(self, version: str, plural: str) -> str:
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        return f"{root}/namespaces/{self.namespace}/{plural}"

    def pods(self) -> list[LivePod]:
        return [each for each in self.kube.pods([self.node]) if each.namespace == self.namespace]

    def ready(self) -> list[LivePod]:
        return [each for each in self.pods() if each.ready and each.leaving_since is None]

    def budgets(self) -> list[Budget]:
        return [each for each in self.kube.budgets() if each.namespace == self.namespace]

    def named(self) -> tuple[Obstacle, ...]:
        return obstacles(self.pods(), self.kube.budgets())

    def outcomes(self, *pods: LivePod, dry_run: bool = False) -> list[tuple[Outcome, int]]:
        found = [self.kube.evict(each, dry_run) for each in pods]
        return [(each.outcome, each.retry_after) for each in found]


def _spec() -> Object:
    return {"containers": [{"name": "main", "image": "web:1"}], "tolerations": [{"operator": "Exists"}]}


@pytest.fixture
def shop(control_plane: ControlPlane, namespace: str) -> Iterator[Shop]:
    node = f"node-{uuid4().hex[:8]}"
    control_plane.add_nodes([node], NodeShape(kubelet=f"v{control_plane.version}"))
    with writing(control_plane, control_plane.admin) as kube:
        yield Shop(control_plane, kube, namespace, node)
    control_plane.request("DELETE", f"/api/v1/nodes/{node}")


def test_a_spent_budget_asks_for_no_pause_and_is_no_fault_of_anybody(shop: Shop) -> None:
    shop.deploy(2)
    shop.guard(minAvailable=1)
    first, second = shop.pods()
    with shop.plane.frozen_controllers():
        assert shop.outcomes(first, second) == [(Outcome.ACCEPTED, 0), (Outcome.BUDGET, 0)]
        (named,) = shop.named()
        assert (named.pod.uid, named.for_good) == (second.uid, False)
        assert f"PDB {shop.namespace}/web allows 0 more disruptions" in named.why
    wait_until(lambda: shop.outcomes(second) == [(Outcome.ACCEPTED, 0)], "the budget has its disruption again")


def test_a_pod_that_no_node_takes_says_why_in_the_words_that_a_drain_tells(shop: Shop) -> None:
    shop.deploy(1)
    rule = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [rule]}}
    spec = {**_spec(), "nodeSelector": {"kubernetes.io/hostname": shop.node}, "affinity": affinity}
    shop.plane.create(shop.path("v1", "pods"), {"metadata": {"name": "apart"}, "spec": spec})

    def unplaced() -> LivePod | None:
        found = (each for each in shop.kube.pods() if each.place == f"{shop.namespace}/apart")
        return next((each for each in found if each.unplaced), None)

    pod = wait_until(unplaced, "the scheduler has found no node")
    assert pod.around == to_json({"affinity": affinity})
    told = of_scheduler(pod.unplaced).split(", ")
    assert "node(s) didn't match pod anti-affinity rules" in told
    assert not any(each[0].isdigit() for each in told)
    assert not any(each.unplaced for each in shop.ready())


def test_a_budget_that_never_spares_a_pod_is_answered_alike_and_named_for_good(shop: Shop) -> None:
    shop.deploy(2)
    shop.guard(maxUnavailable=0)
    assert shop.outcomes(*shop.pods()) == [(Outcome.BUDGET, 0)] * 2
    assert [each.for_good for each in shop.named()] == [True, True]


def test_a_budget_that_nobody_has_seen_asks_for_a_pause_and_is_counted_then(shop: Shop) -> None:
    shop.deploy(2)
    with shop.plane.frozen_controllers():
        shop.guard(counted=False, minAvailable=1)
        assert shop.outcomes(*shop.pods()) == [(Outcome.NOT_COUNTED, 10)] * 2
        assert {(each.for_good, each.why) for each in shop.named()} == {
            (False, f"PDB {shop.namespace}/web was not counted yet since it changed")
        }
    wait_until(lambda: shop.outcomes(shop.ready()[0]) == [(Outcome.ACCEPTED, 0)], "the budget is counted")


def test_two_budgets_are_named_both_and_one_of_them_taken_away_lets_the_pod_go(shop: Shop) -> None:
    shop.deploy(2)
    shop.guard(minAvailable=1)
    shop.guard("other", maxUnavailable=1)
    assert shop.outcomes(shop.pods()[0]) == shop.outcomes(shop.pods()[0], dry_run=True) == [(Outcome.SEVERAL, 0)]
    (named, _) = shop.named()
    assert named.for_good
    assert all(f"{shop.namespace}/{name}" in named.why for name in ("web", "other"))
    shop.plane.request("DELETE", f"{shop.path('policy/v1', 'poddisruptionbudgets')}/other")
    wait_until(lambda: shop.outcomes(shop.pods()[0]) == [(Outcome.ACCEPTED, 0)], "one budget is left")


def test_a_workload_that_cannot_be_counted_is_named_although_the_server_says_try_again(shop: Shop) -> None:
    made = shop.plane.create(shop.path("v1", "configmaps"), {"metadata": {"name": "operator"}})
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "operator", "uid": made["metadata"]["uid"]}
    shop.pod_of({**owner, "controller": True})
    shop.guard(counted=False, maxUnavailable=1)
    wait_until(lambda: [each.reason for each in shop.budgets()] == [SYNC_FAILED], "its controller has given up")

    assert shop.outcomes(*shop.pods()) == [(Outcome.NOT_COUNTED, 10)], "what it says is not so"
    (named,) = shop.named()
    assert named.for_good
    assert "cannot be counted" in named.why
    assert "configmaps" in named.why, "the controller's own words are told"
    assert "a controller with a scale" in named.fix


def test_a_bare_pod_is_not_counted_by_a_budget_of_unavailable_ones(shop: Shop) -> None:
    shop.pod_of()
    shop.guard(counted=False, maxUnavailable=1)
    wait_until(lambda: any(each.observed for each in shop.budgets()), "the budget is counted")
    assert shop.outcomes(*shop.pods()) == [(Outcome.BUDGET, 0)]
    (named,) = shop.named()
    assert named.for_good
    assert "counts no pod that a controller would make again" in named.why


def test_another_pod_of_the_name_is_left_alone_and_has_spent_the_budget(shop: Shop) -> None:
    shop.deploy(2)
    shop.guard(minAvailable=1)
    pod = shop.pods()[0]
    with shop.plane.frozen_controllers():
        assert shop.outcomes(replace(pod, uid=str(uuid4()))) == [(Outcome.CONFLICT, 0)]
        assert [each.allowed for each in shop.budgets()] == [0], "the answer was no, and it cost all the same"
        assert shop.outcomes(pod) == [(Outcome.BUDGET, 0)]
        assert [each.for_good for each in shop.named()] == [False, False]
    assert all(each.leaving_since is None for each in shop.pods())


@pytest.mark.parametrize(
    ("policy", "minimum", "outcome"),
    [
        ("", 2, Outcome.BUDGET),
        ("IfHealthyBudget", 2, Outcome.BUDGET),
        ("AlwaysAllow", 2, Outcome.ACCEPTED),
        ("IfHealthyBudget", 1, Outcome.ACCEPTED),
    ],
    ids=["by default", "while too few are healthy", "by AlwaysAllow", "while enough others are healthy"],
)
def test_an_unready_pod(shop: Shop, policy: str, minimum: int, outcome: Outcome) -> None:
    shop.deploy(3)
    more: Object = {"unhealthyPodEvictionPolicy": policy} if policy else {}
    shop.guard(minAvailable=minimum, **more)
    broken = shop.pods()[:2]
    shop.unready(*broken)

    named = [each for each in shop.named() if each.pod.uid == broken[0].uid]
    assert shop.outcomes(broken[0]) == [(outcome, 0)]
    assert len(named) == (outcome is Outcome.BUDGET)
    assert all("to Ready" in each.fix and not each.for_good for each in named)


def test_a_pod_of_a_namespace_that_goes_is_refused(shop: Shop) -> None:
    shop.deploy(1)
    (pod,) = shop.pods()
    with shop.plane.frozen_controllers():
        assert shop.plane.request("DELETE", f"/api/v1/namespaces/{shop.namespace}").ok
        found = shop.kube.evict(pod)
        assert (found.outcome, found.retry_after) == (Outcome.REFUSED, 0)
        assert "is being terminated" in found.message


def test_dry_runs_reserve_nothing(shop: Shop) -> None:
    shop.deploy(2)
    shop.guard(minAvailable=1)
    pods = shop.pods()
    with shop.plane.frozen_controllers():
        assert shop.outcomes(*pods, *pods, dry_run=True) == [(Outcome.ACCEPTED, 0)] * 4
        assert [each.allowed for each in shop.budgets()] == [1]
        assert all(each.leaving_since is None for each in shop.pods())
        assert shop.outcomes(*pods) == [(Outcome.ACCEPTED, 0), (Outcome.BUDGET, 0)]


def test_a_webhook_that_does_not_answer_is_no_second_budget(shop: Shop) -> None:
    shop.deploy(1)
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/eviction"]}
    webhook = {
        "name": "evictions.example.com",
        "rules": [rule],
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": shop.namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    shop.plane.create(WEBHOOKS, {"metadata": {"name": shop.namespace}, "webhooks": [webhook]})
    try:
        (pod,) = shop.pods()
        busy = (Outcome.BUSY, 0)
        wait_until(lambda: shop.outcomes(pod, dry_run=True) == [busy], "the webhook is asked")
    finally:
        shop.plane.request("DELETE", f"{WEBHOOKS}/{shop.namespace}")
    wait_until(lambda: shop.outcomes(pod) == [(Outcome.ACCEPTED, 0)], "nobody is asked any more")


def test_a_deletion_by_force_passes_the_budget_and_gives_the_pod_its_grace(shop: Shop) -> None:
    shop.deploy(2)
    shop.guard(minAvailable=2)
    pod = shop.pods()[0]
    assert shop.kube.delete_pod(replace(pod, uid=str(uuid4()))).outcome is Outcome.CONFLICT
    assert shop.kube.delete_pod(pod).outcome is Outcome.ACCEPTED
    wait_until(lambda: pod.uid not in {each.uid for each in shop.pods()}, "the pod is gone")
    assert shop.kube.evict(pod).outcome is shop.kube.delete_pod(pod).outcome is Outcome.GONE
