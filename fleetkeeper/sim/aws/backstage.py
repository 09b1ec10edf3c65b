"""What works behind the EKS API: the world, its timeline, its nodes, and who is told that an API server restarted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.workers import Workers
from fleetkeeper.sim.eks_state import EksTiming, SimUpdateError
from fleetkeeper.sim.timeline import Action, Timeline
from fleetkeeper.sim.world import SimCluster, World

Switched = Callable[[tuple[SimUpdateError, ...]], None]
"""Told once, under the world's lock, that a real control plane runs its new minor, or why it still runs the old."""

Switch = Callable[[Minor, Switched], None]
"""Begins to move a real control plane to a minor, and returns at once."""


@dataclass(slots=True)
class Backstage:
    """Shared by the operations that change something. Hold the world's lock for every call."""

    world: World
    timeline: Timeline
    workers: Workers
    restarted: list[Callable[[SimCluster], None]] = field(default_factory=list)
    drifts: dict[str, Any] = field(default_factory=dict)  # cluster key → its karpenter.Drift
    switches: dict[str, Switch] = field(default_factory=dict)  # by cluster key, where a real control plane is behind it
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def timing(self) -> EksTiming:
        return self.world.eks.timing

    def now(self) -> datetime:
        return self.timeline.now()

    def after(self, delay: timedelta, action: Action) -> None:
        self.timeline.at(self.timeline.now() + delay, action)

    def catch_up(self) -> None:
        """Let everything happen that is due by now, so that the next answer shows it."""
        if not self.timeline.virtual:
            self.timeline.run_due(self.world.now())
