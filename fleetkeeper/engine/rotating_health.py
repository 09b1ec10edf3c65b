"""The health gate of a rotation: what is less sound than when it began, so that it goes on only with good health."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from fleetkeeper.core.budgets import PASSING
from fleetkeeper.core.live import LivePod
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.verdict import Memory
from fleetkeeper.core.wording import counted, some

HEALTH = "before.health"
"""The key of a memory: what was unsound before the first act; it outlives an attempt."""
_MOST = 100


def health_of(found: Seen) -> str:
    """What is unsound now, as it is remembered."""
    nodes = sorted(each.name for each in found.nodes if not each.node.ready)[:_MOST]
    loads = dict(_unready(found, timedelta(0)).most_common(_MOST))
    return json.dumps({"nodes": nodes, "loads": loads}, separators=(",", ":"))


def worse(found: Seen, memory: Memory, patience: timedelta) -> str:
    """What is less sound than at the beginning, for longer than `patience`; "" when nothing is, or none is known."""
    if HEALTH not in memory:
        return ""
    before = json.loads(memory[HEALTH])
    lost = [
        each.name
        for each in found.nodes
        if not each.node.ready and each.name not in before["nodes"] and _is_older(each.node.created_at, found, patience)
    ]
    loads = {
        name: count - before["loads"].get(name, 0)
        for name, count in _unready(found, patience).items()
        if count > before["loads"].get(name, 0)
    }
    told = [f"{counted(len(lost), 'node')} not Ready ({some(lost)})"] if lost else []
    told += [f"{name} has {counted(count, 'pod')} less Ready" for name, count in sorted(loads.items())]
    return f"less sound than when it began: {some(told)}" if told else ""


def _unready(found: Seen, patience: timedelta) -> Counter[str]:
    """Workload → pods that are not Ready, of those that no drain moves: they came long enough ago."""
    unready = (each for each in _settled(found) if _is_unready(each, found, patience))
    return Counter(f"{each.namespace}/{each.controller}" for each in unready)


def _settled(found: Seen) -> Iterable[LivePod]:
    return (each for each in found.pods if each.is_drained and each.controller and each.kind not in PASSING)


def _is_unready(pod: LivePod, found: Seen, patience: timedelta) -> bool:
    if pod.ready or pod.leaving_since is not None:
        return False
    return _is_older(pod.created_at, found, patience)


def _is_older(at: datetime | None, found: Seen, patience: timedelta) -> bool:
    return at is None or found.now - at >= patience
