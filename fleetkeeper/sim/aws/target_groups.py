"""Elastic Load Balancing, as far as nodes go: the instances in target groups, and how they leave them.

The members are the instances of the Auto Scaling groups that name a target group. One that is deregistered drains for
the group's delay: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
(2026-11). Auto Scaling deregisters what it ends, and waits for that first:
https://docs.aws.amazon.com/autoscaling/ec2/userguide/autoscaling-load-balancer.html (2026-11).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.fleet import groups_of
from fleetkeeper.sim.world import SimTargetGroup, World


def leave(stage: Backstage, target_groups: Iterable[str], instance: str) -> timedelta:
    """Take an instance out of target groups: how long until it has drained from all of them."""
    now = stage.now()
    untils = [_left(stage.world, arn, instance) for arn in target_groups]
    return max((until - now for until in untils if until > now), default=timedelta(0))


def _left(world: World, arn: str, instance: str) -> datetime:
    """When its deregistration, which begins now unless it has begun, is over."""
    group = world.target_groups.setdefault(arn, SimTargetGroup())
    return group.left.setdefault(instance, world.now() + group.delay)


def _members(call: Call, arn: str) -> Iterator[str]:
    """Instances that were registered: those that have booted. TargetGroupNotFound when nobody has such a group."""
    users = [
        group
        for cluster in call.world.of_scope(call.account, call.region)
        for group in groups_of(cluster)
        if arn in group.scaling.target_groups
    ]
    if not users and arn not in call.world.target_groups:
        raise AwsError("TargetGroupNotFound", f"Target groups '{arn}' not found")
    return (each for group in users for each in group.instances if group.life.get(each) != "Pending")


def _describe_health(call: Call) -> dict[str, Any]:
    arn = call.params["TargetGroupArn"]
    group = call.world.target_groups.get(arn, SimTargetGroup())
    now = call.world.now()
    found = []
    for instance in _members(call, arn):
        until = group.left.get(instance)
        if until is None:
            found.append(_health(group, instance, {"State": "healthy"}))
        elif until > now:
            why = {"Reason": "Target.DeregistrationInProgress", "Description": "Target deregistration is in progress"}
            found.append(_health(group, instance, {"State": "draining", **why}))
    return {"TargetHealthDescriptions": found}


def _health(group: SimTargetGroup, instance: str, health: dict[str, str]) -> dict[str, Any]:
    target = {"Id": instance, "Port": group.port}
    return {"Target": target, "HealthCheckPort": str(group.port), "TargetHealth": health}


def _deregister(call: Call) -> dict[str, Any]:
    """A target that is not there is no error."""
    arn = call.params["TargetGroupArn"]
    members = set(_members(call, arn))
    for each in call.params["Targets"]:
        if each["Id"] in members:
            _left(call.world, arn, each["Id"])
    return {}


def operations() -> dict[str, Operation]:
    return {"DeregisterTargets": _deregister, "DescribeTargetHealth": _describe_health}
