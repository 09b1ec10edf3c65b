"""What a rotation sees of a cluster at one tick, and what the API server answered to its evictions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.core.observed import Budget


class Outcome(StrEnum):
    """What an answer to an eviction means, whatever its status and words were (kubernetes 1.36, measured)."""

    ACCEPTED = "accepted"  # it terminates, and is not gone yet
    GONE = "gone"  # no such pod, or another of its name
    BUDGET = "budget"  # its budget is spent, for now or for good: only the budget tells which
    NOT_COUNTED = "not counted"  # the budget was not observed yet, or cannot be: only its condition tells which
    SEVERAL = "several"  # more than one budget takes it: never succeeds
    REFUSED = "refused"  # forbidden: no right, an admission webhook, or a namespace that terminates
    CONFLICT = "conflict"  # the pod changed; the try has spent the budget all the same
    BUSY = "busy"  # the server gave up for now, or did not answer in time


@dataclass(frozen=True, slots=True)
class Eviction:
    """An answer. retry_after: seconds that the server asks to wait, 0 where it names none. message: its words."""

    outcome: Outcome
    message: str = ""
    retry_after: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last answer that was no success for a pod, and since when there has been nothing but such answers."""

    eviction: Eviction
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A cluster at one tick. old: the nodes that are to be emptied, by name; every other node may take pods.

    pods: all of the cluster, those without a node too. refusals: by uid of the pod. rotation: who we are; marks of
    others are never touched. settled_at: when the last batch was over, None before the first was.
    """

    now: datetime
    rotation: str
    old: frozenset[str]
    nodes: tuple[LiveNode, ...]
    pods: tuple[LivePod, ...]
    budgets: tuple[Budget, ...] = ()
    volumes: tuple[LiveVolume, ...] = ()
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    settled_at: datetime | None = None
    coming: int = 0
    """Nodes that were ordered and are not Ready yet."""
    sizes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Replicas that workloads want, by namespace and Kind/name; where one is not known it is told from its pods."""
    forced_at: datetime | None = None
    """When a pod was last deleted by force."""
