"""UpdateClusterVersion, one minor up, and CancelUpdate; the way back is in control_plane_rollbacks."""

from functools import partial
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws import insights, karpenter
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.control_plane_rollbacks import cancel_rollback, refuse_rollback, start_rollback
from fleetkeeper.sim.aws.eks import cluster_of
from fleetkeeper.sim.aws.fleet import subnets_of
from fleetkeeper.sim.aws.minor_move import finish_later, version_params
from fleetkeeper.sim.aws.updates import begin, find, invalid, names_of, once, refuse_while_busy, render, started
from fleetkeeper.sim.eks_state import SimUpdate, SimUpdateError, SimUpgrade
from fleetkeeper.sim.world import SimCluster, World

_NEEDED_ADDRESSES = 5
# Health issues that an upgrade trips over → the error of the update.
_FATAL = {
    "AccessDenied": "AccessDenied",
    "IamRoleNotFound": "OperationNotPermitted",
    "Ec2SubnetNotFound": "SubnetNotFound",
    "Ec2SecurityGroupNotFound": "SecurityGroupNotFound",
    "VpcNotFound": "VpcIdNotFound",
    "KmsKeyNotFound": "OperationNotPermitted",
    "KmsKeyDisabled": "OperationNotPermitted",
    "KmsKeyMarkedForDeletion": "OperationNotPermitted",
    "KmsGrantRevoked": "OperationNotPermitted",
}
_BLOCKED = (
    "Amazon EKS detected upgrade readiness issues. Call the ListInsights API to view detected upgrade blocking issues. "
    "Pass the force flag when updating to override upgrade readiness errors."
)


def _update_cluster_version(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = cluster_of(call, "name")
    return started(call, cluster, lambda: _start(stage, call, cluster))


def _start(stage: Backstage, call: Call, cluster: SimCluster) -> SimUpdate:
    target, current = _target(stage, call, cluster), Minor.parse(cluster.version)
    refuse_while_busy(cluster)
    force = bool(call.params.get("force", False))
    if target == current.next():
        if "rollbackConfig" in call.params:
            raise invalid("rollbackConfig is only valid for a version rollback.", cluster)
        _refuse_upgrade(stage, cluster, target, force=force)
        return _upgrade(stage, cluster, target)
    if target.next() == current:
        refuse_rollback(stage, cluster, target, force=force)
        return start_rollback(stage, cluster, target, call.params.get("rollbackConfig") or {})
    raise invalid(f"Unsupported Kubernetes minor version update from {current} to {target}", cluster)


def _target(stage: Backstage, call: Call, cluster: SimCluster) -> Minor:
    """The minor that is asked for, when EKS has it and still supports it."""
    text = call.params.get("version", "")
    offered = catalog().minor(text)
    now = stage.now()
    if offered is None or offered.released > now or offered.status(now) == "UNSUPPORTED":
        raise invalid("unsupported Kubernetes version", cluster)
    return Minor.parse(text)


def _refuse_upgrade(stage: Backstage, cluster: SimCluster, target: Minor, *, force: bool) -> None:
    rules = stage.world.eks
    limit = rules.node_group_lag
    late = [
        group.name
        for group in cluster.node_groups.values()
        if group.version and target.minor - Minor.parse(group.version).minor > max(limit, 1)
    ]
    if late:
        listed = ", ".join(sorted(late))
        message = f"Nodegroups [{listed}] must be updated to match cluster version {cluster.version} before updating "
        raise AwsError("InvalidRequestException", message + "cluster version", names_of(cluster))
    errors = insights.blocking(cluster, insights.UPGRADE, target, frozenset({"ERROR"}))
    if errors and rules.insights_block_upgrade and not force:
        raise AwsError("InvalidStateException", _BLOCKED, names_of(cluster))


def _upgrade(stage: Backstage, cluster: SimCluster, target: Minor) -> SimUpdate:
    previous, update = cluster.version, begin(cluster, "VersionUpdate", version_params(target), stage.now())

    def moved() -> None:
        cluster.eks.upgrade = SimUpgrade(previous, stage.now())
        insights.recompute(cluster, stage.now())
        karpenter.follow(stage, cluster)

    finish_later(stage, cluster, update, target, _trouble(stage.world, cluster), moved)
    return update


def _trouble(world: World, cluster: SimCluster) -> list[SimUpdateError]:
    """What makes the update fail in the end, with the cluster as it was."""
    found = []
    free = sum(subnet.free for subnet in subnets_of(world, cluster).values())
    if cluster.subnets and free < _NEEDED_ADDRESSES:
        message = f"The subnets of the cluster have {free} free addresses, {_NEEDED_ADDRESSES} are needed"
        found.append(SimUpdateError("InsufficientFreeAddresses", message, tuple(cluster.subnets)))
    fatal = [issue for issue in cluster.issues if issue.code in _FATAL]
    found += [SimUpdateError(_FATAL[each.code], each.message, tuple(each.resource_ids)) for each in fatal]
    if cluster.key in world.eks.failing_control_planes:
        found.append(SimUpdateError("Unknown", "The new API servers did not pass their health checks; reverted"))
    return found


def _cancel_update(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = cluster_of(call, "name")
    update = find(cluster, call.params["updateId"], ("", ""))

    def cancel() -> str:
        if not update.is_running:
            message = f"Update {update.id} is {update.status} and cannot be cancelled"
            raise AwsError("InvalidRequestException", message, names_of(cluster))
        if update.type != "VersionRollback" or not cluster.auto_mode:
            message = f"An update of type {update.type} cannot be cancelled on this cluster"
            raise AwsError("InvalidRequestException", message, names_of(cluster))
        cancel_rollback(stage, cluster, update)
        return update.id

    return once(call, cluster, cancel, lambda _: {"update": render(update)})


def operations(stage: Backstage) -> dict[str, Operation]:
    return {
        "CancelUpdate": partial(_cancel_update, stage),
        "UpdateClusterVersion": partial(_update_cluster_version, stage),
    }
