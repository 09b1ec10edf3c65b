"""What was seen of a fleet: the values of a Snapshot, and the Gap that stands where something was not seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import ceil
from typing import Any, Generic, TypeVar

from fleetkeeper.core.pods import Labels, PodTemplate
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gap:
    """What was not seen, and why; `since` is the first read that failed without a good one after it."""

    reason: GapReason
    detail: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One part of a snapshot as it was last seen well, and the Gap when the newest read failed.

    value None and a gap: never seen. A value and a gap: old data, to be shown as old.
    observed_at is the time of the last good read, None when there was none.
    """

    value: T | None
    observed_at: datetime | None
    gap: Gap | None = None


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One account in one region: the unit of AWS rate limits and credentials.

    `partition` is aws, aws-cn or aws-us-gov.
    """

    account: str
    region: str
    partition: str = "aws"

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


@dataclass(frozen=True, slots=True)
class Account:
    """An account to observe, and what the operator or Organizations says about it; `ou` is a path: Prod/Payments."""

    id: str
    name: str = ""
    ou: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class ClusterId:
    """A cluster is its ARN and creation time, for names and ARNs are reused after a delete.

    A cluster that only a kubeconfig knows has the ARN `kubeconfig:<uid of its kube-system namespace>`.
    """

    arn: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a cluster stands in the fleet. `mapped` is False when nothing said so: it then counts as production."""

    environment: str
    ring: str
    service: str
    mapped: bool
    reason: str  # which tag, account, OU or file row said so


@dataclass(frozen=True, slots=True)
class Issue:
    """One health issue that EKS reports on a cluster, node group or addon."""

    code: str
    message: str
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """The control plane as EKS (or, for a kubeconfig cluster, /version) describes it. endpoint is an https URL."""

    name: str
    version: Minor
    status: str
    endpoint: str
    ca_pem: str
    platform_version: str = ""
    git_version: str = ""
    support_type: str = ""  # STANDARD, EXTENDED, or "" where the cloud did not say
    auto_mode: bool = False
    authentication_mode: str = ""
    audit_logs: bool = False
    issues: tuple[Issue, ...] = ()
    subnets: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    role_arn: str = ""
    kms_key: str = ""  # ARN of the key that encrypts secrets, "" for none


@dataclass(frozen=True, slots=True)
class ManagedAddon:
    """An EKS addon. configuration is the JSON text of its custom values, "" when there are none."""

    name: str
    version: str
    status: str
    issues: tuple[Issue, ...] = ()
    configuration: str = ""
    role_arn: str = ""


class ComputeKind(StrEnum):
    """How nodes come and go; an unknown kind is never treated as managed."""

    MANAGED = "managed"
    SELF_MANAGED = "self-managed"
    KARPENTER = "karpenter"
    AUTO_MODE = "auto mode"
    FARGATE = "fargate"
    HYBRID = "hybrid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """A managed node group as EKS describes it. version is None for a custom AMI that EKS does not know.

    max_unavailable says how many nodes an update takes side by side: "2", "50%", or "" where EKS did not say.
    """

    name: str
    status: str
    version: Minor | None
    release_version: str
    ami_type: str
    capacity_type: str
    instance_types: tuple[str, ...]
    desired: int
    minimum: int
    maximum: int
    subnets: tuple[str, ...] = ()
    auto_scaling_groups: tuple[str, ...] = ()
    launch_template: str = ""  # "id:version"
    issues: tuple[Issue, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    max_unavailable: str = ""
    update_strategy: str = ""  # DEFAULT launches before it terminates, MINIMAL after; "" is DEFAULT

    @property
    def side_by_side(self) -> int:
        """How many of its nodes an update takes at once; a share is rounded up, one by one where EKS did not say."""
        text = self.max_unavailable
        return ceil(self.desired * int(text[:-1]) / 100) if text.endswith("%") else int(text or 1)

    @property
    def custom_ami(self) -> bool:
        return self.ami_type == "CUSTOM"


@dataclass(frozen=True, slots=True)
class FargateProfile:
    name: str
    status: str
    selectors: tuple[tuple[str, Mapping[str, str]], ...]  # (namespace, labels)


@dataclass(frozen=True, slots=True)
class AutoScalingGroup:
    """A group of instances that carries this cluster's tag; self-managed unless a managed node group owns it."""

    name: str
    cluster: str  # the name in the kubernetes.io/cluster/<name> tag
    desired: int
    instances: tuple[str, ...]
    node_group: str = ""  # eks:nodegroup-name tag, "" for a self-managed group
    launch_template: str = ""
    subnets: tuple[str, ...] = ()  # that it launches into


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the API server has it. provider_id is `aws:///zone/instance`, "" where there is none."""

    name: str
    uid: str
    kubelet: str
    os_image: str
    os: str  # linux or windows
    arch: str
    runtime: str
    kernel: str
    kind: ComputeKind
    group: str  # node group, NodePool, ASG or profile; "" when unknown
    ready: bool
    schedulable: bool
    instance_type: str
    zone: str
    provider_id: str
    created_at: datetime | None
    proxy: str = ""  # kube-proxy's version as the node reports it; empty from 1.33 on
    spot: bool = False  # as a label of its managed group or of Karpenter says


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload template, or a pod without an owner: what runs, from which images, and who says they own it.

    owner holds only the labels and annotations that name owners (core/owner_keys.py), never all of them.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    images: tuple[str, ...]
    replicas: int | None = None
    owner: Mapping[str, str] = field(default_factory=dict)
    template: PodTemplate | None = None
    selector: Labels | None = None
    ready: int | None = None
    schedule: str = ""  # of a CronJob, as it writes it
    claim_templates: tuple[str, ...] = ()  # of a StatefulSet
    minimum: int | None = None  # minReplicas of the HorizontalPodAutoscaler that scales it; None where there is none


@dataclass(frozen=True, slots=True)
class Pods:
    """All pods counted by metadata, and in full only those that no controller owns."""

    total: int
    ownerless: tuple[Workload, ...]


@dataclass(frozen=True, slots=True)
class Namespace:
    name: str
    owner: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crd:
    """A custom resource definition; versions are (name, served, storage, deprecated)."""

    name: str
    group: str
    kind: str
    versions: tuple[tuple[str, bool, bool, bool], ...]
    stored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HelmRelease:
    """The newest deployed revision of a Helm release; key is `uid@resourceVersion` of its secret."""

    namespace: str
    name: str
    revision: int
    status: str
    chart: str
    chart_version: str
    app_version: str
    key: str


class FoundBy(StrEnum):
    """How an addon was found, in the order of trust."""

    EKS = "eks addon"
    HELM = "helm release"
    IMAGE = "image"
    CRD = "crd"


@dataclass(frozen=True, slots=True)
class Addon:
    """An addon that runs in a cluster. id is the row in compat/addons; version "" is unknown, never guessed."""

    id: str
    version: str
    found_by: FoundBy
    where: str  # the EKS addon's name, release namespace/name, workload namespace/kind/name or CRD
    status: str = ""
    also: tuple[str, ...] = ()  # other sightings of the same installation, "found by: where version"


@dataclass(frozen=True, slots=True)
class Addons:
    """Every addon that was found, and the parts that could not be looked at, so that absence proves nothing.

    proxy_mode is kube-proxy's, as its ConfigMap says it: iptables, ipvs or nftables; "" when that was not seen.
    """

    found: tuple[Addon, ...]
    not_seen: tuple[str, ...] = ()
    proxy_mode: str = ""


@dataclass(frozen=True, slots=True)
class SupportedVersion:
    """Support dates of one minor as the cloud or compat/kubernetes.toml has them; dates are UTC midnights."""

    minor: Minor
    end_of_standard: datetime | None
    end_of_extended: datetime | None
    status: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class AddonRelease:
    """A version of an EKS addon that EKS offers, and the minors that it offers it for (True: the default there)."""

    addon: str
    version: str
    minors: tuple[tuple[Minor, bool], ...]


@dataclass(frozen=True, slots=True)
class SeenCluster:
    """A cluster of the fleet with its parts as last stored. last_seen is when discovery last listed it.

    scope is None for a cluster that only a kubeconfig knows; gone_at is set once discovery no longer lists it.
    """

    id: ClusterId
    name: str
    scope: Scope | None
    placement: Placement
    first_seen: datetime
    last_seen: datetime
    gone_at: datetime | None
    parts: Mapping[str, Part[Any]]

    def value(self, part: str) -> Any:
        """The part's value as last seen well; None when it never was."""
        found = self.parts.get(part)
        return found.value if found else None

    @property
    def gaps(self) -> dict[str, Gap]:
        """Part → why it is not seen now, without the parts that nobody asked for."""
        return {
            name: part.gap
            for name, part in self.parts.items()
            if part.gap is not None and part.gap.reason is not GapReason.NOT_CONFIGURED
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One item of a part that changed: before None is an arrival, after None a departure. Values are JSON objects.

    part `cluster` is the arrival or departure of the whole cluster.
    """

    at: datetime
    cluster: ClusterId
    cluster_name: str
    scope: Scope | None
    part: str
    item: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
