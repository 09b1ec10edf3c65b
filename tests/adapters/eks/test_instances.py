"""The executor's instances beyond their contract: what AWS may answer that the simulator does not."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.adapters.eks.writer import EksWriter
from fleetkeeper.engine.writers import Target
from fleetkeeper.errors import GapReason, ReadError
from tests.adapters.eks.support import SCOPE, Patience, Stub, settings, stub

ONE = "i-0123456789abcdef0"
GROUP = """<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>
<AutoScalingGroupName>own</AutoScalingGroupName><MinSize>0</MinSize><MaxSize>9</MaxSize>
<DesiredCapacity>2</DesiredCapacity>{more}</member></AutoScalingGroups></DescribeAutoScalingGroupsResult>
</DescribeAutoScalingGroupsResponse>"""
MIXED = """<MixedInstancesPolicy><LaunchTemplate><LaunchTemplateSpecification><LaunchTemplateId>lt-1</LaunchTemplateId>
<Version>{version}</Version></LaunchTemplateSpecification></LaunchTemplate></MixedInstancesPolicy>"""
SOURCES = """<TargetGroupARNs><member>arn:a</member></TargetGroupARNs><TrafficSources>
<member><Identifier>arn:a</Identifier><Type>elbv2</Type></member>
<member><Identifier>arn:b</Identifier><Type>elbv2</Type></member>
<member><Identifier>arn:c</Identifier><Type>vpc-lattice</Type></member></TrafficSources>"""
MEMBER = """<member><InstanceId>i-{id}</InstanceId><AvailabilityZone>eu-west-1a</AvailabilityZone>
<LifecycleState>InService</LifecycleState><HealthStatus>{health}</HealthStatus>
<ProtectedFromScaleIn>false</ProtectedFromScaleIn>{template}</member>"""
LATEST = "<LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>$Latest</Version></LaunchTemplate>"
TEMPLATES = """<DescribeLaunchTemplatesResponse><launchTemplates><item><launchTemplateId>lt-1</launchTemplateId>
<launchTemplateName>own</launchTemplateName><defaultVersionNumber>3</defaultVersionNumber>
<latestVersionNumber>7</latestVersionNumber></item></launchTemplates></DescribeLaunchTemplatesResponse>"""
SCHEDULED = """<DescribeScheduledActionsResponse><DescribeScheduledActionsResult><ScheduledUpdateGroupActions><member>
<ScheduledActionName>{name}</ScheduledActionName></member></ScheduledUpdateGroupActions>{more}
</DescribeScheduledActionsResult></DescribeScheduledActionsResponse>"""
HOOKS = """<DescribeLifecycleHooksResponse><DescribeLifecycleHooksResult><LifecycleHooks>
<member><LifecycleHookName>first</LifecycleHookName>
<LifecycleTransition>autoscaling:EC2_INSTANCE_LAUNCHING</LifecycleTransition></member>
<member><LifecycleHookName>last</LifecycleHookName>
<LifecycleTransition>autoscaling:EC2_INSTANCE_TERMINATING</LifecycleTransition></member>
</LifecycleHooks></DescribeLifecycleHooksResult></DescribeLifecycleHooksResponse>"""
HEALTH = """<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions>
<member><Target><Id>10.0.0.7</Id><Port>8080</Port></Target><TargetHealth><State>healthy</State></TargetHealth></member>
<member><Target><Id>i-1</Id><Port>30080</Port></Target><TargetHealth><State>unused</State></TargetHealth></member>
</TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>"""
MANAGED = """<DescribeAutoScalingInstancesResponse><DescribeAutoScalingInstancesResult>
<AutoScalingInstances>{members}</AutoScalingInstances></DescribeAutoScalingInstancesResult>
</DescribeAutoScalingInstancesResponse>"""
RUNNING = """<DescribeInstancesResponse><reservationSet><item><instancesSet><item>
<instanceId>i-0123456789abcdef0</instanceId><imageId>ami-1</imageId><instanceType>m6i.large</instanceType><launchTime>2026-11-20T08:00:00.000Z</launchTime>
<instanceState><code>16</code><name>{state}</name></instanceState></item></instancesSet></item></reservationSet>
</DescribeInstancesResponse>"""
NO_INSTANCES = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"


@contextmanager
def answering(answers: Mapping[str, str]) -> Iterator[tuple[EksWriter, Stub]]:
    with stub(lambda call: answers[call.operation]) as server:
        yield own(server), server


def own(server: Stub) -> EksWriter:
    """With the process's own keys: a stub hands out no sessions."""
    sessions = Sessions(settings(server.url), Patience())
    return EksWriter(sessions, sessions.base(), SCOPE)


def operations(server: Stub) -> list[str]:
    return [each.operation for each in server.calls]


def group(more: str) -> dict[str, str]:
    return {
        "DescribeAutoScalingGroups": GROUP.format(more=more),
        "DescribeLaunchTemplates": TEMPLATES,
        "DescribeScheduledActions": SCHEDULED.format(name="night", more=""),
        "DescribeLifecycleHooks": HOOKS,
    }


@pytest.mark.parametrize(
    ("version", "number", "looks"),
    [
        pytest.param("5", "5", 0, id="a number is itself"),
        pytest.param("$Latest", "7", 1, id="the newest is looked up"),
        pytest.param("$Default", "3", 1, id="so is the default"),
        pytest.param("", "3", 1, id="none is the default"),
    ],
)
def test_the_template_of_a_policy_of_several_types_by_its_number(version: str, number: str, looks: int) -> None:
    with answering(group(MIXED.format(version=version))) as (cloud, server):
        found = cloud.scaling_group("own")
    assert found is not None
    assert (found.template, found.mixed) == (f"lt-1:{number}", True)
    assert operations(server).count("DescribeLaunchTemplates") == looks
    assert (found.scheduled, found.hooks) == (("night",), ("last",))


def test_a_group_of_a_launch_configuration_has_no_template() -> None:
    with answering(group("<LaunchConfigurationName>old</LaunchConfigurationName>")) as (cloud, _):
        found = cloud.scaling_group("own")
    assert found is not None
    assert (found.template, found.mixed) == ("", False)


def test_an_instance_whose_version_is_not_told_has_none_and_may_be_unhealthy() -> None:
    members = MEMBER.format(id=1, health="Unhealthy", template=LATEST) + MEMBER.format(
        id=2, health="Healthy", template=""
    )
    with answering(group(f"<Instances>{members}</Instances>")) as (cloud, _):
        found = cloud.scaling_group("own")
    assert found is not None
    assert [(each.template, each.is_healthy) for each in found.instances] == [("", False), ("", True)]


def test_target_groups_are_those_of_traffic_sources_too_once_each() -> None:
    with answering(group(SOURCES)) as (cloud, _):
        found = cloud.scaling_group("own")
    assert found is not None
    assert found.target_groups == ("arn:a", "arn:b")


def test_scheduled_actions_are_read_to_their_end() -> None:
    pages = [SCHEDULED.format(name="morning", more="<NextToken>2</NextToken>"), SCHEDULED.format(name="night", more="")]
    answers = group("")
    with stub(
        lambda call: pages.pop(0) if call.operation == "DescribeScheduledActions" else answers[call.operation]
    ) as server:
        found = own(server).scaling_group("own")
    assert found is not None
    assert found.scheduled == ("morning", "night")


def test_addresses_in_a_target_group_are_left_to_who_registered_them() -> None:
    with answering({"DescribeTargetHealth": HEALTH}) as (cloud, _):
        assert cloud.targets(["arn:a"]) == (Target("arn:a", "i-1", 30080, "unused"),)


def test_many_instances_are_asked_for_by_the_most_that_a_filter_takes() -> None:
    with answering({"DescribeInstances": NO_INSTANCES}) as (cloud, server):
        assert cloud.instances([f"i-{number}" for number in range(401)]) == ()
    assert operations(server) == ["DescribeInstances"] * 3


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_an_instance_that_its_group_has_let_go_and_that_ends_is_left_alone(state: str) -> None:
    answers = {
        "DescribeAutoScalingInstances": MANAGED.format(members=""),
        "DescribeInstances": RUNNING.format(state=state),
    }
    with answering(answers) as (cloud, server):
        cloud.terminate(ONE)
    assert operations(server) == ["DescribeAutoScalingInstances", "DescribeInstances"]


def test_a_running_instance_that_no_group_has_is_not_ended() -> None:
    answers = {
        "DescribeAutoScalingInstances": MANAGED.format(members=""),
        "DescribeInstances": RUNNING.format(state="running"),
    }
    with answering(answers) as (cloud, _), pytest.raises(ReadError, match="no Auto Scaling group has it") as refused:
        cloud.terminate(ONE)
    assert refused.value.reason is GapReason.REJECTED


READS: dict[str, Callable[[EksWriter], object]] = {
    "a group": lambda cloud: cloud.scaling_group("own"),
    "instances": lambda cloud: cloud.instances([ONE]),
    "targets": lambda cloud: cloud.targets(["arn:a"]),
    "whether it ends already": lambda cloud: cloud.terminate(ONE),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("answer", ["garbage", "", "<Some><Thing/></Some>"])
def test_an_answer_of_any_shape_is_an_invalid_answer(answer: str, read: str) -> None:
    with stub(lambda _: answer) as server:
        cloud = own(server)
        with pytest.raises(ReadError) as failed:
            READS[read](cloud)
    assert failed.value.reason is GapReason.INVALID_ANSWER
