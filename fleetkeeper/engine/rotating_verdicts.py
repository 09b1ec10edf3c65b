"""What a step of a rotation says: it acts while there is something to do, waits, or needs a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from fleetkeeper.core.budgets import PASSING
from fleetkeeper.core.draining import Obstacle
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.owners import owner_named
from fleetkeeper.core.rotation.seen import Eviction, Seen
from fleetkeeper.core.rotation.turn import Turn
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Act, Blocked, Memory, Moment, Wait
from fleetkeeper.core.wording import some
from fleetkeeper.engine.rotating import SETTLED, poll
from fleetkeeper.engine.rotating_words import LONGEST, Begun, act_text, blocked_words, progress_text

NODES, PODS = "nodes", "pods"
"""Keys of a step's memory: how many there were when it began."""


@dataclass(frozen=True, slots=True)
class Also:
    """What a step does and waits for beside the turn. settle: its pause between batches.

    obstacle: what it needs a person for, where that is not a pod.
    """

    settle: timedelta
    acts: Sequence[str] = ()
    waits: Sequence[str] = ()
    obstacle: Blocked | None = None


def verdict(found: Seen, turn: Turn, moment: Moment, also: Also) -> Act | Wait | Blocked:
    """Of a rotation that is not over."""
    memory = kept(moment.memory, found, turn)
    texts = [text for text in (*also.acts, act_text(turn)) if text]
    if texts and not moment.following:
        return Act(safe("; ".join(texts), LONGEST), memory, again=poll(found))
    progress = progress_text(turn, begun(memory), also.waits)
    if moves(found, turn, also.settle) or moment.following or memory.get(SETTLED) != moment.memory.get(SETTLED):
        return Wait(progress, poll(found), keep=memory)
    if turn.blocked:
        return _stuck(turn.blocked, progress)
    if also.obstacle:
        return also.obstacle
    return Wait(progress, poll(found), keep=memory)


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
