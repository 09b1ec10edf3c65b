"""How long things took in a cluster, as its own objects tell it: nodes until Ready, pods from their node to Ready."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from fleetkeeper.core.live import LivePod
from fleetkeeper.core.rehearsal.placed import Placed

ENOUGH = 5
"""So many pods (of all workloads) and nodes must have been seen; with fewer the times are called uncalibrated."""

_LONGEST_POD = 1800.0
_LONGEST_NODE = 900.0
"""Seconds; what took longer was broken or became Ready once more, and tells nothing of a start."""


class Luck(IntEnum):
    """How a rehearsal's times fall: the percentile of what was observed."""

    GOOD = 10
    USUAL = 50
    BAD = 90


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of a length in seconds, and of how many observations. seen 0: nobody saw it, it is assumed."""

    good: float
    usual: float
    bad: float
    seen: int = 0

    def at(self, luck: Luck) -> float:
        return {Luck.GOOD: self.good, Luck.USUAL: self.usual, Luck.BAD: self.bad}[luck]


POD_READY = Spread(6.0, 20.0, 90.0)
NODE_READY = Spread(10.0, 25.0, 60.0)
NODE_BOOT = Spread(35.0, 60.0, 120.0)
ATTACH = Spread(2.0, 12.0, 45.0)
DETACH = Spread(1.0, 10.0, 40.0)
"""Orders of magnitude, where nothing was seen. No list of an API server tells boots and detaches: they stay assumed."""

WITHIN = Spread(0.0, 0.0, 0.0)
"""An attach of pods that were seen to become Ready: it lies between their node and Ready, and is in that length."""


@dataclass(frozen=True, slots=True)
class Times:
    """pods: by workload (namespace/Kind/name), from the node that a pod got to Ready. pod: of all of them together.

    node: from the Node object to Ready. boot: from the launch of an instance to its Node object. attach: beyond what
    is in the length of a pod.
    """

    pod: Spread = POD_READY
    node: Spread = NODE_READY
    boot: Spread = NODE_BOOT
    attach: Spread = ATTACH
    detach: Spread = DETACH
    pods: Mapping[str, Spread] = field(default_factory=dict)

    @property
    def is_calibrated(self) -> bool:
        return self.pod.seen >= ENOUGH and self.node.seen >= 1

    @property
    def basis(self) -> tuple[str, ...]:
        """What the times rest on, a sentence each."""
        pods = f"{self.pod.seen} pods and {self.node.seen} nodes were seen to become Ready"
        first = pods if self.is_calibrated else f"uncalibrated: only {pods}"
        attaches = "" if self.attach == WITHIN else "attaches, "
        return first, f"boots, {attaches}detaches and terminations are assumed: no list of an API server tells them"


def workload_of(pod: LivePod) -> str:
    """namespace/Kind/name of what makes the pod again; of a bare pod its own name."""
    return f"{pod.namespace}/{pod.controller or f'Pod/{pod.name}'}"


def observed(placed: Placed) -> Times:
    """From the placements alone; of a workload with few pods, those of all others fill in."""
    by_workload: defaultdict[str, list[float]] = defaultdict(list)
    with_disks = 0
    for pod in placed.pods:
        if (took := _start_of(pod)) is not None:
            by_workload[workload_of(pod)].append(took)
            with_disks += bool(pod.claims)
    every = [took for found in by_workload.values() for took in found]
    whole = _spread(every, POD_READY)
    nodes = [
        (each.ready_since - each.node.created_at).total_seconds()
        for each in placed.nodes
        if each.ready_since is not None and each.node.created_at is not None
    ]
    return Times(
        pod=whole,
        node=_spread([took for took in nodes if 0 <= took <= _LONGEST_NODE], NODE_READY),
        attach=WITHIN if with_disks else ATTACH,
        pods={name: _spread(found, whole) for name, found in by_workload.items()},
    )


def _start_of(pod: LivePod) -> float | None:
    """Seconds from its node to Ready; None for one that says nothing of a start."""
    begun = pod.scheduled_at or pod.created_at
    if not pod.ready or pod.ready_since is None or begun is None or pod.has_ended:
        return None
    took = (pod.ready_since - begun).total_seconds()
    return took if 0 <= took <= _LONGEST_POD else None


def _spread(found: Iterable[float], otherwise: Spread) -> Spread:
    """Their percentiles. A single one is no spread: it lies within as much of it as `otherwise` has."""
    known = sorted(found)
    if not known:
        return otherwise
    if len(known) == 1 and otherwise.usual:
        scale = known[0] / otherwise.usual
        return Spread(min(known[0], otherwise.good * scale), known[0], max(known[0], otherwise.bad * scale), 1)
    return Spread(_percentile(known, 10), _percentile(known, 50), _percentile(known, 90), len(known))


def _percentile(known: Sequence[float], percent: int) -> float:
    """The smallest of the sorted values that so many of a hundred do not exceed."""
    return known[max(0, -(-len(known) * percent // 100) - 1)]
