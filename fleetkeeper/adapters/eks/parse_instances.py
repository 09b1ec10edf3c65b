"""boto3's answers about Auto Scaling groups, their instances and target groups into the engine's values."""

from collections.abc import Mapping
from typing import Any

from fleetkeeper.adapters.eks.fields import count, listed, mapping, moment, text, texts
from fleetkeeper.adapters.eks.parse import member, name
from fleetkeeper.adapters.eks.parse_account import template as launch_template
from fleetkeeper.engine.writers import Instance, ScalingGroup, ScalingInstance, Target

_ENDING = "autoscaling:EC2_INSTANCE_TERMINATING"


def version(named: str, body: Mapping[str, Any]) -> str:
    """The number that $Latest, $Default or "" means, of an entry of DescribeLaunchTemplates."""
    return str(launch_template(body).number(named))


def scaling_group(body: Mapping[str, Any]) -> ScalingGroup:
    """A group of DescribeAutoScalingGroups; the version of its template is as it stands there: a number, or $Latest.

    What others answer (scheduled, hooks) is still to come. A group of a launch configuration has no template.
    """
    mixed = mapping(mapping(body.get("MixedInstancesPolicy")).get("LaunchTemplate"))
    template = mapping(body.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification"))
    sources = [mapping(each) for each in listed(body.get("TrafficSources"))]
    newer = [text(each.get("Identifier")) for each in sources if text(each.get("Type")) in ("", "elbv2")]
    return ScalingGroup(
        name=name(body["AutoScalingGroupName"]),
        minimum=count(member(body, "MinSize")),
        maximum=count(member(body, "MaxSize")),
        desired=count(member(body, "DesiredCapacity")),
        template=f"{name(template['LaunchTemplateId'])}:{text(template.get('Version'))}" if template else "",
        instances=tuple(_instance(mapping(each)) for each in listed(body.get("Instances"))),
        suspended=tuple(text(mapping(each).get("ProcessName")) for each in listed(body.get("SuspendedProcesses"))),
        target_groups=tuple(dict.fromkeys((*texts(body.get("TargetGroupARNs")), *newer))),
        tags={text(each.get("Key")): text(each.get("Value")) for each in map(mapping, listed(body.get("Tags")))},
        zones=texts(body.get("AvailabilityZones")),
        warm_pool=bool(mapping(body.get("WarmPoolConfiguration"))),
        mixed=bool(mixed),
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


def lifecycle(body: Mapping[str, Any]) -> str:
    """Of an instance of DescribeAutoScalingInstances."""
    return name(body["LifecycleState"])


def scheduled(body: Mapping[str, Any]) -> str:
    """The name of an entry of DescribeScheduledActions."""
    return name(body["ScheduledActionName"])


def hook(body: Mapping[str, Any]) -> str:
    """The name of an entry of DescribeLifecycleHooks, "" of one that is not of termination."""
    return name(body["LifecycleHookName"]) if text(body.get("LifecycleTransition")) == _ENDING else ""


def reservation(body: Mapping[str, Any]) -> list[Instance]:
    """The instances of an entry of DescribeInstances."""
    return [instance(mapping(each)) for each in listed(body.get("Instances"))]


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
