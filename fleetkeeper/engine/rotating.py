"""What all rotations of our own share: one look at the cluster, and the carrying out of what the rules make of it."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.rotation.marks import EXCLUDED, FENCE, NO_LOAD_BALANCER, ROTATION
from fleetkeeper.core.rotation.patches import patch
from fleetkeeper.core.rotation.seen import Eviction, Outcome, Refusal, Seen
from fleetkeeper.core.rotation.turn import Change, NodeChange, Turn
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Memory, Moment
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.writers import KubeWriter, ObjectRef
from fleetkeeper.errors import GapReason, Refused

T = TypeVar("T")
Answer = TypeVar("Answer")

Old = Callable[[tuple[LiveNode, ...]], Collection[str]]
"""Of all nodes the names of those that are to be emptied."""

REFUSED, SETTLED, FORCED = "refused", "settled", "forced"
"""Keys of a step's memory: the last refusal of each pod, when the last batch was over, the last deletion by force."""

SOON = timedelta(seconds=1)
_MOST_REFUSALS, _LONGEST_MESSAGE = 64, 200
_MOST_AT_ONCE = 100
"""Evictions of one act: each is a call, and an engine that is told to stop waits for the calls of its acts."""

_SIZED = {"Deployment": "deployments", "StatefulSet": "statefulsets", "ReplicaSet": "replicasets"}
_LASTING, _MOST_SIZES = timedelta(seconds=15), 20
_PATCHED_IN_VAIN = (GapReason.IN_USE, GapReason.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Work:
    """Whose work a rotation is, and what it empties. coming: nodes that were ordered and are not Ready yet."""

    rotation: str
    old: Old
    coming: int = 0


@dataclass(frozen=True, slots=True)
class Carried:
    """What came of a turn: the answer to each eviction, by uid. whole: nothing of it was left for the next look.

    forced: a pod was deleted past its budget.
    """

    answers: Mapping[str, Eviction] = field(default_factory=dict)
    whole: bool = True
    forced: bool = False


def rotation_of(subject: Subject, what: str) -> str:
    """The name on our marks: the same for every attempt of a step, and another for every other work on nodes."""
    of = subject.run.id if subject.run else subject.header.id
    return f"{of}/{what}"


def seen(kube: KubeWriter, work: Work, moment: Moment) -> Seen:
    """One look at the whole cluster. Budgets before pods: one that goes meanwhile is then counted twice, not never."""
    nodes, budgets, volumes = kube.nodes(), kube.budgets(), kube.volumes()
    pods = kube.pods()
    refusals = _refusals(moment.memory, {each.uid for each in pods})
    return Seen(
        now=moment.now,
        rotation=work.rotation,
        old=frozenset(work.old(nodes)),
        nodes=nodes,
        pods=pods,
        budgets=budgets,
        volumes=volumes,
        refusals=refusals,
        settled_at=_time(moment.memory, SETTLED),
        coming=work.coming,
        forced_at=_time(moment.memory, FORCED),
        sizes=_sizes(kube, pods, moment.now),
    )


def _sizes(kube: KubeWriter, pods: Iterable[LivePod], now: datetime) -> Mapping[tuple[str, str], int]:
    """Replicas of the workloads of which a pod takes long to go, by namespace and Kind/name.

    Of the others it can be told from their pods; a pod that never ends would hold up its workload for ever.
    """
    lasting = {
        (each.namespace, each.controller)
        for each in pods
        if each.leaving_since is not None and now - each.leaving_since > _LASTING and each.kind in _SIZED
    }
    found = {}
    for namespace, controller in sorted(lasting)[:_MOST_SIZES]:
        kind, _, name = controller.partition("/")
        if (size := _size(kube, ObjectRef("apps", "v1", _SIZED[kind], namespace, name))) is not None:
            found[namespace, controller] = size
    return found


def _size(kube: KubeWriter, ref: ObjectRef) -> int | None:
    """None where it is not there, or the executor may not read it."""
    try:
        spec = (kube.read(ref) or {}).get("spec")
    except Refused:
        return None
    return int(spec.get("replicas", 1)) if isinstance(spec, Mapping) else None


def _time(memory: Memory, key: str) -> datetime | None:
    return datetime.fromisoformat(memory[key]) if memory.get(key) else None


def poll(found: Seen) -> timedelta:
    """Until the next look: a second for each thousand pods that it reads, at least half of one, at most ten."""
    return timedelta(seconds=min(10.0, max(0.5, len(found.pods) / 1000)))


# ---- acts


def carry_out(kube: KubeWriter, nodes: "NodeWriter", turn: Turn, stopping: Callable[[], bool]) -> Carried:
    """Nodes first, then evictions in their order, then what is approved to be deleted; it ends when we are stopping.

    Nothing is evicted while a node could not be changed: the pod might come back to it.
    """
    for few in _groups(turn.changes, kube.side_by_side):  # a turn changes each node once
        if stopping() or not all(_together(nodes.change, few)):
            return Carried(whole=False)
    answers = _evicted(kube, turn.evict[:_MOST_AT_ONCE], stopping)
    for pod in turn.delete:
        if stopping():
            return Carried(answers, whole=False)
        answers[pod.uid] = kube.delete_pod(pod)
    return Carried(answers, whole=len(turn.evict) == len(answers) - len(turn.delete), forced=bool(turn.delete))


def _evicted(
    kube: KubeWriter, pods: Sequence[LivePod], stopping: Callable[[], bool], *, dry_run: bool = False
) -> dict[str, Eviction]:
    """The answers by uid, in the order of the pods; those of a few are awaited together, and then it may end."""
    answers: dict[str, Eviction] = {}
    for few in _groups(pods, kube.side_by_side):
        if stopping():
            return answers
        asked = _together(lambda pod: kube.evict(pod, dry_run), few)
        answers |= {pod.uid: answer for pod, answer in zip(few, asked, strict=True)}
    return answers


def _groups(each: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (each[start : start + size] for start in range(0, len(each), size))


def _together(do: Callable[[T], Answer], few: Sequence[T]) -> list[Answer]:
    """What came of each, in their order; a single one needs no thread."""
    if len(few) == 1:
        return [do(few[0])]
    with ThreadPoolExecutor(len(few), "rotating") as crew:
        return list(crew.map(do, few))


def release(kube: KubeWriter, rotation: str, now: datetime) -> tuple[tuple[LiveNode, ...], bool]:
    """Take off every node what this rotation put there: those nodes, and whether each could be changed."""
    ours = tuple(each for each in kube.nodes() if each.marks.rotation == rotation)
    return ours, NodeWriter(kube, rotation, now).release(ours)


class NodeWriter:
    """Changes nodes as they were seen: what somebody else did to one since then is not lost, and is looked at anew."""

    def __init__(self, kube: KubeWriter, rotation: str, now: datetime) -> None:
        self._kube, self._rotation, self._now = kube, rotation, now
        self._versions: dict[str, str] = {}
        """Of the nodes that were changed here, so that a second change of one is made from its first."""

    def change(self, change: NodeChange) -> bool:
        """False when the node is another than it was seen."""
        return self._patch(change.node, patch(change, self._rotation, self._now))

    def note(self, node: LiveNode, notes: Mapping[str, str]) -> bool:
        """Annotate it, as a node of ours."""
        return self._patch(node, {"metadata": {"annotations": {ROTATION: self._rotation, **notes}}})

    def release(self, nodes: Iterable[LiveNode]) -> bool:
        """Take off everything that is ours; each is tried."""
        changed = [self.change(NodeChange(Change.RELEASE, each)) for each in nodes]
        return all(changed)

    def rest(self, node: LiveNode) -> bool:
        """Of an emptied node take off what keeps pods and traffic away beside its cordon, whoever made that: an
        uncordon then makes it whole again. Our marks stay, by which an abort knows it."""
        if is_rested(node, self._rotation):
            return True
        whole = patch(NodeChange(Change.RELEASE, node), self._rotation, self._now)
        change: dict[str, Any] = {"metadata": {"annotations": {EXCLUDED: None}}}
        if node.marks.excluded:
            change["metadata"]["labels"] = {NO_LOAD_BALANCER: None}
        if any(each.key == FENCE for each in node.taints):
            change["spec"] = {"taints": whole["spec"]["taints"]}
        return self._patch(node, change)

    def _patch(self, node: LiveNode, change: Mapping[str, Any]) -> bool:
        version = self._versions.get(node.name, node.resource_version)
        try:
            answer = self._kube.patch(node_ref(node.name), change, version)
        except Refused as error:
            if error.reason not in _PATCHED_IN_VAIN:
                raise
            return error.reason is GapReason.NOT_FOUND
        self._versions[node.name] = _version_of(answer)
        return True


def is_rested(node: LiveNode, rotation: str) -> bool:
    """Whether nothing of ours is on it but the cordon and the marks."""
    if node.marks.rotation != rotation:
        return True
    return not node.marks.excluded and all(each.key != FENCE for each in node.taints)


def node_ref(name: str) -> ObjectRef:
    return ObjectRef("", "v1", "nodes", "", name)


def _version_of(answer: Mapping[str, Any]) -> str:
    return str(answer["metadata"]["resourceVersion"])


# ---- refusals


def with_answers(memory: Memory, found: Seen, carried: Carried) -> Memory:
    """The memory with the last refusal of each pod; of as many as are worth keeping, the newest."""
    kept = dict(found.refusals)
    if carried.forced:
        memory = {**memory, FORCED: found.now.isoformat()}
    for uid, answer in carried.answers.items():
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
    some_pods = list(sample.values())[:most]
    answers = _evicted(kube, some_pods, lambda: False, dry_run=True)
    return tuple((pod, answers[pod.uid]) for pod in some_pods if answers[pod.uid].outcome in _NEVER)


_NEVER = (Outcome.SEVERAL, Outcome.REFUSED)
"""Answers that no time changes. A spent budget is judged by its own numbers."""
