"""Eventual consistency on demand: for a while after a write, reads see the cluster as it was before."""

from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta

from fleetkeeper.sim.aws.call import Call
from fleetkeeper.sim.aws.faults import Harm
from fleetkeeper.sim.world import SimCluster

_READS = ("Describe", "Get", "List")


def is_read(operation: str) -> bool:
    return operation.startswith(_READS)


@dataclass(slots=True)
class Past:
    """Clusters as they were before their last write, kept only where a "stale" fault is ordered."""

    _seen: dict[str, tuple[datetime, SimCluster]] = field(default_factory=dict)

    def before(self, call: Call, cluster: SimCluster | None) -> SimCluster | None:
        """The cluster as it is before a write, if some fault will ask for it."""
        ordered = any(fault.side == "aws" and fault.kind == Harm.STALE for fault in call.world.faults)
        return _copy(cluster) if ordered and cluster is not None and not is_read(call.operation) else None

    def keep(self, call: Call, before: SimCluster | None) -> None:
        """The write has been done; one that was refused changes nothing, and is not remembered."""
        if before is not None:
            self._seen[before.key] = (call.world.now(), before)

    def call(self, call: Call, cluster: SimCluster | None, seconds: float) -> Call:
        """The call over the past, when its cluster was written within so many seconds; else the call itself."""
        if cluster is None or cluster.key not in self._seen or not is_read(call.operation):
            return call
        since, before = self._seen[cluster.key]
        if call.world.now() - since >= timedelta(seconds=seconds):
            return call
        past = replace(call.world, clusters={**call.world.clusters, cluster.key: before})
        return replace(call, world=past)


def _copy(cluster: SimCluster) -> SimCluster:
    """A cluster of its own, apart from its Kubernetes objects, which EKS does not show."""
    kept = {each.name: deepcopy(getattr(cluster, each.name)) for each in fields(cluster) if each.name != "objects"}
    return SimCluster(**kept, objects=cluster.objects)
