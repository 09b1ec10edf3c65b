"""Reads what stands where in a cluster now, by the reader's own way to it (the Placements port)."""

from contextlib import closing

from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.core import model, parts
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.engine.ports import Clock, Cloud
from fleetkeeper.errors import GapReason, ReadError


class LivePlacements:
    """clouds are opened once, with the first cluster that is asked for."""

    def __init__(self, clouds: EksClouds, kubes: KubeAccess, clock: Clock) -> None:
        self._clouds, self._kubes, self._clock = clouds, kubes, clock
        self._opened: dict[model.Scope, Cloud] | None = None

    def of(self, cluster: model.SeenCluster) -> Placed:
        if cluster.scope is None:
            return self._of_kubeconfig(cluster)
        plane: model.ControlPlane | None = cluster.value(parts.CONTROL_PLANE)
        if plane is None:
            raise ReadError(f"the control plane of {cluster.name} was never seen", GapReason.NOT_READ)
        with closing(self._kubes.of_eks(self._cloud(cluster), cluster.id, plane)) as kube:
            return kube.placed(self._clock.now())

    def _of_kubeconfig(self, cluster: model.SeenCluster) -> Placed:
        found, kube = self._kubes.of_kubeconfig(cluster.name)
        with closing(kube):
            if found.id != cluster.id:
                raise ReadError(f"the kubeconfig of {cluster.name} leads to another cluster", GapReason.WRONG_ENDPOINT)
            return kube.placed(self._clock.now())

    def _cloud(self, cluster: model.SeenCluster) -> Cloud:
        if self._opened is None:
            self._opened = {each.scope: each for each in self._clouds.open()[0]}
        found = self._opened.get(cluster.scope) if cluster.scope else None
        if found is None:
            raise ReadError(f"{cluster.name}: the settings reach no {cluster.scope}", GapReason.NOT_CONFIGURED)
        return found
