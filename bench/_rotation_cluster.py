"""The cluster of bench/rotation.py: 300 pods of mixed kinds on old nodes, new nodes beside them, and slow disks."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from _big_cluster_fill import Writer

from fleetkeeper.sim.control_plane.kwok import NodeShape
from fleetkeeper.sim.control_plane.plane import ControlPlane

SPACE = "shop"
DRIVER = "disk.example.com"
ZONES = ("a", "b", "c")
ATTACHMENTS = "/apis/storage.k8s.io/v1/volumeattachments"
HELD = "example.com/disk"
DISK_SECONDS = 0.5
"""What the disk takes to attach, and to detach."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Works:
    """So many workloads of one kind. limit: of their PodDisruptionBudget, None for none."""

    prefix: str
    number: int
    replicas: int
    limit: Object | None
    disks: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    nodes: int
    works: tuple[Works, ...]

    @property
    def pods(self) -> int:
        return sum(each.number * each.replicas for each in self.works)


WHOLE = Size(
    30,
    (
        Works("web", 12, 15, {"maxUnavailable": "20%"}),
        Works("api", 6, 10, {"minAvailable": "80%"}),
        Works("worker", 10, 3, {"maxUnavailable": 1}),
        Works("store", 5, 4, {"maxUnavailable": 1}, disks=True),
        Works("small", 10, 1, None),
    ),
)
QUICK = Size(
    4,
    (
        Works("web", 2, 10, {"maxUnavailable": "20%"}),
        Works("api", 1, 10, {"minAvailable": "80%"}),
        Works("worker", 2, 3, {"maxUnavailable": 1}),
        Works("store", 2, 3, {"maxUnavailable": 1}, disks=True),
        Works("small", 4, 1, None),
    ),
)


def fill(plane: ControlPlane, size: Size) -> tuple[list[str], list[str]]:
    """Everything runs on the old nodes; then the new ones are Ready. Both by name."""
    old = [f"old-{number:02}" for number in range(size.nodes)]
    new = [f"new-{number:02}" for number in range(size.nodes)]
    for number, name in enumerate(old):
        plane.add_nodes([name], shape("v1.35.8", ZONES[number % 3]))
    plane.create_namespace(SPACE)
    plane.create("/apis/storage.k8s.io/v1/csidrivers", {"metadata": {"name": DRIVER}, "spec": {"attachRequired": True}})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda made: plane_writer(plane).send("POST", *made), objects(size)))
    plane.wait_for(f"/api/v1/namespaces/{SPACE}/pods", lambda found: ready(found["items"]) == size.pods)
    for number, name in enumerate(new):
        plane.add_nodes([name], shape(f"v{plane.version}", ZONES[number % 3]))
    plane.wait_for("/api/v1/nodes", lambda found: ready(found["items"]) == 2 * size.nodes)
    return old, new


def plane_writer(plane: ControlPlane) -> Writer:
    return Writer(plane)


def shape(kubelet: str, zone: str) -> NodeShape:
    return NodeShape(kubelet, labels={"topology.kubernetes.io/zone": zone, "example.com/generation": kubelet})


def ready(items: list[Object]) -> int:
    return sum(
        any(each["type"] == "Ready" and each["status"] == "True" for each in item["status"].get("conditions", ()))
        for item in items
    )


def objects(size: Size) -> Iterator[tuple[str, Object]]:
    """Each with the path that it is posted to."""
    apps = f"/apis/apps/v1/namespaces/{SPACE}"
    for works in size.works:
        for number in range(works.number):
            name = f"{works.prefix}-{number:02}"
            if works.limit:
                labels = {"matchLabels": {"app": name}}
                spec = {"selector": labels, **works.limit}
                yield (
                    f"/apis/policy/v1/namespaces/{SPACE}/poddisruptionbudgets",
                    {"metadata": {"name": name}, "spec": spec},
                )
            if works.disks:
                for replica in range(works.replicas):
                    yield "/api/v1/persistentvolumes", volume(f"data-{name}-{replica}", ZONES[replica % 3])
                yield f"{apps}/statefulsets", stateful(name, works.replicas)
            else:
                yield f"{apps}/deployments", workload(name, works.replicas)


def workload(name: str, replicas: int) -> Object:
    labels = {"app": name}
    main = {
        "name": "main",
        "image": f"example.com/{name}:1",
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    pod = {"containers": [main], "topologySpreadConstraints": [spread]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def stateful(name: str, replicas: int) -> Object:
    made = workload(name, replicas)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""}
    more = {"serviceName": name, "podManagementPolicy": "Parallel"}
    more["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]  # type: ignore[assignment]
    made["spec"] |= more
    made["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    return made


def volume(claim: str, zone: str) -> Object:
    """A disk of one zone, kept for its claim."""
    terms = [{"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}]}]
    return {
        "metadata": {"name": f"pv-{claim}"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "csi": {"driver": DRIVER, "volumeHandle": f"pv-{claim}"},
            "claimRef": {"namespace": SPACE, "name": claim},
            "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
        },
    }


@dataclass(slots=True)
class Disks:
    """What the attacher of a CSI driver does: an attachment is true, and gone, half a second after it was asked for."""

    plane: ControlPlane
    over: threading.Event = field(default_factory=threading.Event)
    asked: dict[tuple[str, str], float] = field(default_factory=dict)

    def run(self) -> None:
        writer = Writer(self.plane)
        while not self.over.wait(0.1):
            for each in writer.send("GET", ATTACHMENTS, {})["items"]:
                self.see(writer, each)

    def see(self, writer: Writer, attachment: Object) -> None:
        metadata, now = attachment["metadata"], time.monotonic()
        path = f"{ATTACHMENTS}/{metadata['name']}"
        goes = "deletionTimestamp" in metadata
        due = now - self.asked.setdefault((metadata["uid"], "gone" if goes else "there"), now) >= DISK_SECONDS
        if not goes and HELD not in metadata.get("finalizers", ()):
            writer.patch(path, {"metadata": {"finalizers": [HELD]}})
        elif goes and due and metadata.get("finalizers"):
            writer.patch(path, {"metadata": {"finalizers": None}})
        elif not goes and due and not attachment.get("status", {}).get("attached"):
            writer.patch(f"{path}/status", {"status": {"attached": True}})


@contextmanager
def attaching(plane: ControlPlane) -> Iterator[None]:
    disks = Disks(plane)
    thread = threading.Thread(target=disks.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        disks.over.set()
        thread.join()
