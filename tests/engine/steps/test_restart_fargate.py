"""restart-fargate: workloads with pods on older Fargate nodes are restarted once, and the rest is named."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.restarts import RESTARTED_AT, RESTARTED_BY
from fleetkeeper.core.verdict import Act, Blocked, Done, Skip, Undone, Verdict, Wait
from fleetkeeper.errors import ParamError
from fleetkeeper.sim.aws.living_workers import LivingWorkers
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.world import Object
from tests.engine.steps.nodes import NEW, OLD, annotate, deploy, inside, join, kubelets, pods
from tests.engine.steps.walking import TOKEN, Place, Walk, told
from tests.sim.controllers.behaving import DAEMONS, DEPLOYMENTS, JOBS, PODS, SHOP, STATEFUL

FARGATE = {"eks.amazonaws.com/compute-type": "fargate"}
ON_FARGATE = {"nodeSelector": FARGATE}


@pytest.fixture
def place() -> Place:
    """Two Fargate nodes on 1.34."""
    made = Place()
    for number in range(2):
        join(made, f"i-f{number}", number, OLD, **FARGATE)
    made.later(seconds=20)
    return made


def walk(place: Place) -> Walk:
    return place.walk("restart-fargate", to="1.35")


def full(place: Place) -> None:
    """A Fargate node takes one pod: nothing new goes to those that are there, and two new ones are ready."""
    workers = LivingWorkers(place.living)
    for name in names(place):
        workers.cordon(place.cluster, name, on=True)
    for number in range(2, 4):
        join(place, f"i-f{number}", number, NEW, **FARGATE)
    place.later(seconds=20)


def names(place: Place) -> list[str]:
    return [name for _, name in place.cluster.objects["/nodes"]]


def later(run: Walk, minutes: float) -> Verdict:
    """The verdict after so long; Fargate takes a node away when its pod is gone."""
    workers = LivingWorkers(run.place.living)
    verdict = run.tick()
    for _ in range(round(minutes * 2)):
        run.place.later(seconds=30)
        used = {each["spec"].get("nodeName") for each in pods(run.place)}
        for name in names(run.place):
            if name not in used:
                workers.remove_node(run.place.cluster, name)
        verdict = run.tick()
    return verdict


def notes(place: Place, resource: str = DEPLOYMENTS, name: str = "web") -> dict[str, str]:
    template: Object = inside(place).get(resource, name)["spec"]["template"]
    return dict(template["metadata"].get("annotations") or {})


def test_the_workloads_are_restarted_once_and_waited_for(place: Place) -> None:
    deploy(place, replicas=2, pod=ON_FARGATE)
    full(place)
    run = walk(place)
    act = run.look()
    assert isinstance(act, Act)
    assert act.what == "restart Deployment shop/web: their pods on Fargate get kubelets of 1.35"
    run.ticks(2)
    assert notes(place) == {RESTARTED_AT: "2026-11-20T09:01:00Z", RESTARTED_BY: TOKEN}
    wait = run.tick()
    assert isinstance(wait, Wait)
    assert (
        "2 of 4 Fargate nodes older than 1.35; restarted, and not all of it is new yet: Deployment shop/web" in wait.why
    )
    done = later(run, 5)
    assert isinstance(done, Done), done
    assert kubelets(place) == [NEW] * 2


def test_a_stateful_set_is_restarted_too(place: Place) -> None:
    deploy(place, "db", 1, resource=STATEFUL, pod=ON_FARGATE)
    full(place)
    run = walk(place)
    run.ticks(2)
    assert notes(place, STATEFUL, "db")[RESTARTED_BY] == TOKEN
    assert isinstance(later(run, 5), Done)


@pytest.mark.parametrize("ticks_before", [1, 2], ids=["after the intent", "after the act"])
def test_a_crash_leaves_one_restart(place: Place, ticks_before: int) -> None:
    deploy(place, replicas=2, pod=ON_FARGATE)
    full(place)
    before = inside(place).get(DEPLOYMENTS, "web")["metadata"]["generation"]
    run = walk(place)
    run.ticks(ticks_before)
    again = replace(run)
    assert isinstance(later(again, 5), Done)
    assert inside(place).get(DEPLOYMENTS, "web")["metadata"]["generation"] == before + 1


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_leaves_one_restart(place: Place, kind: str) -> None:
    deploy(place, replicas=2, pod=ON_FARGATE)
    full(place)
    before = inside(place).get(DEPLOYMENTS, "web")["metadata"]["generation"]
    place.living.world.faults = [Fault("kube", kind, verb="patch", count=1)]
    run = walk(place)
    run.ticks(4)
    assert isinstance(later(run, 5), Done)
    assert inside(place).get(DEPLOYMENTS, "web")["metadata"]["generation"] == before + 1


def test_nodes_of_other_kinds_do_not_matter(place: Place) -> None:
    full(place)
    deploy(place, replicas=1, pod=ON_FARGATE)
    workers = LivingWorkers(place.living)
    for name in names(place)[:2]:
        workers.remove_node(place.cluster, name)
    join(place, "i-1", 9, OLD, **{"karpenter.sh/nodepool": "general"})
    place.later(seconds=60)
    done = walk(place).look()
    assert isinstance(done, Done)
    assert "2 Fargate nodes at 1.35 or newer" in done.note


def test_without_fargate_it_is_skipped() -> None:
    assert isinstance(walk(Place()).look(), Skip)


def on_delete(place: Place) -> None:
    deploy(place, "db", 1, resource=STATEFUL, pod=ON_FARGATE, updateStrategy={"type": "OnDelete"})


def with_partition(place: Place) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    deploy(place, "db", 1, resource=STATEFUL, pod=ON_FARGATE, updateStrategy=strategy)


def of_a_daemon_set(place: Place) -> None:
    deploy(place, "agent", resource=DAEMONS, pod=ON_FARGATE)


def bare(place: Place) -> None:
    spec = {"nodeName": names(place)[0], "containers": [{"name": "main", "image": "web:1"}]}
    inside(place).create(PODS, "bare", spec, metadata={"labels": {"app": "web"}}, status={"phase": "Pending"})
    place.later(seconds=20)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(on_delete, r"shop/db-0 \(StatefulSet shop/db: .*OnDelete\)\)", id="of a StatefulSet by OnDelete"),
        pytest.param(with_partition, r"shop/db-0 \(StatefulSet shop/db: its partition", id="below a partition"),
        pytest.param(of_a_daemon_set, r"shop/agent-\S+ \(of DaemonSet/agent\)", id="of a DaemonSet"),
        pytest.param(bare, r"shop/bare \(of no controller\)", id="without a controller"),
    ],
)
def test_pods_that_no_restart_moves_are_named(place: Place, change: Callable[[Place], None], says: str) -> None:
    change(place)
    blocked = walk(place).look()
    assert isinstance(blocked, Blocked), blocked
    assert re.search(f"2 of 2 Fargate nodes older than 1.35; no restart moves {says}", blocked.why), blocked
    assert "delete pod" in blocked.fix


def test_a_paused_deployment_is_left_alone_and_its_owner_called(place: Place) -> None:
    deploy(place, replicas=1, pod=ON_FARGATE)
    inside(place).change(DEPLOYMENTS, "web", paused=True)
    annotate(place, DEPLOYMENTS, SHOP, "web", team="team-shop")
    blocked = walk(place).look()
    assert isinstance(blocked, Blocked)
    assert "(Deployment shop/web: it is paused)" in blocked.why
    assert blocked.owner == "team-shop"
    assert notes(place) == {}


def test_a_deployment_of_no_replicas_is_left_alone(place: Place) -> None:
    deploy(place, replicas=1, pod=ON_FARGATE)
    (pod,) = pods(place)
    objects = inside(place).live.objects
    held = {"finalizers": ["example.com/x"]}
    name = pod["metadata"]["name"]
    objects.edit(PODS, SHOP, name, lambda obj: {**obj, "metadata": {**obj["metadata"], **held}})
    inside(place).change(DEPLOYMENTS, "web", replicas=0)
    place.later(seconds=60)
    wait = walk(place).look()
    assert isinstance(wait, Wait), wait
    assert notes(place) == {}


def test_jobs_end_by_themselves(place: Place) -> None:
    work: dict[str, Any] = {**ON_FARGATE, "containers": [{"name": "main", "image": "job:1"}], "restartPolicy": "Never"}
    inside(place).create(JOBS, "import", {"template": {"spec": work}})
    place.later(seconds=10)
    wait = walk(place).look()
    assert isinstance(wait, Wait)
    assert "these jobs end by themselves: shop/import-" in wait.why


def test_a_rollout_that_does_not_get_on_blocks_with_its_owner(place: Place) -> None:
    deploy(place, replicas=1, pod=ON_FARGATE)
    annotate(place, DEPLOYMENTS, SHOP, "web", owner="team-shop")
    workers = LivingWorkers(place.living)
    for name in names(place):
        workers.cordon(place.cluster, name, on=True)
    run = walk(place)
    run.ticks(2)
    assert isinstance(run.tick(), Wait)
    place.later(minutes=11)
    blocked = run.tick()
    assert isinstance(blocked, Blocked), blocked
    assert "Deployment shop/web does not get on" in blocked.why
    assert blocked.owner == "team-shop"


def test_undoing_takes_nothing_back(place: Place) -> None:
    deploy(place, replicas=1, pod=ON_FARGATE)
    run = walk(place)
    run.ticks(2)
    assert isinstance(run.undo(), Undone)
    assert "nothing to take back" in told(run.undo())
    assert notes(place)[RESTARTED_BY] == TOKEN


def test_it_refuses_a_minor_that_is_none() -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("restart-fargate", to="latest")
    assert "is not a Kubernetes version such as 1.36" in refused.value.wrong["to"]
