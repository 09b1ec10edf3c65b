"""VersionRollback: back to the minor before, within seven days; Auto Mode rolls its nodes back first."""

from datetime import timedelta
from typing import Any

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.aws import insights, karpenter
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.minor_move import finish_later, version_params
from fleetkeeper.sim.aws.updates import begin, end, invalid, names_of
from fleetkeeper.sim.eks_state import ROLLBACK_WINDOW, SimUpdate, SimUpdateError
from fleetkeeper.sim.world import SimCluster

_SHORTEST, _DEFAULT, _LONGEST = 120, 720, 10080  # rollbackConfig.timeoutMinutes
_BLOCKED = (
    "Amazon EKS detected rollback readiness issues. Call the ListInsights API to view detected rollback blocking "
    "issues. Pass the force flag when updating to override rollback readiness errors."
)


def refuse_rollback(stage: Backstage, cluster: SimCluster, target: Minor, *, force: bool) -> None:
    """InvalidRequestException for what no force overrides, InvalidStateException for insights that it does."""
    why = _never(stage, cluster, target)
    if why:
        raise AwsError("InvalidRequestException", f"Cluster version cannot be rolled back: {why}", names_of(cluster))
    # The later wording of the guide blocks on UNKNOWN too, the earlier one did not.
    blocking = insights.blocking(cluster, insights.ROLLBACK, target, frozenset({"ERROR", "UNKNOWN"}))
    if blocking and not force:
        raise AwsError("InvalidStateException", _BLOCKED, names_of(cluster))


def _never(stage: Backstage, cluster: SimCluster, target: Minor) -> str:
    upgrade, offered, now = cluster.eks.upgrade, catalog().minor(str(target)), stage.now()
    if upgrade is None or upgrade.previous != str(target):
        return f"it did not reach {cluster.version} by an in-place upgrade from {target}"
    if now - upgrade.completed_at > ROLLBACK_WINDOW:
        return "more than 7 days have passed since the upgrade"
    if upgrade.forced:
        return "it was upgraded at the end of extended support"
    if cluster.eks.newer_features:
        return f"{target} lacks features that are enabled: {', '.join(cluster.eks.newer_features)}"
    extended = offered is not None and offered.status(now) == "EXTENDED_SUPPORT"
    if extended and cluster.support_type != "EXTENDED":
        return f"{target} is in extended support, and the upgrade policy is {cluster.support_type}"
    return ""


def start_rollback(stage: Backstage, cluster: SimCluster, target: Minor, config: dict[str, Any]) -> SimUpdate:
    minutes = config.get("timeoutMinutes", _DEFAULT)
    if not _SHORTEST <= minutes <= _LONGEST:
        raise invalid(f"timeoutMinutes must be from {_SHORTEST} to {_LONGEST}, not {minutes}", cluster)
    update = begin(cluster, "VersionRollback", version_params(target), stage.now())
    if not cluster.auto_mode:
        _control_plane(stage, cluster, update, target)
        return update
    update.phase = "nodes"

    def nodes_back() -> None:
        if update.is_running:
            _control_plane(stage, cluster, update, target)

    def too_late() -> None:
        if update.is_running and update.phase == "nodes":
            end(update, SimUpdateError("Unknown", f"The nodes were not rolled back within {minutes} minutes"))
            karpenter.follow(stage, cluster)

    karpenter.roll_to(stage, cluster, target, nodes_back)
    stage.after(timedelta(minutes=minutes), too_late)
    return update


def _control_plane(stage: Backstage, cluster: SimCluster, update: SimUpdate, target: Minor) -> None:
    def moved() -> None:
        cluster.eks.upgrade = None  # one step back only
        insights.recompute(cluster, stage.now())
        karpenter.follow(stage, cluster)

    trouble = []
    if cluster.key in stage.world.eks.failing_control_planes:
        trouble.append(SimUpdateError("Unknown", "The API servers did not pass their health checks; reverted"))
    finish_later(stage, cluster, update, target, trouble, moved)


def cancel_rollback(stage: Backstage, cluster: SimCluster, update: SimUpdate) -> None:
    """Best effort: while the nodes roll. Then they converge to the cluster's minor again."""
    if update.phase != "nodes":
        message = f"The control plane rollback of update {update.id} has already begun"
        raise AwsError("InvalidRequestException", message, names_of(cluster))
    update.status, update.phase, update.cancellation = "Cancelled", "", "Successful"
    karpenter.follow(stage, cluster)
