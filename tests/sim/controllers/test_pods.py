"""Pods and the nodes under them: how long they take, how they leave, and what a lost node does to them."""

import threading

import pytest

from fleetkeeper.sim.controllers.kubelet import revive
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.controllers.matching import condition, is_true
from fleetkeeper.sim.controllers.nodes import launch, silence, terminate
from fleetkeeper.sim.controllers.pods import ANNOTATION
from fleetkeeper.sim.controllers.timing import Timing
from fleetkeeper.sim.timeline import Driver
from tests.sim.controllers.behaving import DAEMONS, NODES, PODS, SHOP, Behaving, a_world

SLOW = Timing(image_pull=20, container_start=2, readiness=8, termination=5)


def first_ready(world: Behaving, wanted: int = 1, limit: int = 600) -> int:
    """Seconds until so many pods are ready."""
    for second in range(limit):
        if world.ready() >= wanted:
            return second
        world.advance(1)
    raise AssertionError("not ready in time")


def test_a_pod_starts_as_slowly_as_its_timing_says() -> None:
    world = Behaving.new("a", timing=SLOW)
    world.deploy(replicas=1)
    assert first_ready(world) == pytest.approx(30, abs=2)


def test_an_image_that_the_node_has_is_not_pulled_again() -> None:
    world = Behaving.new("a", timing=SLOW)
    world.deploy(replicas=1)
    world.advance(60)
    world.change("apps/deployments", "web", replicas=2)
    assert first_ready(world, 2) == pytest.approx(10, abs=2)


@pytest.mark.parametrize(
    ("annotation", "value", "after", "ready"),
    [
        pytest.param("ready-after", "90", 60, 0, id="a slow one is not ready early"),
        pytest.param("ready-after", "90", 120, 1, id="a slow one is ready in the end"),
        pytest.param("ready-after", "never", 3600, 0, id="a broken one never is"),
    ],
)
def test_an_annotation_says_when_a_pod_is_ready(annotation: str, value: str, after: int, ready: int) -> None:
    world = Behaving.new("a")
    world.deploy(replicas=1, annotations={ANNOTATION + annotation: value})
    world.advance(after)
    assert world.ready() == ready
    assert [each["status"]["phase"] for each in world.pods()] == ["Running"]


@pytest.mark.parametrize(
    ("said", "grace", "gone_after"),
    [
        pytest.param("", None, 5, id="a container answers in its time"),
        pytest.param("15", None, 15, id="or in the time that it says"),
        pytest.param("never", None, 30, id="or when its grace period ends"),
        pytest.param("never", 3, 3, id="or the one that the caller gives"),
    ],
)
def test_a_pod_leaves_gracefully(said: str, grace: int | None, gone_after: int) -> None:
    world = Behaving.new("a", timing=SLOW)
    world.create(PODS, "web", {"containers": [{"name": "m", "image": "i"}]}, metadata={"annotations": note(said)})
    world.advance(60)
    world.delete_pod("web", grace=grace)
    for second in range(60):
        if not world.pods():
            assert second == pytest.approx(gone_after, abs=1.5)
            return
        world.advance(1)
    raise AssertionError("still there")


def note(terminates_after: str) -> dict[str, str]:
    return {ANNOTATION + "terminates-after": terminates_after} if terminates_after else {}


def taints(world: Behaving, node: str) -> set[tuple[str, str]]:
    found = world.get(NODES, node)["spec"].get("taints", ())
    return {(each["key"].removeprefix("node.kubernetes.io/"), each["effect"]) for each in found}


def test_a_new_node_takes_pods_when_it_is_ready() -> None:
    world = Behaving.new()
    world.deploy(replicas=1)
    world.node("a")
    world.advance(5)
    assert taints(world, "a") == {("not-ready", "NoSchedule")}
    assert world.placed() == [""]
    world.advance(20)
    assert (taints(world, "a"), world.placed()) == (set(), ["a"])


def test_a_lost_node_is_unknown_then_its_pods_go_but_for_daemons() -> None:
    world = Behaving.new("a", "b")
    world.deploy(replicas=2)
    world.deploy("agent", resource=DAEMONS)
    world.advance(60)
    silence(world.live, "a")
    world.advance(45)
    assert world.ready() == 4
    world.advance(10)
    assert (condition(world.get(NODES, "a"), "Ready") or {})["status"] == "Unknown"
    assert taints(world, "a") == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}
    assert world.ready() == 2
    world.advance(330)
    leaving = [p["metadata"]["labels"]["app"] for p in world.pods("a") if "deletionTimestamp" in p["metadata"]]
    assert leaving == ["web"]  # nobody ends it: its kubelet does not answer
    assert world.ready() == 3
    revive(world.live, "a")
    world.advance(60)
    assert (taints(world, "a"), [p["metadata"]["labels"]["app"] for p in world.pods("a")]) == (set(), ["agent"])
    assert world.ready() == 4


def test_the_pods_of_a_node_that_is_gone_are_collected_after_a_quarantine() -> None:
    world = Behaving.new("a", "b")
    world.deploy(replicas=2)
    world.advance(60)
    world.live.objects.delete(NODES, ("", "a"))
    world.advance(30)
    assert world.placed() == ["a", "b"]
    world.advance(30)
    assert world.placed() == ["b", "b"]


def test_a_launched_instance_becomes_a_node_and_a_terminated_one_goes() -> None:
    world = Behaving.new("a")
    world.deploy(replicas=1)
    world.advance(60)
    launch(world.live, {"metadata": {"name": "b"}, "spec": {}, "status": {}})
    world.advance(70)
    assert len(world.live.objects.of(NODES)) == 1
    world.advance(20)
    assert is_true(world.get(NODES, "b"), "Ready")
    terminate(world.live, "a")
    world.advance(5)
    assert (world.placed(), len(world.live.objects.of(NODES))) == (["a"], 2)
    world.advance(90)
    assert (world.placed(), len(world.live.objects.of(NODES))) == (["b"], 1)


@pytest.mark.parametrize("cordoned", [True, False])
def test_a_cordon_is_a_taint(cordoned: bool) -> None:
    world = Behaving.new("a")
    world.change(NODES, "a", unschedulable=True)
    world.advance(1)
    world.change(NODES, "a", unschedulable=cordoned)
    world.advance(1)
    assert taints(world, "a") == ({("unschedulable", "NoSchedule")} if cordoned else set())


def test_a_no_execute_taint_drives_off_what_does_not_tolerate_it() -> None:
    world = Behaving.new("a", "b")
    world.deploy(replicas=4)
    world.deploy("tough", replicas=1, pod={"tolerations": [{"key": "broken", "operator": "Exists"}]})
    world.advance(60)
    world.change(NODES, "a", taints=[{"key": "broken", "effect": "NoExecute"}])
    world.change(NODES, "b", unschedulable=True)
    world.advance(60)
    assert {each["metadata"]["labels"]["app"] for each in world.pods("a")} <= {"tough"}
    assert world.placed().count("") == 2


def test_the_same_world_behaves_alike_when_time_is_scaled() -> None:
    """The served world runs the code of the virtual one: here ten minutes in a fraction of a second."""
    world, done = a_world(scale=1200.0), threading.Event()
    living = LivingWorld(world, virtual=False)
    with Driver(living.timeline):
        with world.lock:
            served = Behaving(living.of(world.clusters["c"]))
            served.node("a")
            served.deploy(replicas=2)
            living.timeline.after(300, done.set)
        assert done.wait(20)
        with world.lock:
            assert served.ready() == 2
            assert {each["metadata"]["namespace"] for each in served.pods()} == {SHOP}
