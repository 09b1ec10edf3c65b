"""What the engine asks of the world, in our own words; adapters and the simulator answer.

Every read raises a `ReadError` when it fails, never a vendor's error, and returns core values.
"""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleetkeeper.core import model, observed
from fleetkeeper.core.api_search import NO_NAMES, ApiNames, LiveKind
from fleetkeeper.core.field_owners import AddonObject
from fleetkeeper.core.insights import Insight
from fleetkeeper.core.lifecycle import Tracked
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.core.versions import Minor


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, aware."""
        ...


class Cloud(Protocol):
    """One account in one region. Cheap to hold; every method is one or more paginated, rate-limited calls.

    What many clusters need of the account (subnets, launch templates, groups) is read once for as long as the cloud
    lives: whoever wants to see it anew opens the clouds anew.
    """

    @property
    def scope(self) -> model.Scope: ...

    @property
    def account(self) -> model.Account: ...

    def cluster_names(self) -> tuple[str, ...]: ...

    def cluster(self, name: str) -> "tuple[model.ClusterId, model.ControlPlane]": ...

    def addons(self, name: str) -> tuple[model.ManagedAddon, ...]: ...

    def node_groups(self, name: str) -> tuple[model.NodeGroup, ...]: ...

    def fargate_profiles(self, name: str) -> tuple[model.FargateProfile, ...]: ...

    def insights(self, name: str) -> tuple[Insight, ...]: ...

    def updates(self, name: str, known: Mapping[str, observed.EksUpdate]) -> tuple[observed.EksUpdate, ...]:
        """The updates of the cluster itself; one that is known by its id and has ended is not read again."""
        ...

    def prerequisites(
        self, control_plane: model.ControlPlane, node_groups: Iterable[model.NodeGroup]
    ) -> observed.ClusterPrerequisites: ...

    def launch_templates(
        self, name: str, node_groups: Iterable[model.NodeGroup], known: Iterable[observed.LaunchTemplate]
    ) -> tuple[observed.LaunchTemplate, ...]:
        """Those of managed and self-managed groups. The image of a version never changes, so a known one serves."""
        ...

    def images(
        self,
        name: str,
        node_groups: Iterable[model.NodeGroup],
        templates: Iterable[observed.LaunchTemplate],
        known: Iterable[observed.GroupImage],
    ) -> tuple[observed.GroupImage, ...]:
        """What the groups of a cluster launch, and how old that is; the age of a known image is not read again."""
        ...

    def audit_calls(self, name: str, since: datetime, until: datetime) -> tuple[observed.AuditCall, ...]:
        """Calls of deprecated APIs in the cluster's audit log, from `since` to before `until`, by client."""
        ...

    def auto_scaling_groups(self) -> tuple[model.AutoScalingGroup, ...]:
        """Groups that carry a kubernetes.io/cluster/<name> tag, of all clusters of the scope."""
        ...

    def cluster_versions(self) -> tuple[model.SupportedVersion, ...]: ...

    def addon_releases(self, minor: Minor) -> tuple[model.AddonRelease, ...]: ...

    def quotas(self) -> tuple[observed.Quota, ...]:
        """EC2's quotas of running instances, with what is in use of them."""
        ...


class Clouds(Protocol):
    """All accounts and regions that the operator configured or Organizations lists."""

    def open(self) -> "tuple[Sequence[Cloud], Mapping[str, model.Gap]]":
        """The scopes to read, and what could not be discovered: account, organization or scope text → why."""
        ...


class Kube(Protocol):
    """One cluster's API server: one read per part, no generic list."""

    def git_version(self) -> str: ...

    def nodes(self) -> tuple[model.Node, ...]: ...

    def workloads(self) -> tuple[model.Workload, ...]: ...

    def pods(self) -> model.Pods: ...

    def namespaces(self) -> tuple[model.Namespace, ...]: ...

    def crds(self) -> tuple[model.Crd, ...]: ...

    def helm_releases(
        self, known: Mapping[str, model.HelmRelease], names: ApiNames = NO_NAMES
    ) -> tuple[model.HelmRelease, ...]:
        """The newest deployed revision of each release; a secret whose `uid@resourceVersion` is known is not read.

        names: what `helm_use` will be asked for, so that one read of a payload serves both.
        """
        ...

    def helm_use(self, known: observed.HelmUse, names: ApiNames) -> observed.HelmUse:
        """What charts demand, and the APIs of these names in manifests: of each release its newest deployed revision
        and a few before it. What `known` has of these very names is not read again."""
        ...

    def pod_notes(self) -> tuple[observed.PodNote, ...]:
        """Of the pods that `pods` found, which lists them for both."""
        ...

    def budgets(self) -> tuple[observed.Budget, ...]: ...

    def volumes(self) -> tuple[observed.PersistentVolume, ...]: ...

    def webhooks(self) -> tuple[observed.Webhook, ...]: ...

    def api_services(self) -> tuple[observed.ApiService, ...]:
        """Only those that a service of the cluster serves."""
        ...

    def gitops(self, crds: Sequence[model.Crd]) -> tuple[observed.GitOpsApp, ...]:
        """What Argo CD and Flux deploy here; crds tell whether they are installed, and nothing is asked where not."""
        ...

    def api_use(self) -> observed.ApiUse: ...

    def object_traces(self, kinds: Sequence[LiveKind]) -> tuple[observed.ObjectTrace, ...]:
        """Of these kinds, each listed at the first of its places that is served; never at another."""
        ...

    def customised(self, objects: Sequence[AddonObject]) -> tuple[observed.Customised, ...]:
        """Of these objects, as far as they are there."""
        ...

    def proxy_mode(self) -> str:
        """kube-proxy's mode by its ConfigMap, "" where there is none."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KubeconfigCluster:
    """A cluster that only a kubeconfig knows; it needs no cloud."""

    name: str
    id: model.ClusterId
    control_plane: model.ControlPlane


class Kubes(Protocol):
    """The way to the API servers."""

    def of_eks(self, cloud: Cloud, id: model.ClusterId, control_plane: model.ControlPlane) -> Kube:
        """A client for an EKS cluster, by token or by its configured kubeconfig context.

        Raises a ReadError of reason WRONG_ENDPOINT, before any call is made, when a configured kubeconfig's address
        or CA is not the cluster's.
        """
        ...

    def standalone(self) -> tuple[str, ...]:
        """The names of the configured clusters that only a kubeconfig knows."""
        ...

    def of_kubeconfig(self, name: str) -> "tuple[KubeconfigCluster, Kube]":
        """Identify a standalone cluster (kube-system's UID and creation time, /version) and give a client for it."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """One read of one part of one subject, about to be stored: a value, or a gap that keeps the last good value.

    subject is a cluster's id, or a scope for what an account and region share.
    """

    part: str
    value: object | None
    gap: model.Gap | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A cluster as discovery listed it at a time; scope is None for a cluster that only a kubeconfig knows."""

    id: model.ClusterId
    name: str
    scope: model.Scope | None
    placement: model.Placement
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding as the last assessment of its cluster left it."""

    cluster: model.ClusterId
    tracked: Tracked


class Store(Protocol):
    """What fleetkeeper remembers: the latest parts, and the history of what changed. Safe to use from many threads."""

    def check_schema(self) -> None:
        """Raise a SchemaError when the database is ahead of or behind this version."""
        ...

    def save_cluster(
        self, cluster: model.ClusterId, name: str, scope: model.Scope | None, placement: model.Placement, at: datetime
    ) -> None:
        """Record that discovery listed the cluster. A cluster of the same ARN and another creation time is gone."""
        ...

    def save(self, subject: model.ClusterId | model.Scope, observations: Sequence[Observation]) -> None:
        """Store the observations of one subject in one transaction; unchanged values touch only their time.

        A cluster must have been listed before. An observation that is older than what is stored changes nothing.
        """
        ...

    def save_many(
        self,
        listed: Sequence[Listed],
        observed: Sequence[tuple[model.ClusterId | model.Scope, Sequence[Observation]]],
    ) -> None:
        """`save_cluster` and `save` for many in one transaction: a tenth of the log, and one flush to disk for all."""
        ...

    def mark_gone(self, scope: model.Scope | None, seen: Sequence[model.ClusterId], at: datetime) -> None:
        """After a complete listing of a scope: the clusters of it that were not seen are gone since `at`.

        Scope None: the clusters that only a kubeconfig knows.
        """
        ...

    def clusters(
        self, at: datetime | None = None, only: Collection[str] | None = None
    ) -> tuple[model.SeenCluster, ...]:
        """The fleet now, or as history has it at a time (only the parts with history), without those gone.

        only: read no other values, for a whole fleet's can be large: the other parts are there only with their gaps,
        and () gives the clusters alone. What history does not
        keep (status, readiness, counts that an autoscaler moves) is blank in the past.
        """
        ...

    def cluster_part(self, cluster: model.ClusterId, part: str) -> model.Part[object] | None: ...

    def cluster_parts(self, cluster: model.ClusterId) -> Mapping[str, model.Part[object]]:
        """All of one cluster: a whole fleet's parts need not fit into memory at once."""
        ...

    def scope_parts(self, scope: model.Scope) -> Mapping[str, model.Part[object]]: ...

    def scopes(self) -> tuple[model.Scope, ...]: ...

    def changes(self, since: datetime, until: datetime | None = None) -> tuple[model.Change, ...]:
        """From `since` to before `until`, newest first; item is "" for a part that is one thing.

        The first sight of a whole cluster is one change of part `cluster`, not one per item; so is its departure, and
        so is a change of its name, scope or placement. The first good read of a part is no change.
        """
        ...

    def win_slot(self, job: str, slot: datetime, who: str, at: datetime) -> bool:
        """True for exactly one caller per job and slot, across processes and replicas (the cron_fire ledger)."""
        ...

    def tracking(self, cluster: model.ClusterId, found: Collection[str] = ()) -> Tracking | None:
        """The findings of a cluster as of its last assessment; None when there was none.

        Of those that are resolved, which grow in number for as long as history is kept, only the fingerprints in found.
        """
        ...

    def save_tracking(self, cluster: model.ClusterId, tracking: Tracking) -> None:
        """Store the findings of a cluster; only what changed is written. An older assessment changes nothing.

        A finding that the tracking does not have stays as it was: it was stored by another release.
        """
        ...

    def findings(self, resolved: bool = False) -> tuple[StoredFinding, ...]:
        """The findings of all living clusters that are not resolved, or those too."""
        ...

    def prune(self, now: datetime, history_days: int) -> None:
        """Forget old rows of the cron ledger, and what is over (history, findings, clusters) after history_days."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that the engine reaches the world through. `cancel` is set once, when the process is told to stop."""

    clouds: Clouds
    kubes: Kubes
    store: Store
    clock: Clock
    cancel: threading.Event
