"""Auto Scaling groups, instances and target groups of a simulated world, for the CloudWriter port without HTTP."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from fleetkeeper.engine.writers import Instance, ScalingGroup, ScalingInstance, Target
from fleetkeeper.errors import GapReason, ReadError, Refused

Ask = Callable[[str, str, Mapping[str, object]], dict[str, Any]]
"""Service, operation and parameters → the answer in the API's own names; ReadErrors."""

_ENDING = "autoscaling:EC2_INSTANCE_TERMINATING"


class WorldInstances:
    """Of one account and region of a world; asks for what the adapter asks for, so that it meets the same faults."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def scaling_group(self, name: str) -> ScalingGroup | None:
        named = {"AutoScalingGroupName": name}
        answer = self._ask("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": [name]})
        if not answer["AutoScalingGroups"]:
            return None
        (body,) = answer["AutoScalingGroups"]
        scheduled = self._ask("autoscaling", "DescribeScheduledActions", named)["ScheduledUpdateGroupActions"]
        hooks = self._ask("autoscaling", "DescribeLifecycleHooks", named)["LifecycleHooks"]
        return ScalingGroup(
            name=name,
            minimum=body["MinSize"],
            maximum=body["MaxSize"],
            desired=body["DesiredCapacity"],
            template=self._template(body),
            instances=tuple(_member(each) for each in body["Instances"]),
            suspended=tuple(each["ProcessName"] for each in body["SuspendedProcesses"]),
            target_groups=tuple(body["TargetGroupARNs"]),
            tags={each["Key"]: each["Value"] for each in body["Tags"]},
            zones=tuple(body["AvailabilityZones"]),
            warm_pool="WarmPoolConfiguration" in body,
            mixed="MixedInstancesPolicy" in body,
            scheduled=tuple(each["ScheduledActionName"] for each in scheduled),
            hooks=tuple(each["LifecycleHookName"] for each in hooks if each["LifecycleTransition"] == _ENDING),
        )

    def instances(self, ids: Collection[str]) -> tuple[Instance, ...]:
        if not ids:
            return ()
        wanted = [{"Name": "instance-id", "Values": sorted(ids)}]
        found = self._ask("ec2", "DescribeInstances", {"Filters": wanted})["Reservations"]
        return tuple(_instance(each) for reservation in found for each in reservation["Instances"])

    def set_desired(self, group: str, desired: int) -> None:
        asked = {"AutoScalingGroupName": group, "DesiredCapacity": desired, "HonorCooldown": False}
        self._ask("autoscaling", "SetDesiredCapacity", asked)

    def terminate(self, instance: str) -> None:
        named = {"InstanceIds": [instance]}
        known = self._ask("autoscaling", "DescribeAutoScalingInstances", named)["AutoScalingInstances"]
        if known and not known[0]["LifecycleState"].startswith("Terminating"):
            asked = {"InstanceId": instance, "ShouldDecrementDesiredCapacity": True}
            self._ask("autoscaling", "TerminateInstanceInAutoScalingGroup", asked)
        elif not known and self.instances([instance]):
            raise Refused(f"terminate {instance}: no Auto Scaling group has it", GapReason.REJECTED)

    def suspend(self, group: str, processes: Collection[str]) -> None:
        self._processes("SuspendProcesses", group, processes)

    def resume(self, group: str, processes: Collection[str]) -> None:
        self._processes("ResumeProcesses", group, processes)

    def targets(self, target_groups: Collection[str]) -> tuple[Target, ...]:
        return tuple(
            Target(arn, each["Target"]["Id"], each["Target"]["Port"], each["TargetHealth"]["State"])
            for arn in target_groups
            for each in self._ask("elbv2", "DescribeTargetHealth", {"TargetGroupArn": arn})["TargetHealthDescriptions"]
        )

    def deregister(self, target: Target) -> None:
        one = {"Id": target.instance, "Port": target.port}
        try:
            self._ask("elbv2", "DeregisterTargets", {"TargetGroupArn": target.target_group, "Targets": [one]})
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise

    def _template(self, body: Mapping[str, Any]) -> str:
        mixed = body.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
        found = body.get("LaunchTemplate") or mixed["LaunchTemplateSpecification"]
        id, version = found["LaunchTemplateId"], found["Version"]
        if not version.isdigit():
            (template,) = self._ask("ec2", "DescribeLaunchTemplates", {"LaunchTemplateIds": [id]})["LaunchTemplates"]
            version = template["LatestVersionNumber" if version == "$Latest" else "DefaultVersionNumber"]
        return f"{id}:{version}"

    def _processes(self, operation: str, group: str, processes: Collection[str]) -> None:
        if processes:
            asked = {"AutoScalingGroupName": group, "ScalingProcesses": sorted(processes)}
            self._ask("autoscaling", operation, asked)


def _member(body: Mapping[str, Any]) -> ScalingInstance:
    template = body["LaunchTemplate"]
    return ScalingInstance(
        id=body["InstanceId"],
        zone=body["AvailabilityZone"],
        lifecycle=body["LifecycleState"],
        is_healthy=body["HealthStatus"] == "Healthy",
        template=f"{template['LaunchTemplateId']}:{template['Version']}",
    )


def _instance(body: Mapping[str, Any]) -> Instance:
    state = body["State"]["Name"]
    return Instance(body["InstanceId"], body["ImageId"], body["LaunchTime"], state, body["InstanceType"])
