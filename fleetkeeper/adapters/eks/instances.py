"""The instances of Auto Scaling groups: what they are, how many, and the end of one of them by its id.

Writes are single requests without retries, as in `writer`. That what is there already is not done twice is told by a
read before it: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
(2026-11) counts the desired capacity down with each call, and takes no token.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar

import botocore.session

from fleetkeeper.adapters.eks import parse, parse_instances
from fleetkeeper.adapters.eks.fields import listed, mapping
from fleetkeeper.adapters.eks.pages import MOST_PAGES, permission
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.core.model import Scope
from fleetkeeper.engine.writers import Instance, ScalingGroup, Target
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused

T = TypeVar("T")

_FILTER_VALUES = 200
"""Values of one filter (Amazon EC2 API reference, Filter, 2026-11). A filter, for InstanceIds fails as a whole when one
of them is not known any more."""
_GOING = ("Terminating", "Terminated")
_ENDED = ("shutting-down", "terminated")


class Instances:
    """Of one account and region, with the executor's role. Raises ReadErrors."""

    def __init__(self, sessions: Sessions, session: botocore.session.Session, scope: Scope) -> None:
        self._sessions, self._session, self._scope = sessions, session, scope

    def scaling_group(self, name: str) -> ScalingGroup | None:
        found = self._listed("autoscaling", "describe_auto_scaling_groups", name, AutoScalingGroupNames=[name])
        body = next((each for each in found if each.get("AutoScalingGroupName") == name), None)
        if body is None:
            return None
        template, version = parse_instances.launches(body)
        if template and not version.isdigit():
            version = self._version(template, version)
        return parse_instances.scaling_group(body, version, self._scheduled(name), self._hooks(name))

    def instances(self, ids: Collection[str]) -> tuple[Instance, ...]:
        found: list[Instance] = []
        asked = sorted(ids)
        for start in range(0, len(asked), _FILTER_VALUES):
            wanted = [{"Name": "instance-id", "Values": asked[start : start + _FILTER_VALUES]}]
            for each in self._listed("ec2", "describe_instances", f"{len(asked)} instances", Filters=wanted):
                found += map(parse_instances.instance, listed(each.get("Instances")))
        return tuple(found)

    def set_desired(self, group: str, desired: int) -> None:
        asked = {"AutoScalingGroupName": group, "DesiredCapacity": desired, "HonorCooldown": False}
        self._told("autoscaling", "set_desired_capacity", group, asked)

    def terminate(self, instance: str) -> None:
        body = self._told("autoscaling", "describe_auto_scaling_instances", instance, {"InstanceIds": [instance]})
        known = [mapping(each) for each in listed(parse.member(body, "AutoScalingInstances"))]
        if any(parse.name(each["LifecycleState"]).startswith(_GOING) for each in known):
            return
        if not known:
            self._refuse_unless_gone(instance)
            return
        asked = {"InstanceId": instance, "ShouldDecrementDesiredCapacity": True}
        self._told("autoscaling", "terminate_instance_in_auto_scaling_group", instance, asked)

    def suspend(self, group: str, processes: Collection[str]) -> None:
        self._processes("suspend_processes", group, processes)

    def resume(self, group: str, processes: Collection[str]) -> None:
        self._processes("resume_processes", group, processes)

    def targets(self, target_groups: Collection[str]) -> tuple[Target, ...]:
        """Only instances: addresses are pods', which their load balancer's controller takes out."""
        found: list[Target] = []
        for arn in target_groups:
            body = self._told("elbv2", "describe_target_health", arn, {"TargetGroupArn": arn})
            health = map(mapping, listed(parse.member(body, "TargetHealthDescriptions")))
            found += (target for each in health if (target := parse_instances.target(arn, each)) is not None)
        return tuple(found)

    def deregister(self, target: Target) -> None:
        one = {"Id": target.instance, "Port": target.port}
        asked = {"TargetGroupArn": target.target_group, "Targets": [one]}
        try:
            self._told("elbv2", "deregister_targets", f"{target.instance} in {target.target_group}", asked)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise

    def _version(self, template: str, named: str) -> str:
        """The number behind $Latest or $Default, which "" means too."""
        found = self._listed("ec2", "describe_launch_templates", template, LaunchTemplateIds=[template])
        (body,) = found
        return parse_instances.version(body, named)

    def _scheduled(self, group: str) -> tuple[str, ...]:
        found = self._listed("autoscaling", "describe_scheduled_actions", group, AutoScalingGroupName=group)
        return tuple(parse.name(each["ScheduledActionName"]) for each in found)

    def _hooks(self, group: str) -> tuple[str, ...]:
        body = self._told("autoscaling", "describe_lifecycle_hooks", group, {"AutoScalingGroupName": group})
        return parse_instances.hooks(parse.member(body, "LifecycleHooks"))

    def _processes(self, operation: str, group: str, processes: Collection[str]) -> None:
        """Without names Auto Scaling takes a call to mean every process, so nothing is asked for then."""
        if processes:
            asked = {"AutoScalingGroupName": group, "ScalingProcesses": sorted(processes)}
            self._told("autoscaling", operation, group, asked)

    def _refuse_unless_gone(self, instance: str) -> None:
        (found,) = self.instances([instance]) or (None,)
        if found is not None and found.state not in _ENDED:
            message = f"terminate {instance} in {self._scope}: it is {found.state}, and no Auto Scaling group has it"
            raise Refused(message, GapReason.REJECTED)

    def _listed(self, service: str, operation: str, of: str, **asked: Any) -> list[Mapping[str, Any]]:
        """The items of every page."""
        member = _MEMBERS[operation]
        found: list[Mapping[str, Any]] = []
        for _ in range(MOST_PAGES):
            body = self._told(service, operation, of, asked)
            found += map(mapping, listed(parse.member(body, member)))
            following = parse.token(body.get("NextToken"))
            if not following:
                return found
            asked = {**asked, "NextToken": following}
        raise InvalidAnswer(f"{permission(service, operation)} of {of} in {self._scope}: the list never ends")

    def _told(self, service: str, operation: str, of: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        action = f"{permission(service, operation)} of {of} in {self._scope}"
        return self._sessions.once(self._session, action, self._scope, partial(self._ask, service, operation, asked))

    def _ask(self, service: str, operation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        call: Callable[..., Any] = getattr(self._sessions.client(self._session, service, self._scope), operation)
        return mapping(call(**asked))


_MEMBERS = {
    "describe_auto_scaling_groups": "AutoScalingGroups",
    "describe_instances": "Reservations",
    "describe_launch_templates": "LaunchTemplates",
    "describe_scheduled_actions": "ScheduledUpdateGroupActions",
}
