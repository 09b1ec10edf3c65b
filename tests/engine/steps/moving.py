"""What tests of control planes share: fresh insights, moves by somebody else, and ways in which a world is not well."""

from collections.abc import Callable
from datetime import timedelta

from fleetkeeper.core import model, parts
from fleetkeeper.core.verdict import Failed, Verdict
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import CloudWriter, VersionUpdate
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.insights import recompute
from fleetkeeper.sim.aws.living_workers import LivingWorkers
from fleetkeeper.sim.aws.workers import NodeOrder
from fleetkeeper.sim.world import SimInsight
from tests.engine.steps.walking import Place, Walk

Change = Callable[[Place], None]

OTHERS = "of-somebody-else-entirely-000000"


def cloud(place: Place) -> CloudWriter:
    scope = place.subject().scope
    assert scope is not None
    return place.world.writers.cloud(scope)


def fresh(place: Place) -> None:
    """EKS has just computed the insights of its present minor."""
    recompute(place.cluster, place.now)


def someone_moves(place: Place, to: str, token: str = OTHERS) -> str:
    return cloud(place).update_version(VersionUpdate("shop", Minor.parse(to)), token)


def upgraded(place: Place, to: str = "1.35") -> None:
    """An upgrade that has ended, and fresh insights after it."""
    someone_moves(place, to, f"up-to-{to}")
    place.later(minutes=10)
    fresh(place)


def knows_support(place: Place) -> None:
    """What EKS says of its minors is stored."""
    place.store.scope_values[parts.CLUSTER_VERSIONS] = tuple(
        model.SupportedVersion(Minor.parse(each.name), each.standard_until, each.extended_until)
        for each in catalog().released(place.now)
    )


def insight(
    status: str, minor: str, category: str = "UPGRADE_READINESS", name: str = "Cluster health issues"
) -> Change:
    def change(place: Place) -> None:
        made = SimInsight("i-1", name, category, status, minor, "why so", refreshed_at=place.now)
        place.cluster.insights["i-1"] = made

    return change


def aged(days: int) -> Change:
    def change(place: Place) -> None:
        for each in place.cluster.insights.values():
            each.refreshed_at = place.now - timedelta(days=days)

    return change


def status(text: str) -> Change:
    def change(place: Place) -> None:
        place.cluster.status = text

    return change


def up(place: Place) -> Walk:
    return place.walk("upgrade-control-plane", **{"from": "1.34", "to": "1.35"})


def back(place: Place, **more: float) -> Walk:
    params: dict[str, str | float] = {"from": "1.35", "to": "1.34", **more}
    return place.walk("rollback-control-plane", **params)


def moves(place: Place) -> list[str]:
    """The kinds and ends of the control plane's updates, in their order."""
    every = sorted(place.cluster.eks.updates.values(), key=lambda each: each.number)
    return [f"{each.type} {each.status}" for each in every if not each.addon and not each.node_group]


def ended(run: Walk, minutes: float = 10) -> Verdict:
    """The verdict after the act and so many minutes."""
    run.ticks(3)
    run.place.later(minutes=minutes)
    return run.tick()


def failed(verdict: Verdict) -> Failed:
    assert isinstance(verdict, Failed), verdict
    return verdict


def join_at(place: Place, kubelet: str, kind: str = "ec2") -> None:
    """A node of so old or new a kubelet, and insights that have seen it."""
    labels = {"eks.amazonaws.com/compute-type": kind}
    with place.living.world.lock:
        order = NodeOrder("i-new", "eu-west-1a", "10.9.0.1", kubelet, labels)
        LivingWorkers(place.living).create_node(place.cluster, order)
    fresh(place)
