"""The CloudWriter port of rotations of our own: Auto Scaling groups, instances and target groups, on both sides."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleetkeeper.engine.writers import CloudWriter, Instance, ScalingGroup, ScalingInstance, Target
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim.aws.templates import publish
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimAutoScalingGroup, SimTargetGroup
from tests.adapters.eks.conftest import _alone
from tests.contract.writer_sides import SIDES, CloudSide, cloud_side
from tests.sim.worlds import CUSTOM_AMI, NOW

__all__ = ["_alone"]

LEGACY, ONE = "shop-legacy", "i-0ccccccccccccccc1"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:222222222222:targetgroup/shop/0123456789abcdef"
NEW_AMI = "ami-0c0ffee0c0ffee002"
TARGET = Target(ARN, ONE, 80, "healthy")


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CloudSide]:
    with cloud_side(request.param) as found:
        yield found


def own(side: CloudSide) -> SimAutoScalingGroup:
    """The self-managed group of one instance, from one to two."""
    return side.cluster.auto_scaling_groups[LEGACY]


def group(side: CloudSide, name: str = LEGACY) -> ScalingGroup:
    found = side.cloud.scaling_group(name)
    assert found is not None
    return found


def instance(side: CloudSide, id: str) -> Instance:
    (found,) = side.cloud.instances([id])
    return found


def refused(call: Callable[[], object]) -> GapReason:
    with pytest.raises(ReadError) as caught:
        call()
    return caught.value.reason


def grown(side: CloudSide) -> str:
    """The group has a second instance, which runs: its id."""
    side.cloud.set_desired(LEGACY, 2)
    side.later(minutes=3)
    (new,) = (each.id for each in group(side).instances if each.id != ONE)
    return new


# ---- groups


def test_a_group_is_told_with_its_sizes_and_instances(side: CloudSide) -> None:
    found = group(side)
    (only,) = found.instances
    assert (found.minimum, found.desired, found.maximum) == (1, 1, 2)
    assert only == ScalingInstance(ONE, "eu-west-1a", "InService", is_healthy=True, template=found.template)
    assert found.tags == {"kubernetes.io/cluster/shop": "owned"}
    assert found.zones == ("eu-west-1a", "eu-west-1b", "eu-west-1c")
    assert (found.target_groups, found.scheduled, found.hooks, found.suspended) == ((), (), (), ())
    assert (found.warm_pool, found.mixed) == (False, False)


def test_a_group_that_is_not_there_is_none(side: CloudSide) -> None:
    assert side.cloud.scaling_group("gone") is None


def test_what_a_clone_of_a_group_would_lose_is_told(side: CloudSide) -> None:
    scaling = own(side).scaling
    scaling.target_groups, scaling.scheduled, scaling.hooks = [ARN], ["night", "morning"], ["flush"]
    scaling.tags, scaling.warm_pool, scaling.mixed = {"cost": "shop"}, True, True
    found = group(side)
    assert (found.target_groups, found.hooks, found.tags["cost"]) == ((ARN,), ("flush",), "shop")
    assert set(found.scheduled) == {"night", "morning"}
    assert (found.warm_pool, found.mixed) == (True, True)
    assert found.template.endswith(":1")


def test_a_group_of_eks_has_the_hook_by_which_eks_drains(side: CloudSide) -> None:
    node_group = side.cloud.node_group("shop", "main")
    assert node_group is not None
    found = group(side, node_group.auto_scaling_groups[0])
    assert (found.hooks, found.tags["eks:nodegroup-name"]) == (("Terminate-LC-Hook",), "main")


@pytest.mark.parametrize("named", ["1", "$Latest", "$Default"])
def test_instances_keep_the_version_of_the_template_that_they_were_launched_from(side: CloudSide, named: str) -> None:
    own(side).launch_template = {"id": "lt-0123456789abcdef1", "name": "legacy", "version": named}
    assert group(side).template == group(side).instances[0].template == "lt-0123456789abcdef1:1"
    with side.world.lock:
        publish(side.world, side.cluster, LEGACY, NEW_AMI)
    found = group(side)
    assert (found.template, found.instances[0].template) == ("lt-0123456789abcdef1:2", "lt-0123456789abcdef1:1")

    new = grown(side)

    launched = {each.id: each.template[-2:] for each in group(side).instances}
    assert launched == {ONE: ":1", new: ":2"}
    assert {each.id: each.image for each in side.cloud.instances([ONE, new])} == {ONE: CUSTOM_AMI, new: NEW_AMI}


def test_a_version_that_is_not_the_default_is_not_what_a_group_of_the_default_launches(side: CloudSide) -> None:
    own(side).launch_template = {"id": "lt-0123456789abcdef1", "name": "legacy", "version": "$Default"}
    with side.world.lock:
        publish(side.world, side.cluster, LEGACY, NEW_AMI, default=False)
    assert group(side).template == "lt-0123456789abcdef1:1"
    assert instance(side, grown(side)).image == CUSTOM_AMI


# ---- instances


def test_instances_are_told_with_image_and_age_and_those_that_ec2_does_not_know_are_left_out(side: CloudSide) -> None:
    new = grown(side)
    old, young = sorted(side.cloud.instances([ONE, new, "i-0dddddddddddddddd"]), key=lambda each: each.launched_at)
    assert old == Instance(ONE, CUSTOM_AMI, NOW - timedelta(days=300), "running", "m5.large")
    assert (young.id, young.launched_at, young.state) == (new, NOW, "running")
    assert side.cloud.instances([]) == ()


def test_a_higher_desired_size_launches_at_once(side: CloudSide) -> None:
    side.cloud.set_desired(LEGACY, 2)
    states = {each.lifecycle: each.id for each in group(side).instances}
    assert sorted(states) == ["InService", "Pending"]
    assert instance(side, states["Pending"]).state == "pending"
    side.cloud.set_desired(LEGACY, 2)
    assert len(group(side).instances) == 2


@pytest.mark.parametrize("desired", [0, 3], ids=["below the minimum", "above the maximum"])
def test_a_desired_size_out_of_bounds_is_refused(side: CloudSide, desired: int) -> None:
    assert refused(lambda: side.cloud.set_desired(LEGACY, desired)) is GapReason.REJECTED
    assert group(side).desired == 1


def test_one_instance_is_ended_by_its_id_and_counted_down_once(side: CloudSide) -> None:
    new = grown(side)
    side.cloud.terminate(ONE)
    side.cloud.terminate(ONE)
    assert instance(side, ONE).state == "shutting-down"
    assert group(side).desired == 1
    side.later(minutes=3)
    side.cloud.terminate(ONE)
    found = group(side)
    assert (found.desired, [each.id for each in found.instances]) == (1, [new])
    assert side.cloud.instances([ONE]) == ()


def test_the_last_of_the_minimum_is_not_ended(side: CloudSide) -> None:
    assert refused(lambda: side.cloud.terminate(ONE)) is GapReason.REJECTED
    assert [each.lifecycle for each in group(side).instances] == ["InService"]


def test_an_instance_with_a_hook_of_its_owner_waits_for_it(side: CloudSide) -> None:
    grown(side)
    own(side).scaling.hooks = ["flush"]
    side.cloud.terminate(ONE)
    side.cloud.terminate(ONE)
    seen = {each.id: each.lifecycle for each in group(side).instances}
    assert (seen[ONE], instance(side, ONE).state, group(side).desired) == ("Terminating:Wait", "running", 1)
    side.later(minutes=2)
    assert ONE not in {each.id for each in group(side).instances}


def test_processes_are_suspended_and_resumed_by_name_and_none_means_none(side: CloudSide) -> None:
    side.cloud.suspend(LEGACY, ["AZRebalance", "Launch"])
    side.cloud.suspend(LEGACY, [])
    assert set(group(side).suspended) == {"AZRebalance", "Launch"}
    side.cloud.resume(LEGACY, ["AZRebalance"])
    side.cloud.resume(LEGACY, [])
    assert group(side).suspended == ("Launch",)
    assert refused(lambda: side.cloud.suspend(LEGACY, ["Sleep"])) is GapReason.REJECTED


# ---- target groups


def test_a_target_drains_and_is_gone(side: CloudSide) -> None:
    own(side).scaling.target_groups = [ARN]
    side.world.target_groups[ARN] = SimTargetGroup(delay=timedelta(minutes=2))
    assert side.cloud.targets([ARN]) == (TARGET,)

    side.cloud.deregister(TARGET)

    assert [each.state for each in side.cloud.targets([ARN])] == ["draining"]
    side.later(minutes=1)
    side.cloud.deregister(TARGET)
    side.later(minutes=1, seconds=1)
    assert side.cloud.targets([ARN]) == ()
    side.cloud.deregister(TARGET)
    assert group(side).instances[0].lifecycle == "InService"


def test_a_new_instance_is_registered_once_it_runs(side: CloudSide) -> None:
    own(side).scaling.target_groups = [ARN]
    side.cloud.set_desired(LEGACY, 2)
    assert len(side.cloud.targets([ARN])) == 1
    side.later(minutes=3)
    assert len(side.cloud.targets([ARN])) == 2


def test_auto_scaling_waits_for_what_still_drains(side: CloudSide) -> None:
    own(side).scaling.target_groups = [ARN]
    grown(side)
    side.cloud.terminate(ONE)
    assert {each.instance: each.state for each in side.cloud.targets([ARN])}[ONE] == "draining"
    side.later(minutes=4)
    assert ONE in {each.id for each in group(side).instances}
    side.later(minutes=2)
    assert ONE not in {each.id for each in group(side).instances}


def test_a_target_group_that_is_gone_has_nothing_to_leave(side: CloudSide) -> None:
    assert refused(lambda: side.cloud.targets([ARN])) is GapReason.NOT_FOUND
    side.cloud.deregister(TARGET)
    assert side.cloud.targets([]) == ()


# ---- failures


@pytest.mark.parametrize(
    ("kind", "reason", "desired"),
    [
        pytest.param("throttle", GapReason.THROTTLED, 1, id="throttled"),
        pytest.param("error", GapReason.SERVER_ERROR, 1, id="failed by the server"),
        pytest.param("forbid", GapReason.FORBIDDEN, 1, id="forbidden"),
        pytest.param("drop-before", GapReason.UNREACHABLE, 1, id="lost on the way there"),
        pytest.param("drop-after", GapReason.UNREACHABLE, 2, id="whose answer was lost"),
    ],
)
def test_a_size_is_asked_for_once(side: CloudSide, kind: str, reason: GapReason, desired: int) -> None:
    side.world.faults = [Fault("aws", kind, operation="SetDesiredCapacity", count=1)]
    assert refused(lambda: side.cloud.set_desired(LEGACY, 2)) is reason
    assert group(side).desired == desired


def test_an_end_whose_answer_was_lost_is_not_counted_twice(side: CloudSide) -> None:
    grown(side)
    side.world.faults = [Fault("aws", "drop-after", operation="TerminateInstanceInAutoScalingGroup", count=1)]
    assert refused(lambda: side.cloud.terminate(ONE)) is GapReason.UNREACHABLE
    side.cloud.terminate(ONE)
    assert group(side).desired == 1
    side.later(minutes=3)
    assert len(group(side).instances) == 1


READS: dict[str, tuple[str, Callable[[CloudWriter], object]]] = {
    "a group": ("DescribeAutoScalingGroups", lambda cloud: cloud.scaling_group(LEGACY)),
    "its scheduled actions": ("DescribeScheduledActions", lambda cloud: cloud.scaling_group(LEGACY)),
    "its hooks": ("DescribeLifecycleHooks", lambda cloud: cloud.scaling_group(LEGACY)),
    "instances": ("DescribeInstances", lambda cloud: cloud.instances([ONE])),
    "targets": ("DescribeTargetHealth", lambda cloud: cloud.targets([ARN])),
    "what is to be ended": ("DescribeAutoScalingInstances", lambda cloud: cloud.terminate(ONE)),
}


@pytest.mark.parametrize("read", READS)
def test_a_read_that_fails_says_so(side: CloudSide, read: str) -> None:
    own(side).scaling.target_groups = [ARN]
    operation, call = READS[read]
    side.world.faults = [Fault("aws", "forbid", operation=operation)]
    assert refused(lambda: call(side.cloud)) is GapReason.FORBIDDEN
    assert own(side).desired == 1
