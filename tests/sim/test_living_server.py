"""A served world that lives: what EKS does moves its nodes and pods through their controllers, in virtual time."""

from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.aws.living_workers import LivingWorkers, evict
from fleetkeeper.sim.aws.workers import Draining
from fleetkeeper.sim.build import build
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.touch import touch
from fleetkeeper.sim.world import Object, SimCluster
from tests.sim.controllers.behaving import BUDGETS, DAEMONS, DEPLOYMENTS, Behaving
from tests.sim.fleet_of_three import eks_of, simulator
from tests.sim.kube_wire import get

NODES, PODS, API = "/api/v1/nodes", "/api/v1/pods", "/api/v1/namespaces/payments/pods"

__all__ = ["simulator"]


@pytest.fixture
def cluster(simulator: Simulator) -> SimCluster:
    """payments: one group of three nodes, an api of three pods of which two must stay."""
    return simulator.world.clusters["payments"]


def listed(cluster: SimCluster, path: str) -> dict[str, Object]:
    """A LIST of the served API, by name."""
    return {each["metadata"]["name"]: each for each in get(cluster, path, "test").json()["items"]}


def ready(objects: dict[str, Object]) -> set[str]:
    return {
        name
        for name, each in objects.items()
        if "deletionTimestamp" not in each["metadata"]
        and {"Ready": "True"}.items() <= {c["type"]: c["status"] for c in each["status"].get("conditions", ())}.items()
    }


def roll(simulator: Simulator, cluster: SimCluster, **more: Any) -> dict[str, str]:
    """Start to roll the group; what names its update."""
    group = {"clusterName": cluster.name, "nodegroupName": "general"}
    update = eks_of(simulator, cluster).update_nodegroup_version(**group, **more)["update"]
    return {"name": cluster.name, "nodegroupName": "general", "updateId": update["id"]}


def budget(simulator: Simulator, cluster: SimCluster, name: str, **spec: Any) -> None:
    selector = {
        "matchLabels": cluster.objects["apps/deployments"]["payments", "api"]["spec"]["selector"]["matchLabels"]
    }
    body = {"metadata": {"name": name, "namespace": "payments"}, "spec": {"selector": selector, **spec}}
    touch(simulator.living, simulator.kube, {"cluster": cluster.key, "set": {"put": {BUDGETS: [body]}}})


def test_a_roll_moves_every_pod_and_respects_the_budget(simulator: Simulator, cluster: SimCluster) -> None:
    old, pods, eks = listed(cluster, NODES), listed(cluster, PODS), eks_of(simulator, cluster)
    update, fewest = roll(simulator, cluster), 3
    for _ in range(360):
        simulator.advance(5)
        fewest = min(fewest, len(ready(listed(cluster, API))))
    assert eks.describe_update(**update)["update"]["status"] == "Successful"
    assert fewest == 2
    new, moved = listed(cluster, NODES), listed(cluster, PODS)
    assert len(new) == 3
    assert not new.keys() & old.keys()
    assert ready(new) == new.keys()
    assert ready(moved) == moved.keys()
    assert len(moved) == len(pods)
    assert {each["spec"]["nodeName"] for each in moved.values()} <= new.keys()


def test_a_drain_takes_its_time_and_the_api_shows_it(simulator: Simulator, cluster: SimCluster) -> None:
    old = listed(cluster, NODES)
    roll(simulator, cluster)
    simulator.advance(timedelta(minutes=2, seconds=1))  # 30 s to set up, 90 s to boot
    fresh = listed(cluster, NODES).keys() - old.keys()
    assert len(fresh) == 6
    assert not ready({name: each for name, each in listed(cluster, NODES).items() if name in fresh})
    simulator.advance(20)
    nodes = listed(cluster, NODES)
    assert ready(nodes) == nodes.keys()
    assert {name for name, each in nodes.items() if each["spec"].get("unschedulable")} == old.keys()
    leaving = [each for each in listed(cluster, PODS).values() if "deletionTimestamp" in each["metadata"]]
    assert leaving
    assert {each["spec"]["nodeName"] for each in leaving} <= old.keys()
    assert {
        c["reason"] for each in leaving for c in each["status"]["conditions"] if c["type"] == "DisruptionTarget"
    } == {"EvictionByEvictionAPI"}


@pytest.mark.parametrize(
    "blocking",
    [
        pytest.param({"api": {"maxUnavailable": 0}}, id="a budget without room"),
        pytest.param({"api": {"minAvailable": 2}, "twin": {"minAvailable": 1}}, id="two budgets of one pod"),
    ],
)
def test_a_budget_that_blocks_fails_the_roll_after_15_minutes(
    simulator: Simulator, cluster: SimCluster, blocking: dict[str, Any]
) -> None:
    cluster.objects[BUDGETS] = {}
    for name, spec in blocking.items():
        budget(simulator, cluster, name, **spec)
    old, eks = listed(cluster, NODES), eks_of(simulator, cluster)
    kept = {name: each["spec"]["nodeName"] for name, each in listed(cluster, API).items()}
    update, started = roll(simulator, cluster), simulator.timeline.now()
    while (seen := eks.describe_update(**update)["update"])["status"] == "InProgress":
        simulator.advance(timedelta(minutes=1))
        assert simulator.timeline.now() - started < timedelta(hours=2)
    assert (seen["status"], [each["errorCode"] for each in seen["errors"]]) == ("Failed", ["PodEvictionFailure"])
    assert simulator.timeline.now() - started >= timedelta(minutes=17)  # 2 until the first drain, which has 15
    simulator.advance(timedelta(hours=1))
    nodes, pods = listed(cluster, NODES), listed(cluster, API)
    blocker = seen["errors"][0]["resourceIds"][0]
    assert blocker in kept.values()
    assert {name for name, node in kept.items() if node == blocker} <= pods.keys()
    assert len(nodes) == len(old)
    assert not [name for name, each in nodes.items() if each["spec"].get("unschedulable")]


def test_force_takes_the_nodes_of_pods_that_may_not_go(simulator: Simulator, cluster: SimCluster) -> None:
    cluster.objects[BUDGETS] = {}
    budget(simulator, cluster, "api", maxUnavailable=0)
    old, eks = listed(cluster, NODES), eks_of(simulator, cluster)
    update = roll(simulator, cluster, force=True)
    simulator.advance(timedelta(hours=3))
    assert eks.describe_update(**update)["update"]["status"] == "Successful"
    assert not listed(cluster, NODES).keys() & old.keys()
    assert len(ready(listed(cluster, API))) == 3


def test_an_upgrade_of_the_control_plane_ends_and_wakes_nobody(simulator: Simulator, cluster: SimCluster) -> None:
    eks = eks_of(simulator, cluster)
    update = eks.update_cluster_version(name=cluster.name, version="1.35")["update"]
    simulator.advance(timedelta(minutes=7))
    assert eks.describe_update(name=cluster.name, updateId=update["id"])["update"]["status"] == "InProgress"
    simulator.advance(timedelta(minutes=2))
    assert eks.describe_update(name=cluster.name, updateId=update["id"])["update"]["status"] == "Successful"
    assert get(cluster, "/version", "test").json()["minor"] == "35"
    assert not list(simulator.living.awake())


def test_reading_wakes_nobody(simulator: Simulator) -> None:
    for cluster in simulator.world.clusters.values():
        listed(cluster, NODES)
        eks_of(simulator, cluster).describe_cluster(name=cluster.name)
    simulator.advance(timedelta(days=1))
    assert not list(simulator.living.awake())
    assert simulator.timeline.next_due() is None


def test_virtual_time_passes_for_every_face_when_it_is_advanced(simulator: Simulator) -> None:
    before = simulator.world.now()
    assert before == simulator.world.epoch
    simulator.advance(timedelta(days=400))
    assert simulator.world.now() == simulator.timeline.now() == before + timedelta(days=400)


def test_a_touched_deployment_rolls_out(simulator: Simulator, cluster: SimCluster) -> None:
    before = listed(cluster, API)
    change = {"images": {"payments/Deployment/api": "registry.example/api:2"}}
    touch(simulator.living, simulator.kube, {"cluster": cluster.key, "set": change})
    simulator.advance(timedelta(minutes=5))
    after = listed(cluster, API)
    assert not before.keys() & after.keys()
    assert ready(after) == after.keys()
    assert {each["spec"]["containers"][0]["image"] for each in after.values()} == {"registry.example/api:2"}


def test_scaled_time_drives_the_controllers_of_a_served_world() -> None:
    world = build(scenario_file.load(scenario_file.find("three")))
    world.scale = 2000.0
    with Simulator(world, tokens={"test": User("test", ("system:masters",))}) as running:
        cluster = world.clusters["payments"]
        before = listed(cluster, API)
        change = {"images": {"payments/Deployment/api": "registry.example/api:2"}}
        touch(running.living, running.kube, {"cluster": cluster.key, "set": change})
        begun = running.timeline.now()
        while before.keys() & (after := listed(cluster, API)).keys():
            assert running.timeline.now() - begun < timedelta(hours=10)
        assert after


def test_a_pod_that_never_ends_fails_the_roll(simulator: Simulator, cluster: SimCluster) -> None:
    node = next(iter(listed(cluster, NODES)))
    pod = next(each for each in listed(cluster, API).values() if each["spec"]["nodeName"] == node)
    spec = {**pod["spec"], "terminationGracePeriodSeconds": 7200}
    stuck = {"name": "stuck", "namespace": "payments", "annotations": {"sim.fleetkeeper/terminates-after": "never"}}
    put = {"/pods": [{"metadata": stuck, "spec": spec, "status": pod["status"]}]}
    touch(simulator.living, simulator.kube, {"cluster": cluster.key, "set": {"put": put}})
    update, eks = roll(simulator, cluster), eks_of(simulator, cluster)
    simulator.advance(timedelta(minutes=59))
    seen = eks.describe_update(**update)["update"]
    assert (seen["status"], [each["errorCode"] for each in seen["errors"]]) == ("Failed", ["PodEvictionFailure"])
    assert seen["errors"][0]["resourceIds"] == [node]
    assert "deletionTimestamp" in listed(cluster, API)["stuck"]["metadata"]


REFUSALS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str]] = {
    "no budget": ({}, [], ""),
    "a budget with room": ({}, [{"minAvailable": 1}], ""),
    "a budget without room": ({}, [{"minAvailable": 2}], "needs 2 healthy pods and has 2 currently"),
    "two budgets": ({}, [{"minAvailable": 0}, {"minAvailable": 0}], "more than one PodDisruptionBudget"),
    "unready pods of a budget that is not met": (
        {"annotations": {"sim.fleetkeeper/ready-after": "never"}},
        [{"minAvailable": 1}],
        "needs 1 healthy pods and has 0 currently",
    ),
    "unready pods of a budget that wants none": (
        {"annotations": {"sim.fleetkeeper/ready-after": "never"}},
        [{"minAvailable": 0}],
        "needs 0 healthy pods and has 0 currently",
    ),
    "a share, rounded up": ({}, [{"minAvailable": "51%"}], "needs 2 healthy pods and has 2 currently"),
    "a share that may be away, rounded up": ({}, [{"maxUnavailable": "34%"}], ""),
    "unready pods that the policy lets go": (
        {"annotations": {"sim.fleetkeeper/ready-after": "never"}},
        [{"minAvailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}],
        "",
    ),
}


@pytest.mark.parametrize("case", REFUSALS, ids=list(REFUSALS))
def test_the_status_of_a_budget_decides(case: str) -> None:
    more, budgets, why = REFUSALS[case]
    run = Behaving.new("a")
    run.deploy(replicas=2, **more)
    for number, spec in enumerate(budgets):
        run.budget(f"web-{number}", **{"selector": {"matchLabels": {"app": "web"}}, **spec})
    run.advance(60)
    first = run.pods()[0]
    said = evict(run.live, first)
    assert why in said if why else said == ""
    assert ("deletionTimestamp" in run.pods()[0]["metadata"]) is not bool(why)


def test_each_eviction_spends_the_budget_until_its_controller_has_looked() -> None:
    run = Behaving.new("a")
    run.deploy(replicas=3)
    run.budget(minAvailable=2)
    run.advance(60)
    said = [evict(run.live, pod) for pod in run.pods()]
    assert [bool(each) for each in said] == [False, True, True]
    assert list(run.status(BUDGETS, "web")["disruptedPods"]) == [run.pods()[0]["metadata"]["name"]]


def test_a_budget_that_nobody_has_counted_refuses() -> None:
    run = Behaving.new("a")
    run.deploy(replicas=2)
    run.advance(60)
    run.budget(minAvailable=0)
    assert "still being processed by the server" in evict(run.live, run.pods()[0])


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        pytest.param(DAEMONS, "still being processed by the server", id="never in sync"),
        pytest.param(DEPLOYMENTS, "failed sync: found no controllers for pod", id="out of sync since"),
    ],
)
def test_a_budget_that_cannot_be_counted_refuses_for_good(resource: str, says: str) -> None:
    run = Behaving.new("a")
    run.deploy(replicas=2, resource=resource)
    run.budget(maxUnavailable=1)
    run.advance(60)
    owner = {"ownerReferences": [{"kind": "Gone", "name": "web", "controller": True, "uid": "1"}]}
    pod = run.pods()[0]
    if resource == DEPLOYMENTS:
        pod = run.live.objects.update("/pods", {**pod, "metadata": {**pod["metadata"], **owner}})
    run.advance(1)
    assert says in evict(run.live, pod)


def test_a_pending_pod_needs_no_budget() -> None:
    run = Behaving.new("a")
    run.deploy(replicas=1, pod={"nodeSelector": {"no": "where"}})
    run.budget(minAvailable=1)
    run.advance(60)
    (pending,) = run.pods()
    assert evict(run.live, pending) == ""
    assert pending["metadata"]["name"] not in {each["metadata"]["name"] for each in run.pods()}


@pytest.mark.parametrize(("wanted", "goes"), [(2, True), (3, False)])
def test_an_unready_pod_may_go_while_its_budget_is_met(wanted: int, goes: bool) -> None:
    run = Behaving.new("a")
    run.deploy(replicas=2)
    run.deploy("slow", replicas=1, annotations={"sim.fleetkeeper/ready-after": "never"})
    both = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "slow"]}]}
    run.budget(selector=both, minAvailable=wanted)
    run.advance(60)
    (slow,) = (each for each in run.pods() if each["metadata"]["labels"]["app"] == "slow")
    assert (evict(run.live, slow) == "") is goes


@pytest.mark.parametrize(("runs", "wanted"), [("", 0), ("5", 1)], ids=["that runs", "that has ended"])
def test_an_evicted_pod_of_nobody_is_not_made_again(runs: str, wanted: int) -> None:
    run = Behaving.new("a")
    metadata = {"labels": {"app": "web"}, "annotations": {"sim.fleetkeeper/runs-for": runs}}
    spec = {"nodeName": "a", "containers": [{"name": "main", "image": "web:1"}]}
    run.create("/pods", "bare", spec, metadata=metadata, status={"phase": "Pending"})
    run.budget(minAvailable=wanted)
    run.advance(60)
    assert run.status("/pods", "bare")["phase"] == ("Succeeded" if runs else "Running")
    assert evict(run.live, run.get("/pods", "bare")) == ""
    run.advance(60)
    assert run.pods() == []


def test_what_is_not_there_is_left_alone() -> None:
    living = LivingWorld(build(scenario_file.load(scenario_file.find("three"))), virtual=True)
    workers, cluster = LivingWorkers(living), living.world.clusters["payments"]
    workers.cordon(cluster, "", on=True)
    workers.remove_node(cluster, "")
    assert workers.evict_all(cluster, "") == Draining(0)
    assert len(cluster.objects["/nodes"]) == 3
