"""Findings become items: what is compulsory and dated, until when, and whether somebody is at it already."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fleetkeeper.core.finding import Breaks, Severity
from fleetkeeper.core.lifecycle import State, Tracked
from fleetkeeper.core.model import ClusterId
from fleetkeeper.core.notices.clocks import Clocks
from fleetkeeper.core.notices.deadlines import Removal, deadline_of
from fleetkeeper.core.notices.keys import cluster_key
from fleetkeeper.core.notices.values import Deadline, Item, ItemKey
from fleetkeeper.core.owners import Owned
from fleetkeeper.core.plan import Plan
from fleetkeeper.core.readiness import Entry
from fleetkeeper.core.run import Role, Step, StepState, Task, TaskState
from fleetkeeper.core.wording import day

_BREAKS = (Breaks.AT_UPGRADE, Breaks.AT_NODES)
_AT_WORK = (TaskState.RUNNING, TaskState.PENDING, TaskState.ABORTING)


@dataclass(frozen=True, slots=True)
class Where:
    """The cluster of an item. busy: why a fix is visibly under way there, "" when none is."""

    id: ClusterId
    name: str
    environment: str
    clocks: Clocks
    busy: str = ""


def item_of(entry: Entry, owned: Owned, where: Where) -> Item:
    """What is waived is nothing that has to be done, and says so."""
    finding = entry.finding
    deadline = deadline_for(entry, where.clocks)
    tracked = Tracked(finding, entry.state, entry.first_seen, entry.last_seen, entry.since, None, entry.times)
    return Item(
        key=ItemKey(cluster_key(where.id), finding.fingerprint),
        cluster_id=where.id,
        cluster=where.name,
        environment=where.environment,
        tracked=tracked,
        owned=owned,
        campaign=where.clocks.campaign,
        deadline=deadline,
        must=tracked.counts and entry.waiver is None and is_compulsory(entry, deadline),
        busy=_busy(entry, where) if tracked.counts else "",
    )


def deadline_for(entry: Entry, clocks: Clocks) -> Deadline | None:
    """The earliest clock of what has to be mended for the way to the target; of anything else its own date alone.

    A date of its own that was over before anybody saw the finding is none that anybody could keep.
    """
    finding = entry.finding if _has_own_date(entry) else replace(entry.finding, deadline=None)
    if finding.blocks or finding.breaks in _BREAKS:
        return deadline_of(finding, clocks.deadline, clocks.clock, clocks.waves, clocks.removal)
    own = clocks.removal
    is_clouds = own.removal is not None and own.removal == finding.deadline
    return deadline_of(finding, None, "", removal=Removal(None, own.removal, own.clock) if is_clouds else None)


def is_compulsory(entry: Entry, deadline: Deadline | None) -> bool:
    """Whether somebody has to act by a date: what a hop waits for, and warnings of what breaks on the way there.

    Of what breaks at a date only that date counts; what is only told (INFO) is never compulsory.
    """
    finding = entry.finding
    if deadline is None or finding.severity is Severity.INFO:
        return False
    return finding.blocks or finding.breaks in _BREAKS or (finding.breaks is Breaks.AT_DATE and _has_own_date(entry))


def _has_own_date(entry: Entry) -> bool:
    own = entry.finding.deadline
    return own is not None and (entry.finding.blocks or own > entry.first_seen)


def _busy(entry: Entry, where: Where) -> str:
    if entry.waiver:
        waiver = entry.waiver
        return f"waived until {waiver.expires} by {waiver.approver}: {waiver.reason}"
    if entry.state is State.UNCONFIRMED:
        proven = f"on {day(entry.proven_at)}" if entry.proven_at else "once the API server's metrics are seen"
        return f"its caller changed on {day(entry.since)}, and quiet proves it {proven}"
    return where.busy


def busy_of(run: str, plan: Plan, tasks: Iterable[Task], steps: Iterable[Step]) -> dict[ClusterId, str]:
    """The clusters that a run works on now. One that waits for a person is not being mended by anybody."""
    waiting = {step.key for step in steps if step.kind == "propose" and step.state is StepState.WAITING}
    found: dict[ClusterId, str] = {}
    for task in tasks:
        if task.role is Role.MEMBER and task.state in _AT_WORK and task.started_at is not None:
            cluster = plan.members[task.key.idx].cluster
            is_open = task.key in waiting
            found[cluster] = f"a proposal of wave {run} is open" if is_open else f"wave {run} is at work on it"
    return found
