"""UpdateClusterConfig (upgrade policy, logging, subnets), TagResource and UntagResource."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.call import AwsError, Call, Operation, Violation
from fleetkeeper.sim.aws.eks import LOG_TYPES, cluster_of, log_types, tags_of
from fleetkeeper.sim.aws.updates import begin, end, invalid, refuse_while_busy, started
from fleetkeeper.sim.eks_state import SimUpdate
from fleetkeeper.sim.world import SimCluster

_MOST_TAGS = 50
_NO_CHANGE = "No changes needed for the cluster's {what} configuration provided"


def _update_config(stage: Backstage, call: Call) -> dict[str, Any]:
    cluster = cluster_of(call, "name")
    return started(call, cluster, lambda: _start(stage, call, cluster))


def _start(stage: Backstage, call: Call, cluster: SimCluster) -> SimUpdate:
    asked = [name for name in call.params if name not in {"name", "clientRequestToken"}]
    if len(asked) != 1:
        raise invalid("Only one type of update can be allowed.", cluster)
    if asked[0] not in _KINDS:
        raise Violation(f"UpdateClusterConfig of {asked[0]} is not simulated")
    kind, told, apply = _KINDS[asked[0]](stage, cluster, call.params[asked[0]])
    refuse_while_busy(cluster)
    update = begin(cluster, kind, told, stage.now())
    cluster.status = "UPDATING"

    def finish() -> None:
        apply()
        cluster.status = "ACTIVE"
        end(update)

    stage.after(stage.timing.configuration, finish)
    return update


_Change = tuple[str, Mapping[str, Any], Callable[[], None]]
"""The type of the update, its parameters, and what it does in the end."""


def _upgrade_policy(_stage: Backstage, cluster: SimCluster, asked: dict[str, Any]) -> _Change:
    wanted: str = asked.get("supportType", "")
    if wanted == cluster.support_type:
        raise invalid(_NO_CHANGE.format(what="upgradePolicy"), cluster)

    def apply() -> None:
        cluster.support_type = wanted

    return "UpgradePolicyUpdate", {"UpgradePolicy": asked}, apply


def _logging(_stage: Backstage, cluster: SimCluster, asked: dict[str, Any]) -> _Change:
    exported = set(log_types(cluster))
    for setup in asked.get("clusterLogging", ()):
        exported = exported | set(setup["types"]) if setup.get("enabled") else exported - set(setup["types"])
    if exported == set(log_types(cluster)):
        raise invalid(_NO_CHANGE.format(what="logging"), cluster)

    def apply() -> None:
        cluster.eks.logs = [kind for kind in LOG_TYPES if kind in exported]
        cluster.audit_logs = "audit" in exported

    return "LoggingUpdate", {"ClusterLogging": asked}, apply


def _network(stage: Backstage, cluster: SimCluster, asked: dict[str, Any]) -> _Change:
    wanted: list[str] = asked.get("subnetIds") or []
    if set(asked) != {"subnetIds"}:
        raise Violation("UpdateClusterConfig of resourcesVpcConfig is simulated for subnetIds only")
    if len(wanted) < 2:
        raise invalid("Subnets specified must be in at least two different AZs", cluster)
    unknown = sorted(set(wanted) - set(cluster.subnets) - set(stage.world.subnets))
    if unknown:
        raise invalid(f"The subnet ID '{unknown[0]}' does not exist", cluster)
    if wanted == cluster.subnets:
        raise invalid(_NO_CHANGE.format(what="vpc"), cluster)

    def apply() -> None:
        cluster.subnets = list(wanted)

    return "VpcConfigUpdate", {"Subnets": wanted}, apply


_KINDS: Mapping[str, Callable[[Backstage, SimCluster, dict[str, Any]], _Change]] = {
    "logging": _logging,
    "resourcesVpcConfig": _network,
    "upgradePolicy": _upgrade_policy,
}


def _tag(call: Call) -> dict[str, Any]:
    tags, asked = tags_of(call), call.params.get("tags") or {}
    if any(key.startswith("aws:") for key in asked):
        raise AwsError("BadRequestException", "Tag keys must not start with aws:")
    if len({**tags, **asked}) > _MOST_TAGS:
        raise AwsError("BadRequestException", f"A resource has at most {_MOST_TAGS} tags")
    tags.update(asked)
    return {}


def _untag(call: Call) -> dict[str, Any]:
    tags = tags_of(call)
    for key in call.params.get("tagKeys") or ():
        tags.pop(key, None)
    return {}


def operations(stage: Backstage) -> dict[str, Operation]:
    return {
        "TagResource": _tag,
        "UntagResource": _untag,
        "UpdateClusterConfig": partial(_update_config, stage),
    }
