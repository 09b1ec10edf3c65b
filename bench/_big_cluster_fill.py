"""Fills the cluster of bench/big_cluster.py through its API server, once, and changes 1 % of it between ticks."""

import hashlib
import http.client
import inspect
import json
import os
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import _big_cluster_objects as objects
import one_cluster
from _big_cluster_objects import Object, Size

from fleetkeeper.sim.control_plane import cache
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options

WRITERS = 8
ALONE = Options(controllers=False, scheduler=False, kwok=False)
CHURN = 100  # one of so many changes between two ticks


@dataclass(slots=True)
class Writer:
    """Requests of an admin, over one connection for each thread."""

    plane: ControlPlane
    own: threading.local = field(default_factory=threading.local)

    def send(self, method: str, path: str, body: Object, content: str = "application/json") -> Object:
        headers = {"Authorization": f"Bearer {self.plane.admin_token}", "Content-Type": content}
        connection = self._connection()
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise SystemExit(f"{method} {path}: {answer.status} {text[:500]!r}")
        stored: Object = json.loads(text)
        return stored

    def patch(self, path: str, body: Object) -> Object:
        return self.send("PATCH", path, body, "application/merge-patch+json")

    def _connection(self) -> http.client.HTTPSConnection:
        if not hasattr(self.own, "connection"):
            where = urlsplit(self.plane.server)
            context = ssl.create_default_context(cadata=self.plane.ca_pem)
            self.own.connection = http.client.HTTPSConnection(
                str(where.hostname), where.port, context=context, timeout=60
            )
        found: http.client.HTTPSConnection = self.own.connection
        return found


def archive(size: Size, minor: str) -> Path:
    """Where the filled etcd is kept: another recipe or version is another file."""
    recipe = [inspect.getsource(each) for each in (objects, Filler)]
    recipe += [inspect.getsource(each) for each in (one_cluster.deployment, one_cluster.main_container)]
    told = json.dumps([recipe, asdict(size), cache.find_programs(minor).version])
    digest = hashlib.sha256(told.encode()).hexdigest()[:16]
    return cache.cache_root(os.environ) / "bench" / f"big-cluster-{size.nodes}-{digest}.tar.gz"


def filled(size: Size, minor: str) -> Path:
    """The packed etcd of a filled cluster, made now unless it is there; what an older recipe made goes."""
    kept = archive(size, minor)
    if not kept.exists():
        with ControlPlane(minor, ALONE) as plane:
            Filler(Writer(plane), size).run()
            plane.pack_etcd(kept)
        for old in kept.parent.glob(f"big-cluster-{size.nodes}-*.tar.gz"):
            if old != kept:
                old.unlink()
    return kept


@dataclass(frozen=True, slots=True)
class Filler:
    """One cluster being filled. Where no controller runs, this writes what they and the kubelets would."""

    writer: Writer
    size: Size

    def run(self) -> None:
        size = self.size
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(self._space, range(objects.NAMESPACES)))
            uids = dict(zip(objects.DAEMONS, pool.map(self._daemon, objects.DAEMONS), strict=True))
            works: list[tuple[Callable[[int], None], int]] = [
                (partial(self._node, uids), size.nodes),
                (self._deployment, size.deployments),
                (self._release, size.releases),
                (self._config_map, size.config_maps),
                (self._job, size.deployments // 10),
                (self._alone, size.nodes // 50),
                (self._crd, size.crds),
            ]
            for work, count in works:
                list(pool.map(work, range(count)))

    def _space(self, number: int) -> None:
        labels = {"team": f"team-{number}"}
        self.writer.send("POST", "/api/v1/namespaces", {"metadata": {"name": objects.space(number), "labels": labels}})

    def _daemon(self, name: str) -> str:
        made = self.writer.send("POST", "/apis/apps/v1/namespaces/kube-system/daemonsets", objects.daemon_set(name))
        return str(made["metadata"]["uid"])

    def _node(self, daemons: dict[str, str], number: int) -> None:
        self.writer.send("POST", "/api/v1/nodes?fieldManager=kubelet", objects.node(number))
        for name, uid in daemons.items():
            owner, containers = (
                objects.owned_by("DaemonSet", name, uid),
                objects.daemon_set(name)["spec"]["template"]["spec"]["containers"],
            )
            made = objects.pod(f"{name}-{number:05}", objects.node_name(number), {"k8s-app": name}, owner, containers)
            self.run_pod("kube-system", made)

    def _deployment(self, number: int) -> None:
        root = f"/apis/apps/v1/namespaces/{objects.space(number)}"
        made = self.writer.send("POST", f"{root}/deployments?fieldManager=helm", objects.workload(number))
        sets = [objects.replica_set(made, age) for age in range(2)]
        stored = [
            self.writer.send("POST", f"{root}/replicasets?fieldManager=kube-controller-manager", one) for one in sets
        ]
        current = stored[0]["metadata"]
        for nth in range(self.size.each):
            owner = objects.owned_by("ReplicaSet", current["name"], current["uid"])
            on = objects.node_name((number * self.size.each + nth) % self.size.nodes)
            containers = made["spec"]["template"]["spec"]["containers"]
            name = f"{current['name']}-{number:05}-{nth}"
            self.run_pod(objects.space(number), objects.pod(name, on, current["labels"], owner, containers))

    def _alone(self, number: int) -> None:
        containers = [{"name": "main", "image": f"registry.example.com/tools/debug:{number}"}]
        self.run_pod(
            objects.space(number),
            objects.pod(f"debug-{number}", objects.node_name(number), {"owner": "ada"}, [], containers),
        )

    def run_pod(self, namespace: str, made: Object) -> None:
        """Create a pod and let it run, as its kubelet would say."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        self.writer.send("POST", f"{path}?fieldManager=kube-controller-manager", made)
        names = [each["name"] for each in made["spec"]["containers"]]
        status = {"status": objects.running(names, made["spec"]["containers"][0]["image"])}
        self.writer.patch(f"{path}/{made['metadata']['name']}/status?fieldManager=kubelet", status)

    def _release(self, number: int) -> None:
        path = f"/api/v1/namespaces/{objects.space(number)}/secrets?fieldManager=helm"
        self.writer.send("POST", path, objects.release(number, 2, "deployed"))

    def _job(self, number: int) -> None:
        self.writer.send("POST", f"/apis/batch/v1/namespaces/{objects.space(number)}/jobs", objects.job(number))

    def _crd(self, number: int) -> None:
        self.writer.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", objects.crd(number))

    def _config_map(self, number: int) -> None:
        path = f"/api/v1/namespaces/{objects.space(number)}/configmaps"
        self.writer.send("POST", path, objects.config_map(number))


def churn(writer: Writer, size: Size, round: int) -> None:
    """What happens to a cluster between two ticks: one in a hundred of its nodes, pods, deployments and releases."""
    for number in range(round % CHURN, size.nodes, CHURN):
        _beat(writer, f"2026-11-02T08:{round % 60:02}:00Z", number)
    for number in range(round % CHURN, size.deployments, CHURN):
        _roll(writer, size, number, round)
    for number in range(round % CHURN, size.releases, CHURN):
        _upgrade(writer, number)


def heartbeats(writer: Writer, size: Size) -> None:
    """Every kubelet says once more that its node is well, which kubelets do every five minutes."""
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(partial(_beat, writer, "2026-11-03T08:00:00Z"), range(size.nodes)))


def _beat(writer: Writer, at: str, number: int) -> None:
    kinds = [objects.condition(kind, at) for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")]
    path = f"/api/v1/nodes/{objects.node_name(number)}/status?fieldManager=kubelet"
    writer.patch(path, {"status": {"conditions": kinds}})


def _roll(writer: Writer, size: Size, number: int, round: int) -> None:
    """A new image: the deployment changes, and each of its pods has another in its place."""
    path = f"/apis/apps/v1/namespaces/{objects.space(number)}/deployments/app-{number:05}"
    template = writer.send("GET", path, {})["spec"]["template"]["spec"]
    template["containers"][0]["image"] = f"registry.example.com/shop/app-{number:05}:2.{round}.0"
    writer.patch(path, {"spec": {"template": {"spec": {"containers": template["containers"]}}}})
    pods = f"/api/v1/namespaces/{objects.space(number)}/pods"
    owner = objects.owned_by(
        "ReplicaSet", f"app-{number:05}-{round + 2:09x}", f"{round:08}-0000-4000-8000-{number:012}"
    )
    for nth in range(size.each):
        old = f"app-{number:05}-{0:09x}-{number:05}-{nth}"
        writer.send("DELETE", f"{pods}/{old}", {"gracePeriodSeconds": 0})
        on = objects.node_name((number * size.each + nth) % size.nodes)
        labels = {"app.kubernetes.io/name": f"app-{number:05}"}
        name = f"app-{number:05}-{round + 2:09x}-{number:05}-{nth}"
        Filler(writer, size).run_pod(
            objects.space(number), objects.pod(name, on, labels, owner, template["containers"])
        )


def _upgrade(writer: Writer, number: int) -> None:
    path = f"/api/v1/namespaces/{objects.space(number)}/secrets"
    writer.send("POST", f"{path}?fieldManager=helm", objects.release(number, 3, "deployed"))
    writer.patch(
        f"{path}/sh.helm.release.v1.app-{number:05}.v2?fieldManager=helm",
        {"metadata": {"labels": {"status": "superseded"}}},
    )
