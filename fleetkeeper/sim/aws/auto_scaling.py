"""Auto Scaling, read side: groups with what is set on them, their instances, scheduled actions and lifecycle hooks."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.ec2 import fits_tags
from fleetkeeper.sim.aws.fleet import Group, clusters_for, groups_of, launched_version, subnets_of
from fleetkeeper.sim.aws.paging import BadToken, page

T = TypeVar("T")

_GROUPS_PAGE = 50  # of every list of Auto Scaling; at most 100
_ENDING, _LAUNCHING = "autoscaling:EC2_INSTANCE_TERMINATING", "autoscaling:EC2_INSTANCE_LAUNCHING"
_OF_EKS = (("Launch-LC-Hook", _LAUNCHING), ("Terminate-LC-Hook", _ENDING))
"""The hooks by which EKS drains what Auto Scaling takes from a managed group."""


def _describe_groups(call: Call) -> dict[str, Any]:
    filters, asked = call.params.get("Filters", []), call.params.get("AutoScalingGroupNames", [])
    chosen = [
        group
        for cluster in clusters_for(call, filters)
        for group in groups_of(cluster)
        if (not asked or group.name in asked) and _fits(filters, group.tags)
    ]
    groups, token = _paged(call, chosen, lambda group: group.name)
    return {"AutoScalingGroups": [_group(call, each) for each in groups]} | token


def _paged(call: Call, items: list[T], key: Callable[[T], str]) -> tuple[list[T], dict[str, str]]:
    """The items of the page that is asked for, and the member with the next token, if there is one."""
    size = min(call.params.get("MaxRecords", _GROUPS_PAGE), 100)
    try:
        chosen, token = page(items, key, call.params.get("NextToken"), size)
    except BadToken as error:
        raise AwsError("InvalidNextToken", "The NextToken value is not valid.") from error
    return chosen, {"NextToken": token} if token else {}


def _fits(filters: list[dict[str, Any]], tags: Mapping[str, str]) -> bool:
    for each in filters:
        if each["Name"] == "tag-value" and not set(tags.values()) & set(each.get("Values", [])):
            return False
    return fits_tags(filters, tags)


def _group(call: Call, group: Group) -> dict[str, Any]:
    template, scaling = _template(group, group.template["version"]), group.scaling
    zones = sorted({subnet.zone for subnet in subnets_of(call.world, group.cluster).values()})
    owner = f"arn:{call.partition}:autoscaling:{call.region}:{call.account}:autoScalingGroup"
    launched = launched_version(call.world, group.template)
    policy = {"LaunchTemplate": {"LaunchTemplateSpecification": template, "Overrides": []}}
    return {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": f"{owner}:00000000-0000-0000-0000-000000000000:autoScalingGroupName/{group.name}",
        **({"MixedInstancesPolicy": policy} if scaling.mixed else {"LaunchTemplate": template}),
        "MinSize": group.minimum,
        "MaxSize": group.maximum,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": zones,
        "HealthCheckType": "EC2",
        "CreatedTime": group.created_at,
        "VPCZoneIdentifier": ",".join(group.subnets),
        "Instances": [_member(group, name, zone, launched) for name, zone in list(group.instances.items())],
        "Tags": [_tag(group, key, value) for key, value in group.tags.items()],
        "NewInstancesProtectedFromScaleIn": False,
        "SuspendedProcesses": [_suspended(name) for name in group.suspended],
        "TargetGroupARNs": list(scaling.target_groups),
        "TrafficSources": [{"Identifier": arn, "Type": "elbv2"} for arn in scaling.target_groups],
        **({"WarmPoolConfiguration": {"MinSize": 1, "PoolState": "Stopped"}} if scaling.warm_pool else {}),
    }


def _template(group: Group, version: str) -> dict[str, str]:
    template = group.template
    return {"LaunchTemplateId": template["id"], "LaunchTemplateName": template["name"], "Version": version}


def _suspended(name: str) -> dict[str, str]:
    return {"ProcessName": name, "SuspensionReason": "User suspended"}


def _member(group: Group, instance: str, zone: str, launched: int) -> dict[str, Any]:
    """launched: the version of the template that the group launches now; an instance keeps the one it came from."""
    return {
        "InstanceId": instance,
        "InstanceType": group.instance_type,
        "AvailabilityZone": zone,
        "LifecycleState": group.life.get(instance, "InService"),
        "HealthStatus": "Healthy",
        "LaunchTemplate": _template(group, str(group.versions.get(instance, launched))),
        "ProtectedFromScaleIn": False,
    }


def _tag(group: Group, key: str, value: str) -> dict[str, Any]:
    place = {"ResourceId": group.name, "ResourceType": "auto-scaling-group"}
    return {**place, "Key": key, "Value": value, "PropagateAtLaunch": True}


def _all_groups(call: Call) -> Iterator[Group]:
    return (group for cluster in call.world.of_scope(call.account, call.region) for group in groups_of(cluster))


def _describe_instances(call: Call) -> dict[str, Any]:
    """Ids that no group has are left out, and are no error."""
    asked = call.params.get("InstanceIds", [])
    chosen = [
        {**_member(group, name, zone, launched_version(call.world, group.template)), "AutoScalingGroupName": group.name}
        for group in _all_groups(call)
        for name, zone in list(group.instances.items())
        if not asked or name in asked
    ]
    found, token = _paged(call, chosen, lambda each: each["InstanceId"])
    return {"AutoScalingInstances": [{**each, "HealthStatus": "HEALTHY"} for each in found]} | token


def _describe_scheduled_actions(call: Call) -> dict[str, Any]:
    wanted = call.params.get("AutoScalingGroupName")
    chosen = [
        {"AutoScalingGroupName": group.name, "ScheduledActionName": name, "Recurrence": "0 7 * * 1-5"}
        for group in _all_groups(call)
        if wanted in (None, group.name)
        for name in group.scaling.scheduled
    ]
    found, token = _paged(call, chosen, lambda each: f"{each['AutoScalingGroupName']}/{each['ScheduledActionName']}")
    return {"ScheduledUpdateGroupActions": found} | token


def _describe_lifecycle_hooks(call: Call) -> dict[str, Any]:
    wanted = call.params["AutoScalingGroupName"]
    group = next((each for each in _all_groups(call) if each.name == wanted), None)
    if group is None:
        raise AwsError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup {wanted} not found")
    hooks = [*(_OF_EKS if group.is_managed else ()), *((name, _ENDING) for name in group.scaling.hooks)]
    return {"LifecycleHooks": [_hook(group, *each) for each in hooks]}


def _hook(group: Group, name: str, transition: str) -> dict[str, Any]:
    limits = {"HeartbeatTimeout": 1800, "GlobalTimeout": 172800, "DefaultResult": "CONTINUE"}
    return {"LifecycleHookName": name, "AutoScalingGroupName": group.name, "LifecycleTransition": transition, **limits}


def operations() -> dict[str, Operation]:
    return {
        "DescribeAutoScalingGroups": _describe_groups,
        "DescribeAutoScalingInstances": _describe_instances,
        "DescribeLifecycleHooks": _describe_lifecycle_hooks,
        "DescribeScheduledActions": _describe_scheduled_actions,
    }
