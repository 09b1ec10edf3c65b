"""surge-nodes over a simulated group: new instances first, pods once, old instances by their id, and the way back."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from fleetkeeper.core.rotation.seen import Eviction, Outcome
from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Skip, Undone, Wait
from fleetkeeper.sim.aws.templates import publish
from fleetkeeper.sim.controllers.nodes import silence
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import SimAutoScalingGroup, SimTargetGroup
from tests.engine.steps.emptying import Rotation, Witness, change, marks, on
from tests.engine.steps.nodes import annotate, inside, join, put_budget
from tests.engine.steps.walking import Place, told
from tests.sim.controllers.behaving import NODES

GROUP, NEW_AMI = "shop-legacy", "ami-0c0ffee0c0ffee002"
ARN = "arn:aws:elasticloadbalancing:eu-west-1:222222222222:targetgroup/shop/0123456789abcdef"
KEPT = "cluster-autoscaler.kubernetes.io/scale-down-disabled"


def group(place: Place) -> SimAutoScalingGroup:
    return place.cluster.auto_scaling_groups[GROUP]


def behind(size: int = 3, most: int = 6, publishes: bool = True) -> tuple[Place, list[str]]:
    """A group of so many instances with pods, whose launch template has a new version; and its nodes."""
    place = Place()
    own = group(place)
    own.instances = {f"i-0legacy{number}": "eu-west-1" + "ab"[number % 2] for number in range(size)}
    own.desired, own.minimum, own.maximum = size, size, most
    names = [join(place, each, 50 + number) for number, each in enumerate(own.instances)]
    place.later(seconds=20)
    containers = [{"name": "main", "image": "web:1", "resources": {"requests": {"cpu": "500m"}}}]
    inside(place).deploy("web", 2 * size, pod={"containers": containers})
    place.later(seconds=30)
    put_budget(place, maxUnavailable=1)
    if publishes:
        with place.living.world.lock:
            publish(place.living.world, place.cluster, GROUP, NEW_AMI)
    return place, names


def surge(place: Place, **params: str | int | bool) -> Rotation:
    return Rotation(place, "surge-nodes", {"group": GROUP, **params})


def running(place: Place) -> list[str]:
    """The instances that are not on their way out."""
    own = group(place)
    return [each for each in own.instances if not own.life.get(each, "").startswith("Terminating")]


def old(place: Place) -> list[str]:
    return [each for each in running(place) if each.startswith("i-0legacy")]


def without(place: Place) -> None:
    """Nothing of ours is left anywhere."""
    assert marks(place) == {}
    assert group(place).suspended == []


# ---- how it goes


@pytest.mark.parametrize("parallel", [1, 2, "100%"])
def test_every_instance_is_replaced_and_the_group_is_as_large_as_before(parallel: str | int) -> None:
    place, names = behind()
    witness = Witness(place, set(names))
    verdict = surge(place, parallel=parallel).until_it_rests()
    assert isinstance(verdict, Done)
    assert (len(running(place)), old(place), group(place).desired) == (3, [], 3)
    assert (witness.evictions_per_pod, witness.landed, witness.exceeded) == (1.0, [], [])
    place.later(seconds=30)
    without(place)
    assert inside(place).ready() == 6


def test_the_group_is_never_smaller_than_before_and_never_above_its_maximum() -> None:
    place, _ = behind(most=4)
    sizes: list[int] = []
    inside(place).live.objects.subscribe(lambda _: sizes.append(len(running(place))))
    assert isinstance(surge(place, parallel=3).until_it_rests(), Done)
    assert min(sizes) == 3
    assert max(sizes) == 4


def test_nothing_is_closed_before_a_new_node_is_ready() -> None:
    place, names = behind()
    run = surge(place)
    run.until_it_rests(limit=60)
    assert len(running(place)) == 4
    assert all("cordoned" not in marks(place)[name] for name in names)
    assert all(KEPT in marks(place)[name] for name in names)
    assert group(place).suspended == ["AZRebalance"]


def test_targets_are_drained_before_an_instance_ends() -> None:
    place, _ = behind()
    group(place).scaling.target_groups = [ARN]
    place.living.world.target_groups[ARN] = SimTargetGroup(delay=timedelta(seconds=120))
    run = surge(place)
    ended: dict[str, datetime] = {}

    def hear(_: object) -> None:
        for each in group(place).instances:
            if each not in running(place):
                ended.setdefault(each, place.now)

    inside(place).live.objects.subscribe(hear)
    assert isinstance(run.until_it_rests(), Done)
    assert any(isinstance(each, Wait) and "target" in each.why and "draining" in each.why for each in run.told)
    left = place.living.world.target_groups[ARN].left
    assert all(left[each] <= at for each, at in ended.items() if each in left)
    assert len(ended) == 3


def test_a_suspension_of_somebody_else_stays() -> None:
    place, _ = behind()
    group(place).suspended = ["AZRebalance"]
    assert isinstance(surge(place).until_it_rests(), Done)
    assert group(place).suspended == ["AZRebalance"]


def test_an_annotation_of_somebody_else_against_scale_down_stays() -> None:
    place, names = behind()
    annotate(place, NODES, "", names[0], **{KEPT: "true"})
    run = surge(place)
    run.until_it_rests(limit=30)
    run.abort()
    assert inside(place).get(NODES, names[0])["metadata"]["annotations"] == {KEPT: "true"}


def test_a_size_that_an_autoscaler_raised_meanwhile_stays() -> None:
    place, _ = behind(most=9)
    run = surge(place)
    run.until_it_rests(limit=30)
    cloud = place.world.writers.cloud(place.subject().scope)  # type: ignore[arg-type]
    cloud.set_desired(GROUP, 7)
    assert isinstance(run.until_it_rests(), Done)
    assert len(running(place)) >= 4
    assert old(place) == []


def test_a_group_that_is_new_already_is_skipped() -> None:
    place, _ = behind(publishes=False)
    verdict = surge(place).tick()
    assert isinstance(verdict, Skip)
    assert "already" in verdict.why
    without(place)


# ---- crashes and calls that fail


@pytest.mark.parametrize("fate", ["before", "after"])
def test_a_death_around_every_act_orders_and_moves_nothing_twice(fate: str) -> None:
    place, names = behind()
    witness = Witness(place, set(names))
    run = surge(place)
    run.dies = [fate, ""] * 60
    assert isinstance(run.until_it_rests(), Done)
    assert (len(running(place)), group(place).desired) == (3, 3)
    assert (witness.evictions_per_pod, witness.exceeded) == (1.0, [])
    without(place)


@pytest.mark.parametrize("operation", ["SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup", "SuspendProcesses"])
@pytest.mark.parametrize("harm", ["drop-before", "drop-after", "throttle"])
def test_a_call_whose_answer_is_lost_is_not_made_twice(operation: str, harm: str) -> None:
    place, _ = behind()
    place.living.world.order(Fault("aws", harm, operation=operation, count=2))
    assert isinstance(surge(place).until_it_rests(), Done)
    assert (len(running(place)), old(place), group(place).desired) == (3, [], 3)
    without(place)


# ---- the way back


@pytest.mark.parametrize("after", [1, 60, 110, 125, 140, 200])
def test_an_abort_at_any_time_leaves_nothing_of_ours(after: int) -> None:
    place, _ = behind()
    run = surge(place)
    run.until_it_rests(limit=after)
    undone = run.abort()
    place.later(seconds=200)
    assert isinstance(undone, Undone)
    without(place)
    assert group(place).desired >= 3
    assert len(running(place)) >= 3
    assert inside(place).ready() == 6


def test_an_abort_before_a_pod_moved_takes_the_ordered_instance_back() -> None:
    place, _ = behind()
    run = surge(place)
    run.until_it_rests(limit=30)
    assert group(place).desired == 4
    run.abort()
    place.later(seconds=200)
    assert (group(place).desired, len(old(place))) == (3, 3)


# ---- what stands in the way


def test_a_group_at_its_maximum_is_blocked_with_the_fix() -> None:
    place, _ = behind(most=3)
    run = surge(place)
    verdict = run.until_it_rests(limit=120)
    assert isinstance(verdict, Blocked)
    assert "a maximum of 3" in verdict.why
    assert "--max-size 4" in verdict.fix
    assert len(old(place)) == 3
    group(place).maximum = 4
    assert isinstance(run.until_it_rests(), Done)


def test_an_instance_that_never_joins_is_named_and_no_old_node_is_closed() -> None:
    place, names = behind()
    place.living.world.eks.failing_nodes.add(f"{place.cluster.key}/{GROUP}")
    verdict = surge(place).until_it_rests(limit=1800)
    assert isinstance(verdict, Blocked)
    assert "did not become a Ready node" in verdict.why
    assert NEW_AMI in verdict.why
    assert all("cordoned" not in marks(place)[name] for name in names)


def test_a_new_node_that_dies_stops_it_with_its_name() -> None:
    place, names = behind()
    run = surge(place, patience="1m")
    run.until_it_rests(limit=104)
    new = {each["metadata"]["name"] for each in inside(place).live.objects.of(NODES)} - set(names)
    for name in new:
        silence(inside(place).live, name)
    verdict = run.until_it_rests(limit=600)
    assert isinstance(verdict, Blocked)
    assert "less sound than when it began: 1 node not Ready" in told(verdict)
    assert len(new) == 1
    assert len(old(place)) >= 2


def _managed(place: Place) -> None:
    group(place).scaling.tags = {"eks:nodegroup-name": "main"}


def _pool(place: Place) -> None:
    group(place).scaling.warm_pool = True


REFUSED: dict[str, tuple[Callable[[Place], None], type[object], str]] = {
    "a group of EKS": (_managed, Failed, "managed node group main"),
    "a group with a warm pool": (_pool, Blocked, "warm pool"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_groups_that_it_is_not_for_are_refused_with_the_reason(case: str) -> None:
    place, _ = behind()
    arrange, kind, words = REFUSED[case]
    arrange(place)
    verdict = surge(place).tick()
    assert isinstance(verdict, kind)
    assert words in told(verdict)
    without(place)


def test_a_group_that_is_not_there_fails() -> None:
    place, _ = behind()
    verdict = Rotation(place, "surge-nodes", {"group": "gone"}).tick()
    assert verdict == Failed("there is no Auto Scaling group gone", "name one that there is", final=True)


def test_a_pod_that_can_never_move_is_named_before_anything_is_ordered() -> None:
    place, names = behind()
    inside(place).create("/pods", "alone", {"nodeName": names[0], "containers": [{"name": "main", "image": "a"}]})
    place.later(seconds=10)
    verdict = surge(place).tick()
    assert isinstance(verdict, Blocked)
    assert "shop/alone" in verdict.why
    assert group(place).desired == 3


def test_a_right_that_the_executor_lacks_is_told_before_anything_is_ordered() -> None:
    place, _ = behind()
    Witness(place, set(), refuses=Eviction(Outcome.REFUSED, "pods/eviction is forbidden"))
    verdict = surge(place).tick()
    assert isinstance(verdict, Blocked)
    assert "the API server refuses dry runs of evictions: shop/web-" in verdict.why
    assert group(place).desired == 3


def test_a_foreign_cordon_on_an_old_node_is_left() -> None:
    place, names = behind()
    change(place, names[2], unschedulable=True)
    run = surge(place)
    run.until_it_rests(limit=110)
    run.abort()
    assert marks(place) == {names[2]: ["cordoned"]}


def test_the_first_act_says_what_will_be_done_and_asks_for_a_look_soon() -> None:
    place, names = behind()
    verdict = surge(place).tick()
    assert isinstance(verdict, Act)
    assert verdict.what.startswith(f"suspend AZRebalance of {GROUP}; raise {GROUP} from 3 to 4 instances")
    assert on(place, *names) != []
