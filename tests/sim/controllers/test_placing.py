"""Where pods go, their volumes with them, and what goes away with its owner."""

from typing import Any

import pytest

from fleetkeeper.sim.controllers.nodes import silence
from fleetkeeper.sim.controllers.timing import Timing
from fleetkeeper.sim.kube.state import Propagation
from tests.sim.controllers.behaving import (
    ATTACHMENTS,
    CLAIMS,
    DEPLOYMENTS,
    NODES,
    PODS,
    SETS,
    SHOP,
    STATEFUL,
    VOLUMES,
    ZONE,
    Behaving,
)

CLASS = {"provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer", "reclaimPolicy": "Delete"}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "gp3",
        "resources": {"requests": {"storage": "8Gi"}},
    },
}
TIMING = Timing(volume_attach=10, volume_detach=7)


def preferring(zone: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}
    preferred = [{"weight": 10, "preference": term}]
    return {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}}


def near(app: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": ZONE}
    return {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


@pytest.mark.parametrize(
    ("pod", "replicas", "wanted"),
    [
        pytest.param({}, 3, ["a", "b", "c"], id="pods alike are spread"),
        pytest.param(preferring("eu-west-1b"), 2, ["b", "b"], id="a preference weighs more than spreading"),
        pytest.param({"nodeSelector": {ZONE: "eu-west-1c"}}, 2, ["c", "c"], id="a selector decides"),
        pytest.param(near("web"), 2, ["a", "a"], id="pods that want to be together begin anywhere"),
        pytest.param(near("nobody"), 1, [""], id="pods that want to be near nobody wait"),
    ],
)
def test_pods_are_placed(pod: dict[str, Any], replicas: int, wanted: list[str]) -> None:
    world = Behaving.new("a", "b", "c")
    world.deploy(replicas=replicas, pod=pod)
    world.advance(60)
    assert world.placed() == wanted


def test_a_disliked_taint_is_the_last_resort() -> None:
    world = Behaving.new("a", "b")
    world.change(NODES, "a", taints=[{"key": "old", "effect": "PreferNoSchedule"}])
    world.deploy(replicas=3)
    world.advance(60)
    assert world.placed() == ["b", "b", "b"]
    world.change(NODES, "b", unschedulable=True)
    world.change(DEPLOYMENTS, "web", replicas=4)
    world.advance(60)
    assert world.placed() == ["a", "b", "b", "b"]


def test_a_pod_that_waits_goes_where_room_appears() -> None:
    world = Behaving.new("a")
    big = {"containers": [{"name": "m", "image": "i", "resources": {"requests": {"cpu": "1500m"}}}]}
    world.deploy(replicas=2, pod=big)
    world.advance(60)
    waiting = next(each for each in world.pods() if "nodeName" not in each["spec"])
    assert world.why(waiting) == "0/1 nodes are available: 1 Insufficient cpu."
    world.node("b")
    world.advance(60)
    assert world.placed() == ["a", "b"]


def test_a_pod_that_wants_company_goes_where_it_appears() -> None:
    world = Behaving.new("a", "b")
    world.deploy("friend", replicas=1, pod=near("web"))
    world.advance(60)
    assert world.placed() == [""]
    world.deploy("web", replicas=1)
    world.advance(60)
    assert len(set(world.placed())) == 1
    assert world.ready() == 2


def stateful(world: Behaving, replicas: int = 1) -> None:
    world.live.objects.create("storage.k8s.io/storageclasses", {"metadata": {"name": "gp3"}, **CLASS})
    world.deploy(resource=STATEFUL, replicas=replicas, volumeClaimTemplates=[CLAIM])
    world.advance(120)


def attached(world: Behaving) -> list[tuple[str, bool]]:
    found = world.live.objects.of(ATTACHMENTS)
    return sorted((each["spec"]["nodeName"], each["status"]["attached"]) for each in found)


def test_a_volume_is_made_in_the_zone_of_its_pod_and_attached_first() -> None:
    world = Behaving.new("a", "b", timing=TIMING)
    stateful(world)
    pod, volume = world.pods()[0], world.live.objects.of(VOLUMES)[0]
    zone = world.get(NODES, pod["spec"]["nodeName"])["metadata"]["labels"][ZONE]
    term = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]
    assert (term["values"], world.ready()) == ([zone], 1)
    assert world.status(CLAIMS, "data-web-0")["phase"] == "Bound"
    assert attached(world) == [(pod["spec"]["nodeName"], True)]


def test_a_pod_with_a_volume_cannot_leave_its_zone() -> None:
    world = Behaving.new("a", "b")
    stateful(world)
    home = world.placed()[0]
    world.change(NODES, home, unschedulable=True)
    world.delete_pod("web-0")
    world.advance(120)
    assert "node(s) didn't match PersistentVolume's node affinity" in world.why(world.pods()[0])


def test_a_volume_is_detached_before_it_is_attached_elsewhere() -> None:
    world = Behaving.new(timing=TIMING)
    for name in ("a", "b"):
        world.node(name, labels={ZONE: "eu-west-1a"})
    world.advance(60)
    stateful(world)
    home = world.placed()[0]
    world.change(NODES, home, unschedulable=True)
    began = world.seconds()
    world.delete_pod("web-0")
    seen: list[list[tuple[str, bool]]] = []
    while not (world.ready() and world.placed() != [home]):
        world.advance(1)
        seen.append(attached(world))
    assert max(map(len, seen)) == 1  # never on two nodes
    assert world.seconds() - began == pytest.approx(2 + 7 + 10 + 6 + 5, abs=5)


def test_a_volume_is_torn_from_a_lost_node_only_after_six_minutes() -> None:
    world = Behaving.new()
    for name in ("a", "b"):
        world.node(name, labels={ZONE: "eu-west-1a"})
    world.advance(60)
    stateful(world)
    home = world.placed()[0]
    silence(world.live, home)
    world.advance(60)
    world.delete_pod("web-0", grace=0)  # by force: the node does not answer
    world.advance(300)
    assert attached(world) == [(home, True)]
    assert world.ready() == 0
    world.advance(120)
    assert attached(world) == [("b" if home == "a" else "a", True)]


def test_a_deleted_claim_takes_its_volume_along() -> None:
    world = Behaving.new("a")
    stateful(world)
    world.live.objects.delete(STATEFUL, (SHOP, "web"))
    world.advance(60)
    assert len(world.live.objects.of(VOLUMES)) == 1
    world.live.objects.delete(CLAIMS, (SHOP, "data-web-0"))
    world.advance(60)
    assert (world.live.objects.of(VOLUMES), attached(world)) == ([], [])


@pytest.mark.parametrize(
    ("propagation", "sets", "pods"),
    [
        pytest.param(Propagation.BACKGROUND, 0, 0, id="in the background everything goes"),
        pytest.param(Propagation.FOREGROUND, 0, 0, id="in the foreground everything goes"),
        pytest.param(Propagation.ORPHAN, 1, 2, id="orphans stay"),
    ],
)
def test_what_a_deployment_owned(propagation: Propagation, sets: int, pods: int) -> None:
    world = Behaving.new("a")
    world.deploy(replicas=2)
    world.advance(60)
    world.live.objects.delete(DEPLOYMENTS, (SHOP, "web"), propagation=propagation)
    world.advance(60)
    assert world.live.objects.of(DEPLOYMENTS) == []
    assert (len(world.live.objects.of(SETS)), len(world.pods())) == (sets, pods)


def test_in_the_foreground_the_owner_goes_last() -> None:
    world = Behaving.new("a")
    world.deploy(replicas=2)
    world.advance(60)
    gone: list[str] = []
    world.live.objects.subscribe(lambda event: gone.append(event.resource) if event.change == "DELETED" else None)
    world.live.objects.delete(DEPLOYMENTS, (SHOP, "web"), propagation=Propagation.FOREGROUND)
    world.advance(60)
    assert gone == [PODS, PODS, SETS, DEPLOYMENTS]


@pytest.mark.parametrize("other", [True, False])
def test_an_object_lives_as_long_as_one_of_its_owners(other: bool) -> None:
    world = Behaving.new("a")
    owners = [world.create("/configmaps", name) for name in ("first", "second")]
    references = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]}
        for o in owners
    ]
    world.create("/secrets", "held", metadata={"ownerReferences": references[: 2 if other else 1]})
    world.live.objects.delete("/configmaps", (SHOP, "first"))
    world.advance(10)
    held = world.live.objects.get("/secrets", SHOP, "held")
    assert (held is not None and held["metadata"]["ownerReferences"]) == (references[1:] if other else False)


def test_a_namespace_goes_when_all_in_it_is_gone() -> None:
    world = Behaving.new("a")
    world.live.objects.create("/namespaces", {"metadata": {"name": SHOP}, "spec": {"finalizers": ["kubernetes"]}})
    world.deploy(replicas=2)
    world.advance(60)
    world.live.objects.delete("/namespaces", ("", SHOP))
    world.advance(0.5)
    found = world.live.objects.get("/namespaces", "", SHOP)
    assert found is not None
    assert found["status"]["phase"] == "Terminating"
    world.advance(60)
    assert world.live.objects.of("/namespaces") == []
    assert [kind for kind in world.live.objects.resources() if world.live.objects.of(kind, SHOP)] == []


def test_a_finalizer_of_somebody_else_holds_the_namespace() -> None:
    world = Behaving.new("a")
    world.live.objects.create("/namespaces", {"metadata": {"name": SHOP}, "spec": {"finalizers": ["kubernetes"]}})
    world.create("/configmaps", "held", metadata={"finalizers": ["example.com/hold"]})
    world.live.objects.delete("/namespaces", ("", SHOP))
    world.advance(600)
    assert world.live.objects.get("/namespaces", "", SHOP) is not None
