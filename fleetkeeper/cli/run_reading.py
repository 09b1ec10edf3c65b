"""Reads a run for the screen: rows, freezes and the newest of its log."""

from typing import TYPE_CHECKING

from fleetkeeper.errors import UsageError

if TYPE_CHECKING:
    from fleetkeeper.core.run import Event, Rows
    from fleetkeeper.core.run_page import Seen
    from fleetkeeper.engine.run_ports import StoredRun
    from fleetkeeper.keeper import Keeper


def stored(keeper: "Keeper", id: str) -> "StoredRun":
    """A run by its id or the beginning of it; UsageError when there is none, or more than one."""
    found = keeper.run(id)
    if found is None:
        raise UsageError(f"there is no run {id}, or more than one begins so: `fleetkeeper get runs` lists them")
    return found


def id_of(keeper: "Keeper", id: str) -> str:
    """The whole id of a run by the beginning of it, also of one whose plan is not what was approved."""
    every = [each.id for each in keeper.runs()]
    near = [id] if id in every else [each for each in every if each.startswith(id)]
    if len(near) != 1:
        raise UsageError(f"there is no run {id}, or more than one begins so: `fleetkeeper get runs` lists them")
    return near[0]


def rows(keeper: "Keeper", id: str) -> "Rows":
    """What can be read of a run without its plan; UsageError as of `stored`."""
    found = keeper.rows(id_of(keeper, id))
    if found is None:
        raise UsageError(f"there is no run {id}: `fleetkeeper get runs` lists them")
    return found


def screen(keeper: "Keeper", found: "StoredRun", last: "tuple[Event, ...]" = (), every: bool = False) -> "Seen":
    from fleetkeeper.core.run_page import Seen

    now = keeper.ports.clock.now()
    freezes = tuple(each for each in keeper.freezes() if each.until is None or each.until > now)
    return Seen(
        run=found.run,
        plan=found.plan,
        units=found.units,
        tasks=found.tasks,
        steps=found.steps,
        approvals=found.approvals,
        freezes=freezes,
        events=last,
        every=every,
        taken=found.taken,
    )


class Log:
    """The log of a run, read on from where the last read ended."""

    def __init__(self, keeper: "Keeper", run: str) -> None:
        self._keeper, self._run, self._after = keeper, run, 0

    def news(self) -> "list[Event]":
        """Everything that came since the last call."""
        found: list[Event] = []
        while page := self._keeper.events(self._run, self._after):
            self._after = page[-1].id
            found += [each.event for each in page]
        return found
