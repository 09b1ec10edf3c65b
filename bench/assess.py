"""Stored clusters judged for three hops: CPU per cluster and hop, and what a steady tick costs with the database.

Each cluster has 60 nodes, 200 workloads with budgets, volumes, webhooks, CRDs and traces of removed APIs; one workload
in ten has something wrong with it. The steady tick reads, judges and keeps the same clusters a second time on SQLite.
"""

import sqlite3
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from common import Figure, main

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.adapters.store import schema
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.assess import assess, hops_to
from fleetkeeper.core.checks import all_checks
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.pods import Labels, PodTemplate
from fleetkeeper.core.policy import TargetRule
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.ports import Listed, Observation

CLUSTERS, QUICK_CLUSTERS = 1000, 100
NODES, WORKLOADS = 60, 200
GOAL_MS = 5.0  # CPU per cluster and hop
AT, TARGET = Minor(1, 31), Minor(1, 34)
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SCOPE = model.Scope("111122223333", "eu-west-1")
PLACEMENT = model.Placement("production", "late", "shop", mapped=True, reason="tag")
SHARED: dict[str, Any] = dict.fromkeys(
    (parts.CLUSTERS, parts.AUTO_SCALING_GROUPS, parts.CLUSTER_VERSIONS, parts.ADDON_RELEASES, parts.QUOTAS), ()
) | {parts.ACCOUNT: model.Account(SCOPE.account, "bench")}


@dataclass(slots=True)
class Clock:
    at: datetime = START

    def now(self) -> datetime:
        return self.at


def cluster_id(number: int) -> model.ClusterId:
    return model.ClusterId(f"arn:aws:eks:eu-west-1:111122223333:cluster/c{number:04}", START - timedelta(days=300))


def values(number: int) -> dict[str, Any]:
    """Every part of one cluster; numbers make names differ between clusters."""
    names = [f"c{number}-w{each}" for each in range(WORKLOADS)]
    return {
        parts.CONTROL_PLANE: model.ControlPlane(f"c{number:04}", AT, "ACTIVE", "https://c.example", "pem"),
        parts.MANAGED_ADDONS: (model.ManagedAddon("coredns", "v1.11.4-eksbuild.2", "ACTIVE"),),
        parts.NODE_GROUPS: (),
        parts.FARGATE_PROFILES: (),
        parts.INSIGHTS: (),
        parts.NODES: tuple(_node(each) for each in range(NODES)),
        parts.WORKLOADS: tuple(_workload(each, name) for each, name in enumerate(names)),
        parts.PODS: model.Pods(3 * WORKLOADS, ()),
        parts.NAMESPACES: tuple(model.Namespace(f"team-{each}", {"team": str(each)}) for each in range(10)),
        parts.CRDS: tuple(_crd(each) for each in range(80)),
        parts.HELM_RELEASES: (),
        parts.ADDONS: model.Addons((model.Addon("coredns", "v1.11.4-eksbuild.2", model.FoundBy.EKS, "coredns"),)),
        parts.UPDATES: (),
        parts.PREREQUISITES: observed.ClusterPrerequisites((observed.Subnet("subnet-a", "eu-west-1a", 200),)),
        parts.LAUNCH_TEMPLATES: (),
        parts.IMAGES: (),
        parts.BUDGETS: tuple(_budget(each, name) for each, name in enumerate(names)),
        parts.POD_NOTES: (),
        parts.VOLUMES: tuple(
            observed.PersistentVolume(f"pv-{each}", "ebs.csi.aws.com", ("eu-west-1a",), f"team-{each % 10}/d-{each}")
            for each in range(50)
        ),
        parts.WEBHOOKS: tuple(_webhook(each) for each in range(15)),
        parts.API_SERVICES: (observed.ApiService("v1.metrics", "metrics.k8s.io", "v1", "kube-system/metrics", True),),
        parts.GITOPS: (),
        parts.API_USE: observed.ApiUse((), START - timedelta(days=9)),
        parts.OBJECT_TRACES: tuple(_trace(each) for each in range(20)),
        parts.HELM_USE: observed.HelmUse(),
        parts.AUDIT_CALLS: (),
        parts.CUSTOMISED: (),
    }


def _node(number: int) -> model.Node:
    name = f"ip-10-0-0-{number}"
    return model.Node(
        name=name,
        uid=name,
        kubelet="v1.31.9-eks-a1b2c3",
        os_image="Amazon Linux 2023.9.20261110",
        os="linux",
        arch="amd64",
        runtime="containerd://2.1.4",
        kernel="6.12.46",
        kind=model.ComputeKind.SELF_MANAGED,
        group="workers",
        ready=True,
        schedulable=True,
        instance_type="m6i.large",
        zone=f"eu-west-1{'abc'[number % 3]}",
        provider_id=f"aws:///i-{number}",
        created_at=START - timedelta(days=3),
    )


def _workload(number: int, name: str) -> model.Workload:
    replicas = 1 if number % 10 == 0 else 3
    template = PodTemplate(labels={"app": name}, is_probed=True, spread=("zone",), service_account=name)
    images = (f"registry.example/{name}:1.{number}.0",)
    owner = {"team": f"team-{number % 10}"}
    space = f"team-{number % 10}"
    return model.Workload("Deployment", space, name, f"uid-{name}", images, replicas, owner, template=template)


def _budget(number: int, name: str) -> observed.Budget:
    size, least = (1, "1") if number % 10 == 0 else (3, "2")
    return observed.Budget(
        namespace=f"team-{number % 10}",
        name=name,
        uid=name,
        selector=Labels({"app": name}),
        minimum=least,
        expected=size,
        desired=int(least),
        healthy=size,
        allowed=size - int(least),
    )


def _crd(number: int) -> model.Crd:
    return model.Crd(f"k{number}.example.io", "example.io", f"K{number}", (("v1", True, True, False),), ("v1",))


def _webhook(number: int) -> observed.Webhook:
    rules = (observed.WebhookRule(("apps",), ("v1",), ("deployments",), ("CREATE",)),)
    kind, name = "ValidatingWebhookConfiguration", f"hook-{number}"
    return observed.Webhook(kind, name, name, number % 5 == 0, f"team-{number % 10}/{name}", endpoints=2, rules=rules)


def _trace(number: int) -> observed.ObjectTrace:
    written = START - timedelta(days=2)
    space = f"team-{number % 10}"
    kind, version = "FlowSchema", "flowcontrol.apiserver.k8s.io/v1beta3"
    return observed.ObjectTrace(
        "managed fields", version, kind, space, f"flow-{number}", manager="terraform", at=written
    )


def measure(quick: bool) -> list[Figure]:
    clusters = QUICK_CLUSTERS if quick else CLUSTERS
    compat = read_compat()
    every = [snapshot(number) for number in range(clusters)]
    alone, found = judged(every, compat)
    with tempfile.TemporaryDirectory(prefix="fleetkeeper-bench-") as folder:
        ticks = kept(Path(folder) / "fleet.db", clusters, compat)
    hops = len(hops_to(AT, TARGET))
    size = f"{clusters} clusters, {hops} hops, {len(all_checks())} checks, {found / clusters:.0f} findings each"
    per_hop = 1000 * alone / clusters / hops
    first, steady = ticks
    beside = f"first tick {1000 * first.cpu / clusters:.1f} ms; checks alone {1000 * alone / clusters:.1f} ms"
    wrote = f"first tick {first.written / clusters / 1024:.1f} KiB; file and log of SQLite"
    return [
        Figure("checks: CPU per cluster and hop", per_hop, "ms", GOAL_MS, "lower", size),
        Figure(
            "steady tick with the store: CPU per cluster", 1000 * steady.cpu / clusters, "ms", None, "lower", beside
        ),
        Figure("steady tick: written per cluster", steady.written / clusters / 1024, "KiB", None, "lower", wrote),
        Figure(
            "steady tick: rows of findings changed", steady.changed, "rows", 0, "lower", f"{first.changed:.0f} at first"
        ),
    ]


def snapshot(number: int) -> Snapshot:
    own = {name: model.Part(value, START) for name, value in values(number).items()}
    cluster = model.SeenCluster(cluster_id(number), f"c{number:04}", SCOPE, PLACEMENT, START, START, None, own)
    return Snapshot(cluster, START, {name: model.Part(value, START) for name, value in SHARED.items()})


def judged(snapshots: list[Snapshot], compat: Compat) -> tuple[float, int]:
    """(CPU seconds, findings) of all checks for all hops of all snapshots."""
    hops, found = hops_to(AT, TARGET), 0
    begun = time.process_time()
    for each in snapshots:
        found += sum(len(report.findings) for report in assess(each, hops, compat))
    return time.process_time() - begun, found


@dataclass(frozen=True, slots=True)
class Tick:
    """One assessment of the whole fleet: CPU seconds, bytes that the write-ahead log took, rows of findings."""

    cpu: float
    written: int
    changed: float


def kept(file: Path, clusters: int, compat: Compat) -> list[Tick]:
    """Two ticks over a database: the second finds what the first did."""
    settings = StoreSettings(f"sqlite:///{file}")
    schema.upgrade(settings)
    store, clock = SqlStore(settings), Clock()
    try:
        observe(store, clusters, clock.at)
        assessor = Assessor(store, clock, compat, timedelta(hours=1), (TargetRule(minor=TARGET),))
        return [tick(assessor, file, clock) for _ in range(2)]
    finally:
        store.close()


def observe(store: SqlStore, clusters: int, at: datetime) -> None:
    for number in range(clusters):
        seen = [Observation(name, value, None, at) for name, value in values(number).items()]
        one = Listed(cluster_id(number), f"c{number:04}", SCOPE, PLACEMENT, at)
        store.save_many([one], [(one.id, seen)])
    store.save(SCOPE, [Observation(name, value, None, at) for name, value in SHARED.items()])


def tick(assessor: Assessor, file: Path, clock: Clock) -> Tick:
    """The log is emptied first, so that its growth is what the tick wrote; a table without findings has no rows yet."""
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = set(connection.execute("SELECT cluster_id, fingerprint, digest, last_seen FROM finding"))
        connection.execute("PRAGMA wal_autocheckpoint=0")
    clock.at += timedelta(minutes=15)
    size, begun = sizes(file), time.process_time()
    for _ in assessor.assess(Selector()):
        pass
    cpu, written = time.process_time() - begun, sizes(file) - size
    with sqlite3.connect(file) as connection:
        after = set(connection.execute("SELECT cluster_id, fingerprint, digest, last_seen FROM finding"))
    return Tick(cpu, written, len(after - before))


def sizes(file: Path) -> int:
    return sum(each.stat().st_size for each in (file, Path(f"{file}-wal")) if each.exists())


if __name__ == "__main__":
    main(measure)
