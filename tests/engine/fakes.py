"""A fleet behind the ports that is healthy unless a test breaks one thing, and what became of it in a real store."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from fleetkeeper.adapters.library import read_compat
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.core import model, observed, parts
from fleetkeeper.core.api_search import NO_NAMES, ApiNames, LiveKind
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.field_owners import AddonObject
from fleetkeeper.core.insights import Insight
from fleetkeeper.core.placement import Candidate, MappingSettings, place
from fleetkeeper.core.selector import Selector
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.observe import Choice, Outcome, Progress, observe_fleet
from fleetkeeper.engine.observe_cluster import ClusterReader, Placer
from fleetkeeper.engine.ports import Cloud, KubeconfigCluster, Ports
from fleetkeeper.engine.turns import Turns
from fleetkeeper.errors import GapReason, ReadError
from tests.contract.observed import NOON, SCOPE, control_plane, snapshot

OTHER = model.Scope("999988887777", "us-east-1")
_RETAIL = model.Account(SCOPE.account, "retail")
Snapshot = dict[str, Any]
Broken = dict[tuple[str, str], Exception]
"""(part, cluster name; "" of a scope; * any) → what its read raises. The part `connect` is the way to an API server."""


@cache
def compat() -> Compat:
    return read_compat()


def fails(reason: GapReason, detail: str = "it was told to") -> ReadError:
    return ReadError(detail, reason)


class TurnedClock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        return self.at

    def turn(self, minutes: float) -> datetime:
        self.at += timedelta(minutes=minutes)
        return self.at


@dataclass
class Reads:
    """Everything that is asked of clouds and API servers, as (part, cluster name), and what is told instead."""

    broken: Broken = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], None] = lambda _part, _name: None

    def ask(self, part: str, name: str) -> None:
        self.before(part, name)
        self.done.append((part, name))
        error = self.broken.get((part, name)) or self.broken.get((part, "*"))
        if error is not None:
            raise error

    def count(self, part: str) -> int:
        return sum(1 for read, _ in self.done if read == part)


def described(name: str, version: str = "1.34", **other: Any) -> Snapshot:
    """A healthy cluster of that name."""
    return snapshot() | {parts.CONTROL_PLANE: control_plane(version, **{"name": name, "audit_logs": True, **other})}


@dataclass
class FakeCloud:
    """One account in one region: cluster name → its parts. created: name → when, for a name that is used again."""

    scope: model.Scope = SCOPE
    clusters: dict[str, Snapshot] = field(default_factory=lambda: {"shop": described("shop")})
    reads: Reads = field(default_factory=Reads)
    account: model.Account = _RETAIL
    created: dict[str, datetime] = field(default_factory=dict)
    offered: tuple[str, ...] = ()
    known_updates: dict[str, dict[str, observed.EksUpdate]] = field(default_factory=dict)
    known_templates: dict[str, tuple[observed.LaunchTemplate, ...]] = field(default_factory=dict)
    known_images: dict[str, tuple[observed.GroupImage, ...]] = field(default_factory=dict)
    audit_windows: list[tuple[datetime, datetime]] = field(default_factory=list)
    groups_told: dict[str, tuple[model.NodeGroup, ...]] = field(default_factory=dict)

    def id(self, name: str) -> model.ClusterId:
        arn = f"arn:aws:eks:{self.scope.region}:{self.scope.account}:cluster/{name}"
        return model.ClusterId(arn, self.created.get(name, NOON - timedelta(days=300)))

    def _part(self, part: str, name: str) -> Any:
        self.reads.ask(part, name)
        if name not in self.clusters:
            raise fails(GapReason.NOT_FOUND, f"No cluster found for name: {name}.")
        return self.clusters[name][part]

    def cluster_names(self) -> tuple[str, ...]:
        self.reads.ask(parts.CLUSTERS, "")
        return tuple(self.clusters)

    def cluster(self, name: str) -> tuple[model.ClusterId, model.ControlPlane]:
        return self.id(name), self._part(parts.CONTROL_PLANE, name)

    def addons(self, name: str) -> tuple[model.ManagedAddon, ...]:
        found: tuple[model.ManagedAddon, ...] = self._part(parts.MANAGED_ADDONS, name)
        return found

    def node_groups(self, name: str) -> tuple[model.NodeGroup, ...]:
        found: tuple[model.NodeGroup, ...] = self._part(parts.NODE_GROUPS, name)
        return found

    def fargate_profiles(self, name: str) -> tuple[model.FargateProfile, ...]:
        found: tuple[model.FargateProfile, ...] = self._part(parts.FARGATE_PROFILES, name)
        return found

    def insights(self, name: str) -> tuple[Insight, ...]:
        found: tuple[Insight, ...] = self._part(parts.INSIGHTS, name)
        return found

    def updates(self, name: str, known: Mapping[str, observed.EksUpdate]) -> tuple[observed.EksUpdate, ...]:
        self.known_updates[name] = dict(known)
        found: tuple[observed.EksUpdate, ...] = self._part(parts.UPDATES, name)
        return found

    def prerequisites(
        self, control_plane: model.ControlPlane, node_groups: Iterable[model.NodeGroup]
    ) -> observed.ClusterPrerequisites:
        self.groups_told[control_plane.name] = tuple(node_groups)
        found: observed.ClusterPrerequisites = self._part(parts.PREREQUISITES, control_plane.name)
        return found

    def launch_templates(
        self, name: str, node_groups: Iterable[model.NodeGroup], known: Iterable[observed.LaunchTemplate]
    ) -> tuple[observed.LaunchTemplate, ...]:
        self.known_templates[name] = tuple(known)
        found: tuple[observed.LaunchTemplate, ...] = self._part(parts.LAUNCH_TEMPLATES, name)
        return found

    def images(
        self,
        name: str,
        node_groups: Iterable[model.NodeGroup],
        templates: Iterable[observed.LaunchTemplate],
        known: Iterable[observed.GroupImage],
    ) -> tuple[observed.GroupImage, ...]:
        self.known_images[name] = tuple(known)
        found: tuple[observed.GroupImage, ...] = self._part(parts.IMAGES, name)
        return found

    def audit_calls(self, name: str, since: datetime, until: datetime) -> tuple[observed.AuditCall, ...]:
        self.audit_windows.append((since, until))
        found: tuple[observed.AuditCall, ...] = self._part(parts.AUDIT_CALLS, name)
        return tuple(call for call in found if since <= call.last < until)

    def quotas(self) -> tuple[observed.Quota, ...]:
        self.reads.ask(parts.QUOTAS, "")
        return (observed.Quota("ec2", "L-1", "Running On-Demand Standard (A, C, M) instances", 64.0, 12.0),)

    def auto_scaling_groups(self) -> tuple[model.AutoScalingGroup, ...]:
        self.reads.ask(parts.AUTO_SCALING_GROUPS, "")
        return ()

    def cluster_versions(self) -> tuple[model.SupportedVersion, ...]:
        self.reads.ask(parts.CLUSTER_VERSIONS, "")
        return tuple(model.SupportedVersion(Minor.parse(each), None, None, "", "EKS") for each in self.offered)

    def addon_releases(self, minor: Minor) -> tuple[model.AddonRelease, ...]:
        self.reads.ask(parts.ADDON_RELEASES, str(minor))
        return (model.AddonRelease("coredns", "v1.13.2-eksbuild.4", ((minor, True),)),)


@dataclass
class FakeClouds:
    clouds: list[FakeCloud]
    gaps: dict[str, model.Gap] = field(default_factory=dict)

    def open(self) -> tuple[list[FakeCloud], Mapping[str, model.Gap]]:
        return self.clouds, self.gaps


@dataclass
class FakeKube:
    """An API server; `known` is what Helm was told that we know already."""

    name: str
    snapshot: Snapshot
    fleet: "FakeKubes"

    def _part(self, part: str) -> Any:
        self.fleet.reads.ask(part, self.name)
        return self.snapshot[part]

    def git_version(self) -> str:
        return "v1.34.2"

    def nodes(self) -> tuple[model.Node, ...]:
        found: tuple[model.Node, ...] = self._part(parts.NODES)
        return found

    def workloads(self) -> tuple[model.Workload, ...]:
        found: tuple[model.Workload, ...] = self._part(parts.WORKLOADS)
        return found

    def pods(self) -> model.Pods:
        found: model.Pods = self._part(parts.PODS)
        return found

    def namespaces(self) -> tuple[model.Namespace, ...]:
        found: tuple[model.Namespace, ...] = self._part(parts.NAMESPACES)
        return found

    def crds(self) -> tuple[model.Crd, ...]:
        found: tuple[model.Crd, ...] = self._part(parts.CRDS)
        return found

    def helm_releases(
        self, known: Mapping[str, model.HelmRelease], names: ApiNames = NO_NAMES
    ) -> tuple[model.HelmRelease, ...]:
        self.fleet.known_releases[self.name] = dict(known)
        found: tuple[model.HelmRelease, ...] = self._part(parts.HELM_RELEASES)
        return found

    def helm_use(self, known: observed.HelmUse, names: ApiNames) -> observed.HelmUse:
        self.fleet.known_use[self.name] = known
        found: observed.HelmUse = self._part(parts.HELM_USE)
        return found

    def pod_notes(self) -> tuple[observed.PodNote, ...]:
        found: tuple[observed.PodNote, ...] = self._part(parts.POD_NOTES)
        return found

    def budgets(self) -> tuple[observed.Budget, ...]:
        found: tuple[observed.Budget, ...] = self._part(parts.BUDGETS)
        return found

    def volumes(self) -> tuple[observed.PersistentVolume, ...]:
        found: tuple[observed.PersistentVolume, ...] = self._part(parts.VOLUMES)
        return found

    def webhooks(self) -> tuple[observed.Webhook, ...]:
        found: tuple[observed.Webhook, ...] = self._part(parts.WEBHOOKS)
        return found

    def api_services(self) -> tuple[observed.ApiService, ...]:
        found: tuple[observed.ApiService, ...] = self._part(parts.API_SERVICES)
        return found

    def gitops(self, crds: Sequence[model.Crd]) -> tuple[observed.GitOpsApp, ...]:
        found: tuple[observed.GitOpsApp, ...] = self._part(parts.GITOPS)
        return found

    def api_use(self) -> observed.ApiUse:
        found: observed.ApiUse = self._part(parts.API_USE)
        return found

    def object_traces(self, kinds: Sequence[LiveKind]) -> tuple[observed.ObjectTrace, ...]:
        self.fleet.looked_for[self.name] = tuple(kinds)
        found: tuple[observed.ObjectTrace, ...] = self._part(parts.OBJECT_TRACES)
        return found

    def customised(self, objects: Sequence[AddonObject]) -> tuple[observed.Customised, ...]:
        found: tuple[observed.Customised, ...] = self._part(parts.CUSTOMISED)
        return found if objects else ()

    def proxy_mode(self) -> str:
        self.fleet.reads.ask("proxy mode", self.name)
        return "iptables"

    def close(self) -> None:
        self.fleet.open -= 1


@dataclass
class FakeKubes:
    """The way to every API server; open counts those that nobody closed. alone: name → a kubeconfig's cluster."""

    reads: Reads
    alone: dict[str, Snapshot] = field(default_factory=dict)
    open: int = 0
    uids: dict[str, str] = field(default_factory=dict)
    known_releases: dict[str, dict[str, model.HelmRelease]] = field(default_factory=dict)
    known_use: dict[str, observed.HelmUse] = field(default_factory=dict)
    looked_for: dict[str, tuple[LiveKind, ...]] = field(default_factory=dict)

    def _opened(self, name: str, found: Snapshot) -> FakeKube:
        self.reads.ask("connect", name)
        self.open += 1
        return FakeKube(name, found, self)

    def of_eks(self, cloud: Cloud, id: model.ClusterId, control_plane: model.ControlPlane) -> FakeKube:
        assert isinstance(cloud, FakeCloud)
        return self._opened(control_plane.name, cloud.clusters[control_plane.name])

    def standalone(self) -> tuple[str, ...]:
        return tuple(self.alone)

    def of_kubeconfig(self, name: str) -> tuple[KubeconfigCluster, FakeKube]:
        kube = self._opened(name, self.alone[name])
        uid = self.uids.get(name, f"uid-of-{name}")
        id = model.ClusterId(f"kubeconfig:{uid}", NOON - timedelta(days=100))
        return KubeconfigCluster(name, id, self.alone[name][parts.CONTROL_PLANE]), kube


class Fleet:
    """Everything that observe_fleet needs, around one store; `reads` tells what was asked."""

    def __init__(self, store: SqlStore, *clouds: FakeCloud) -> None:
        self.store = store
        self.clock = TurnedClock()
        self.cancel = threading.Event()
        self.reads = Reads()
        self.clouds = FakeClouds(list(clouds) or [FakeCloud()])
        for cloud in self.clouds.clouds:
            cloud.reads = self.reads
        self.kubes = FakeKubes(self.reads)
        self.helm_secrets = True
        self.audit_logs = True
        self.turns: Turns | None = None
        self.choice = Choice()
        self.place: Placer = placed

    @property
    def cloud(self) -> FakeCloud:
        return self.clouds.clouds[0]

    @property
    def broken(self) -> Broken:
        return self.reads.broken

    def observe(self, selector: str = "", kube_threads: int = 4) -> Outcome:
        ports = Ports(self.clouds, self.kubes, self.store, self.clock, self.cancel)
        reader = ClusterReader(ports, self.place, compat(), self.helm_secrets, self.audit_logs, self.turns)
        choice = self.choice.narrowed(Selector.parse(selector))
        return observe_fleet(ports, reader, choice, Progress(), kube_threads)

    def later(self, selector: str = "", minutes: float = 15) -> Outcome:
        """The next tick."""
        self.clock.turn(minutes)
        self.reads.done.clear()
        return self.observe(selector)

    def rows(self) -> dict[str, model.SeenCluster]:
        """Living clusters as stored, as `name` or, where two have it, `name@account`."""
        found = self.store.clusters()
        names = [c.name for c in found]
        return {
            c.name if names.count(c.name) == 1 or c.scope is None else f"{c.name}@{c.scope.account}": c for c in found
        }

    def gaps(self, name: str = "shop") -> dict[str, str]:
        """Part → reason of what is not seen, also of what nobody asked for."""
        return {part: p.gap.reason.value for part, p in self.rows()[name].parts.items() if p.gap}

    def seen(self, name: str = "shop") -> set[str]:
        """The parts with a good value of now."""
        return {part for part, p in self.rows()[name].parts.items() if p.observed_at == self.clock.at and not p.gap}


def placed(
    name: str, arn: str, scope: model.Scope | None, account: model.Account | None, tags: Mapping[str, str]
) -> model.Placement:
    return place(Candidate(name, arn, tags, account.id if account else ""), MappingSettings())
