"""Deleting a pod past its budget: only with a recorded approval, one at a time, and only when every age is reached.

The ages are Zalando's (cluster-lifecycle-manager, 2026). Nothing but a budget is overridden: a pod that has a local
disk, that nothing would bring back or that asks to stay is not, and neither is one that terminates already.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from fleetkeeper.core.live import LivePod
from fleetkeeper.core.rotation.asking import is_job
from fleetkeeper.core.rotation.facts import Facts, Mover, OldNode
from fleetkeeper.core.rotation.obstacles import is_held_by_budget
from fleetkeeper.core.rotation.rules import Force


def forced(homes: Iterable[OldNode], facts: Facts) -> tuple[LivePod, ...]:
    """At most one: the oldest drain first."""
    force, seen = facts.rules.force, facts.seen
    if force is None or (seen.forced_at is not None and seen.now - seen.forced_at < force.apart):
        return ()
    for home in sorted(homes, key=lambda each: (each.began_at or seen.now, each.name)):
        if home.began_at is None or seen.now - home.began_at < force.drain:
            continue
        for mover in sorted(home.movers, key=lambda each: (each.pod.priority, each.pod.place)):
            if _may_be_deleted(mover, force, facts):
                return (mover.pod,)
    return ()


def _may_be_deleted(mover: Mover, force: Force, facts: Facts) -> bool:
    now, pod = facts.seen.now, mover.pod
    if is_job(mover) or not is_held_by_budget(mover, facts) or not _is_older(pod.created_at, now, force.pod):
        return False
    return all(_is_steady(each, force, now) for each in _siblings(mover, facts))


def _siblings(mover: Mover, facts: Facts) -> list[LivePod]:
    """The other pods of its budgets."""
    selectors = [each.budget.selector for each in mover.budgets if each.budget is not None]
    return [
        each
        for each in facts.seen.pods
        if each.namespace == mover.pod.namespace
        and each.name != mover.pod.name
        and not each.has_ended
        and any(selector is not None and selector.accepts(each.labels) for selector in selectors)
    ]


def _is_steady(pod: LivePod, force: Force, now: datetime) -> bool:
    """One that leaves is not: its replacement is still to come."""
    if pod.leaving_since is not None:
        return False
    if pod.ready:
        return _is_older(pod.ready_since or pod.created_at, now, force.siblings_ready)
    return _is_older(pod.created_at, now, force.siblings_unready)


def _is_older(since: datetime | None, now: datetime, than: timedelta) -> bool:
    return since is not None and now - since >= than
