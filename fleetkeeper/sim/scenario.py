"""What a scenario file says: a fleet in few words, from which `build` makes a World."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.faults import Fault

SHIPPED = Path(__file__).parent / "scenarios"


class NodeKind(StrEnum):
    MANAGED = "managed"
    SELF_MANAGED = "self-managed"
    KARPENTER = "karpenter"
    AUTO = "auto"
    FARGATE = "fargate"
    HYBRID = "hybrid"


class NodeOs(StrEnum):
    AL2023 = "al2023"
    BOTTLEROCKET = "bottlerocket"
    WINDOWS = "windows2022"
    UBUNTU = "ubuntu"


@dataclass(frozen=True, slots=True)
class NodesSpec:
    """One group of nodes. version None is the cluster's minor; namespaces are those of a Fargate profile."""

    name: str
    kind: NodeKind
    count: int
    os: NodeOs = NodeOs.AL2023
    custom_ami: bool = False
    version: Minor | None = None
    release: str = ""
    instance_type: str = "m6i.large"
    capacity: str = "ON_DEMAND"
    arch: str = "amd64"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    minimum: int = 1
    maximum: int = 10
    not_ready: int = 0
    status: str = "ACTIVE"
    issues: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddonSpec:
    name: str
    version: str
    status: str = "ACTIVE"
    issues: tuple[str, ...] = ()
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class HelmSpec:
    """A Helm release; `revision` is the newest one, and older ones are there as superseded."""

    release: str
    chart: str
    version: str
    app_version: str
    namespace: str
    revision: int = 3
    status: str = "deployed"


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """A workload of the scenario. ready None: all replicas. `nodes` names the group that its pods run on.

    applied_as is the apiVersion in last-applied and managedFields, where it is not today's.
    """

    kind: str
    namespace: str
    name: str
    images: tuple[str, ...]
    replicas: int = 1
    ready: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    min_available: str = ""
    max_unavailable: str = ""
    schedule: str = "0 3 * * *"
    applied_as: str = ""
    manager: str = "kubectl-client-side-apply"
    nodes: str = ""


@dataclass(frozen=True, slots=True)
class NamespaceSpec:
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeprecationSpec:
    """What an insight says of one deprecated API; clients are user agents with their 30-day request count."""

    usage: str
    replaced_with: str
    stop_serving: str
    clients: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InsightSpec:
    name: str
    category: str
    status: str
    version: str
    reason: str
    resources: tuple[str, ...] = ()
    deprecations: tuple[DeprecationSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class DeprecatedCallSpec:
    group: str
    version: str
    resource: str
    removed: str = ""
    user: str = ""
    user_agent: str = ""
    calls_a_day: int = 0


@dataclass(frozen=True, slots=True)
class WebhookSpec:
    """A webhook configuration with one webhook. service is namespace/name, and has `ready` endpoints.

    resources are group/plural; spares are the namespaces that it is not asked about.
    """

    name: str
    service: str
    ready: int
    mutates: bool = False
    policy: str = "Fail"
    resources: tuple[str, ...] = ("/pods",)
    operations: tuple[str, ...] = ("CREATE",)
    spares: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApiServiceSpec:
    """An aggregated API; reason and message are of its condition while it is down, "" while it is up."""

    group: str
    version: str
    service: str
    reason: str = ""
    message: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GitOpsSpec:
    """An Application of Argo CD or a HelmRelease of Flux that deploys a chart into a namespace.

    version is what it asks for, deployed what is there; it is well where ready says so. Its kind is served where the
    cluster has the software.
    """

    kind: str
    name: str
    chart: str
    version: str
    namespace: str
    deployed: str
    ready: bool = True


@dataclass(frozen=True, slots=True)
class AccountSpec:
    id: str
    name: str
    ou: str
    regions: tuple[str, ...]
    external_id: str
    role_name: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about a cluster but its name and place: what templates give, and what a [[cluster]] overrides.

    reader: what the fleet's reader may do there: "full", or "none" (no binding at all); reader_lacks are resources
    such as "/pods" that its role does not name.

    secrets_key: the state in KMS of the key that encrypts the secrets ("Enabled", "Disabled", ...), "" for no key.
    free_addresses: of each subnet; None for plenty.
    """

    version: Minor
    patch: str = ""
    platform_version: str = ""
    age_days: int = 400
    support_type: str = "EXTENDED"
    status: str = "ACTIVE"
    auto_mode: bool = False
    audit_logs: bool = False
    authentication_mode: str = "API_AND_CONFIG_MAP"
    own_ca: bool = False
    reader: str = "full"
    reader_lacks: tuple[str, ...] = ()
    reader_secrets: bool = True
    role_lost: bool = False
    secrets_key: str = ""
    free_addresses: int | None = None
    issues: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    addons: Mapping[str, AddonSpec] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    helm: Mapping[str, HelmSpec] = field(default_factory=dict)
    nodes: Mapping[str, NodesSpec] = field(default_factory=dict)
    namespaces: Mapping[str, NamespaceSpec] = field(default_factory=dict)
    workloads: Mapping[str, WorkloadSpec] = field(default_factory=dict)
    webhooks: Mapping[str, WebhookSpec] = field(default_factory=dict)
    api_services: Mapping[str, ApiServiceSpec] = field(default_factory=dict)
    gitops: Mapping[str, GitOpsSpec] = field(default_factory=dict)
    insights: Mapping[str, InsightSpec] = field(default_factory=dict)
    deprecated_calls: Mapping[str, DeprecatedCallSpec] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """One [[cluster]]. count 0 is one cluster of exactly this name; else `name` is a pattern such as "team-{n:04}".

    A cluster without account and region is dealt out over all accounts and regions of the fleet in turn.
    """

    name: str
    key: str
    account: str
    region: str
    count: int
    look: Look


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    epoch: datetime
    scale: float
    management_account: str
    accounts: tuple[AccountSpec, ...]
    clusters: tuple[ClusterSpec, ...]
    faults: tuple[Fault, ...]

    def resized(self, clusters: int) -> "Scenario":
        """The same fleet with so many clusters: the blocks with a count share them as before."""
        fixed = sum(1 for c in self.clusters if not c.count)
        total = sum(c.count for c in self.clusters)
        if not total or clusters < fixed:
            raise ValueError(f"{self.name} cannot have {clusters} clusters: {fixed} are named one by one")
        left, weight, sized = clusters - fixed, total, []
        for spec in self.clusters:
            share = round(left * spec.count / weight) if spec.count else 0
            left, weight = left - share, weight - spec.count
            if share or not spec.count:
                sized.append(replace(spec, count=share))
        return replace(self, clusters=tuple(sized))
