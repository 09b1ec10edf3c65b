"""An update of a node group or an addon that somebody else began: which it is, and who began it."""

from collections.abc import Iterable, Mapping

from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.way_back import RUNNING
from fleetkeeper.engine.eks_updates import CLOCKS_DIFFER
from fleetkeeper.engine.writers import CloudWriter

OPERATIONS: Mapping[str, str] = {
    "VersionUpdate": "UpdateNodegroupVersion",
    "ConfigUpdate": "UpdateNodegroupConfig",
    "AddonUpdate": "UpdateAddon",
}
"""How EKS calls an update of a part of a cluster → the operation that begins it."""

SOMEONE = "someone else"


def running(updates: Iterable[EksUpdate]) -> EksUpdate | None:
    return next((each for each in updates if each.status == RUNNING), None)


def who_began(cloud: CloudWriter, cluster: str, part: str, updates: Iterable[EksUpdate]) -> str:
    """Who began the update of the addon or node group that runs, as far as CloudTrail tells; "" when nobody knows."""
    update = running(updates)
    operation = OPERATIONS.get(update.kind, "") if update else ""
    if update is None or update.created_at is None or not operation:
        return ""
    return cloud.who(cluster, operation, update.created_at - CLOCKS_DIFFER, part)
