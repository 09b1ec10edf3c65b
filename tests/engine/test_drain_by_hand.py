"""A drain by hand on the whole engine, in virtual time: it ends by itself, and an abort takes back what is ours."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.node_drain import Drain, drain_playbook
from fleetkeeper.core.run import RunState, Verb
from fleetkeeper.core.selector import Selector
from fleetkeeper.sim.kube.state_log import key_of
from fleetkeeper.sim.world import Object
from tests.engine.live import world_of
from tests.engine.virtual import VirtualFleet, virtual_fleet
from tests.sim.controllers.behaving import NODES, PODS

CLUSTERS = """
[[cluster]]
name = "alpha"
template = ["small"]
account = "111122223333"
region = "eu-west-1"
version = "1.35"
tags = { environment = "prod", ring = "canary", service = "alpha", owner = "team-alpha" }
[[cluster.workload]]
namespace = "shop"
name = "web"
images = ["ghcr.io/example/shop-web:4.2.0"]
replicas = 2
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[VirtualFleet]:
    with virtual_fleet(world_of(CLUSTERS), tmp_path) as made:
        made.observe()
        yield made


def nodes(fleet: VirtualFleet) -> list[Object]:
    (cluster,) = fleet.engine.living.world.clusters.values()
    return list(fleet.engine.living.of(cluster).objects.of(NODES))


def begun(fleet: VirtualFleet, *names: str) -> str:
    plan = fleet.plan(drain_playbook(Drain("alpha", names, "a noisy disk")))
    assert plan.members, plan.header.left
    run = fleet.start(plan)
    fleet.say(Verb.APPROVE, plan.header.id, "bob")
    return run


def names(fleet: VirtualFleet) -> list[str]:
    (seen,) = fleet.keeper.fleet(Selector(), (parts.NODES,)).clusters
    return sorted(each.name for each in seen.value(parts.NODES) or ())


def ours(fleet: VirtualFleet) -> list[str]:
    return [
        key_of(each)[1]
        for each in nodes(fleet)
        if each["spec"].get("unschedulable")
        or "fleetkeeper.dev/rotation" in (each["metadata"].get("annotations") or {})
    ]


def test_a_node_is_emptied_and_stays_cordoned(fleet: VirtualFleet) -> None:
    name = names(fleet)[0]
    run = begun(fleet, name)
    fleet.until(fleet.now + timedelta(hours=2), [run])
    assert fleet.run(run).run.state is RunState.SUCCEEDED
    assert ours(fleet) == [name]
    (cluster,) = fleet.engine.living.world.clusters.values()
    left = [each for each in fleet.engine.living.of(cluster).objects.of(PODS) if each["spec"].get("nodeName") == name]
    assert {each["metadata"]["ownerReferences"][0]["kind"] for each in left} <= {"DaemonSet"}


def test_an_abort_in_the_middle_makes_it_schedulable_again(fleet: VirtualFleet) -> None:
    name = names(fleet)[0]
    run = begun(fleet, name)
    while not ours(fleet):
        fleet.until(fleet.now + timedelta(seconds=1), [run])
    fleet.say(Verb.ABORT, run)
    fleet.until(fleet.now + timedelta(hours=1), [run])
    assert fleet.run(run).run.state is RunState.ABORTED
    assert ours(fleet) == []
