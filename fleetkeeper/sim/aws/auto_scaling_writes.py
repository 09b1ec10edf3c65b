"""Auto Scaling, write side: capacity, instances by id, and processes that are suspended and resumed."""

import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation, Violation
from fleetkeeper.sim.aws.capacity import AnyGroup, end_instance, live, settle
from fleetkeeper.sim.aws.eks_nodes import group_name
from fleetkeeper.sim.world import SimCluster, SimNodeGroup

PROCESSES = (
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
)


def _all_groups(call: Call) -> Iterator[tuple[SimCluster, AnyGroup, str]]:
    for cluster in call.world.of_scope(call.account, call.region):
        for managed in cluster.node_groups.values():
            yield cluster, managed, group_name(cluster, managed)
        for own in cluster.auto_scaling_groups.values():
            yield cluster, own, own.name


def _group(call: Call) -> tuple[SimCluster, AnyGroup]:
    wanted = call.params["AutoScalingGroupName"]
    for cluster, group, name in _all_groups(call):
        if name == wanted:
            return cluster, group
    raise AwsError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {wanted} not found")


def _set_desired(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster, group = _group(call)
    _resize(group, group.minimum, group.maximum, call.params["DesiredCapacity"])
    settle(stage, cluster, group)
    return {}


def _resize(group: AnyGroup, minimum: int, maximum: int, desired: int) -> None:
    if minimum > maximum:
        raise AwsError(
            "ValidationError", f"Max bound, {maximum}, must be greater than or equal to min bound, {minimum}"
        )
    if desired > maximum:
        message = f"New SetDesiredCapacity value {desired} is above max value {maximum} for the AutoScalingGroup."
        raise AwsError("ValidationError", message)
    if desired < minimum:
        message = f"New SetDesiredCapacity value {desired} is below min value {minimum} for the AutoScalingGroup."
        raise AwsError("ValidationError", message)
    group.minimum, group.maximum, group.desired = minimum, maximum, desired


def _update_group(stage: Backstage, call: Call) -> dict[str, Any]:
    """Sizes only. A new bound pulls the desired capacity along, unless that is given too."""
    cluster, group = _group(call)
    params = call.params
    unknown = set(params) - {"AutoScalingGroupName", "MinSize", "MaxSize", "DesiredCapacity"}
    if unknown:
        raise Violation(f"UpdateAutoScalingGroup of {min(unknown)} is not simulated")
    minimum, maximum = params.get("MinSize", group.minimum), params.get("MaxSize", group.maximum)
    kept = min(max(group.desired, minimum), max(minimum, maximum))
    _resize(group, minimum, maximum, params.get("DesiredCapacity", kept))
    settle(stage, cluster, group)
    return {}


def _terminate(stage: Backstage, call: Call) -> dict[str, Any]:
    """By id. With ShouldDecrementDesiredCapacity the group shrinks, without it a new instance takes the place."""
    params = call.params
    many = params.get("InstanceIds") or []
    if bool(many) == bool(params.get("InstanceId")):
        raise AwsError("ValidationError", "Exactly one of InstanceId and InstanceIds must be specified")
    decrement = bool(params["ShouldDecrementDesiredCapacity"])
    found = [_owner(call, name) for name in many or [params["InstanceId"]]]
    activities = []
    for cluster, group, instance, name in found:
        if decrement:
            _shrink(group)
        end_instance(stage, cluster, group, instance)
        settle(stage, cluster, group)
        activities.append(_activity(stage, name, instance, decrement=decrement))
    return {"Activities": activities} if many else {"Activity": activities[0]}


def _owner(call: Call, instance: str) -> tuple[SimCluster, AnyGroup, str, str]:
    for cluster, group, name in _all_groups(call):
        if instance in live(group):
            return cluster, group, instance, name
    message = f"Instance Id not found - No managed instance found for instance ID: {instance}"
    raise AwsError("ValidationError", message)


def _shrink(group: AnyGroup) -> None:
    if isinstance(group, SimNodeGroup) and group.surge:
        group.surge -= 1
        return
    if group.desired <= group.minimum:
        message = (
            f"Currently, desiredSize equals minSize ({group.minimum}). Terminating instance without replacement will "
            "violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower "
            "group's min size."
        )
        raise AwsError("ValidationError", message)
    group.desired -= 1


def _activity(stage: Backstage, name: str, instance: str, *, decrement: bool) -> dict[str, Any]:
    now = stage.now()
    effect = "shrinking the capacity" if decrement else "causing a replacement"
    cause = f"At {now:%Y-%m-%dT%H:%M:%SZ} instance {instance} was taken out of service by a user request, {effect}."
    return {
        "ActivityId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/{instance}/{now.isoformat()}")),
        "AutoScalingGroupName": name,
        "Description": f"Terminating EC2 instance: {instance}",
        "Cause": cause,
        "StartTime": now,
        "StatusCode": "InProgress",
        "Progress": 0,
    }


def _named(call: Call) -> list[str]:
    """The processes that a call names; all of them when it names none."""
    asked = call.params.get("ScalingProcesses") or list(PROCESSES)
    unknown = [name for name in asked if name not in PROCESSES]
    if unknown:
        raise AwsError("ValidationError", f"{unknown[0]} is not a valid process type.")
    return list(asked)


def _suspend(call: Call) -> dict[str, Any]:
    _, group = _group(call)
    group.suspended = [name for name in PROCESSES if name in {*group.suspended, *_named(call)}]
    return {}


def _resume(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster, group = _group(call)
    named = _named(call)
    group.suspended = [name for name in group.suspended if name not in named]
    settle(stage, cluster, group)
    return {}


def operations(stage: Backstage) -> dict[str, Operation]:
    return {
        "ResumeProcesses": partial(_resume, stage),
        "SetDesiredCapacity": partial(_set_desired, stage),
        "SuspendProcesses": _suspend,
        "TerminateInstanceInAutoScalingGroup": partial(_terminate, stage),
        "UpdateAutoScalingGroup": partial(_update_group, stage),
    }
