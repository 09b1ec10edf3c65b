"""A pod that its budget never lets go, in virtual time: force waits for its approval and for its ages."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from fleetkeeper.core.node_drain import Drain, drain_playbook
from fleetkeeper.core.playbook import Param
from fleetkeeper.core.rotation.rules import Force
from fleetkeeper.core.run import RunState, Verb
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_log import Change, Event
from fleetkeeper.sim.world import Object
from tests.engine.live import world_of
from tests.engine.test_drain_by_hand import CLUSTERS
from tests.engine.virtual import LOOKS_AGAIN, VirtualFleet, virtual_fleet
from tests.sim.controllers.behaving import PODS

NEVER_SPARED = f'{CLUSTERS}max_unavailable = "0"\n'
OLD_ENOUGH = timedelta(hours=73)
DRAIN = Force("").drain


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[VirtualFleet]:
    with virtual_fleet(world_of(NEVER_SPARED), tmp_path) as made:
        made.until(made.now + OLD_ENOUGH)
        made.observe()
        yield made


def objects(fleet: VirtualFleet) -> Objects:
    (cluster,) = fleet.engine.living.world.clusters.values()
    return fleet.engine.living.of(cluster).objects


def web(fleet: VirtualFleet) -> list[Object]:
    return [each for each in objects(fleet).of(PODS) if each["metadata"]["namespace"] == "shop"]


def begun(fleet: VirtualFleet, **params: Param) -> str:
    """A drain of a node with a pod of the workload."""
    name = web(fleet)[0]["spec"]["nodeName"]
    drain = Drain("alpha", (name,), "it must go", tuple(params.items()), timedelta(hours=36))
    plan = fleet.plan(drain_playbook(drain))
    assert plan.members, plan.header.left
    run = fleet.start(plan)
    fleet.say(Verb.APPROVE, plan.header.id, "bob")
    return run


def test_the_pod_is_deleted_once_the_drain_is_old_enough_with_the_approval_of_the_plan(fleet: VirtualFleet) -> None:
    started, deleted = fleet.now, []

    def hear(event: Event) -> None:
        if (
            event.change is Change.DELETED
            and event.resource == PODS
            and event.object["metadata"]["namespace"] == "shop"
        ):
            deleted.append((event.object["metadata"]["uid"], fleet.now - started))

    stays, goes = sorted(web(fleet), key=lambda each: each is web(fleet)[0])
    objects(fleet).subscribe(hear)
    run = begun(fleet, force="plan", never_movable="set-aside")
    fleet.until(fleet.now + DRAIN + timedelta(hours=1), [run])
    assert fleet.run(run).run.state is RunState.SUCCEEDED
    ((uid, after),) = deleted
    assert uid == goes["metadata"]["uid"]
    assert DRAIN <= after < DRAIN + LOOKS_AGAIN
    assert stays["metadata"]["uid"] in {each["metadata"]["uid"] for each in web(fleet)}
    assert "delete 1 pod past its budget, as bob approved" in "\n".join(each.event.text for each in fleet.log(run))


@pytest.mark.parametrize(
    "force",
    [pytest.param({}, id="nobody asked for force"), pytest.param({"force": "all/go"}, id="nobody approved its gate")],
)
def test_without_its_approval_no_age_is_enough(fleet: VirtualFleet, force: dict[str, Param]) -> None:
    before = {each["metadata"]["uid"] for each in web(fleet)}
    run = begun(fleet, never_movable="set-aside", **force)
    fleet.until(fleet.now + DRAIN + timedelta(hours=1), [run])
    assert fleet.run(run).run.state is RunState.BLOCKED
    assert {each["metadata"]["uid"] for each in web(fleet)} == before
