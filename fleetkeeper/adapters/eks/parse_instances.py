"""boto3's answers about Auto Scaling groups, their instances and target groups into the engine's values."""

from collections.abc import Mapping
from typing import Any

from fleetkeeper.adapters.eks.fields import count, listed, mapping, moment, text, texts
from fleetkeeper.adapters.eks.parse import member, name
from fleetkeeper.adapters.eks.parse_account import template as launch_template
from fleetkeeper.engine.writers import Instance, ScalingGroup, ScalingInstance, Target

_ENDING = "autoscaling:EC2_INSTANCE_TERMINATING"


def launches(body: Mapping[str, Any]) -> tuple[str, str]:
    """What a group of DescribeAutoScalingGroups launches: the template's id and version, which may be $Latest.

    Both "" where it launches by a launch configuration.
    """
    mixed = mapping(mapping(body.get("MixedInstancesPolicy")).get("LaunchTemplate"))
    found = mapping(body.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification"))
    return text(found.get("LaunchTemplateId")), text(found.get("Version"))


def version(body: Mapping[str, Any], named: str) -> str:
    """The number that $Latest, $Default or "" means, of an entry of DescribeLaunchTemplates."""
    return str(launch_template(body).number(named))


def scaling_group(
    body: Mapping[str, Any], version: str, scheduled: tuple[str, ...], hooks: tuple[str, ...]
) -> ScalingGroup:
    """A group of DescribeAutoScalingGroups; version is the number of its template's that it launches."""
    template, _ = launches(body)
    sources = [mapping(each) for each in listed(body.get("TrafficSources"))]
    newer = [text(each.get("Identifier")) for each in sources if text(each.get("Type")) in ("", "elbv2")]
    return ScalingGroup(
        name=name(body["AutoScalingGroupName"]),
        minimum=count(member(body, "MinSize")),
        maximum=count(member(body, "MaxSize")),
        desired=count(member(body, "DesiredCapacity")),
        template=f"{template}:{version}" if template else "",
        instances=tuple(_instance(mapping(each)) for each in listed(body.get("Instances"))),
        suspended=tuple(text(mapping(each).get("ProcessName")) for each in listed(body.get("SuspendedProcesses"))),
        target_groups=tuple(dict.fromkeys((*texts(body.get("TargetGroupARNs")), *newer))),
        tags={text(each.get("Key")): text(each.get("Value")) for each in map(mapping, listed(body.get("Tags")))},
        zones=texts(body.get("AvailabilityZones")),
        warm_pool=bool(mapping(body.get("WarmPoolConfiguration"))),
        mixed=bool(mapping(body.get("MixedInstancesPolicy"))),
        scheduled=scheduled,
        hooks=hooks,
    )


def _instance(body: Mapping[str, Any]) -> ScalingInstance:
    launched = mapping(body.get("LaunchTemplate"))
    number = text(launched.get("Version"))
    return ScalingInstance(
        id=name(body["InstanceId"]),
        zone=text(body.get("AvailabilityZone")),
        lifecycle=name(body["LifecycleState"]),
        is_healthy=text(body.get("HealthStatus")).lower() == "healthy",
        template=f"{text(launched.get('LaunchTemplateId'))}:{number}" if number.isdigit() else "",
    )


def hooks(items: object) -> tuple[str, ...]:
    """The names of those of termination, of DescribeLifecycleHooks."""
    found = map(mapping, listed(items))
    return tuple(name(each["LifecycleHookName"]) for each in found if each.get("LifecycleTransition") == _ENDING)


def instance(body: Mapping[str, Any]) -> Instance:
    """An instance of DescribeInstances."""
    launched = moment(body["LaunchTime"])
    if launched is None:
        raise ValueError("an instance without LaunchTime")
    return Instance(
        id=name(body["InstanceId"]),
        image=text(body.get("ImageId")),
        launched_at=launched,
        state=name(mapping(body["State"])["Name"]),
        type=text(body.get("InstanceType")),
    )


def target(arn: str, body: Mapping[str, Any]) -> Target | None:
    """An entry of DescribeTargetHealth; None for an address or a function."""
    of = mapping(body["Target"])
    id = name(of["Id"])
    if not id.startswith("i-"):
        return None
    return Target(arn, id, count(of.get("Port")), text(mapping(body.get("TargetHealth")).get("State")))
