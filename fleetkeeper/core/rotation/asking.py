"""Why a pod of a node in work does not go at this tick: a Job that may end, a refusal, a volume, a budget, no room."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core.budgets import PASSING
from fleetkeeper.core.rotation.facts import Facts, Mover
from fleetkeeper.core.rotation.seen import Outcome, Refusal
from fleetkeeper.core.rotation.tokens import Pool

CRITICAL = 2_000_000_000
"""The least priority of system-cluster-critical and system-node-critical (kubernetes, PriorityClass, 1.36)."""
_LONGEST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Reason:
    """since: from when on nothing about it has changed, as far as can be seen. pool: the budget's or workload's.

    passive: it is not for the drain to go on with, and takes up no place among the nodes in work.
    """

    why: str
    since: datetime
    pool: Pool | None = None
    again: timedelta | None = None
    refusal: Refusal | None = None
    passive: bool = False


def is_job(mover: Mover) -> bool:
    return mover.pod.kind in PASSING


def reason(mover: Mover, began: datetime, facts: Facts) -> Reason | None:
    """None where it may go now, as far as all but room and the other pods of its node are concerned."""
    if is_job(mover):
        return Reason("it is of a Job, and may end by itself", began + facts.rules.jobs, passive=True)
    if found := _refused(mover, facts):
        return found
    if found := _volume(mover, began, facts):
        return found
    if not mover.pool.spare(mover.pod):
        return _spent(mover, began)
    return None


def _refused(mover: Mover, facts: Facts) -> Reason | None:
    """After a refusal it is asked again when the server said, or after a pause that grows with the time it lasts."""
    refusal = facts.seen.refusals.get(mover.pod.uid)
    if refusal is None or refusal.eviction.outcome in (Outcome.ACCEPTED, Outcome.GONE):
        return None
    pause = timedelta(seconds=refusal.eviction.retry_after)
    if not pause and refusal.eviction.outcome is not Outcome.CONFLICT:
        pause = min((refusal.at - refusal.since) / 2, _LONGEST_PAUSE)
    left = refusal.at + pause - facts.seen.now
    if left <= timedelta():
        return None
    why = f"the API server refused it ({refusal.eviction.outcome})"
    return Reason(why, refusal.since, mover.budgets[0] if mover.budgets else None, left, refusal)


def _volume(mover: Mover, began: datetime, facts: Facts) -> Reason | None:
    """Pods with volumes of their own go one at a time, the next once all of the workload's volumes have arrived."""
    pod, load = mover.pod, mover.load
    if not pod.claims or not pod.controller or not facts.is_pinned(pod):
        return None
    unready = load.live - load.ready - (not pod.ready)
    if load.missing or unready or load.out:
        why = f"{load.name} moves one pod with a volume at a time, and another is not Ready yet"
    elif load.unsettled:
        why = f"{load.unsettled}, and {load.name} moves one pod with a volume at a time"
    else:
        return None
    return Reason(why, _since(load, began), load)


def _spent(mover: Mover, began: datetime) -> Reason:
    pool = mover.pool
    budget = pool.budget
    if budget is None:
        why = f"{pool.ready} of {max(pool.live, pool.size or 0)} pods of {pool.name} are Ready, and it has no budget"
    elif not budget.observed:
        why = f"PDB {pool.place} was not counted yet since it changed"
    else:
        why = f"PDB {pool.place} has no disruption left"
    return Reason(why, _since(pool, began), pool)


def _since(pool: Pool, began: datetime) -> datetime:
    return max(began, pool.changed_at) if pool.changed_at else began
