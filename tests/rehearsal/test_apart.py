"""Pods that may not stand beside each other: a rehearsal finds out that one of them has nowhere to go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleetkeeper.core.live import LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.placed_by import placed_by
from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.report import End
from fleetkeeper.core.rehearsal.times import Luck, observed
from fleetkeeper.rehearsal.kinds import lengths
from fleetkeeper.rehearsal.playing import Course, Piece, Room, play
from fleetkeeper.rehearsal.seeding import Seed
from tests.rehearsal.clusters import NEW, placed, plan_of, snapshot_of

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
NODES = 4


def one_on_each(seen: Placed, *, apart: bool) -> Placed:
    """A workload with a pod on each node, of which one at a time may be away."""
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    rule = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    usual = next(each for each in seen.pods if each.controller.startswith("Deployment/"))
    around = placed_by(rule, None) if apart else ""

    def web(number: int, node: str) -> LivePod:
        own = {"name": f"web-{number}", "uid": f"uid-web-{number}", "controller": "Deployment/web", "node": node}
        return replace(usual, labels={"app": "web"}, around=around, **own)  # type: ignore[arg-type]

    pods = tuple(web(number, each.name) for number, each in enumerate(seen.nodes))
    budget = Budget("shop", "web", selector=Labels({"app": "web"}), maximum_unavailable="1")
    counted = replace(budget, expected=NODES, desired=NODES - 1, healthy=NODES, allowed=1)
    return Placed(seen.at, seen.nodes, pods, (counted,))


def drained(place: Room, seen: Placed) -> Course:
    """Two of its nodes emptied, one after the other, with no node in their place."""
    names = tuple(each.name for each in seen.nodes[:2])
    step = StepSpec("empty", "drain-nodes", {"nodes": names}, timeout=timedelta(hours=6))
    snapshot = snapshot_of(seen, parallel=1)
    plan = plan_of(snapshot, step)
    piece = Piece(plan.header, plan.members[0], lengths((step,), {}, Luck.USUAL))
    return play(place, Seed(snapshot, seen, observed(seen), NEW), piece, Luck.USUAL)


def test_pods_that_may_share_a_node_all_move(place: Room) -> None:
    found = drained(place, one_on_each(placed(NODES, AT), apart=False))
    assert (found.end, found.evictions) == (End.DONE, 2)


def test_the_second_of_two_that_may_not_is_held_by_their_budget(place: Room) -> None:
    found = drained(place, one_on_each(placed(NODES, AT), apart=True))
    assert (found.end, found.evictions) == (End.BLOCKED, 1)
    assert "shop/web-1: PDB shop/web allows 0 more disruptions" in found.why
    assert "has no node: node(s) didn't match pod anti-affinity rules, node(s) were unschedulable" in found.why
    assert found.fix.startswith("let a node take shop/web-")
