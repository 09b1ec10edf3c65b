"""A fleet for the doctor in which everything works, and a table of what is denied: permission → why."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from fleetkeeper.core import model, observed
from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.diagnose import Doctor
from fleetkeeper.engine.observe import Choice
from fleetkeeper.engine.ports import Cloud
from fleetkeeper.engine.probing import ASSUME, CONNECT, CREDENTIAL, IDENTITY, RESOLVE, TLS, Probe, Right, Wanted
from fleetkeeper.errors import FleetkeeperError, GapReason, ReadError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACTIONS = ("eks:ListClusters", "eks:DescribeCluster", "autoscaling:DescribeAutoScalingGroups")
READS = ("get /version", "list nodes")

Denied = dict[tuple[str, str], GapReason]
"""(subject, permission) → why it fails. Subjects are as the doctor writes them."""


def probe(subject: str, permission: str, denied: Denied, detail: str = "") -> Probe:
    def attempt() -> str:
        if reason := denied.get((subject, permission)):
            raise ReadError(f"no {permission}", reason)
        return detail

    return Probe(permission, attempt)


def unused() -> NoReturn:
    raise AssertionError("the doctor has no use for it")


@dataclass(frozen=True)
class FakeCloud:
    """One account in one region with clusters by name; tags of all of them alike."""

    scope: model.Scope
    names: tuple[str, ...]
    denied: Denied
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> model.Account:
        return model.Account(self.scope.account)

    def cluster_names(self) -> tuple[str, ...]:
        return self.names

    def cluster(self, name: str) -> tuple[model.ClusterId, model.ControlPlane]:
        if reason := self.denied.get((f"{self.scope}/{name}", "eks:DescribeCluster")):
            raise ReadError("no eks:DescribeCluster", reason)
        arn = f"arn:aws:eks:{self.scope.region}:{self.scope.account}:cluster/{name}"
        plane = model.ControlPlane(name, Minor(1, 35), "ACTIVE", f"https://{name}.example", "ca", tags=self.tags)
        return model.ClusterId(arn, NOW), plane

    def addons(self, name: str) -> NoReturn:
        unused()

    def node_groups(self, name: str) -> NoReturn:
        unused()

    def fargate_profiles(self, name: str) -> NoReturn:
        unused()

    def insights(self, name: str) -> NoReturn:
        unused()

    def updates(self, name: str, known: Mapping[str, observed.EksUpdate]) -> NoReturn:
        unused()

    def prerequisites(self, control_plane: model.ControlPlane, node_groups: Iterable[model.NodeGroup]) -> NoReturn:
        unused()

    def launch_templates(
        self, name: str, node_groups: Iterable[model.NodeGroup], known: Iterable[observed.LaunchTemplate]
    ) -> NoReturn:
        unused()

    def images(
        self,
        name: str,
        node_groups: Iterable[model.NodeGroup],
        templates: Iterable[observed.LaunchTemplate],
        known: Iterable[observed.GroupImage],
    ) -> NoReturn:
        unused()

    def audit_calls(self, name: str, since: datetime, until: datetime) -> NoReturn:
        unused()

    def quotas(self) -> NoReturn:
        unused()

    def auto_scaling_groups(self) -> NoReturn:
        unused()

    def cluster_versions(self) -> NoReturn:
        unused()

    def addon_releases(self, minor: Minor) -> NoReturn:
        unused()


@dataclass
class FakeClouds:
    clouds: tuple[FakeCloud, ...]
    gaps: dict[str, model.Gap] = field(default_factory=dict)

    def open(self) -> tuple[tuple[FakeCloud, ...], Mapping[str, model.Gap]]:
        return self.clouds, self.gaps


@dataclass
class FakeAws:
    denied: Denied
    skew: timedelta = timedelta()
    samples: list[str] = field(default_factory=list)

    def caller(self) -> Probe:
        return probe("credentials", IDENTITY, self.denied, "arn:aws:iam::999988887777:role/fleetkeeper")

    def clock_skew(self) -> timedelta:
        if reason := self.denied.get(("credentials", "clock against AWS")):
            raise ReadError("no answer", reason)
        return self.skew

    def sign_in(self, cloud: Cloud) -> Probe:
        return probe(cloud.scope.account, ASSUME, self.denied)

    def reads(self, cloud: Cloud, cluster: str, audit_logs: bool) -> tuple[Probe, ...]:
        self.samples += [cluster] if cluster else []
        wanted = (*ACTIONS, "logs:StartQuery") if audit_logs else ACTIONS
        return tuple(probe(str(cloud.scope), action, self.denied) for action in wanted)


@dataclass
class FakeServer:
    """One API server; open counts those that nobody closed."""

    subject: str
    fleet: "FakeKube"

    def path(self) -> tuple[Probe, ...]:
        return tuple(probe(self.subject, step, self.fleet.denied) for step in (RESOLVE, CONNECT, TLS, CREDENTIAL))

    def reads(self, helm_secrets: bool) -> tuple[Probe, ...]:
        wanted = (*READS, "list secrets") if helm_secrets else READS
        return tuple(probe(self.subject, permission, self.fleet.denied) for permission in wanted)

    def traced(self, apis: Apis) -> tuple[Probe, ...]:
        if reason := self.fleet.denied.get((self.subject, "list customresourcedefinitions")):
            raise ReadError("the definitions were not read", reason)
        return tuple(probe(self.subject, f"list {row.resource}.{row.group}", self.fleet.denied) for row in apis.rows)

    def may(self, right: Right) -> bool:
        if reason := self.fleet.denied.get((self.subject, f"cannot {right}")):
            raise ReadError("the review was refused", reason)
        return right in self.fleet.may

    def close(self) -> None:
        self.fleet.open -= 1


@dataclass
class FakeKube:
    denied: Denied
    alone: tuple[str, ...] = ()
    may: set[Right] = field(default_factory=set)
    open: int = 0

    def standalone(self) -> tuple[str, ...]:
        return self.alone

    def of_eks(self, cloud: Cloud, id: model.ClusterId, control_plane: model.ControlPlane) -> FakeServer:
        return self.of_kubeconfig(f"{cloud.scope}/{control_plane.name}")

    def of_kubeconfig(self, name: str) -> FakeServer:
        if reason := self.denied.get((name, "endpoint identity")):
            raise ReadError("the CA in the kubeconfig is not the cluster's", reason)
        self.open += 1
        return FakeServer(name, self)


@dataclass
class Fleet:
    """Two accounts with a region each, a cluster in each, and one that only a kubeconfig knows."""

    denied: Denied = field(default_factory=dict)
    store_error: FleetkeeperError | None = None
    choice: Choice = field(default_factory=Choice)
    wanted: Wanted = field(default_factory=Wanted)

    def __post_init__(self) -> None:
        east, west = model.Scope("111122223333", "us-east-1"), model.Scope("444455556666", "eu-west-1")
        self.clouds = FakeClouds(
            (FakeCloud(east, ("shop",), self.denied), FakeCloud(west, ("shop", "pay"), self.denied))
        )
        self.aws = FakeAws(self.denied)
        self.kube = FakeKube(self.denied, ("edge",))

    def doctor(self) -> Doctor:
        store = (Probe("schema", self._store), Probe("writable", self._store))
        cancel = threading.Event()
        return Doctor(self.clouds, self.aws, self.kube, store, self.choice, self.wanted, 4, cancel)

    def _store(self) -> str:
        if self.store_error:
            raise self.store_error
        return "fleet.db"
