"""Eventual consistency on demand: for a while after a write, reads see the clusters as they were before."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fleetkeeper.sim.aws.call import Call
from fleetkeeper.sim.faults import Harm, Side
from fleetkeeper.sim.world import SimCluster

T = TypeVar("T")

_READS = ("Describe", "Get", "List")
_KEPT = 50  # states before a write, of one cluster


def is_read(operation: str) -> bool:
    return operation.startswith(_READS)


def named_cluster(params: Mapping[str, Any]) -> str:
    """The cluster that the parameters of an EKS call name, "" for none; ARNs are those of clusters and their parts."""
    parts = str(params.get("resourceArn") or "").partition(":eks:")[2].split("/")
    return str(params.get("clusterName") or params.get("name") or (parts[1] if len(parts) > 1 else ""))


@dataclass(slots=True)
class Past:
    """Clusters as they were before their writes, and which there were, kept only where a "stale" fault is ordered."""

    _seen: dict[str, list[tuple[datetime, SimCluster]]] = field(default_factory=dict)
    _fleets: list[tuple[datetime, dict[str, SimCluster]]] = field(default_factory=list)
    _fleet: dict[str, SimCluster] = field(default_factory=dict)

    def sight(self, call: Call) -> None:
        """Look which clusters there are; one that came or went since the last look did so just now."""
        with call.world.lock:
            if not _is_ordered(call):
                self._seen, self._fleets, self._fleet = {}, [], {}
                return
            known, clusters = self._fleet, call.world.clusters
            if known and known.keys() != clusters.keys():
                self._fleets = [*self._fleets[-_KEPT:], (call.world.now(), known)]
            self._fleet = dict(clusters)

    def before(self, call: Call, cluster: SimCluster | None) -> SimCluster | None:
        """The cluster as it is before a write, if some fault will ask for it."""
        wanted = cluster is not None and not is_read(call.operation) and _is_ordered(call)
        return _copy(cluster) if wanted and cluster is not None else None

    def keep(self, call: Call, before: SimCluster | None) -> None:
        """The write has been done; one that was refused changes nothing, and is not remembered."""
        if before is not None:
            self._seen[before.key] = [*self._seen.get(before.key, ())[-_KEPT:], (call.world.now(), before)]

    def call(self, call: Call, cluster: SimCluster | None, seconds: float) -> Call:
        """A read over the past of so many seconds ago: of the cluster that it names, else of all that there were."""
        since = call.world.now() - timedelta(seconds=seconds)
        clusters = call.world.clusters
        if cluster is None:
            clusters = _at(self._fleets, since) or clusters
        shown = {key: _at(self._seen.get(key, ()), since) or each for key, each in clusters.items()}
        return replace(call, world=replace(call.world, clusters=shown))


def _at(states: Sequence[tuple[datetime, T]], since: datetime) -> T | None:
    """The state before the first change after that time; None when nothing changed since."""
    return next((before for at, before in states if at > since), None)


def _is_ordered(call: Call) -> bool:
    return any((fault.side, fault.kind) == (Side.AWS, Harm.STALE) for fault in call.world.faults)


def _copy(cluster: SimCluster) -> SimCluster:
    """A cluster of its own, apart from its Kubernetes objects, which EKS does not show."""
    kept = {each.name: deepcopy(getattr(cluster, each.name)) for each in fields(cluster) if each.name != "objects"}
    return SimCluster(**kept, objects=cluster.objects)
