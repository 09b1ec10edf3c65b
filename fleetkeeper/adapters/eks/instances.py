"""The instances of Auto Scaling groups: what they are, how many, and the end of one of them by its id.

Writes are single requests without retries, as in `writer`. That what is there already is not done twice is told by a
read before it: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
(2026-11) counts the desired capacity down with each call, and takes no token.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
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
        read = partial(_group_of, name)
        found = self._listed("autoscaling", "describe_auto_scaling_groups", name, read, AutoScalingGroupNames=[name])
        group = next((each for each in found if each is not None), None)
        if group is None:
            return None
        template, _, version = group.template.partition(":")
        if template and not version.isdigit():
            version = self._version(template, version)
        return replace(
            group,
            template=f"{template}:{version}" if template else "",
            scheduled=self._scheduled(name),
            hooks=self._hooks(name),
        )

    def instances(self, ids: Collection[str]) -> tuple[Instance, ...]:
        found: list[Instance] = []
        asked = sorted(ids)
        for start in range(0, len(asked), _FILTER_VALUES):
            wanted = [{"Name": "instance-id", "Values": asked[start : start + _FILTER_VALUES]}]
            of, read = f"{len(asked)} instances", parse_instances.reservation
            for each in self._listed("ec2", "describe_instances", of, read, Filters=wanted):
                found += each
        return tuple(found)

    def set_desired(self, group: str, desired: int) -> None:
        asked = {"AutoScalingGroupName": group, "DesiredCapacity": desired, "HonorCooldown": False}
        self._told("autoscaling", "set_desired_capacity", group, asked)

    def terminate(self, instance: str) -> None:
        operation, read = "describe_auto_scaling_instances", parse_instances.lifecycle
        known = self._listed("autoscaling", operation, instance, read, InstanceIds=[instance])
        if any(each.startswith(_GOING) for each in known):
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
        found: list[Target | None] = []
        for arn in target_groups:
            read = partial(parse_instances.target, arn)
            found += self._listed("elbv2", "describe_target_health", arn, read, TargetGroupArn=arn)
        return tuple(each for each in found if each is not None)

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
        read = partial(parse_instances.version, named)
        (number,) = self._listed("ec2", "describe_launch_templates", template, read, LaunchTemplateIds=[template])
        return number

    def _scheduled(self, group: str) -> tuple[str, ...]:
        operation, read = "describe_scheduled_actions", parse_instances.scheduled
        return tuple(self._listed("autoscaling", operation, group, read, AutoScalingGroupName=group))

    def _hooks(self, group: str) -> tuple[str, ...]:
        operation, read = "describe_lifecycle_hooks", parse_instances.hook
        return tuple(filter(None, self._listed("autoscaling", operation, group, read, AutoScalingGroupName=group)))

    def _processes(self, operation: str, group: str, processes: Collection[str]) -> None:
        """Without names Auto Scaling takes a call to mean every process, so nothing is asked for then."""
        if processes:
            asked = {"AutoScalingGroupName": group, "ScalingProcesses": sorted(processes)}
            self._told("autoscaling", operation, group, asked)

    def _refuse_unless_gone(self, instance: str) -> None:
        for found in self.instances([instance]):
            if found.state not in _ENDED:
                message = (
                    f"terminate {instance} in {self._scope}: it is {found.state}, and no Auto Scaling group has it"
                )
                raise Refused(message, GapReason.REJECTED)

    def _listed(
        self, service: str, operation: str, of: str, parsed: Callable[[Mapping[str, Any]], T], **asked: Any
    ) -> list[T]:
        """The items of every page."""
        found: list[T] = []
        for _ in range(MOST_PAGES):
            page = partial(self._page, service, operation, asked, parsed)
            items, following = self._once(service, operation, of, page)
            found += items
            if not following:
                return found
            asked = {**asked, "NextToken": following}
        raise InvalidAnswer(f"{permission(service, operation)} of {of} in {self._scope}: the list never ends")

    def _page(
        self, service: str, operation: str, asked: Mapping[str, Any], parsed: Callable[[Mapping[str, Any]], T]
    ) -> tuple[list[T], str]:
        body = self._ask(service, operation, asked)
        items = parse.member(body, _MEMBERS[operation])
        return [parsed(mapping(each)) for each in listed(items)], parse.token(body.get("NextToken"))

    def _told(self, service: str, operation: str, of: str, asked: Mapping[str, Any]) -> None:
        self._once(service, operation, of, lambda: self._ask(service, operation, asked))

    def _once(self, service: str, operation: str, of: str, call: Callable[[], T]) -> T:
        action = f"{permission(service, operation)} of {of} in {self._scope}"
        return self._sessions.once(self._session, action, self._scope, call)

    def _ask(self, service: str, operation: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return mapping(getattr(self._sessions.client(self._session, service, self._scope), operation)(**asked))


def _group_of(name: str, body: Mapping[str, Any]) -> ScalingGroup | None:
    found = parse_instances.scaling_group(body)
    return found if found.name == name else None


_MEMBERS = {
    "describe_auto_scaling_groups": "AutoScalingGroups",
    "describe_auto_scaling_instances": "AutoScalingInstances",
    "describe_instances": "Reservations",
    "describe_launch_templates": "LaunchTemplates",
    "describe_lifecycle_hooks": "LifecycleHooks",
    "describe_scheduled_actions": "ScheduledUpdateGroupActions",
    "describe_target_health": "TargetHealthDescriptions",
}
