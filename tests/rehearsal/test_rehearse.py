"""Plans rehearsed over clusters as a reader sees them: how long, what stands in the way, and what is told of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from fleetkeeper.core.model import SeenCluster
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.playbook import GateSpec, StepSpec, When
from fleetkeeper.core.rehearsal.picture import svg
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.prices import Prices
from fleetkeeper.core.rehearsal.report import End, Look, Rehearsal, Rehearsed
from fleetkeeper.core.rehearsal.times import Luck, observed
from fleetkeeper.core.rehearsal.words import in_seconds, lines
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.engine.planning import StoredFleet
from fleetkeeper.errors import Unreachable, UsageError
from fleetkeeper.rehearsal.company import Company
from fleetkeeper.rehearsal.kinds import lengths
from fleetkeeper.rehearsal.member import Read, Trial
from fleetkeeper.rehearsal.players import Alone
from fleetkeeper.rehearsal.playing import Course, Piece, Room, play
from fleetkeeper.rehearsal.rehearse import Rehearser
from fleetkeeper.rehearsal.seeding import Seed
from tests.rehearsal.clusters import GROUP, NEW, blocked, placed, plan_of, snapshot_of

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
NODES = 6


def rehearsed(place: Room, seen: Placed, *steps: StepSpec, prices: Prices | None = None) -> Rehearsed:
    snapshot = snapshot_of(seen, parallel=2)
    plan = plan_of(snapshot, *steps)
    measured = {step.kind: () for step in plan.members[0].steps}
    trial = Trial(plan.header, plan.members[0], Read(snapshot, seen), observed(seen), measured, prices or Prices())
    (found,) = Company(Alone(place)).rehearse(iter([trial]))
    return found


def course(place: Room, seen: Placed, luck: Luck, times_of: Placed | None = None) -> Course:
    snapshot = snapshot_of(seen, parallel=2)
    plan = plan_of(snapshot)
    piece = Piece(plan.header, plan.members[0], lengths((), {}, luck))
    return play(place, Seed(snapshot, seen, observed(times_of or seen), NEW), piece, luck)


def test_a_group_that_nothing_blocks_is_moved_to_its_end(place: Room) -> None:
    seen = placed(NODES, AT)
    found = rehearsed(place, seen)
    assert (found.end, found.why) == (End.DONE, "")
    assert found.nodes == NODES
    moved = [each for each in seen.pods if not each.controller.startswith("DaemonSet/")]
    assert found.lost == 0
    assert found.evictions >= len(moved)  # EKS takes its surge down again, with the pods that are on it by then
    assert all(each.below == 0 and each.away <= each.allowed for each in found.budgets)
    assert found.blockers == ()
    assert found.goes_well


def test_the_range_is_in_order_and_not_below_its_bound(place: Room) -> None:
    found = rehearsed(place, placed(NODES, AT))
    assert found.length is not None
    assert found.bound is not None
    assert found.bound <= found.length.low <= found.length.usual <= found.length.high
    assert found.length.low < found.length.high


def test_the_same_is_rehearsed_twice_alike(place: Room) -> None:
    first, second = (rehearsed(place, placed(NODES, AT)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_the_range_holds_what_such_a_cluster_with_other_luck_then_takes(place: Room, seed: int) -> None:
    """Another draw of the same delays: its pods stand elsewhere, and each workload has times of its own."""
    found, other = rehearsed(place, placed(NODES, AT)), course(place, placed(NODES, AT, seed=seed), Luck.USUAL)
    assert found.length is not None
    assert found.length.low <= timedelta(seconds=other.seconds) <= found.length.high


def test_a_budget_that_never_lets_go_is_named_with_its_pod_and_owner(place: Room) -> None:
    found = rehearsed(place, blocked(placed(NODES, AT)))
    assert found.end is End.BLOCKED
    assert "shop/ledger" in found.why
    blocker = found.blockers[0]
    assert (blocker.pod, blocker.controller, blocker.owner) == ("shop/ledger-0", "Deployment/ledger", "payments")
    assert "PDB shop/ledger" in blocker.why
    assert "spare one pod, or run one pod more" in blocker.fix
    assert found.length is None
    assert found.freed is not None
    assert found.freed.low <= found.freed.usual <= found.freed.high


def a_drain(seen: Placed, count: int, **more: str) -> StepSpec:
    names = tuple(each.name for each in seen.nodes[:count])
    return StepSpec("empty", "drain-nodes", {"nodes": names, **more}, timeout=timedelta(days=1))


def test_a_drain_of_our_own_moves_every_pod_once(place: Room) -> None:
    seen = placed(NODES, AT, pods_each=4)  # the other nodes have room for them
    found = rehearsed(place, seen, a_drain(seen, 2))
    assert (found.end, found.why, found.nodes, found.lost) == (End.DONE, "", 2, 0)
    old = {each.name for each in seen.nodes[:2]}
    moved = [each for each in seen.pods if each.node in old and each.is_drained]
    assert found.evictions == len(moved)
    assert all(each.below == 0 for each in found.budgets)
    assert found.surge.node_hours == {}
    assert found.bound is not None
    assert found.length is not None
    assert found.bound <= found.length.low


def test_a_drain_that_a_budget_blocks_names_it_before_anything_moves(place: Room) -> None:
    seen = blocked(placed(NODES, AT))
    held = next(each for each in seen.pods if each.name == "ledger-0")
    names = (held.node,)
    found = rehearsed(place, seen, StepSpec("empty", "drain-nodes", {"nodes": names}, timeout=timedelta(days=1)))
    assert (found.end, found.evictions) == (End.BLOCKED, 0)
    assert found.blockers[0].pod == "shop/ledger-0"
    assert found.freed is not None


def test_what_is_not_played_takes_its_usual_time_and_is_called_so(place: Room) -> None:
    steps = (StepSpec("backup", "backup", {}, timeout=timedelta(hours=3)), plan_of_update())
    found = rehearsed(place, placed(NODES, AT), *steps)
    backup, update = found.steps
    assert (backup.simulated, backup.length.usual) == (False, timedelta(minutes=10))
    assert (update.simulated, found.end) == (True, End.DONE)


def plan_of_update() -> StepSpec:
    return StepSpec("nodes", "update-nodegroup", {"group": GROUP, "to": str(NEW)}, timeout=timedelta(days=1))


def test_surge_costs_only_what_prices_are_configured_for(place: Room) -> None:
    priced = rehearsed(place, placed(NODES, AT), prices=Prices({"m6i.xlarge": 2.0}))
    assert priced.surge.hours > 0
    assert priced.surge.usd == pytest.approx(2 * priced.surge.hours)
    assert Prices({"m5.large": 1.0}).of(priced.surge.node_hours) is None
    assert Prices.of_settings({"default": 3.0}).of({"x": 2.0}) == 6.0


def test_without_observations_it_says_uncalibrated(place: Room) -> None:
    seen = placed(NODES, AT)
    pods = tuple(replace(each, ready_since=None) for each in seen.pods)
    found = rehearsed(place, replace(seen, pods=pods))
    assert not found.calibrated
    assert found.basis[0].startswith("uncalibrated")
    assert rehearsed(place, seen).calibrated


# ---- a whole plan


@dataclass
class Reads:
    """The live look: what a cluster shows, or that nobody answers."""

    found: Placed | None

    def of(self, cluster: SeenCluster) -> Placed:
        if self.found is None:
            raise Unreachable(f"{cluster.name}: connection refused")
        return self.found


@dataclass
class Stored:
    """The stored fleet of one cluster."""

    snapshot: Snapshot

    def snapshots(self, *_: object) -> Iterator[Snapshot]:
        yield self.snapshot


def rehearsal(found: Placed | None, *gates: GateSpec) -> tuple[Rehearser, Plan]:
    snapshot = snapshot_of(placed(NODES, AT), parallel=2)
    fleet = cast(StoredFleet, Stored(snapshot))
    return Rehearser(fleet, Reads(found), lambda _: ()), plan_of(snapshot, gates=gates)


def test_a_cluster_that_does_not_answer_is_told_as_not_rehearsed() -> None:
    made, plan = rehearsal(None)
    (member,) = made.rehearse(plan).members
    assert member.end is End.NOT_REHEARSED
    assert "connection refused" in member.why


def test_a_name_that_the_plan_does_not_have_is_refused_with_those_it_has() -> None:
    made, plan = rehearsal(None)
    with pytest.raises(UsageError, match="has no member small; it has: big"):
        made.rehearse(plan, "small")


def test_gates_and_soaks_are_told_apart_and_not_counted() -> None:
    soak = GateSpec("watch", "soak", When.AFTER, {"for": "24h"})
    asked = GateSpec("go", "approval", When.BEFORE)
    made, plan = rehearsal(placed(NODES, AT), asked, soak)
    found = made.rehearse(plan)
    assert [(each.what, each.length) for each in found.pauses] == [
        ("approval go before stage all", None),
        ("soak watch after stage all", timedelta(days=1)),
    ]
    assert found.length == found.members[0].length
    assert found.length is not None
    assert found.length.high < timedelta(hours=12)


# ---- what is told


def told(found: Rehearsed) -> Rehearsal:
    return Rehearsal("plan-1", (found,), (), found.length)


def test_the_lines_say_what_matters_first(place: Room) -> None:
    text = "\n".join(lines(told(rehearsed(place, blocked(placed(NODES, AT))))))
    assert text.startswith("Rehearsal of plan plan-1: 1 cluster\n\nbig: BLOCKED: ")
    assert "once what blocks it is out of the way" in text
    assert "shop/ledger-0 of Deployment/ledger on " in text
    assert "(owner: payments)" in text


def test_the_document_holds_lengths_in_seconds(place: Room) -> None:
    found = rehearsed(place, placed(NODES, AT))
    assert found.length is not None
    document = in_seconds(found)
    assert document["length"]["usual"] == found.length.usual.total_seconds()
    assert document["end"] == "done"
    assert json.dumps({**document, "begun_at": None})


def test_the_picture_has_a_line_for_each_step_and_node_and_escapes_names(place: Room) -> None:
    found = rehearsed(place, placed(NODES, AT))
    drawn = svg(told(replace(found, member="a<b")))
    assert drawn.startswith("<svg ")
    assert "a&lt;b" in drawn
    assert drawn.count("<title>") == sum(len(row.spans) for row in found.rows)
    assert "prefers-color-scheme: dark" in drawn


def test_the_picture_shows_where_nothing_moved_in_another_colour(place: Room) -> None:
    found = rehearsed(place, blocked(placed(NODES, AT)))
    looks = {span.look for row in found.rows for span in row.spans}
    assert Look.BLOCKED in looks
    assert 'class="blocked"' in svg(told(found))
