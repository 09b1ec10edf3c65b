"""Nodes, pods and NodePools in the place of a step: what the steps of nodes look at and what EKS and Karpenter move."""

from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import VersionUpdate
from fleetkeeper.sim.aws.living_workers import LivingWorkers
from fleetkeeper.sim.aws.workers import NodeOrder
from fleetkeeper.sim.world import Object
from tests.contract.karpenter_crds import node_class, node_class_crd, node_pool, node_pool_crd
from tests.engine.steps.walking import Place
from tests.sim.controllers.behaving import NODES, PODS, Behaving

POOLS, CLASSES = "karpenter.sh/nodepools", "karpenter.k8s.aws/ec2nodeclasses"
_CRDS = "apiextensions.k8s.io/customresourcedefinitions"
OLD, NEW = "v1.34.11-eks-8f2a1c0", "v1.35.8-eks-8f2a1c0"


def inside(place: Place) -> Behaving:
    """The cluster as its controllers see it; its workloads are in the namespace shop."""
    return Behaving(place.living.of(place.cluster))


def serve_karpenter(place: Place) -> None:
    objects = inside(place).live.objects
    objects.create(_CRDS, node_pool_crd())
    objects.create(_CRDS, node_class_crd())
    objects.create(CLASSES, node_class())


def put_pool(place: Place, name: str = "general", budgets: list[dict[str, Any]] | None = None, **more: Any) -> None:
    inside(place).live.objects.create(POOLS, node_pool(name, budgets, **more))


def pool(place: Place, name: str = "general") -> Object:
    found = inside(place).live.objects.get(POOLS, "", name)
    assert found is not None
    return found


def budgets(place: Place, name: str = "general") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pool(place, name)["spec"]["disruption"]["budgets"]
    return found


def change_budgets(place: Place, *found: dict[str, Any], name: str = "general") -> None:
    """As a person or a GitOps tool does it: the spec alone."""

    def changed(obj: Object) -> Object:
        disruption = {**obj["spec"]["disruption"], "budgets": list(found)}
        return {**obj, "spec": {**obj["spec"], "disruption": disruption}}

    assert inside(place).live.objects.edit(POOLS, "", name, changed)


def annotate(place: Place, resource: str, namespace: str, name: str, **notes: str) -> None:
    def changed(obj: Object) -> Object:
        metadata = obj["metadata"]
        return {**obj, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), **notes}}}

    assert inside(place).live.objects.edit(resource, namespace, name, changed)


def join(place: Place, instance: str, number: int, kubelet: str = OLD, **labels: str) -> str:
    """A node that is Ready when the caller has let some time pass: its name."""
    workers = LivingWorkers(place.living)
    order = NodeOrder(
        instance, "eu-west-1" + "ab"[number % 2], f"10.1.{number // 200}.{number % 200 + 4}", kubelet, labels
    )
    with place.living.world.lock:
        return workers.create_node(place.cluster, order)


def join_pool(place: Place, count: int = 3, name: str = "general") -> list[str]:
    """Nodes of a NodePool."""
    found = [join(place, f"i-{name}-{number}", number, **{"karpenter.sh/nodepool": name}) for number in range(count)]
    place.later(seconds=20)
    return found


def join_group(place: Place, name: str = "main", kubelet: str = OLD) -> list[str]:
    """A node for each instance of a managed group."""
    instances = place.cluster.node_groups[name].instances
    labels = {"eks.amazonaws.com/nodegroup": name}
    found = [join(place, each, 100 + number, kubelet, **labels) for number, each in enumerate(instances)]
    place.later(seconds=20)
    return found


def deploy(place: Place, name: str = "web", replicas: int = 1, **more: Any) -> None:
    tolerations = [{"key": "dedicated", "operator": "Exists"}]
    inside(place).deploy(name, replicas, pod={"tolerations": tolerations, **more.pop("pod", {})}, **more)
    place.later(seconds=20)


def put_budget(place: Place, app: str = "web", **spec: Any) -> None:
    inside(place).budget(app, **spec)
    place.later(seconds=1)


def two_budgets(place: Place) -> None:
    """The pods of api are in two of them, with which nothing evicts a pod."""
    deploy(place, "api", 2)
    put_budget(place, "api", maxUnavailable=2)
    inside(place).budget("other", selector={"matchLabels": {"app": "api"}}, maxUnavailable=2)
    place.later(seconds=1)


def kubelets(place: Place) -> list[str]:
    return sorted(each["status"]["nodeInfo"]["kubeletVersion"] for each in inside(place).live.objects.of(NODES))


def upgrade(place: Place, to: str = "1.35", minutes: float = 9) -> None:
    """The control plane moves, and is there."""
    scope = place.subject().scope
    assert scope is not None
    place.world.writers.cloud(scope).update_version(VersionUpdate("shop", Minor.parse(to)), f"upgrade to {to}")
    place.later(minutes=minutes)
    assert place.cluster.version == to


def pods(place: Place) -> list[Object]:
    return list(inside(place).live.objects.of(PODS))
