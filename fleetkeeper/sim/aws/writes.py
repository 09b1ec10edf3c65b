"""Every operation of the write side, by service."""

from fleetkeeper.sim.aws import (
    addon_updates,
    auto_scaling_writes,
    configuration_updates,
    control_plane_updates,
    insights,
    node_group_updates,
    node_groups,
    updates,
)
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import Operation


def eks(stage: Backstage) -> dict[str, Operation]:
    return {
        **updates.operations(),
        **addon_updates.operations(stage),
        **configuration_updates.operations(stage),
        **control_plane_updates.operations(stage),
        **insights.operations(stage),
        **node_group_updates.operations(stage),
        **node_groups.operations(stage),
    }


def autoscaling(stage: Backstage) -> dict[str, Operation]:
    return auto_scaling_writes.operations(stage)
