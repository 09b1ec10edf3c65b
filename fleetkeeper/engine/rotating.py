"""What all rotations of our own share: one look at the cluster, and the carrying out of what the rules make of it."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.rotation.marks import CORDONED, FENCE, ROTATION
from fleetkeeper.core.rotation.patches import patch
from fleetkeeper.core.rotation.seen import Eviction, Outcome, Refusal, Seen
from fleetkeeper.core.rotation.turn import Change, NodeChange, Turn
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Memory, Moment
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.writers import KubeWriter, ObjectRef
from fleetkeeper.errors import GapReason, Refused

Old = Callable[[tuple[LiveNode, ...]], Collection[str]]
"""Of all nodes the names of those that are to be emptied."""

REFUSED, SETTLED = "refused", "settled"
"""Keys of a step's memory: the last refusal of each pod, and when the last batch was over."""

SOON = timedelta(seconds=1)
_MOST_REFUSALS, _LONGEST_MESSAGE = 64, 200
_MOST_AT_ONCE = 100
"""Evictions of one act: each is a call, and an engine that is told to stop waits for the calls of its acts."""

_PATCHED_IN_VAIN = (GapReason.IN_USE, GapReason.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Work:
    """Whose work a rotation is, and what it empties. coming: nodes that were ordered and are not Ready yet."""

    rotation: str
    old: Old
    coming: int = 0


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of a turn: the answer to each eviction, by uid. whole: nothing of it was left for the next look."""

    answers: Mapping[str, Eviction] = field(default_factory=dict)
    whole: bool = True


def rotation_of(subject: Subject, what: str) -> str:
    """The name on our marks: the same for every attempt of a step, and another for every other work on nodes."""
    of = subject.run.id if subject.run else subject.header.id
    return f"{of}/{what}"


def seen(kube: KubeWriter, work: Work, moment: Moment) -> Seen:
    """One look at the whole cluster. Budgets before pods: a pod that goes meanwhile is then counted twice, not never."""
    nodes, budgets, volumes = kube.nodes(), kube.budgets(), kube.volumes()
    pods = kube.pods()
    refusals = _refusals(moment.memory, {each.uid for each in pods})
    settled = moment.memory.get(SETTLED)
    return Seen(
        now=moment.now,
        rotation=work.rotation,
        old=frozenset(work.old(nodes)),
        nodes=nodes,
        pods=pods,
        budgets=budgets,
        volumes=volumes,
        refusals=refusals,
        settled_at=datetime.fromisoformat(settled) if settled else None,
        coming=work.coming,
    )


def poll(found: Seen) -> timedelta:
    """Until the next look: a second for each thousand pods that it reads, and never more than ten."""
    return timedelta(seconds=min(10.0, max(1.0, len(found.pods) / 1000)))


# ---- acts


def carry_out(kube: KubeWriter, turn: Turn, found: Seen, stopping: Callable[[], bool]) -> Carried:
    """Nodes first, then evictions in their order, then what is approved to be deleted; it ends when we are stopping.

    Nothing is evicted while a node could not be changed: the pod might come back to it.
    """
    whole = [_changed(kube, each, found) for each in turn.changes if not stopping()]
    if not all(whole) or len(whole) < len(turn.changes):
        return Carried(whole=False)
    answers: dict[str, Eviction] = {}
    for pod in turn.evict[:_MOST_AT_ONCE]:
        if stopping():
            return Carried(answers, whole=False)
        answers[pod.uid] = kube.evict(pod)
    for pod in turn.delete:
        if stopping():
            return Carried(answers, whole=False)
        kube.delete(ObjectRef("", "v1", "pods", pod.namespace, pod.name))
    return Carried(answers, whole=len(turn.evict) <= _MOST_AT_ONCE)


def release(kube: KubeWriter, rotation: str, now: datetime) -> tuple[tuple[LiveNode, ...], bool]:
    """Take off every node what this rotation put there: those nodes, and whether each could be changed."""
    ours = tuple(each for each in kube.nodes() if each.marks.rotation == rotation)
    done = [change_node(kube, NodeChange(Change.RELEASE, each), rotation, now) for each in ours]
    return ours, all(done)


def change_node(kube: KubeWriter, change: NodeChange, rotation: str, now: datetime) -> bool:
    """False when the node is another than it was seen: look again."""
    return _patched(kube, change.node, patch(change, rotation, now))


def _patched(kube: KubeWriter, node: LiveNode, change: Mapping[str, Any]) -> bool:
    try:
        kube.patch(node_ref(node.name), change, node.resource_version)
    except Refused as error:
        if error.reason not in _PATCHED_IN_VAIN:
            raise
        return error.reason is GapReason.NOT_FOUND
    return True


def rest(kube: KubeWriter, node: LiveNode, rotation: str, now: datetime) -> None:
    """Of an emptied node take off all but the cordon, where that is ours: an uncordon then makes it whole again."""
    if node.marks.rotation != rotation:
        return
    change = dict(patch(NodeChange(Change.RELEASE, node), rotation, now))
    if node.marks.cordoned:
        notes = {**change.get("metadata", {}).get("annotations", {}), ROTATION: rotation, CORDONED: "true"}
        change["metadata"] = {**change.get("metadata", {}), "annotations": notes}
        change["spec"] = {**change.get("spec", {}), "unschedulable": True}
    _patched(kube, node, change)


def is_rested(node: LiveNode, rotation: str) -> bool:
    """Whether nothing of ours is on it but the cordon."""
    if node.marks.rotation != rotation:
        return True
    return not node.marks.excluded and all(each.key != FENCE for each in node.taints)


def node_ref(name: str) -> ObjectRef:
    return ObjectRef("", "v1", "nodes", "", name)


def _changed(kube: KubeWriter, change: NodeChange, found: Seen) -> bool:
    return change_node(kube, change, found.rotation, found.now)


# ---- refusals


def with_answers(memory: Memory, found: Seen, answers: Mapping[str, Eviction]) -> Memory:
    """The memory with the last refusal of each pod; of as many as are worth keeping, the newest."""
    kept = dict(found.refusals)
    for uid, answer in answers.items():
        before = kept.pop(uid, None)
        if answer.outcome not in (Outcome.ACCEPTED, Outcome.GONE):
            kept[uid] = Refusal(answer, before.since if before else found.now, found.now)
    newest = sorted(kept.items(), key=lambda each: each[1].at)[-_MOST_REFUSALS:]
    if not newest:
        return {key: value for key, value in memory.items() if key != REFUSED}
    return {**memory, REFUSED: json.dumps({uid: _row(each) for uid, each in newest}, separators=(",", ":"))}


def _row(each: Refusal) -> list[str | int]:
    told = each.eviction
    message = safe(" ".join(told.message.split()), _LONGEST_MESSAGE)
    return [told.outcome.value, message, told.retry_after, each.since.isoformat(), each.at.isoformat()]


def _refusals(memory: Memory, there: Collection[str]) -> Mapping[str, Refusal]:
    rows: dict[str, list[str]] = json.loads(memory.get(REFUSED, "{}"))
    return {uid: _refusal(row) for uid, row in rows.items() if uid in there}


def _refusal(row: list[str]) -> Refusal:
    outcome, message, retry_after, since, at = row
    answer = Eviction(Outcome(outcome), message, int(retry_after))
    return Refusal(answer, datetime.fromisoformat(since), datetime.fromisoformat(at))


# ---- before anything changes


def tried(kube: KubeWriter, pods: Iterable[LivePod], most: int = 30) -> tuple[tuple[LivePod, Eviction], ...]:
    """Dry-run evictions of one pod of each workload: those that were refused. They reserve nothing, and tell who never
    goes, not how many go together (kubernetes 1.36, measured)."""
    sample = {(each.namespace, each.controller or each.name): each for each in reversed(list(pods)) if each.is_drained}
    asked = ((pod, kube.evict(pod, dry_run=True)) for pod in list(sample.values())[:most])
    return tuple((pod, answer) for pod, answer in asked if answer.outcome in _NEVER)


_NEVER = (Outcome.SEVERAL, Outcome.REFUSED)
"""Answers that no time changes. A spent budget is judged by its own numbers."""
