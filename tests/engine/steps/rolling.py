"""A managed group of two nodes a minor behind its control plane, and the step that rolls it, tick by tick."""

from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Verdict
from fleetkeeper.engine.writers import CloudWriter
from fleetkeeper.sim.world import SimNodeGroup
from tests.engine.steps.nodes import join_group
from tests.engine.steps.walking import Place, Walk
from tests.sim.worlds import a_cluster


def behind() -> Place:
    """The control plane is at 1.35, and two nodes of the group main at 1.34."""
    made = Place(a_cluster(version="1.35"))
    join_group(made)
    return made


def group(place: Place) -> SimNodeGroup:
    return place.cluster.node_groups["main"]


def walk(place: Place, **other: str) -> Walk:
    return place.walk("update-nodegroup", **{"group": "main", "to": "1.35", **other})


def begun(place: Place) -> int:
    return len(place.cluster.eks.updates)


def cloud(place: Place) -> CloudWriter:
    scope = place.subject().scope
    assert scope is not None
    return place.world.writers.cloud(scope)


def later(run: Walk, minutes: float) -> Verdict:
    """The verdict after so long, looked at every 20 seconds as the step asks for."""
    verdict = run.tick()
    for _ in range(round(minutes * 3)):
        run.place.later(seconds=20)
        verdict = run.tick()
        if isinstance(verdict, Failed | Done | Blocked):
            break
    return verdict


def begin(place: Place, **other: str) -> Walk:
    run = walk(place, **other)
    assert isinstance(run.ticks(2), Act)
    return run
