"""Who looks at a real control plane all the while that something is done to its cluster."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fleetkeeper.sim.control_plane.errors import ControlPlaneError
from fleetkeeper.sim.control_plane.following import Follower
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import SimCluster
from tests.control_plane.shop import Object, is_complete

POOLS, CLASSES = "karpenter.sh/nodepools", "karpenter.k8s.aws/ec2nodeclasses"
POOL = "karpenter.sh/nodepool"
BUDGETS = "/apis/policy/v1/poddisruptionbudgets"


@dataclass(frozen=True, slots=True)
class Sight:
    """A cluster at a time of the world. kubelets: node → version; flex: the nodes of that NodePool.

    pods: UID → node, of those whose node is there: the rest of a removed one are collected within a minute.
    """

    at: datetime
    version: str
    pods: dict[str, str]
    kubelets: dict[str, str]
    flex: frozenset[str]


@dataclass(slots=True)
class Witness:
    """Looks at one real API server again and again, as its admin, and follows its budgets and NodePools.

    budgets: (name, healthy pods, how many there must be) of each change. pools: the budgets of NodePool flex in turn.
    """

    simulator: Simulator
    cluster: SimCluster
    plane: ControlPlane
    sights: list[Sight] = field(default_factory=list)
    budgets: list[tuple[str, int, int]] = field(default_factory=list)
    pools: list[list[Object]] = field(default_factory=list)
    followers: list[Follower] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"witness {self.cluster.key}", daemon=True)

    def start(self) -> None:
        self._follow(BUDGETS, self._budget)
        if self.cluster.key == "loft":
            for resource in (CLASSES, POOLS):
                self._mirror(resource)
            self._follow(f"/apis/karpenter.sh/v1/{POOLS.partition('/')[2]}", self._pool)
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        if self.thread.ident is not None:
            self.thread.join()
        for each in self.followers:
            each.close()

    def sight(self) -> Sight:
        """The cluster as it is now; ControlPlaneError while its API server is away."""
        version, pods, found = (self._read(path) for path in ("/version", "/api/v1/pods", "/api/v1/nodes"))
        nodes = {each["metadata"]["name"]: each for each in found["items"]}
        placed = {each["metadata"]["uid"]: each["spec"].get("nodeName", "") for each in pods["items"]}
        return Sight(
            self.simulator.world.now(),
            str(version["gitVersion"]),
            {uid: node for uid, node in placed.items() if node in nodes},
            {name: each["status"]["nodeInfo"]["kubeletVersion"] for name, each in nodes.items()},
            frozenset(name for name, each in nodes.items() if POOL in each["metadata"]["labels"]),
        )

    def between(self, begins: datetime, ends: datetime) -> list[Sight]:
        found = [each for each in self.sights if begins <= each.at < ends]
        assert found, f"{self.cluster.key} was not seen between {begins} and {ends}"
        return found

    def settled(self) -> Sight:
        """Once every Deployment and DaemonSet has its own Ready."""
        for kind in ("deployments", "daemonsets"):
            self.plane.wait_for(f"/apis/apps/v1/{kind}", lambda found: all(map(is_complete, found["items"])))
        return self.sight()

    def ledger(self) -> set[str]:
        """The UIDs of the pods of that Deployment."""
        found = self._read("/api/v1/namespaces/shop/pods?labelSelector=app%3Dledger")["items"]
        return {each["metadata"]["uid"] for each in found}

    def pool(self) -> Object:
        found: Object = self._read("/apis/karpenter.sh/v1/nodepools/flex")
        return found

    def _read(self, path: str) -> Any:
        answer = self.plane.request("GET", path)
        if not answer.ok:
            raise ControlPlaneError(f"GET {path}: {answer.status}")
        return answer.json()

    def _run(self) -> None:
        while not self.closing.wait(0.15):
            with suppress(ControlPlaneError):
                self.sights.append(self.sight())

    def _budget(self, found: Object) -> None:
        status = found.get("status", {})
        if status.get("observedGeneration"):
            self.budgets.append((found["metadata"]["name"], status["currentHealthy"], status["desiredHealthy"]))

    def _pool(self, found: Object) -> None:
        budgets = found["spec"]["disruption"]["budgets"]
        if not self.pools or self.pools[-1] != budgets:
            self.pools.append(budgets)

    def _mirror(self, resource: str) -> None:
        """The simulated Karpenter looks at what the real API server has."""
        group, _, plural = resource.partition("/")

        def put(found: Object) -> None:
            with self.simulator.world.lock:
                self.cluster.put(resource, found)

        self._follow(f"/apis/{group}/v1/{plural}", put)

    def _follow(self, path: str, told: Callable[[Object], None]) -> None:
        def listed(found: list[Object]) -> None:
            for each in found:
                told(each)

        follower = Follower(self.plane, path, listed, lambda kind, each: None if kind == "DELETED" else told(each))
        self.followers.append(follower)
        follower.start()
