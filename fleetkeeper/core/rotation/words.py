"""A turn in a line, for somebody who is woken at three in the morning: how far, how much is left, and who waits."""

from collections import Counter

from fleetkeeper.core.rotation.turn import Progress, Turn
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted, some

_LONGEST = 300


def progress_line(turn: Turn, nodes: int = 0, pods: int = 0) -> str:
    """`12 of 30 nodes empty, 3 in work; 140 pods left, 4 moving; waits on PDB shop/web (6 pods)`.

    nodes, pods: how many there were at the start, 0 where that is not known.
    """
    now = turn.progress
    told = [_nodes(now, nodes), _pods(now, pods)]
    if waits := _waits(turn):
        told.append(waits)
    if turn.wanting is not None:
        told.append(f"waits for room on new nodes ({_room(turn)})")
    if turn.blocked:
        told.append(f"blocked: {safe(some((each.text for each in turn.blocked), 1), _LONGEST)}")
    return "; ".join(told)


def _nodes(now: Progress, first: int) -> str:
    total = max(first, now.nodes)
    done = total - now.nodes + now.empty
    text = f"{done} of {counted(total, 'node')} empty"
    if now.working:
        text = f"{text}, {now.working} in work"
    return f"{text}, {now.quarantined} set aside" if now.quarantined else text


def _pods(now: Progress, first: int) -> str:
    left = f"{now.pods} of {counted(first, 'pod')} left" if first else f"{counted(now.pods, 'pod')} left"
    moving = now.leaving + now.arriving
    return f"{left}, {moving} moving" if moving else left


def _waits(turn: Turn) -> str:
    waiting = Counter(each.budget for each in turn.held if each.budget)
    if not waiting:
        return ""
    told = (f"{name} ({counted(number, 'pod')})" for name, number in waiting.most_common())
    return f"waits on PDB {some(told, 2)}"


def _room(turn: Turn) -> str:
    room = turn.wanting
    if room is None:
        return ""
    parts = ((room.cpu, f"{room.cpu / 1000:.1f} CPU"), (room.memory, f"{room.memory / 2**30:.1f} GiB"))
    told = [text for number, text in parts if number]
    return " and ".join(told) or f"places for {counted(room.pods, 'pod')}"
