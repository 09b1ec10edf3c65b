"""The executor's writers over a simulated world, without HTTP: for tests of the engine and rehearsals, in virtual time.

What they do is what the adapters do to the same world over the wire; a contract suite holds them to it.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from fleetkeeper.core import model, observed
from fleetkeeper.core.aws_trouble import AUTOSHIFT, HealthIssue, ZonalShift
from fleetkeeper.core.insights import Insight
from fleetkeeper.core.model import Scope
from fleetkeeper.engine.writers import (
    AddonUpdate,
    InsightsRefresh,
    Instance,
    NodeGroupUpdate,
    ScalingGroup,
    Target,
    VersionUpdate,
)
from fleetkeeper.errors import GapReason, ReadError, Refused
from fleetkeeper.sim import ports_account
from fleetkeeper.sim.aws import auto_scaling, ec2, eks_nodes, target_groups, trail, troubles, writes
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation, Principal
from fleetkeeper.sim.aws.living_workers import LivingWorkers
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.faults import Encounter, Fault, Side
from fleetkeeper.sim.kube.api import KubeApi
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.live_convert import Seen
from fleetkeeper.sim.objects.platform import EXECUTORS
from fleetkeeper.sim.ports import WorldCloud
from fleetkeeper.sim.ports_execute_kube import AFTER, WorldKubeWriter
from fleetkeeper.sim.ports_instances import WorldInstances
from fleetkeeper.sim.ports_kube import error_of
from fleetkeeper.sim.world import SimCluster

T = TypeVar("T")

EXECUTOR = User("fleetkeeper-executor", (EXECUTORS,))
_REASONS = {
    "ResourceNotFoundException": GapReason.NOT_FOUND,
    "ResourceInUseException": GapReason.IN_USE,
    "InvalidParameterException": GapReason.REJECTED,
    "InvalidRequestException": GapReason.REJECTED,
    "InvalidStateException": GapReason.REJECTED,
    "ResourceLimitExceededException": GapReason.REJECTED,
    "TargetGroupNotFound": GapReason.NOT_FOUND,
    "ValidationError": GapReason.REJECTED,
}


class WorldWriters:
    """The Writers port. user: who writes to the API servers."""

    def __init__(self, living: LivingWorld, user: User = EXECUTOR) -> None:
        self._living, self._user = living, user
        self._stage = Backstage(living.world, living.timeline, LivingWorkers(living))
        self._api = KubeApi(living.world, lambda _cluster, _token: None, lambda cluster: living.of(cluster).objects)
        self._seen: WeakKeyDictionary[Objects, Seen] = WeakKeyDictionary()

    def cloud(self, scope: Scope) -> "WorldCloudWriter":
        return WorldCloudWriter(self._living, self._stage, scope)

    def kube(self, scope: Scope | None, name: str, id: model.ClusterId) -> WorldKubeWriter:
        world = self._living.world
        found = next((each for each in world.clusters.values() if each.arn == id.arn and each.name == name), None)
        if scope is None or found is None:
            raise Refused(f"{name}: there is no such cluster", GapReason.NOT_FOUND)
        if found.created_at != id.created_at:
            made = f"{found.created_at:%Y-%m-%d %H:%M} UTC"
            raise ReadError(f"{name} is another cluster now, made {made}: plan anew", GapReason.WRONG_ENDPOINT)
        with world.lock:
            seen = self._seen.setdefault(self._living.of(found).objects, Seen())
        return WorldKubeWriter(world, self._api, self._user, found, seen)


class WorldCloudWriter:
    """One account in one region of a world (the CloudWriter port)."""

    def __init__(self, living: LivingWorld, stage: Backstage, scope: Scope) -> None:
        self._world, self._stage, self._scope = living.world, stage, scope
        self._reads = WorldCloud(living, model.Account(scope.account), scope.region)
        self._services: Mapping[str, Mapping[str, Operation]] = {
            "arc-zonal-shift": troubles.arc_zonal_shift(),
            "autoscaling": auto_scaling.operations() | writes.autoscaling(stage),
            "ec2": ec2.operations(),
            "eks": eks_nodes.operations() | writes.eks(stage),
            "elbv2": target_groups.operations(),
            "health": troubles.health(),
        }
        self._instances = WorldInstances(self._account_wide)

    def control_plane(self, cluster: str) -> tuple[model.ClusterId, model.ControlPlane]:
        return self._done(cluster, "DescribeCluster", lambda: self._reads.cluster(cluster), faulty=False)

    def addon(self, cluster: str, addon: str) -> model.ManagedAddon | None:
        found = self._done(cluster, "DescribeAddon", lambda: self._reads.addons(cluster), faulty=False)
        return next((each for each in found if each.name == addon), None)

    def update_addon(self, update: AddonUpdate, token: str) -> str:
        asked: dict[str, object] = {
            "clusterName": update.cluster,
            "addonName": update.addon,
            "addonVersion": update.version,
            "resolveConflicts": update.resolve,
            "clientRequestToken": token,
        }
        if update.configuration is not None:
            asked["configurationValues"] = update.configuration
        return self._started(update.cluster, "UpdateAddon", asked)

    def node_group(self, cluster: str, group: str) -> model.NodeGroup | None:
        found = self._done(cluster, "DescribeNodegroup", lambda: self._reads.node_groups(cluster), faulty=False)
        return next((each for each in found if each.name == group), None)

    def fargate_profiles(self, cluster: str) -> tuple[model.FargateProfile, ...]:
        return self._done(cluster, "ListFargateProfiles", lambda: self._reads.fargate_profiles(cluster), faulty=False)

    def insights(self, cluster: str) -> tuple[Insight, ...]:
        return self._done(cluster, "ListInsights", lambda: self._reads.insights(cluster), faulty=False)

    def insights_refresh(self, cluster: str) -> InsightsRefresh | None:
        def last() -> InsightsRefresh | None:
            found = self._found(cluster)
            known = found.eks.refresh if found else None
            return InsightsRefresh(known.status, known.started_at, known.ended_at) if known else None

        return self._done(cluster, "DescribeInsightsRefresh", last)

    def refresh_insights(self, cluster: str) -> None:
        self._call(cluster, "StartInsightsRefresh", {"clusterName": cluster})

    def update_version(self, update: VersionUpdate, token: str) -> str:
        asked: dict[str, object] = {"name": update.cluster, "version": str(update.to), "clientRequestToken": token}
        if update.timeout_minutes is not None:
            asked["rollbackConfig"] = {"timeoutMinutes": update.timeout_minutes}
        return self._started(update.cluster, "UpdateClusterVersion", asked)

    def cancel_update(self, cluster: str, id: str) -> None:
        self._call(cluster, "CancelUpdate", {"name": cluster, "updateId": id})

    def update_node_group(self, update: NodeGroupUpdate, token: str) -> str:
        template, _, template_version = update.launch_template.partition(":")
        asked: dict[str, object] = {
            "clusterName": update.cluster,
            "nodegroupName": update.group,
            "clientRequestToken": token,
        }
        asked |= {"version": str(update.to)} if update.to else {}
        asked |= {"releaseVersion": update.release} if update.release else {}
        asked |= {"launchTemplate": {"id": template, "version": template_version}} if template else {}
        return self._started(update.cluster, "UpdateNodegroupVersion", asked)

    def scaling_group(self, name: str) -> ScalingGroup | None:
        return self._instances.scaling_group(name)

    def instances(self, ids: Collection[str]) -> tuple[Instance, ...]:
        return self._instances.instances(ids)

    def set_desired(self, group: str, desired: int) -> None:
        self._instances.set_desired(group, desired)

    def terminate(self, instance: str) -> None:
        self._instances.terminate(instance)

    def suspend(self, group: str, processes: Collection[str]) -> None:
        self._instances.suspend(group, processes)

    def resume(self, group: str, processes: Collection[str]) -> None:
        self._instances.resume(group, processes)

    def targets(self, target_groups: Collection[str]) -> tuple[Target, ...]:
        return self._instances.targets(target_groups)

    def deregister(self, target: Target) -> None:
        self._instances.deregister(target)

    def node_group_document(self, cluster: str, group: str) -> Mapping[str, Any] | None:
        asked = {"clusterName": cluster, "nodegroupName": group}
        try:
            return dict(self._call(cluster, "DescribeNodegroup", asked)["nodegroup"])
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND or self._found(cluster) is None:
                raise
        return None

    def create_node_group(self, cluster: str, asked: Mapping[str, Any], token: str) -> None:
        self._call(cluster, "CreateNodegroup", {**asked, "clusterName": cluster, "clientRequestToken": token})

    def scale_node_group(self, cluster: str, group: str, minimum: int, maximum: int, desired: int, token: str) -> str:
        asked = {
            "clusterName": cluster,
            "nodegroupName": group,
            "scalingConfig": {"minSize": minimum, "maxSize": maximum, "desiredSize": desired},
            "clientRequestToken": token,
        }
        return self._started(cluster, "UpdateNodegroupConfig", asked)

    def delete_node_group(self, cluster: str, group: str) -> None:
        self._call(cluster, "DeleteNodegroup", {"clusterName": cluster, "nodegroupName": group})

    def updates(self, cluster: str, addon: str = "", node_group: str = "") -> tuple[observed.EksUpdate, ...]:
        found = self._done(cluster, "ListUpdates", lambda: self._updates(cluster, addon, node_group))
        return tuple(reversed(found))

    def update(self, cluster: str, id: str, addon: str = "", node_group: str = "") -> observed.EksUpdate:
        found = self._done(cluster, "DescribeUpdate", lambda: self._updates(cluster, addon, node_group))
        for each in found:
            if each.id == id:
                return each
        raise Refused(f"eks:DescribeUpdate of {cluster}: No update found for ID: {id}", GapReason.NOT_FOUND)

    def health_issues(self) -> tuple[HealthIssue, ...] | None:
        if self._scope.account in self._world.troubles.without_plan:
            return None
        asked = {
            "services": ["EKS", "EC2"],
            "regions": [self._scope.region],
            "eventTypeCategories": ["issue"],
            "eventStatusCodes": ["open"],
        }
        found = self._account_wide("health", "DescribeEvents", {"filter": asked})["events"]
        return tuple(HealthIssue(each["service"], each["eventTypeCode"], each["startTime"]) for each in found)

    def zonal_shifts(self) -> tuple[ZonalShift, ...]:
        service, active = "arc-zonal-shift", {"status": "ACTIVE"}
        shifts = self._account_wide(service, "ListZonalShifts", active)["items"]
        own = tuple(
            ZonalShift(
                each["awayFrom"], each["shiftType"], each["resourceIdentifier"], each["expiryTime"], each["comment"]
            )
            for each in shifts
        )
        autoshifts = self._account_wide(service, "ListAutoshifts", active)["items"]
        return (*own, *(ZonalShift(each["awayFrom"], AUTOSHIFT) for each in autoshifts))

    def who(self, cluster: str, operation: str, since: datetime, part: str = "") -> str:
        def first() -> str:
            found = self._found(cluster)
            return trail.first(found, operation, since, part) if found else ""

        try:
            return self._done(cluster, "LookupEvents", first)
        except ReadError:
            return ""

    def _updates(self, cluster: str, addon: str, node_group: str) -> list[observed.EksUpdate]:
        """In the order in which they began; NOT_FOUND for a subject that the cluster has not, as EKS answers it."""
        found = self._found(cluster)
        assert found is not None
        if (addon and addon not in found.addons) or (node_group and node_group not in found.node_groups):
            raise Refused(f"eks:ListUpdates of {cluster}: no {addon or node_group} there", GapReason.NOT_FOUND)
        every = sorted(found.eks.updates.values(), key=lambda each: each.number)
        return [ports_account.update(each) for each in every if (each.addon, each.node_group) == (addon, node_group)]

    def _started(self, cluster: str, operation: str, asked: Mapping[str, object]) -> str:
        return str(self._call(cluster, operation, asked)["update"]["id"])

    def _call(self, cluster: str, operation: str, asked: Mapping[str, object]) -> dict[str, Any]:
        call = self._asking("eks", operation, asked)
        return self._done(cluster, operation, lambda: self._services["eks"][operation](call))

    def _asking(self, service: str, operation: str, asked: Mapping[str, object]) -> Call:
        account = self._scope.account
        role = f"arn:{self._scope.partition}:iam::{account}:role/fleetkeeper-executor"
        principal = Principal(account, role, role, "AROA")
        return Call(self._world, service, operation, principal, self._scope.region, dict(asked))

    def _account_wide(self, service: str, operation: str, asked: Mapping[str, object]) -> dict[str, Any]:
        """What no cluster is named for; the first page."""
        met = Encounter(Side.AWS, self._scope.account, self._scope.region, "", operation)
        call = self._asking(service, operation, asked)
        action = f"{service}:{operation} of {self._scope}"
        return self._past(self._world.fault(met), action, lambda: self._services[service][operation](call))

    def _found(self, name: str) -> SimCluster | None:
        mine = self._world.of_scope(self._scope.account, self._scope.region)
        return next((each for each in mine if each.name == name), None)

    def _done(self, name: str, operation: str, do: Callable[[], T], faulty: bool = True) -> T:
        """Do it past the faults that it meets; faulty: what is done does not meet them itself."""
        cluster = self._found(name)
        action = f"eks:{operation} of {name} in {self._scope}"
        if cluster is None:
            message = f"{action}: ResourceNotFoundException: No cluster found for name: {name}."
            raise Refused(message, GapReason.NOT_FOUND)
        met = Encounter(Side.AWS, cluster.account, cluster.region, cluster.key, operation)
        return self._past(self._world.fault(met) if faulty else None, action, do)

    def _past(self, fault: Fault | None, action: str, do: Callable[[], T]) -> T:
        """Do it under the lock; a fault keeps it from being done, or spoils its answer."""
        error = fault and error_of(fault, action)
        if error and fault and fault.kind not in AFTER:
            raise error
        try:
            with self._world.lock:
                self._stage.catch_up()
                answer = do()
        except AwsError as refused:
            reason = _REASONS.get(refused.code, GapReason.INVALID_ANSWER)
            raise Refused(f"{action}: {refused.code}: {refused.message}", reason) from refused
        if error:
            raise error
        return answer
