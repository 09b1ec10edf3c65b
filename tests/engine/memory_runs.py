"""Plans and runs in memory, as far as making and starting plans asks for them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.plan import Member, Plan
from fleetkeeper.core.plan_file import contradiction
from fleetkeeper.core.run import OVER, Event, Run, Task, Unit
from fleetkeeper.engine.assess import Assessor
from fleetkeeper.engine.planning import Planner, StoredFleet
from fleetkeeper.engine.run_ports import Runs, StoredRun
from fleetkeeper.engine.start import Starter
from fleetkeeper.errors import Tampered
from fleetkeeper.values import digest, from_json


class MemoryRuns:
    """Keeps what it is given, as texts where the digest is of texts. durations: kind → what finished steps took."""

    def __init__(self) -> None:
        self.saved: dict[str, Plan] = {}
        self.created: dict[str, tuple[Run, tuple[Unit, ...], tuple[Task, ...], tuple[Event, ...]]] = {}
        self.took: dict[str, tuple[timedelta, ...]] = {}

    def save_plan(self, plan: Plan, header: str, members: Sequence[str]) -> None:
        assert digest(header) == plan.digest
        self.saved[plan.header.id] = Plan(plan.header, tuple(from_json(each, Member) for each in members), plan.digest)

    def plan(self, id: str) -> Plan | None:
        found = [plan for name, plan in self.saved.items() if name.startswith(id)]
        if len(found) != 1:
            return None
        if reason := contradiction(found[0]):
            raise Tampered(reason)
        return found[0]

    def plans(self) -> tuple[Plan, ...]:
        return tuple(self.saved.values())

    def create_run(self, run: Run, units: Sequence[Unit], tasks: Sequence[Task], events: Sequence[Event]) -> bool:
        if run.id in self.created:
            return False
        self.created[run.id] = (run, tuple(units), tuple(tasks), tuple(events))
        return True

    def run(self, id: str) -> StoredRun | None:
        if id not in self.created:
            return None
        run, units, tasks, _ = self.created[id]
        return StoredRun(run, self.saved[run.plan], units, tasks, (), (), ())

    def runs(self, over: bool = True) -> tuple[Run, ...]:
        return tuple(run for run, *_ in self.created.values() if over or run.state not in OVER)

    def durations(self, kind: str) -> tuple[timedelta, ...]:
        return self.took.get(kind, ())


def planning(assessor: Assessor) -> tuple[Planner, Starter]:
    """Who plans and starts for a Keeper that is made for something else; there are no kinds of steps."""
    runs = cast(Runs, MemoryRuns())
    fleet = StoredFleet(assessor.store, assessor.clock, assessor.stale_after)
    return Planner(fleet, runs, Compat(), assessor, {}, {}, {}), Starter(fleet, runs)
