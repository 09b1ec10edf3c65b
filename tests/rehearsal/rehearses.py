"""A rehearsal of made-up clusters in a process of its own, as the command runs it: for tests that end it, or count it.

`python -m tests.rehearsal.rehearses NODES PLAYS [beside-a-thread] [blocked] [URL]` rehearses a plan of three clusters,
and prints what came of it as canonical JSON; a connection to the database of the URL is open meanwhile. On stderr it
says what it does, and how processes were begun.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

from fleetkeeper.adapters.store.runs import SqlRuns
from fleetkeeper.cli.signals import ending_in_order
from fleetkeeper.config import StoreSettings
from fleetkeeper.core.model import SeenCluster
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.engine.planning import StoredFleet
from fleetkeeper.rehearsal.machine import Limits
from fleetkeeper.rehearsal.rehearse import Progress, Rehearser
from fleetkeeper.values import to_json
from tests.rehearsal.clusters import blocked, placed, plan_of, snapshot_of

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
NAMES = ("big", "second", "third")


@dataclass
class Fleet:
    """What is stored of each cluster and what each shows, by name."""

    snapshots_of: dict[str, Snapshot]
    shows: dict[str, Placed]

    def snapshots(self, *_: object) -> Iterator[Snapshot]:
        yield from self.snapshots_of.values()

    def of(self, cluster: SeenCluster) -> Placed:
        return self.shows[cluster.name]


def fleet(nodes: int, is_blocked: bool) -> tuple[Fleet, Plan]:
    """Three clusters, of which one is blocked, if that is wanted; and a plan that moves the nodes of all of them."""
    found, members, plan = Fleet({}, {}), [], None
    for number, name in enumerate(NAMES):
        seen = placed(nodes, AT, seed=7 + number)
        if is_blocked and number == 1:
            seen = blocked(seen)
        snapshot = snapshot_of(seen, parallel=max(2, nodes // 10))
        id = replace(snapshot.cluster.id, arn=snapshot.cluster.id.arn.replace("/big", f"/{name}"))
        snapshot = replace(snapshot, cluster=replace(snapshot.cluster, id=id, name=name))
        plan = plan_of(snapshot)
        members.append(replace(plan.members[0], idx=number))
        found.snapshots_of[name], found.shows[name] = snapshot, seen
    assert plan is not None
    return found, replace(plan, members=tuple(members))


def rehearser(fleet: Fleet, plays: int, memory: int = sys.maxsize) -> Rehearser:
    return Rehearser(
        fleet=cast(StoredFleet, fleet),
        placements=fleet,
        durations=lambda _: (),
        progress=_progress,
        limits=Limits(plays, memory),
        settle=_settle,
    )


def _progress(at: Progress) -> None:
    print(f"{at.number}/{at.of} {at.member} {at.end or 'begins'}", file=sys.stderr, flush=True)


def _settle(name: str) -> None:
    began = "forked" if hasattr(sys, "rehearses_here") else "served"
    print(f"{name} {began}", file=sys.stderr, flush=True)


def main() -> None:
    nodes, plays, *more = sys.argv[1:]
    sys.rehearses_here = True  # type: ignore[attr-defined]  # what is forked from here has it too
    over = threading.Event()
    if "beside-a-thread" in more:
        threading.Thread(target=over.wait, daemon=True).start()
    found, plan = fleet(int(nodes), "blocked" in more)
    with ExitStack() as stack:
        stack.enter_context(ending_in_order())
        stores = [stack.enter_context(closing(SqlRuns(StoreSettings(each)))) for each in more if ":" in each]
        before = [each.next_due() for each in stores]  # they have connections by now, which what is forked inherits
        print(to_json(rehearser(found, int(plays)).rehearse(plan)))
        assert [each.next_due() for each in stores] == before
    over.set()


if __name__ == "__main__":
    main()
