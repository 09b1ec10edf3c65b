"""A real control plane and a simulated cluster behind one set of verbs, for tests of how the world behaves."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.control_plane.kwok import NodeShape
from fleetkeeper.sim.control_plane.kwok import node as kwok_node
from fleetkeeper.sim.control_plane.plane import ControlPlane
from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.controllers.pods import admitted
from fleetkeeper.sim.kube import resources
from fleetkeeper.sim.kube.state import Propagation
from fleetkeeper.sim.world import SimCluster, World
from tests.waiting import wait_until

Object = dict[str, Any]
VIRTUAL_PATIENCE = 1800  # seconds of the simulator's time
QUIET = 0.6  # seconds of the wall in which the real one must not change any more


class Side(Protocol):
    """What a case does to a cluster. All objects but nodes are in the namespace of the case."""

    namespace: str

    def node(self, name: str, **spec: Any) -> None: ...
    def create(self, resource: str, obj: Object) -> None: ...
    def change(self, resource: str, name: str, change: Callable[[Object], Object]) -> None: ...
    def delete(self, resource: str, name: str, propagation: str = "Background") -> None: ...
    def get(self, resource: str, name: str) -> Object | None: ...
    def listed(self, resource: str) -> list[Object]: ...
    def until(self, holds: Callable[[], bool]) -> None: ...


@dataclass
class Real:
    plane: ControlPlane
    namespace: str
    nodes: list[str] = field(default_factory=list)

    def node(self, name: str, **spec: Any) -> None:
        shape = NodeShape(kubelet=f"v{self.plane.version}", cpu="2", memory="4Gi", labels=_labels(self, spec))
        made = kwok_node(self._own(name), shape)
        self.plane.create("/api/v1/nodes", {**made, "spec": spec})
        self.nodes.append(self._own(name))
        self.plane.wait_for(f"/api/v1/nodes/{self._own(name)}", _is_settled)

    def create(self, resource: str, obj: Object) -> None:
        self.plane.create(self._path(resource), obj)

    def change(self, resource: str, name: str, change: Callable[[Object], Object]) -> None:
        path = f"{self._path(resource)}/{name}"
        for _ in range(20):  # a controller may write in between
            answer = self.plane.request("PUT", path, change(self.plane.request("GET", path).json()))
            if answer.status != 409:
                assert answer.ok, answer.body
                return
        raise AssertionError(f"{path} does not hold still")

    def delete(self, resource: str, name: str, propagation: str = "Background") -> None:
        path = f"{self._path(resource)}/{name}?propagationPolicy={propagation}"
        assert self.plane.request("DELETE", path).ok

    def get(self, resource: str, name: str) -> Object | None:
        answer = self.plane.request("GET", f"{self._path(resource)}/{name}")
        return answer.json() if answer.ok else None

    def listed(self, resource: str) -> list[Object]:
        found: list[Object] = self.plane.request("GET", self._path(resource)).json()["items"]
        return found

    def until(self, holds: Callable[[], bool]) -> None:
        """Until it holds, and has held for a moment."""
        since: float | None = None

        def is_quiet() -> bool:
            nonlocal since
            now = time.monotonic()
            since = (since or now) if holds() else None
            return since is not None and now - since > QUIET

        wait_until(is_quiet, f"what was asked for holds in {self.namespace} and has held for {QUIET} s")

    def _own(self, name: str) -> str:
        return f"{name}-{self.namespace}"

    def _path(self, resource: str) -> str:
        group, _, plural = resource.partition("/")
        found = next(
            each for each in resources.builtin(Minor(1, 36)).values() if (each.group, each.name) == (group, plural)
        )
        root = f"/apis/{found.api_version}" if group else f"/api/{found.version}"
        return f"{root}/namespaces/{self.namespace}/{plural}" if found.namespaced else f"{root}/{plural}"


@dataclass
class Simulated:
    live: Live
    namespace: str

    def node(self, name: str, **spec: Any) -> None:
        shape = NodeShape(kubelet="v1.36.4", cpu="2", memory="4Gi", labels=_labels(self, spec))
        made = kwok_node(f"{name}-{self.namespace}", shape)
        self.live.objects.create("/nodes", {"metadata": made["metadata"], "spec": spec, "status": made["status"]})
        self.live.timeline.advance(60)

    def create(self, resource: str, obj: Object) -> None:
        made = {**obj, "metadata": {**obj["metadata"], "namespace": self.namespace}}
        if resource == "/pods":
            made["spec"] = admitted(made["spec"])
        self.live.objects.create(resource, made)

    def change(self, resource: str, name: str, change: Callable[[Object], Object]) -> None:
        self.live.objects.edit(resource, self.namespace if resource != "/nodes" else "", name, change)

    def delete(self, resource: str, name: str, propagation: str = "Background") -> None:
        self.live.objects.delete(resource, (self.namespace, name), propagation=Propagation(propagation))

    def get(self, resource: str, name: str) -> Object | None:
        return self.live.objects.get(resource, self.namespace, name)

    def listed(self, resource: str) -> list[Object]:
        return sorted(self.live.objects.of(resource, self.namespace), key=lambda each: str(each["metadata"]["name"]))

    def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(VIRTUAL_PATIENCE):
            if holds():
                self.live.timeline.advance(30)
                if holds():
                    return
            self.live.timeline.advance(1)
        raise AssertionError("waited too long")


def _labels(side: Side, spec: dict[str, Any]) -> Mapping[str, str]:
    return {"pool": side.namespace, **spec.pop("labels", {})}


def _is_settled(node: Object) -> bool:
    """Ready, and no longer tainted as not ready."""
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))
    return ready and not any("not-ready" in taint["key"] for taint in node["spec"].get("taints", ()))


@contextmanager
def real(plane: ControlPlane, namespace: str) -> Iterator[Side]:
    side = Real(plane, namespace)
    try:
        yield side
    finally:
        for name in side.nodes:
            plane.request("DELETE", f"/api/v1/nodes/{name}")


def simulated(namespace: str) -> Simulated:
    world = World(epoch=datetime(2026, 11, 20, 9, 0, tzinfo=UTC), management_account="111111111111")
    cluster = SimCluster(
        key="behaving",
        name="behaving",
        account="111111111111",
        region="eu-west-1",
        partition="aws",
        version="1.36",
        patch="v1.36.4",
        platform_version="eks.1",
        created_at=world.epoch,
    )
    world.clusters[cluster.key] = cluster
    return Simulated(LivingWorld(world, virtual=True).of(cluster), namespace)


def reasons(message: str) -> set[str]:
    """The scheduler's reasons without their counts, and without what the real one says of claims and preemption."""
    told = message.partition(". ")[0].rstrip(".")
    return set(re.sub(r"\b\d+ ", "", told.partition(": ")[2]).split(", "))
