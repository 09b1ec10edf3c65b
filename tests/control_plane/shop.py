"""A simulated EKS cluster with a real control plane behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from fleetkeeper.sim.backed import backed
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import SimCluster
from tests.control_plane import readers
from tests.control_plane.readers import create
from tests.engine.live import world_of
from tests.sim.fleet_of_three import eks_of
from tests.waiting import wait_until

SHOP = """
[[cluster]]
name = "shop"
key = "shop"
template = ["small"]
account = "111122223333"
region = "eu-west-1"
"""
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shop:
    """A cluster "shop" of two nodes on 1.35, with a real control plane."""

    simulator: Simulator
    plane: ControlPlane
    eks: Any

    @property
    def cluster(self) -> SimCluster:
        return self.simulator.world.clusters["shop"]

    def described(self) -> Any:
        return self.eks.describe_cluster(name="shop")["cluster"]

    def move(self, minor: str) -> Any:
        """Ask for another minor; the update when it has ended."""
        update = self.eks.update_cluster_version(name="shop", version=minor)["update"]
        assert self.described()["status"] == "UPDATING"
        return self.ended(update)

    def roll(self) -> Any:
        """Begin to roll the group to its newest release."""
        return self.eks.update_nodegroup_version(clusterName="shop", nodegroupName="general")["update"]

    def ended(self, update: Any, **subject: str) -> Any:
        return wait_until(lambda: self.outcome(update, **subject), f"{update['type']} {subject} has ended")

    def outcome(self, update: Any, **subject: str) -> Any:
        """The update as it ended; None while it goes on."""
        seen = self.eks.describe_update(name="shop", updateId=update["id"], **subject)["update"]
        return None if seen["status"] == "InProgress" else seen

    def git_version(self) -> str:
        """As the real API server says it."""
        return str(self.plane.request("GET", "/version").json()["gitVersion"])

    def items(self, path: str) -> list[Object]:
        found: list[Object] = self.plane.request("GET", path).json()["items"]
        return found

    def nodes(self) -> dict[str, Object]:
        return {node["metadata"]["name"]: node for node in self.items("/api/v1/nodes")}

    def pods(self, namespace: str = "") -> dict[str, Object]:
        """By UID, of one namespace or of all."""
        path = f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
        return {pod["metadata"]["uid"]: pod for pod in self.items(path)}

    def settled(self) -> set[str]:
        """The UIDs of all pods, once every Deployment and DaemonSet has its own Ready."""
        for kind in ("deployments", "daemonsets"):
            self.plane.wait_for(f"/apis/apps/v1/{kind}", lambda found: all(map(is_complete, found["items"])))
        return set(self.pods())

    def web(self, namespace: str, **budgets: int) -> dict[str, Object]:
        """Two pods of a Deployment, of which each budget keeps so many: by UID, once they are Ready and counted."""
        create(self.plane, "Deployment", namespace, readers.templated("web", replicas=2))
        path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
        for name, kept in budgets.items():
            spec = {"minAvailable": kept, "selector": {"matchLabels": {"app": "web"}}}
            self.plane.create(path, {"metadata": {"name": name}, "spec": spec})
            self.plane.wait_for(f"{path}/{name}", lambda found: found["status"].get("currentHealthy") == 2)
        return self.pods(namespace)


def is_complete(owner: Object) -> bool:
    """A Deployment or DaemonSet that its controller has seen, and all of whose pods are Ready."""
    status = owner["status"]
    wanted = owner["spec"].get("replicas", status.get("desiredNumberScheduled"))
    ready = status.get("readyReplicas", status.get("numberReady"))
    return "observedGeneration" in status and bool(wanted == ready)


@contextmanager
def shop_of(scale: float, options: Options | None = None) -> Iterator[Shop]:
    world = world_of(SHOP)
    world.scale = scale
    # Nodes join in real seconds: only what is documented of an eviction is left as short as it is.
    world.eks.timing = replace(world.eks.timing, node_creation_limit=timedelta(hours=6))
    with Simulator(world) as simulator, backed(simulator, "shop", options) as plane:
        yield Shop(simulator, plane, eks_of(simulator, world.clusters["shop"]))
        assert simulator.aws.violations == []
