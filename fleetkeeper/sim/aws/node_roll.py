"""The roll of a managed node group: setup, scale-up, upgrade, scale-down, as EKS documents the phases."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil

from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.capacity import joined, launch, live, retire, settle, surplus, terminate
from fleetkeeper.sim.aws.drains import Drain
from fleetkeeper.sim.aws.updates import end
from fleetkeeper.sim.aws.workers import BlockedPod, node_of, nodes_by_instance
from fleetkeeper.sim.eks_state import SimUpdate, SimUpdateError
from fleetkeeper.sim.world import SimCluster, SimNodeGroup

_MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Release:
    """What the nodes of a group become. version "" is a custom image; template is the launch template's new version."""

    version: str
    release: str
    kubelet: str
    template: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Roll:
    """One UpdateNodegroupVersion on its way; every step runs on the timeline."""

    stage: Backstage
    cluster: SimCluster
    group: SimNodeGroup
    update: SimUpdate
    target: Release
    force: bool = False
    old: list[str] = field(default_factory=list)  # instances that are still to go
    fresh: list[str] = field(default_factory=list)  # instances of the new release
    draining: set[str] = field(default_factory=set)
    asked: datetime | None = None  # since when fresh instances are awaited
    size: int = 0  # the desired size at the start; another one means that an autoscaler is at work

    @property
    def _is_minimal(self) -> bool:
        return self.group.update_config.strategy == "MINIMAL"

    @property
    def _parallel(self) -> int:
        config = self.group.update_config
        percent = ceil(max(1, self.group.desired) * config.percent / 100)
        return min(_MOST_AT_ONCE, percent if config.percent else config.nodes)

    def start(self) -> None:
        """Setup: a new launch template version for the Auto Scaling group."""
        self.group.status = "UPDATING"
        self.stage.after(self.stage.timing.group_setup, self._scale_up)

    def _scale_up(self) -> None:
        self.old, self.size = live(self.group), self.group.desired
        if not self.old:
            self._succeed()
        elif self._is_minimal:
            self._upgrade()
        else:
            zones = len({self.group.instances[name] for name in self.old})
            self.group.surge = max(2 * zones, self._parallel)
            self._launch(self.group.surge)
            self._await(self._cordon_old)

    def _launch(self, number: int) -> None:
        kubelet, release = self.target.kubelet, self.target.release
        self.fresh += [launch(self.stage, self.cluster, self.group, kubelet, release) for _ in range(number)]

    def _await(self, then: Callable[[], None]) -> None:
        """Go on when every fresh instance is a Ready node; NodeCreationFailure when that takes too long."""
        now = self.stage.now()
        self.asked = self.asked or now
        missing = sorted(set(self.fresh) - set(joined(self.cluster, self.fresh)))
        if not missing:
            self.asked = None
            then()
        elif now - self.asked >= self.stage.timing.node_creation_limit:
            message = "Couldn't proceed with upgrade process as new nodes are not joining node group " + self.group.name
            self._fail(SimUpdateError("NodeCreationFailure", message, tuple(missing)))
        else:
            self.stage.after(self.stage.timing.eviction_retry, lambda: self._await(then))

    def _cordon_old(self) -> None:
        named = nodes_by_instance(self.cluster)
        for instance in self.old:
            self.stage.workers.cordon(self.cluster, named.get(instance, ""), on=True)
        self._upgrade()

    def _upgrade(self) -> None:
        """Begin as many drains as may run side by side; go on to the end when nothing old is left."""
        waiting = [name for name in self.old if name not in self.draining]
        if not self.old:
            self._await(self._scale_down)
            return
        for instance in waiting[: max(0, self._parallel - len(self.draining))]:
            self.draining.add(instance)
            self._drain(instance)

    def _drain(self, instance: str) -> None:
        node, limit = node_of(self.cluster, instance), self.stage.timing.eviction_limit
        self.stage.workers.cordon(self.cluster, node, on=True)

        def drained(blocked: tuple[BlockedPod, ...]) -> None:
            if blocked and not self.force:
                message = f"Reached max retries while trying to evict pods from nodes in node group {self.group.name}"
                self._fail(SimUpdateError("PodEvictionFailure", message, (node,)))
            else:
                self.stage.after(self.stage.timing.after_drain, lambda: self._end(instance))

        Drain(self.stage, self.cluster, node, limit, drained, lambda: self.update.is_running).step()

    def _end(self, instance: str) -> None:
        """Terminate a drained instance; the Auto Scaling group launches one of the new release in its place."""
        if not self.update.is_running:
            return
        terminate(self.stage, self.cluster, self.group, instance)
        self.draining.discard(instance)
        self.old.remove(instance)
        self._launch(max(0, self.group.desired + self.group.surge - len(live(self.group))))
        if self._is_minimal and not self.draining:
            self._await(self._upgrade)
        elif not self._is_minimal:
            self._upgrade()

    def _scale_down(self) -> None:
        """The Auto Scaling group goes back to its size one by one; EKS leaves that to an autoscaler that is at work."""
        if not self.group.surge or self.group.desired != self.size:
            self._succeed()
            return
        self.group.surge -= 1
        for instance in surplus(
            self.stage, self.cluster, self.group, len(live(self.group)) - self.group.desired - self.group.surge
        ):
            self.fresh.remove(instance)
            retire(self.stage, self.cluster, self.group, instance, self.stage.timing.eviction_limit)
        self.stage.after(self.stage.timing.scale_down_step, self._scale_down)

    def _succeed(self) -> None:
        group, target = self.group, self.target
        group.version, group.release_version = target.version, target.release
        group.launch_template = target.template or group.launch_template
        for instance in self.fresh:
            group.images.pop(instance, None)
        self._close()
        end(self.update)

    def _fail(self, error: SimUpdateError) -> None:
        """The old nodes take pods again, the group has its old size and name; what was already replaced stays new."""
        if not self.update.is_running:
            return
        end(self.update, error)
        for instance in self.old:
            self.stage.workers.cordon(self.cluster, node_of(self.cluster, instance), on=False)
        self.group.surge = 0
        if error.code == "NodeCreationFailure":
            for instance in error.resource_ids:
                terminate(self.stage, self.cluster, self.group, instance)
        excess = len(live(self.group)) - self.group.desired
        for instance in [name for name in reversed(self.fresh) if name in live(self.group)][: max(0, excess)]:
            retire(self.stage, self.cluster, self.group, instance, self.stage.timing.eviction_limit)
        self._close()

    def _close(self) -> None:
        self.group.surge = 0
        self.group.status, self.group.modified_at = "ACTIVE", self.stage.now()
        settle(self.stage, self.cluster, self.group)
