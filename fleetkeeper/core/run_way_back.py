"""Until when the members of a run can be taken back, by what their own upgrade steps remember."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.run import Role, Step, StepState, Task
from fleetkeeper.core.run_words import typed
from fleetkeeper.core.way_back import WayBack, clock, left, promised
from fleetkeeper.core.wording import counted

UPGRADE, ROLLBACK = "upgrade-control-plane", "rollback-control-plane"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Another run took the control plane of a member of this one back. idx: the member's task; at: when that ended."""

    idx: int
    run: str
    at: datetime


def ways_back(steps: Iterable[Step], now: datetime, taken: Iterable[TakenBack] = ()) -> dict[int, WayBack]:
    """Task → the way back that its last move of the control plane opened; only those that are still open.

    taken: what other runs took back, whenever that was.
    """
    upgrades = _upgrades(steps)
    gone = taken_ways(upgrades.values(), taken)
    found = {idx: promised(step.memory) for idx, step in upgrades.items() if idx not in gone}
    return {idx: way for idx, way in found.items() if way and way.until and now < way.until}


def taken_ways(steps: Iterable[Step], taken: Iterable[TakenBack]) -> dict[int, TakenBack]:
    """Task → what took its way back: the first rollback by another run that ended after its own upgrade had."""
    upgrades, found = _upgrades(steps), dict[int, TakenBack]()
    for each in sorted(taken, key=lambda one: one.at, reverse=True):
        own = upgrades.get(each.idx)
        if own is not None and each.at > (own.ended_at or own.since):
            found[each.idx] = each
    return found


def _upgrades(steps: Iterable[Step]) -> dict[int, Step]:
    """Task → its upgrade of the control plane, where that was its last move."""
    last: dict[int, Step] = {}
    for step in sorted(steps, key=lambda each: each.idx):
        if step.kind in (UPGRADE, ROLLBACK) and (step.state is StepState.SUCCEEDED or _undone(step)):
            last[step.key.idx] = step
    return {idx: step for idx, step in last.items() if step.kind == UPGRADE}


def _undone(step: Step) -> bool:
    """An upgrade that an abort followed to its end is called undone, and stays."""
    return step.state is StepState.UNDONE and bool(step.memory.get("ended"))


def soonest(ways: dict[int, WayBack], tasks: Sequence[Task]) -> tuple[tuple[Task, WayBack], ...]:
    """The members with a way back, those first whose time ends first."""
    members = [task for task in tasks if task.role is Role.MEMBER and task.key.idx in ways]
    return tuple(
        sorted(((task, ways[task.key.idx]) for task in members), key=lambda pair: (_end(pair[1]), pair[0].rank))
    )


def _end(way: WayBack) -> float:
    return way.until.timestamp() if way.until else 0.0


def taken_text(taken: TakenBack) -> str:
    """`was taken back by run rollback-3f2a-1, 26 Nov 14:10 UTC`."""
    return f"was taken back by run {taken.run}, {clock(taken.at)}"


def end_note(steps: Iterable[Step], tasks: Sequence[Task], now: datetime, taken: Iterable[TakenBack] = ()) -> str:
    """What is told at the end of a run: how many members can be taken back, and until when; "" where none can."""
    found = soonest(ways_back(steps, now, taken), tasks)
    if not found:
        return ""
    task, way = found[0]
    command = typed("rollback", task.key.run)
    first = f", {task.name} first" if len(found) > 1 else ""
    until = clock(way.until) if way.until else ""
    return (
        f"{counted(len(found), 'member')} can be taken back by `{command}` for {left(way, now)}, until {until}{first}"
    )
