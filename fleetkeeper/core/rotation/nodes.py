"""What is done to nodes at a tick: fenced and closed, begun, set aside, opened again, let go of."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from fleetkeeper.core.rotation.facts import Facts, OldNode
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.rotation.turn import Change, NodeChange

_FURTHER = (Change.FENCE, Change.CORDON, Change.BEGIN, Change.QUARANTINE, Change.RELEASE)
_SCALED = "new replicas need its room"


def fences(homes: Iterable[OldNode], facts: Facts) -> Iterator[NodeChange]:
    """One whose kubelet does not answer takes no pods, and its taints have times that a patch would lose."""
    for home in homes:
        if home.node.node.ready and not home.is_fenced(facts.seen.rotation):
            yield NodeChange(Change.FENCE, home.node)


def closings(homes: Iterable[OldNode]) -> Iterator[NodeChange]:
    """Every one that is open: a pod that moves must not meet another old node. One that others closed is theirs."""
    for home in homes:
        if not home.is_closed and not home.is_aside:
            yield NodeChange(Change.CORDON, home.node)


def openings(homes: Iterable[OldNode]) -> Iterator[NodeChange]:
    """Those that we closed and have not begun, so that new replicas have a place."""
    for home in homes:
        if home.is_ours and home.began_at is None and not home.is_aside:
            yield NodeChange(Change.FENCE, home.node, _SCALED)


def beginnings(homes: Iterable[OldNode]) -> Iterator[NodeChange]:
    for home in homes:
        yield NodeChange(Change.BEGIN, home.node)


def one_each(changes: Iterable[NodeChange]) -> tuple[NodeChange, ...]:
    """Of each node the change that goes furthest."""
    found: dict[str, NodeChange] = {}
    for each in changes:
        before = found.get(each.node.name)
        if before is None or _FURTHER.index(each.change) > _FURTHER.index(before.change):
            found[each.node.name] = each
    return tuple(sorted(found.values(), key=lambda each: _FURTHER.index(each.change)))


def settings_aside(
    homes: Iterable[OldNode], stuck_since: Mapping[str, datetime], why: Mapping[str, str], facts: Facts
) -> Iterator[NodeChange]:
    """Nodes on which nothing has moved for too long."""
    for home in homes:
        since = stuck_since.get(home.name)
        if since is not None and facts.seen.now - since >= facts.rules.quarantine:
            yield NodeChange(Change.QUARANTINE, home.node, why.get(home.name, ""))


def released(seen: Seen) -> tuple[NodeChange, ...]:
    """The way back: every node that carries our mark, wherever it belongs."""
    ours = (each for each in seen.nodes if each.marks.rotation == seen.rotation)
    return tuple(NodeChange(Change.RELEASE, each) for each in ours)
