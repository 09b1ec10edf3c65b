"""Auto Scaling's writes through boto3: instances come and go with their nodes."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sim.eks_writes import NODE_REMOVAL, Driven, deploy, driven, join_nodes, put_bare_pod, put_budget, refused
from tests.sim.worlds import a_world, served

LEGACY = {"AutoScalingGroupName": "shop-legacy"}
ONE = "i-0ccccccccccccccc1"


@pytest.fixture
def run() -> Iterator[Driven]:
    """A self-managed group of one node, from one to two; and the managed group main of two."""
    with driven() as made:
        join_nodes(made, "shop-legacy")
        yield made


def group(run: Driven, name: str = "shop-legacy") -> Any:
    found = run.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return found[0]


def states(run: Driven, name: str = "shop-legacy") -> list[str]:
    return [each["LifecycleState"] for each in group(run, name)["Instances"]]


def managed(run: Driven) -> str:
    return str(run.group()["resources"]["autoScalingGroups"][0]["name"])


def test_a_higher_capacity_brings_a_node_like_the_others(run: Driven) -> None:
    run.asg.set_desired_capacity(**LEGACY, DesiredCapacity=2)
    assert states(run) == ["InService", "Pending"]
    assert len(run.nodes()) == 1
    run.later(seconds=90)
    assert states(run) == ["InService", "InService"]
    assert [node["metadata"]["labels"]["node-lifecycle"] for node in run.nodes().values()] == ["on-demand"] * 2


def test_a_lower_capacity_takes_a_node_without_asking(run: Driven) -> None:
    run.asg.set_desired_capacity(**LEGACY, DesiredCapacity=2)
    run.later(minutes=2)
    assert sorted(deploy(run, replicas=2)) == sorted(run.nodes())
    put_budget(run, minAvailable=2)
    run.asg.set_desired_capacity(**LEGACY, DesiredCapacity=1)
    assert sorted(states(run)) == ["InService", "Terminating"]
    run.later(seconds=NODE_REMOVAL)
    assert len(run.nodes()) == 1
    run.later(seconds=30 - NODE_REMOVAL)
    assert states(run) == ["InService"]


def test_an_instance_is_terminated_by_its_id_and_the_group_shrinks(run: Driven) -> None:
    run.asg.set_desired_capacity(**LEGACY, DesiredCapacity=2)
    run.later(minutes=2)
    answer = run.asg.terminate_instance_in_auto_scaling_group(InstanceId=ONE, ShouldDecrementDesiredCapacity=True)
    assert answer["Activity"]["StatusCode"] == "InProgress"
    assert ONE in answer["Activity"]["Description"]
    run.later(minutes=1)
    found = group(run)
    assert (found["DesiredCapacity"], [each["InstanceId"] for each in found["Instances"]].count(ONE)) == (1, 0)
    assert len(run.nodes()) == 1


def test_without_the_decrement_another_takes_its_place(run: Driven) -> None:
    answer = run.asg.terminate_instance_in_auto_scaling_group(
        InstanceIds=[ONE], AutoScalingGroupName="shop-legacy", ShouldDecrementDesiredCapacity=False
    )
    assert len(answer["Activities"]) == 1
    run.later(minutes=2)
    found = group(run)
    assert (found["DesiredCapacity"], len(found["Instances"]), len(run.nodes())) == (1, 1, 1)
    assert found["Instances"][0]["InstanceId"] != ONE


def test_a_suspended_launch_brings_nothing_until_it_is_resumed(run: Driven) -> None:
    run.asg.suspend_processes(**LEGACY, ScalingProcesses=["Launch", "AZRebalance"])
    seen = [each["ProcessName"] for each in group(run)["SuspendedProcesses"]]
    assert seen == ["Launch", "AZRebalance"]
    run.asg.terminate_instance_in_auto_scaling_group(InstanceId=ONE, ShouldDecrementDesiredCapacity=False)
    run.later(minutes=5)
    assert run.nodes() == {}
    run.asg.resume_processes(**LEGACY)
    assert group(run)["SuspendedProcesses"] == []
    run.later(minutes=2)
    assert len(run.nodes()) == 1


def test_a_suspended_terminate_takes_nothing(run: Driven) -> None:
    run.asg.set_desired_capacity(**LEGACY, DesiredCapacity=2)
    run.later(minutes=2)
    run.asg.suspend_processes(**LEGACY, ScalingProcesses=["Terminate"])
    run.asg.set_desired_capacity(**LEGACY, DesiredCapacity=1)
    run.later(minutes=2)
    assert len(run.nodes()) == 2


def test_bounds_pull_the_capacity_along(run: Driven) -> None:
    run.asg.update_auto_scaling_group(**LEGACY, MinSize=3, MaxSize=4)
    run.later(minutes=2)
    found = group(run)
    assert (found["MinSize"], found["MaxSize"], found["DesiredCapacity"], len(run.nodes())) == (3, 4, 3, 3)


def test_a_managed_group_drains_what_auto_scaling_takes(run: Driven) -> None:
    names = join_nodes(run)
    for number, name in enumerate(names):
        put_bare_pod(run, name, f"web-{number}")
    put_budget(run, minAvailable=2)
    run.asg.set_desired_capacity(AutoScalingGroupName=managed(run), DesiredCapacity=1)
    assert sorted(states(run, managed(run))) == ["InService", "Terminating:Wait"]
    run.later(minutes=14)
    assert len(set(names) & set(run.nodes())) == 2
    run.later(minutes=2)
    assert len(set(names) & set(run.nodes())) == 1
    assert run.group()["scalingConfig"]["desiredSize"] == 1


def test_what_is_not_simulated_is_loud() -> None:
    with served(a_world()) as aws:
        with pytest.raises(ClientError, match="UpdateAutoScalingGroup of HealthCheckType is not simulated"):
            aws.client("autoscaling").update_auto_scaling_group(**LEGACY, HealthCheckType="ELB")
        assert len(aws.server.violations) == 1


REFUSALS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no such group": ("set_desired_capacity", {"AutoScalingGroupName": "gone", "DesiredCapacity": 1}, "not found"),
    "over the maximum": ("set_desired_capacity", {**LEGACY, "DesiredCapacity": 3}, "above max value 2"),
    "under the minimum": ("set_desired_capacity", {**LEGACY, "DesiredCapacity": 0}, "below min value 1"),
    "no such instance": (
        "terminate_instance_in_auto_scaling_group",
        {"InstanceId": "i-0", "ShouldDecrementDesiredCapacity": True},
        "No managed instance found",
    ),
    "a decrement at the minimum": (
        "terminate_instance_in_auto_scaling_group",
        {"InstanceId": ONE, "ShouldDecrementDesiredCapacity": True},
        "desiredSize equals minSize",
    ),
    "no instance named": (
        "terminate_instance_in_auto_scaling_group",
        {"ShouldDecrementDesiredCapacity": True},
        "Exactly one",
    ),
    "no such process": ("suspend_processes", {**LEGACY, "ScalingProcesses": ["Sleep"]}, "not a valid process"),
    "bounds that cross": ("update_auto_scaling_group", {**LEGACY, "MinSize": 3}, "Max bound"),
}


@pytest.mark.parametrize("case", REFUSALS, ids=list(REFUSALS))
def test_a_write_is_refused(run: Driven, case: str) -> None:
    operation, arguments, words = REFUSALS[case]
    answer = refused("ValidationError", getattr(run.asg, operation), **arguments)
    assert words in answer["Error"]["Message"]
    assert len(run.nodes()) == 1
