"""Workers of a fleet in which some clusters are simulated and others are real."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from fleetkeeper.sim.aws.workers import Draining, NodeOrder, Workers
from fleetkeeper.sim.world import SimCluster


@dataclass(slots=True)
class MixedWorkers:
    """Workers of a fleet in which some clusters, by key, have their own."""

    rest: Workers
    own: dict[str, Workers] = field(default_factory=dict)

    def create_node(self, cluster: SimCluster, order: NodeOrder) -> str:
        return self._of(cluster).create_node(cluster, order)

    def cordon(self, cluster: SimCluster, node: str, *, on: bool) -> None:
        self._of(cluster).cordon(cluster, node, on=on)

    def evict_all(self, cluster: SimCluster, node: str) -> Draining:
        return self._of(cluster).evict_all(cluster, node)

    def loads(self, cluster: SimCluster, nodes: Collection[str]) -> Mapping[str, int]:
        return self._of(cluster).loads(cluster, nodes)

    def remove_node(self, cluster: SimCluster, node: str) -> None:
        self._of(cluster).remove_node(cluster, node)

    def _of(self, cluster: SimCluster) -> Workers:
        return self.own.get(cluster.key, self.rest)
