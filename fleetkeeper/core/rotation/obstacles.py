"""Pods that do not go: which, why, since when, whose they are, and what would free them, from what is seen live.

What a budget, an annotation or a finalizer does is told by core/draining; here is what only a live look shows, and
from when on somebody has to see to it.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from fleetkeeper.core import draining
from fleetkeeper.core.draining import Obstacle
from fleetkeeper.core.live import LivePod, LiveVolume, Toleration
from fleetkeeper.core.owner_keys import owner_named
from fleetkeeper.core.rotation.facts import Facts, Mover, OldNode
from fleetkeeper.core.rotation.seen import Outcome, Refusal
from fleetkeeper.core.rotation.tokens import asks_nothing
from fleetkeeper.core.text import safe

_HOST = "kubernetes.io/hostname"
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_LONGEST = 300
_SCHEDULER = re.compile(r"\d+/\d+ nodes are available: (.+)")
_COUNT = re.compile(r"^\d+ ")
_SLACK = timedelta(seconds=30)
"""A kubelet needs a moment beyond the grace of a pod to tell that it is gone."""


def find_stuck(facts: Facts) -> None:
    """Note of every pod whether no waiting helps; `for_good` says why, of the few that are."""
    for home in facts.old.values():
        for mover in home.movers:
            if (mover.budgets and _is_never_let_go(mover)) or _is_stuck_itself(mover.pod, facts):
                mover.is_stuck = True


def is_held_by_budget(mover: Mover, facts: Facts) -> bool:
    """Whether budgets, and nothing else, keep it where it is."""
    if not mover.budgets or _is_stuck_itself(mover.pod, facts):
        return False
    return _is_never_let_go(mover) or (len(mover.budgets) == 1 and not mover.pool.spare(mover.pod))


def _is_never_let_go(mover: Mover) -> bool:
    if mover.pod.phase == "Pending":
        return False
    pool = mover.budgets[0]
    return len(mover.budgets) > 1 or (pool.never and not asks_nothing(mover.pod, pool))


def _is_stuck_itself(pod: LivePod, facts: Facts) -> bool:
    if not pod.controller and not facts.rules.bare:
        return True
    if pod.tolerant or (pod.tolerates and _comes_back(pod.tolerates)):
        return True
    if pod.stays and facts.rules.honours_do_not_disrupt:
        return True
    return bool((pod.claims and _local_volume(pod, facts)) or (pod.selects and _HOST in pod.selects))


def for_good(movers: Iterable[tuple[Mover, datetime | None]], facts: Facts) -> list[Obstacle]:
    """What holds each of these, of which all are stuck for good. The time: since when its node is drained."""
    found: list[Obstacle] = []
    for mover, since in movers:
        each = _own(mover.pod, facts) or _of_budgets(mover, facts)
        if each is not None:
            found.append(replace(each, since=since, for_good=True))
    return found


def _own(pod: LivePod, facts: Facts) -> Obstacle | None:
    owner = owner_named(pod.owner)
    if not pod.controller and not facts.rules.bare:
        why = "nothing would bring it back, for it has no controller"
        return Obstacle(pod, why, "run it by a Deployment, or delete it when it may end", owner)
    if pod.tolerant or _comes_back(pod.tolerates):
        why = "it tolerates cordoned nodes, so that it would come back to this one"
        return Obstacle(pod, why, "let it tolerate only the taints that it is meant for", owner)
    if volume := _local_volume(pod, facts):
        why = f"volume {volume} is a local disk of this node, and the pod starts nowhere else"
        return Obstacle(pod, why, "move what it holds to another replica, then delete its claim and the pod", owner)
    if _HOST in pod.selects:
        why = f"its nodeSelector names the node {safe(pod.selects[_HOST], _LONGEST)}"
        return Obstacle(pod, why, f"take {_HOST} out of its nodeSelector", owner)
    return None


def _of_budgets(mover: Mover, facts: Facts) -> Obstacle | None:
    """In the words of core/draining, which knows budgets, finalizers and do-not-disrupt."""
    budgets = [each.budget for each in mover.budgets if each.budget is not None]
    honours = facts.rules.honours_do_not_disrupt
    return next(iter(draining.obstacles([mover.pod], budgets, karpenter=honours)), None)


def _comes_back(tolerates: tuple[Toleration, ...]) -> bool:
    """Whether a cordon does not keep it away."""
    for each in tolerates:  # a loop, for every pod is asked at every tick
        if each.operator == "Exists" and each.key in ("", _UNSCHEDULABLE) and each.effect in ("", "NoSchedule"):
            return True
    return False


def _local_volume(pod: LivePod, facts: Facts) -> str:
    names = (facts.volumes.get(f"{pod.namespace}/{claim}") for claim in pod.claims)
    return next((each.name for each in names if each and each.nodes), "")


def of_leaving(home: OldNode, facts: Facts) -> list[Obstacle]:
    """Pods that were asked to go and do not: a kubelet that is dead, finalizers, or neither for too long."""
    found: list[Obstacle] = []
    for mover in home.leaving:
        pod, since = mover.pod, mover.pod.leaving_since
        if since is None:
            continue
        overdue = facts.seen.now - since - timedelta(seconds=pod.grace)
        if not home.node.node.ready:
            why = "it is terminating, and the kubelet of its node does not answer"
            fix = f"end the instance of {home.name}, or taint it node.kubernetes.io/out-of-service once it is off"
            found.append(Obstacle(pod, why, fix, owner_named(pod.owner), since=since))
        elif pod.finalizers and overdue > _SLACK:
            found += draining.obstacles([pod], ())
        elif overdue > facts.rules.patience:
            why = f"it is terminating, and its grace of {pod.grace}s is over"
            fix = f"look at the kubelet of {home.name}: kubectl describe pod --namespace {pod.namespace} {pod.name}"
            found.append(Obstacle(pod, why, fix, owner_named(pod.owner), since=since))
    return found


def of_waiting(mover: Mover, why: str, since: datetime, facts: Facts) -> Obstacle:
    """A pod that waits for longer than anybody should have to; a budget's own words where they say more.

    Where what it waits for is a pod that no node takes, that one is named, and what the scheduler says of it.
    """
    found = _waiting(mover, why, since, facts)
    if (other := _unplaced(mover, facts)) is None:
        return found
    why = f"{found.why}; {other.place} has no node: {of_scheduler(other.unplaced)}"
    fix = f"let a node take {other.place}: kubectl --namespace {other.namespace} describe pod {other.name}"
    return replace(found, why=why, fix=fix)


def _unplaced(mover: Mover, facts: Facts) -> LivePod | None:
    """A pod of the same budget, or of the same workload, that the scheduler finds no node for."""
    pod, taking = mover.pod, [each.budget for each in mover.budgets if each.budget is not None]
    for other in facts.waiting:
        if not other.unplaced or other.namespace != pod.namespace:
            continue
        of_it = pod.controller and other.controller == pod.controller  # bare pods have nothing in common
        if of_it or any(each.selector and each.selector.accepts(other.labels) for each in taking):
            return other
    return None


def of_scheduler(message: str) -> str:
    """Its reasons without their counts of nodes, which differ from one look to the next while nodes are emptied."""
    first = message.partition(". ")[0].removesuffix(".")
    if not (found := _SCHEDULER.fullmatch(first)):
        return safe(message, _LONGEST)
    return safe(", ".join(sorted({_COUNT.sub("", each) for each in found[1].split(", ")})), _LONGEST)


def _waiting(mover: Mover, why: str, since: datetime, facts: Facts) -> Obstacle:
    told = _of_budgets(mover, facts) if mover.budgets else None
    if told is not None:
        return replace(told, since=since)
    owner = next((n for each in mover.budgets if each.budget and (n := owner_named(each.budget.owner))), "")
    fix = f"bring the pods of {mover.pool.place} to Ready: kubectl --namespace {mover.pod.namespace} get pods"
    return Obstacle(mover.pod, why, fix, owner or owner_named(mover.pod.owner), since=since)


def of_refusal(mover: Mover, refusal: Refusal) -> Obstacle:
    """In the server's own words, which no budget that is seen explains."""
    why = f"the API server refuses to evict it: {safe(refusal.eviction.message, _LONGEST) or refusal.eviction.outcome}"
    fix = (
        "let the executor create evictions of pods, or mend the admission webhook that refuses it"
        if refusal.eviction.outcome is Outcome.REFUSED
        else f"see kubectl --namespace {mover.pod.namespace} get poddisruptionbudgets"
    )
    return Obstacle(mover.pod, why, fix, owner_named(mover.pod.owner), since=refusal.since)


def of_job(mover: Mover, since: datetime) -> Obstacle:
    why = "its Job has not ended in the time that the rotation gives to Jobs"
    fix = f"wait for it, or delete it: kubectl --namespace {mover.pod.namespace} delete pod {mover.pod.name}"
    return Obstacle(mover.pod, why, fix, owner_named(mover.pod.owner), since=since)


def of_attachment(user: LivePod, volume: LiveVolume, home: OldNode, since: datetime) -> Obstacle:
    why = f"volume {volume.name} is still attached to {home.name}, which has no pod left that uses it"
    fix = f"see kubectl get volumeattachments, and the CSI driver on {home.name}"
    return Obstacle(user, why, fix, owner_named(user.owner), since=since)
