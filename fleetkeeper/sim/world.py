"""The state of a simulated fleet: accounts, clusters as EKS sees them, and their Kubernetes objects.

Plain mutable state with one lock; no HTTP, no vendor. `sim/aws/` and `sim/kube_api.py` answer from it, so that the
two faces of one cluster never drift apart.
"""

import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.sim.eks_state import EksRecord, EksRules
from fleetkeeper.sim.faults import Encounter, Fault
from fleetkeeper.sim.troubles import Troubles

Object = dict[str, Any]
"""A Kubernetes object as JSON, without kind and apiVersion unless it is a custom resource. Parts of it are shared
between clusters, so nobody edits one in place: `SimCluster.put` replaces it."""

Objects = MutableMapping[str, dict[tuple[str, str], Object]]
"""The Kubernetes state of a cluster: "group/resource" ("/nodes", "apps/deployments") → (namespace, name) → object.

A plain dict, or (for clusters of a scenario) a mapping that makes the objects when they are first asked for.
"""


@dataclass(slots=True)
class SimIssue:
    code: str
    message: str
    resource_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SimAddon:
    name: str
    version: str
    status: str = "ACTIVE"
    issues: list[SimIssue] = field(default_factory=list)
    configuration: str = ""
    role_arn: str = ""
    created_at: datetime | None = None
    modified_at: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)  # fields that somebody changed by hand, as EKS names them


@dataclass(slots=True)
class SimUpdateConfig:
    """How a managed node group rolls: so many nodes at once, or so many percent of them."""

    nodes: int = 1
    percent: int = 0  # 0: `nodes` counts
    strategy: str = ""  # DEFAULT, MINIMAL, or "": never said, which is DEFAULT


@dataclass(slots=True)
class SimScaling:
    """What else is set on the Auto Scaling group behind nodes. scheduled, hooks: names of scheduled actions, and of
    lifecycle hooks of termination; mixed: it launches by a policy of several instance types."""

    target_groups: list[str] = field(default_factory=list)  # ARNs
    tags: dict[str, str] = field(default_factory=dict)
    scheduled: list[str] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    warm_pool: bool = False
    mixed: bool = False


@dataclass(slots=True)
class SimTargetGroup:
    """A target group of instances; one without an entry in World.target_groups is like this.

    left: instance id → when its deregistration is over: until then it drains.
    """

    port: int = 80
    delay: timedelta = timedelta(minutes=5)  # deregistration_delay.timeout_seconds, where nobody set it
    left: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class SimNodeGroup:
    """A managed node group; the instances of its Auto Scaling group back the nodes of the cluster."""

    name: str
    version: str  # a minor such as "1.34"
    release_version: str
    ami_type: str = "AL2023_x86_64_STANDARD"
    capacity_type: str = "ON_DEMAND"
    instance_types: list[str] = field(default_factory=lambda: ["m6i.large"])
    desired: int = 2
    minimum: int = 1
    maximum: int = 5
    subnets: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    taints: list[dict[str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    status: str = "ACTIVE"
    issues: list[SimIssue] = field(default_factory=list)
    launch_template: dict[str, str] = field(default_factory=dict)  # id, name, version
    auto_scaling_group: str = ""
    instances: dict[str, str] = field(default_factory=dict)  # instance id → zone
    created_at: datetime | None = None
    modified_at: datetime | None = None
    update_config: SimUpdateConfig = field(default_factory=SimUpdateConfig)
    role_arn: str = ""
    disk_size: int = 20  # GiB; a launch template says its own
    surge: int = 0  # what an update adds to the Auto Scaling group's desired and maximum for its time
    life: dict[str, str] = field(default_factory=dict)  # instance id → lifecycle state, where it is not InService
    images: dict[str, str] = field(default_factory=dict)  # instance id → image, where it is not the group's own
    suspended: list[str] = field(default_factory=list)  # Auto Scaling processes
    launched: dict[str, datetime] = field(default_factory=dict)  # instance id → when, where it is not the group's time
    scaling: SimScaling = field(default_factory=SimScaling)
    zones: list[str] = field(default_factory=list)  # where it launches, [] in all of the cluster's


@dataclass(slots=True)
class SimAutoScalingGroup:
    """A self-managed group: tagged kubernetes.io/cluster/<name>=owned, unknown to EKS.

    launch_template: id, name and version (a number, $Latest or $Default), where they are not made of its name. kubelet:
    that of the nodes that it launches; "" is that of those it has.
    """

    name: str
    ami_id: str
    instance_type: str
    desired: int
    minimum: int
    maximum: int
    subnets: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)  # instance id → zone
    life: dict[str, str] = field(default_factory=dict)  # as in SimNodeGroup
    images: dict[str, str] = field(default_factory=dict)
    suspended: list[str] = field(default_factory=list)
    launched: dict[str, datetime] = field(default_factory=dict)
    scaling: SimScaling = field(default_factory=SimScaling)
    launch_template: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)  # instance id → that of the template, where an older one
    kubelet: str = ""
    zones: list[str] = field(default_factory=list)  # as in SimNodeGroup


@dataclass(slots=True)
class SimFargateProfile:
    name: str
    selectors: list[dict[str, Any]]  # {"namespace": ..., "labels": {...}}
    subnets: list[str] = field(default_factory=list)
    status: str = "ACTIVE"
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SimSubnet:
    """What differs of a subnet that a cluster names; one without an entry in World.subnets has addresses to spare."""

    id: str
    free_addresses: int
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SimTemplate:
    """What differs of a launch template: one without an entry in World.templates has the versions in use alone."""

    default: int
    latest: int


@dataclass(slots=True)
class SimImage:
    """A custom machine image; one that is used without an entry in World.images is as old as its cluster."""

    id: str
    name: str
    created_at: datetime
    architecture: str = "x86_64"
    owner: str = ""  # an account id; "" is the account that asks
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SimInsight:
    """An EKS insight in the shape of DescribeInsight; `summary` is categorySpecificSummary as the API answers it."""

    id: str
    name: str
    category: str
    status: str
    kubernetes_version: str
    reason: str
    description: str = ""
    recommendation: str = ""
    refreshed_at: datetime | None = None
    transitioned_at: datetime | None = None
    resources: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SimDeprecatedCall:
    """A deprecated API that some client asks for: a line of apiserver_requested_deprecated_apis in /metrics.

    With calls_a_day the audit log has the client too, by user and user_agent.
    """

    group: str
    version: str
    resource: str
    removed_release: str = ""
    subresource: str = ""
    user: str = ""
    user_agent: str = ""
    calls_a_day: int = 0


@dataclass(slots=True)
class SimCluster:
    """One EKS cluster. `key` is unique in the fleet and the path prefix of its API server.

    revision rises with every change of an object; rendered lists are cached per revision.
    own_ca asks for an API server of its own: another port and another CA key than the rest of the fleet.
    """

    key: str
    name: str
    account: str
    region: str
    partition: str
    version: str  # a minor
    patch: str  # the API server's gitVersion, such as "v1.34.2-eks-a1b2c3d"
    platform_version: str
    created_at: datetime
    support_type: str = "STANDARD"
    status: str = "ACTIVE"
    auto_mode: bool = False
    authentication_mode: str = "API_AND_CONFIG_MAP"
    audit_logs: bool = False
    role_arn: str = ""
    kms_key: str = ""  # the ARN of the key that encrypts secrets, "" for none
    vpc: str = ""
    subnets: list[str] = field(default_factory=list)
    security_group: str = ""
    endpoint: str = ""  # https URL, set when the Kubernetes face is served
    ca_pem: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    issues: list[SimIssue] = field(default_factory=list)
    addons: dict[str, SimAddon] = field(default_factory=dict)
    node_groups: dict[str, SimNodeGroup] = field(default_factory=dict)
    auto_scaling_groups: dict[str, SimAutoScalingGroup] = field(default_factory=dict)
    fargate_profiles: dict[str, SimFargateProfile] = field(default_factory=dict)
    insights: dict[str, SimInsight] = field(default_factory=dict)
    access: dict[str, list[str]] = field(default_factory=dict)  # IAM role ARN → Kubernetes groups (access entries)
    objects: Objects = field(default_factory=dict)
    revision: int = 1000
    own_ca: bool = False
    deprecated_calls: list[SimDeprecatedCall] = field(default_factory=list)
    eks: EksRecord = field(default_factory=EksRecord)

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:eks:{self.region}:{self.account}:cluster/{self.name}"

    def put(self, resource: str, obj: Object) -> None:
        """Create or replace an object, in place of the one of its namespace and name. Hold the world's lock."""
        self.revision += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.revision)}
        listing = dict(self.objects.get(resource, {}))
        listing[(metadata.get("namespace", ""), metadata["name"])] = {**obj, "metadata": metadata}
        self.objects[resource] = listing

    def remove(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object; KeyError when it is not there. Hold the world's lock."""
        listing = dict(self.objects[resource])
        del listing[(namespace, name)]
        self.revision += 1
        self.objects[resource] = listing


@dataclass(slots=True)
class SimAccount:
    """An account of the organization, with the roles that fleetkeeper assumes in it: to read, and to change what a plan
    says. external_id "" asks for none."""

    id: str
    name: str
    ou: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    regions: list[str] = field(default_factory=list)
    role_name: str = "fleetkeeper-reader"
    external_id: str = ""
    executor_role_name: str = "fleetkeeper-executor"


@dataclass(slots=True)
class World:
    """The whole simulated fleet. now() is the simulated time: epoch plus scaled wall time since the start, or what
    `clock` says, which a virtual timeline sets."""

    epoch: datetime
    management_account: str
    accounts: dict[str, SimAccount] = field(default_factory=dict)
    clusters: dict[str, SimCluster] = field(default_factory=dict)  # by key
    faults: list[Fault] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    name: str = ""
    scale: float = 1.0  # simulated seconds per second of the wall
    started: float = field(default_factory=time.monotonic)
    subnets: dict[str, SimSubnet] = field(default_factory=dict)  # by id, where one is out of the ordinary
    images: dict[str, SimImage] = field(default_factory=dict)  # by id
    templates: dict[str, SimTemplate] = field(default_factory=dict)  # by id, where one is out of the ordinary
    target_groups: dict[str, SimTargetGroup] = field(default_factory=dict)  # by ARN
    lost_roles: set[str] = field(default_factory=set)  # ARNs of roles that clusters name and that are gone
    keys: dict[str, str] = field(default_factory=dict)  # ARN → KeyState, where one is not Enabled; "" is gone
    quotas: dict[tuple[str, str, str], float] = field(default_factory=dict)  # (account, region, code) → applied value
    eks: EksRules = field(default_factory=EksRules)
    clock: Callable[[], datetime] | None = None
    troubles: Troubles = field(default_factory=Troubles)  # of AWS's own

    def now(self) -> datetime:
        if self.clock is not None:
            return self.clock()
        return self.epoch + timedelta(seconds=(time.monotonic() - self.started) * self.scale)

    def of_scope(self, account: str, region: str) -> Iterator[SimCluster]:
        return (c for c in self.clusters.values() if c.account == account and c.region == region)

    def order(self, *faults: Fault) -> None:
        """Set faults, before those that are there already: their time counts from now."""
        with self.lock:
            for fault in faults:
                fault.set_at = self.now()
            self.faults[:0] = faults

    def fault(self, met: Encounter) -> Fault | None:
        """The first fault that this request meets, or None; counts it."""
        with self.lock:
            now = self.now()
            for fault in self.faults:
                if fault.selects(met) and fault.is_on(now) and fault.strikes():
                    return fault
        return None
