"""What a rotation does at one tick, and why it does no more: the values (the decision itself is in decide.py)."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from fleetkeeper.core.draining import Obstacle
from fleetkeeper.core.live import LiveNode, LivePod, Room


class Change(StrEnum):
    """What is done to a node. Each is seen on the node afterwards, so that doing it twice has one effect.

    A turn has at most one change of a node, for each goes as far as is needed: CORDON fences as well, BEGIN cordons.
    """

    FENCE = "fence"  # our mark, and a PreferNoSchedule taint; a cordon of ours is taken off
    CORDON = "cordon"  # unschedulable, and marked as ours; the drain's clock starts when it is begun
    BEGIN = "begin"  # the drain's clock (anew), and no external load balancer finds it any more
    QUARANTINE = "quarantine"  # the drain leaves it: uncordoned by us where it was us, still fenced
    RELEASE = "release"  # everything that is ours is taken off


@dataclass(frozen=True, slots=True)
class NodeChange:
    change: Change
    node: LiveNode
    why: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A pod that waits: for a budget (namespace/name) or for something else. again: when to ask, where it is told."""

    pod: LivePod
    why: str
    budget: str = ""
    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """nodes: of those that are to be emptied and are still there. pods: of those that have to move from them."""

    nodes: int
    empty: int
    working: int
    quarantined: int
    pods: int
    leaving: int
    arriving: int
    """Replacements that are not Ready yet."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do now, in this order: changes, evictions, deletions by force (approved), and nodes that may go.

    empty: old nodes with nothing left to move and nothing attached. wanting: room that the next batch needs and new
    nodes do not have, None when they do. wanting_in: zones in which some of it has to be, for volumes are there.
    others: old nodes that another rotation has in work, which are left to it. blocked: those for good, those for which
    nothing is on its way, and those for longer than the rules' patience. is_over: nothing is left to do but for what
    is quarantined. forced_by: whose approval the deletions have.
    """

    progress: Progress
    changes: tuple[NodeChange, ...] = ()
    evict: tuple[LivePod, ...] = ()
    delete: tuple[LivePod, ...] = ()
    empty: tuple[LiveNode, ...] = ()
    held: tuple[Held, ...] = ()
    blocked: tuple[Obstacle, ...] = ()
    wanting: Room | None = None
    wanting_in: tuple[str, ...] = ()
    others: tuple[LiveNode, ...] = ()
    batch_is_over: bool = False
    forced_by: str = ""
    is_over: bool = False
