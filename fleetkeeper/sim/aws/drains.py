"""A drain as EKS and Karpenter do it: try again every few seconds, until the node is empty or the time is over."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.workers import BlockedPod
from fleetkeeper.sim.world import SimCluster

Drained = Callable[[tuple[BlockedPod, ...]], None]
"""Told once at the end: the pods that still stand in the way, none when the node is empty."""


@dataclass(slots=True)
class Drain:
    """One node. limit None waits for ever; wanted() false ends it without a word."""

    stage: Backstage
    cluster: SimCluster
    node: str
    limit: timedelta | None
    done: Drained
    wanted: Callable[[], bool] = lambda: True
    started: datetime | None = None

    def step(self) -> None:
        if not self.wanted():
            return
        now = self.stage.now()
        self.started = self.started or now
        seen = self.stage.workers.evict_all(self.cluster, self.node)
        over = self.limit is not None and now - self.started >= self.limit
        if not seen.left or over:
            self.done(seen.blocked)
            return
        left = self.started + self.limit - now if self.limit is not None else self.stage.timing.eviction_retry
        self.stage.after(min(self.stage.timing.eviction_retry, left), self.step)
