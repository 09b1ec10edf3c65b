"""The control plane of a cluster moves to another minor: UPDATING for a while, then all that follows from the minor."""

from collections.abc import Callable

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.updates import end
from fleetkeeper.sim.eks_state import SimUpdate, SimUpdateError
from fleetkeeper.sim.world import SimCluster


def version_params(target: Minor) -> dict[str, str]:
    offered = catalog().minor(str(target))
    return {"Version": str(target), "PlatformVersion": offered.platform if offered else "eks.1"}


def finish_later(
    stage: Backstage,
    cluster: SimCluster,
    update: SimUpdate,
    target: Minor,
    trouble: list[SimUpdateError],
    moved: Callable[[], None],
) -> None:
    """UPDATING, and after the time of a control plane ACTIVE again: moved, or with its trouble as it was before.

    A real control plane is switched meanwhile; where that takes longer, the update does too.
    """
    update.phase, due = "control-plane", stage.now() + stage.timing.control_plane

    def show() -> None:
        if update.is_running:
            cluster.status = "UPDATING"

    def finish() -> None:
        end(update, *trouble)
        cluster.status = "ACTIVE"
        if not trouble:
            _move(stage, cluster, target)
            moved()

    if stage.timing.status_lag:
        stage.after(stage.timing.status_lag, show)
    else:
        show()
    switch = stage.switches.get(cluster.key)
    if trouble or switch is None:
        stage.timeline.at(due, finish)
        return

    def switched(errors: tuple[SimUpdateError, ...]) -> None:
        trouble.extend(errors)
        stage.timeline.at(due, finish)

    switch(target, switched)


def _move(stage: Backstage, cluster: SimCluster, target: Minor) -> None:
    """New API servers: another version, no calls of APIs that it no longer serves, and gauges that start anew."""
    offered = catalog().minor(str(target))
    cluster.version = str(target)
    cluster.patch = f"v{offered.patch if offered else f'{target}.0'}-eks-3cfe0ce"
    cluster.platform_version = version_params(target)["PlatformVersion"]
    cluster.deprecated_calls = [
        call
        for call in cluster.deprecated_calls
        if not call.removed_release or Minor.parse(call.removed_release) > target
    ]
    for told in stage.restarted:
        told(cluster)
