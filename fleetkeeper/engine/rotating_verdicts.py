"""What a step of a rotation says: it acts while there is something to do, waits, or needs a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.core.budgets import PASSING
from fleetkeeper.core.draining import Obstacle, owner_of
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.owner_keys import owner_named
from fleetkeeper.core.rotation.seen import Eviction, Seen
from fleetkeeper.core.rotation.turn import Turn
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Blocked, Memory, Moment, Wait
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.rotating import SETTLED, poll
from fleetkeeper.engine.rotating_words import LONGEST, Begun, act_text, blocked_words, progress_text

NODES, PODS = "nodes", "pods"
"""Keys of a step's memory: how many there were when it began."""


LASTING = timedelta(seconds=15)
FREED = "free what is named: its node is then taken up again by itself; or skip this step"


@dataclass(frozen=True, slots=True)
class Also:
    """What a step does and waits for beside the turn. settle: its pause between batches.

    obstacle: what it needs a person for, where that is not a pod. halt: likewise, and nothing goes on meanwhile.
    """

    settle: timedelta
    acts: Sequence[str] = ()
    waits: Sequence[str] = ()
    obstacle: Blocked | None = None
    halt: Blocked | None = None


def verdict(found: Seen, turn: Turn, moment: Moment, also: Also) -> Act | Wait | Blocked:
    """Of a rotation that is not over."""
    memory = kept(moment.memory, found, turn)
    texts = [text for text in (*also.acts, act_text(turn)) if text]
    if texts and not moment.following:
        return Act(safe("; ".join(texts), LONGEST), memory, again=poll(found))
    if also.halt and not moment.following:
        return also.halt
    progress = progress_text(turn, begun(memory), also.waits)
    if moves(found, turn, also.settle) or moment.following or memory.get(SETTLED) != moment.memory.get(SETTLED):
        return Wait(progress, poll(found), owner_of(turn.blocked), memory)
    if any(_lasts(each, found) for each in turn.blocked):
        return _stuck(turn.blocked, progress)
    if turn.others:
        return in_work_of_others(turn)
    if also.obstacle:
        return also.obstacle
    return Wait(progress, poll(found), keep=memory)


def in_work_of_others(turn: Turn) -> Blocked:
    names = some(f"{each.name} ({each.marks.rotation})" for each in turn.others)
    why = f"{counted(len(turn.others), 'node')} are in the work of another rotation: {names}"
    return Blocked(why, "whoever runs it", "let it end, or abort it; they are taken up by themselves then")


def _lasts(each: Obstacle, found: Seen) -> bool:
    """Whether it is worth a person's look: counts and caches need a moment to follow what happened."""
    return each.for_good or each.since is None or found.now - each.since >= LASTING


def moves(found: Seen, turn: Turn, settle: timedelta) -> bool:
    """Whether something goes on by itself: pods on their way, nodes that come, jobs that end, an answer to wait for."""
    now = turn.progress
    if now.leaving or now.arriving or found.coming:
        return True
    stuck = {each.pod.uid for each in turn.blocked}
    held = [each for each in turn.held if each.pod.uid not in stuck]
    return any(each.again is not None or each.pod.kind in PASSING for each in held) or _rests(found, settle)


def kept(memory: Memory, found: Seen, turn: Turn) -> Memory:
    """How much there was at the beginning, and when the last batch was over."""
    more = {}
    if NODES not in memory:
        more = {NODES: str(turn.progress.nodes), PODS: str(turn.progress.pods)}
    if turn.batch_is_over:
        more |= {SETTLED: found.now.isoformat()}
    return {**memory, **more} if more else memory


def begun(memory: Memory) -> Begun:
    return Begun(int(memory.get(NODES, 0)), int(memory.get(PODS, 0)))


def never_moves(turn: Turn) -> Blocked | None:
    """Before anything is changed: the pods that no time moves."""
    stuck = tuple(each for each in turn.blocked if each.for_good)
    if not stuck:
        return None
    why, owner, fix = blocked_words(stuck)
    return Blocked(safe(f"nothing was begun, for these can never be moved: {why}", 2 * LONGEST), owner, fix)


def not_evicted(refused: Sequence[tuple[LivePod, Eviction]]) -> Blocked | None:
    """Before anything is changed: what the API server said to dry runs of their evictions."""
    if not refused:
        return None
    texts = [f"{pod.place}: {answer.message or answer.outcome.value}" for pod, answer in refused]
    owner = next((name for pod, _ in refused if (name := owner_named(pod.owner))), "")
    why = safe(f"nothing was begun, for the API server refuses dry runs of evictions: {some(texts)}", 2 * LONGEST)
    return Blocked(why, owner, "mend what it says: a right of the executor, a webhook, or budgets that overlap")


def _stuck(blocked: tuple[Obstacle, ...], progress: str) -> Blocked:
    why, owner, fix = blocked_words(blocked)
    return Blocked(safe(why, 2 * LONGEST) if why in progress else safe(f"{progress}; {why}", 2 * LONGEST), owner, fix)


def _rests(found: Seen, settle: timedelta) -> bool:
    """Whether it pauses between two batches."""
    return found.settled_at is not None and found.now < found.settled_at + settle
