"""A small healthy cluster whose controllers live in virtual time, for tests that change one thing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.controllers.matching import condition
from fleetkeeper.sim.controllers.pods import is_ready
from fleetkeeper.sim.controllers.timing import Timing
from fleetkeeper.sim.world import Object, SimCluster, World

EPOCH = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PODS, NODES, BUDGETS = "/pods", "/nodes", "policy/poddisruptionbudgets"
DEPLOYMENTS, SETS, STATEFUL, DAEMONS = "apps/deployments", "apps/replicasets", "apps/statefulsets", "apps/daemonsets"
JOBS, CRONS, SCALERS = "batch/jobs", "batch/cronjobs", "autoscaling/horizontalpodautoscalers"
CLAIMS, VOLUMES, ATTACHMENTS = "/persistentvolumeclaims", "/persistentvolumes", "storage.k8s.io/volumeattachments"
SHOP = "shop"
ZONE = "topology.kubernetes.io/zone"


def a_world(scale: float = 1.0) -> World:
    world = World(epoch=EPOCH, management_account="1" * 12, scale=scale)
    world.clusters["c"] = SimCluster("c", "c", "1" * 12, "eu-west-1", "aws", "1.36", "v1.36.4", "eks.1", EPOCH)
    return world


@dataclass
class Behaving:
    """One cluster with its verbs; `advance` lets time pass, `settle` until nothing is near."""

    live: Live

    @classmethod
    def new(cls, *nodes: str, timing: Timing | None = None) -> "Behaving":
        """Nodes are in zones a, b, c in turn, ready and empty."""
        living = LivingWorld(a_world(), virtual=True, timing=timing)
        made = cls(living.of(living.world.clusters["c"]))
        for number, name in enumerate(nodes):
            made.node(name, labels={ZONE: "eu-west-1" + "abc"[number % 3]})
        made.advance(60)
        return made

    def node(self, name: str, labels: dict[str, str] | None = None, **spec: Any) -> Object:
        has = {"cpu": "2", "memory": "4Gi", "pods": "20"}
        metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}
        return self.live.objects.create(NODES, {"metadata": metadata, "spec": spec, "status": {"allocatable": has}})

    def create(self, resource: str, name: str, spec: Object | None = None, **members: Any) -> Object:
        metadata = {"name": name, "namespace": SHOP, **members.pop("metadata", {})}
        made = {"metadata": metadata, **({} if spec is None else {"spec": spec}), **members}
        return self.live.objects.create(resource, made)

    def deploy(self, name: str = "web", replicas: int = 3, resource: str = DEPLOYMENTS, **more: Any) -> Object:
        """A workload whose pods carry app=name; `pod` is added to their spec, `annotations` to their metadata."""
        labels = {"app": name}
        pod = {"containers": [{"name": "main", "image": f"{name}:1"}], **more.pop("pod", {})}
        metadata = {"labels": labels, "annotations": more.pop("annotations", {})}
        spec = {"selector": {"matchLabels": labels}, "template": {"metadata": metadata, "spec": pod}, **more}
        if resource != DAEMONS:
            spec["replicas"] = replicas
        return self.create(resource, name, spec)

    def budget(self, name: str = "web", **spec: Any) -> Object:
        return self.create(BUDGETS, name, {"selector": {"matchLabels": {"app": name}}, **spec})

    def change(self, resource: str, name: str, **spec: Any) -> None:
        namespace = "" if resource == NODES else SHOP
        changed = self.live.objects.edit(
            resource, namespace, name, lambda obj: {**obj, "spec": {**obj["spec"], **spec}}
        )
        assert changed is not None

    def get(self, resource: str, name: str) -> Object:
        found = self.live.objects.get(resource, "" if resource in (NODES, VOLUMES) else SHOP, name)
        assert found is not None, f"{resource} {name} is not there"
        return found

    def status(self, resource: str, name: str) -> Object:
        found: Object = self.get(resource, name)["status"]
        return found

    def pods(self, node: str = "") -> list[Object]:
        """By name; those on one node when it is named."""
        found = (each for each in self.live.objects.of(PODS) if not node or each["spec"].get("nodeName") == node)
        return sorted(found, key=lambda each: str(each["metadata"]["name"]))

    def ready(self) -> int:
        return sum(is_ready(each) for each in self.pods())

    def placed(self) -> list[str]:
        return sorted(each["spec"].get("nodeName", "") for each in self.pods())

    def why(self, pod: Object) -> str:
        """The scheduler's message on a pod that waits."""
        return str((condition(pod, "PodScheduled") or {}).get("message", ""))

    def delete_pod(self, name: str, **how: Any) -> None:
        self.live.objects.delete(PODS, (SHOP, name), **how)

    def advance(self, seconds: float) -> None:
        self.live.timeline.advance(seconds)

    def seconds(self) -> float:
        return (self.live.now() - EPOCH).total_seconds()
