"""What a rotation tells: the sentence of an act, and how far it is, what it waits for and who could end that."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from fleetkeeper.core.draining import Obstacle, fixes, owner_of, told
from fleetkeeper.core.rotation.turn import Change, Turn
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted, some

LONGEST = 300
_CHANGES = {
    Change.FENCE: "fence",
    Change.CORDON: "cordon",
    Change.BEGIN: "begin",
    Change.QUARANTINE: "set aside",
    Change.RELEASE: "release",
}


@dataclass(frozen=True, slots=True)
class Begun:
    """How much there was when the rotation began, 0 where that is not known."""

    nodes: int = 0
    pods: int = 0


def act_text(turn: Turn) -> str:
    """`cordon 30 nodes (a, b, c and 27 more), evict 3 pods (shop/web-1, ...)`; "" when there is nothing to do."""
    names: dict[str, list[str]] = {}
    for each in turn.changes:
        words = _CHANGES.get(each.change, each.change.value)
        names.setdefault(words, []).append(each.node.name + (f": {each.why}" if each.why else ""))
    parts = [f"{words} {counted(len(found), 'node')} ({some(found)})" for words, found in names.items()]
    if turn.evict:
        parts.append(f"evict {counted(len(turn.evict), 'pod')} ({some(each.place for each in turn.evict)})")
    if turn.delete:
        places = some(each.place for each in turn.delete)
        parts.append(
            f"delete {counted(len(turn.delete), 'pod')} past its budget, as {turn.forced_by} approved ({places})"
        )
    return safe(", ".join(parts), LONGEST)


def progress_text(turn: Turn, begun: Begun, more: Iterable[str] = ()) -> str:
    """How far it is and what it waits for, in at most 300 characters."""
    now = turn.progress
    gone = max(0, begun.nodes - now.nodes)
    nodes = _counts(
        f"nodes {gone + now.empty}/{max(begun.nodes, now.nodes)} done",
        (now.working, "in work"),
        (now.quarantined, "set aside"),
    )
    moved = max(0, begun.pods - now.pods)
    first = f"pods {moved} moved" if begun.pods else f"pods {now.pods} left"
    left = (now.pods, "left") if begun.pods else (0, "")
    pods = _counts(first, (now.leaving, "going"), (now.arriving, "coming up"), left)
    waits = [text for text in (*more, *_waits(turn)) if text]
    return safe("; ".join((nodes, pods, *waits)), LONGEST)


def _counts(first: str, *counts: tuple[int, str]) -> str:
    return ", ".join((first, *(f"{number} {words}" for number, words in counts if number)))


def _waits(turn: Turn) -> Iterable[str]:
    if turn.blocked:
        yield f"in the way: {told(turn.blocked)}"
    if budgets := Counter(each.budget for each in turn.held if each.budget):
        yield "waiting for PDB " + some(f"{name} ({count})" for name, count in budgets.most_common())
    if whys := Counter(each.why for each in turn.held if not each.budget):
        yield "waiting: " + some(f"{why} ({count})" for why, count in whys.most_common())


def blocked_words(found: tuple[Obstacle, ...]) -> tuple[str, str, str]:
    """Why, whose it is, and what would free it."""
    return told(found), owner_of(found), fixes(found)
