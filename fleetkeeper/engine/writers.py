"""How the executor changes clouds and clusters: narrow ports, with credentials other than the reader's."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from fleetkeeper.core import model, observed
from fleetkeeper.core.aws_trouble import HealthIssue, ZonalShift
from fleetkeeper.core.insights import Insight
from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.core.model import Scope
from fleetkeeper.core.rotation.seen import Eviction
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class AddonUpdate:
    """What UpdateAddon is asked for. configuration None: it stays as it is. resolve: PRESERVE, OVERWRITE or NONE."""

    cluster: str
    addon: str
    version: str
    configuration: str | None = None
    resolve: str = "PRESERVE"


@dataclass(frozen=True, slots=True)
class VersionUpdate:
    """What UpdateClusterVersion is asked for: the next minor, or the one before, which EKS takes as a rollback.

    timeout_minutes is of a rollback of Auto Mode, from 120 to 10080; None is EKS's own 720. force is never asked for.
    """

    cluster: str
    to: Minor
    timeout_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class NodeGroupUpdate:
    """What UpdateNodegroupVersion is asked for, always without force. release "" is EKS's newest of the minor.

    to None: the group has images of its own, and goes to a version of its launch template.
    """

    cluster: str
    group: str
    to: Minor | None
    release: str = ""
    launch_template: str = ""  # "id:version"


@dataclass(frozen=True, slots=True)
class ScalingInstance:
    """An instance of an Auto Scaling group. lifecycle is Auto Scaling's (Pending, InService, Terminating, ...).

    template: the launch template and version that it was launched from, as id:version, "" where it was another thing.
    """

    id: str
    zone: str
    lifecycle: str
    is_healthy: bool = True
    template: str = ""


@dataclass(frozen=True, slots=True)
class ScalingGroup:
    """An Auto Scaling group. template: id:version of what it launches now, $Latest and $Default resolved to the number.

    suspended: processes by name. target_groups: ARNs. warm_pool, mixed: it has one, launches by a policy of several
    types. scheduled: names of scheduled actions. hooks: names of lifecycle hooks of termination.
    """

    name: str
    minimum: int
    maximum: int
    desired: int
    template: str = ""
    instances: tuple[ScalingInstance, ...] = ()
    suspended: tuple[str, ...] = ()
    target_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    warm_pool: bool = False
    mixed: bool = False
    scheduled: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """An EC2 instance. state is EC2's (pending, running, shutting-down, terminated, ...)."""

    id: str
    image: str
    launched_at: datetime
    state: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """An instance in a target group. state is of DescribeTargetHealth: healthy, draining, unused, ..."""

    target_group: str
    instance: str
    port: int
    state: str


@dataclass(frozen=True, slots=True)
class InsightsRefresh:
    """The last refresh of a cluster's insights. status: IN_PROGRESS, COMPLETED or FAILED."""

    status: str
    started_at: datetime | None
    ended_at: datetime | None = None
    message: str = ""


class CloudWriter(Protocol):
    """One account in one region, with the executor's role. Reads are live. Raises ReadErrors."""

    def control_plane(self, cluster: str) -> tuple[model.ClusterId, model.ControlPlane]: ...

    def addon(self, cluster: str, addon: str) -> model.ManagedAddon | None: ...

    def node_group(self, cluster: str, group: str) -> model.NodeGroup | None: ...

    def fargate_profiles(self, cluster: str) -> tuple[model.FargateProfile, ...]: ...

    def insights(self, cluster: str) -> tuple[Insight, ...]:
        """Of every category, as EKS last computed them."""
        ...

    def insights_refresh(self, cluster: str) -> InsightsRefresh | None:
        """The last one that was asked for, None when none was."""
        ...

    def refresh_insights(self, cluster: str) -> None:
        """Ask EKS to compute them anew; nothing where that is under way."""
        ...

    def update_version(self, update: VersionUpdate, token: str) -> str:
        """The id of the update; the same token gives the same update."""
        ...

    def cancel_update(self, cluster: str, id: str) -> None:
        """EKS lets only a rollback of Auto Mode be cancelled, and that only while its nodes roll: Refused otherwise."""
        ...

    def update_node_group(self, update: NodeGroupUpdate, token: str) -> str:
        """The id of the update; the same token gives the same update."""
        ...

    def update_addon(self, update: AddonUpdate, token: str) -> str:
        """The id of the update; the same token gives the same update."""
        ...

    # ---- instances, for rotations of our own

    def scaling_group(self, name: str) -> ScalingGroup | None: ...

    def instances(self, ids: Collection[str]) -> tuple[Instance, ...]:
        """Those that EC2 still knows."""
        ...

    def set_desired(self, group: str, desired: int) -> None:
        """An absolute number, without regard for the cooldown. REJECTED outside of minimum and maximum."""
        ...

    def terminate(self, instance: str) -> None:
        """End this one instance, and count the group's desired capacity down with it; nothing when it is going."""
        ...

    def suspend(self, group: str, processes: Collection[str]) -> None: ...

    def resume(self, group: str, processes: Collection[str]) -> None: ...

    def targets(self, target_groups: Collection[str]) -> tuple[Target, ...]: ...

    def deregister(self, target: Target) -> None:
        """Take it out of its target group, which drains it first; nothing when it is gone."""
        ...

    # ---- node groups, for blue-green

    def node_group_document(self, cluster: str, group: str) -> Mapping[str, Any] | None:
        """DescribeNodegroup's own words, from which a like group can be made."""
        ...

    def create_node_group(self, cluster: str, asked: Mapping[str, Any], token: str) -> None:
        """asked: the parameters of CreateNodegroup besides cluster and token; the same token makes one group."""
        ...

    def scale_node_group(self, cluster: str, group: str, minimum: int, maximum: int, desired: int, token: str) -> str:
        """The id of the update of its scalingConfig."""
        ...

    def delete_node_group(self, cluster: str, group: str) -> None:
        """EKS terminates by force what is not drained in 5 minutes: only ever of a group without instances."""
        ...

    def updates(self, cluster: str, addon: str = "", node_group: str = "") -> tuple[observed.EksUpdate, ...]:
        """The newest first; of the cluster, or of one of its addons or node groups."""
        ...

    def update(self, cluster: str, id: str, addon: str = "", node_group: str = "") -> observed.EksUpdate: ...

    def health_issues(self) -> tuple[HealthIssue, ...] | None:
        """Open issues of EKS and EC2 in the region, as AWS Health has them.

        None where the account has no support plan that lets it ask, which no retry mends.
        """
        ...

    def zonal_shifts(self) -> tuple[ZonalShift, ...]:
        """Those that are active in the account and region, autoshifts of AWS among them."""
        ...

    def who(self, cluster: str, operation: str, since: datetime, part: str = "") -> str:
        """Who called an operation of EKS for the cluster first since then, as CloudTrail knows them (an ARN).

        part: the addon or node group that it was called for, "" for any. Answers "" where CloudTrail knows
        nobody, or may not be asked: this never raises, for nothing depends on it.
        """
        ...


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object of a cluster. plural is the resource's name in a URL; namespace "" for a cluster-wide one."""

    group: str
    version: str
    plural: str
    namespace: str
    name: str


class KubeWriter(Protocol):
    """One API server, with the executor's rights. Raises ReadErrors. It may be called from several threads."""

    @property
    def side_by_side(self) -> int:
        """How many calls it takes at once: an API server lets an eviction wait a tenth of a second for its cache."""
        ...

    def read(self, ref: ObjectRef) -> Mapping[str, object] | None:
        """The object, None when it is not there."""
        ...

    def objects(self, ref: ObjectRef) -> tuple[Mapping[str, object], ...]:
        """Every object of the kind, in one namespace or, where ref names none, in all; its name is not asked for.

        NOT_FOUND for an API that is not served.
        """
        ...

    def nodes(self) -> tuple[LiveNode, ...]: ...

    def pods(self, on: Collection[str] | None = None) -> tuple[LivePod, ...]:
        """The pods on the named nodes, finished ones too, each with the workload at its top.

        None: every pod of the cluster, also those that no node has yet (their node is "").
        """
        ...

    def volumes(self) -> tuple[LiveVolume, ...]:
        """Every bound PersistentVolume, with the nodes that it is attached to."""
        ...

    def evict(self, pod: LivePod, dry_run: bool = False) -> Eviction:
        """Ask for the eviction of this pod and no other of its name. Refusals are answers, not errors."""
        ...

    def delete_pod(self, pod: LivePod) -> Eviction:
        """Delete this pod and no other of its name past its budget, with its own grace: only by a recorded approval."""
        ...

    def budgets(self) -> tuple[observed.Budget, ...]:
        """Every PodDisruptionBudget with its status."""
        ...

    def create(self, ref: ObjectRef, body: Mapping[str, object]) -> Mapping[str, object]:
        """Create it; when an object of this name is there already, that one."""
        ...

    def patch(self, ref: ObjectRef, change: Mapping[str, object], version: str = "") -> Mapping[str, object]:
        """Merge a change (RFC 7396) into the object, and answer it as it is then.

        version: the resourceVersion of the object that the change was made from: IN_USE when somebody changed it since,
        so that nothing of theirs is lost. A change of lists needs it; "" is for single keys that stand by themselves.
        """
        ...

    def delete(self, ref: ObjectRef) -> None:
        """Delete it; nothing when it is not there."""
        ...

    def close(self) -> None: ...


class Writers(Protocol):
    """The executor's way to what it changes; credentials other than the reader's."""

    def cloud(self, scope: Scope) -> CloudWriter: ...

    def kube(self, scope: Scope | None, name: str, id: model.ClusterId) -> KubeWriter: ...
