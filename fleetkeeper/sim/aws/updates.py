"""EKS updates: how they begin and end, idempotency tokens, and ListUpdates and DescribeUpdate."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.eks import cluster_of, paged
from fleetkeeper.sim.eks_state import SimTrace, SimUpdate, SimUpdateError
from fleetkeeper.sim.world import SimCluster

Params = Mapping[str, Any]
"""UpdateParamType → value; what is no text is written as JSON, and None is left out."""


def begin(
    cluster: SimCluster, kind: str, params: Params, at: datetime, *, node_group: str = "", addon: str = ""
) -> SimUpdate:
    """Record an update in progress."""
    number = len(cluster.eks.updates) + 1
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{cluster.arn}/updates/{number}"))
    pairs = tuple((key, _text(value)) for key, value in params.items() if value is not None)
    update = SimUpdate(name, number, kind, pairs, at, node_group=node_group, addon=addon)
    cluster.eks.updates[name] = update
    return update


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def end(update: SimUpdate, *errors: SimUpdateError) -> None:
    """Successful without errors, else Failed."""
    update.errors = list(errors)
    update.status, update.phase = ("Failed" if errors else "Successful"), ""


def running(cluster: SimCluster) -> Iterator[SimUpdate]:
    return (update for update in cluster.eks.updates.values() if update.is_running)


def refuse_while_busy(cluster: SimCluster) -> None:
    """ResourceInUseException while an update of the cluster runs; InvalidRequestException when it is not ACTIVE."""
    busy = next((each for each in running(cluster) if not each.node_group and not each.addon), None)
    if busy is not None or cluster.status == "UPDATING":
        what = f": {busy.type} {busy.id}" if busy else ""
        raise AwsError("ResourceInUseException", f"Cluster has an update in progress{what}", names_of(cluster))
    if cluster.status != "ACTIVE":
        message = f"Cluster is not in ACTIVE state: {cluster.status}"
        raise AwsError("InvalidRequestException", message, names_of(cluster))


def refuse_while_rolling_back(cluster: SimCluster) -> None:
    """While an Auto Mode cluster rolls back, no other update starts."""
    if any(each.type == "VersionRollback" for each in running(cluster)):
        raise AwsError("ResourceInUseException", "Cluster has a version rollback in progress", names_of(cluster))


def names_of(cluster: SimCluster, node_group: str = "", addon: str = "") -> dict[str, str]:
    """The members of an error that name its subject."""
    pairs = (("clusterName", cluster.name), ("nodegroupName", node_group), ("addonName", addon))
    return {key: value for key, value in pairs if value}


def invalid(message: str, cluster: SimCluster, node_group: str = "", addon: str = "") -> AwsError:
    """InvalidParameterException."""
    return AwsError("InvalidParameterException", message, names_of(cluster, node_group, addon))


def once(
    call: Call, cluster: SimCluster, start: Callable[[], str], show: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """Do it once per operation and clientRequestToken: `start` answers the id of what it made, `show` renders that."""
    token = call.params.get("clientRequestToken", "")
    key = f"{call.operation} {token}"
    asked = json.dumps(
        [call.operation, {k: v for k, v in call.params.items() if k != "clientRequestToken"}], default=str
    )
    known = cluster.eks.tokens.get(key) if token else None
    if known is None:
        made = start()
        if token:
            cluster.eks.tokens[key] = (asked, made)
        return show(made)
    if known[0] != asked:
        raise invalid("The clientRequestToken was already used with other parameters.", cluster)
    return show(known[1])


def started(call: Call, cluster: SimCluster, start: Callable[[], SimUpdate]) -> dict[str, Any]:
    """The answer of an operation that starts an update, once per token; CloudTrail records who started it."""

    def recorded() -> str:
        update = start()
        number = sum(len(each.eks.trail) for each in call.world.clusters.values()) + 1
        id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{cluster.arn}/trail/{number}"))
        part = update.addon or update.node_group
        cluster.eks.trail.append(SimTrace(call.operation, call.principal.arn, update.created_at, id, part))
        return update.id

    return once(call, cluster, recorded, lambda name: {"update": render(cluster.eks.updates[name])})


def render(update: SimUpdate) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "id": update.id,
        "status": update.status,
        "type": update.type,
        "params": [{"type": kind, "value": value} for kind, value in update.params],
        "createdAt": update.created_at,
        "errors": [
            {"errorCode": each.code, "errorMessage": each.message, "resourceIds": list(each.resource_ids)}
            for each in update.errors
        ],
    }
    if update.cancellation:
        answer["cancellation"] = {"status": update.cancellation}
    return answer


def _subject(call: Call, cluster: SimCluster) -> tuple[str, str]:
    """The node group and addon that a call names; both "" for the cluster."""
    group, addon = call.params.get("nodegroupName", ""), call.params.get("addonName", "")
    if group and addon:
        raise invalid("Only one of nodegroupName and addonName may be given.", cluster)
    if group and group not in cluster.node_groups:
        message = f"No node group found for name: {group}."
        raise AwsError("ResourceNotFoundException", message, names_of(cluster, group))
    if addon and addon not in cluster.addons:
        message = f"No addon: {addon} found in cluster: {cluster.name}"
        raise AwsError("ResourceNotFoundException", message, names_of(cluster, addon=addon))
    return group, addon


def _list_updates(call: Call) -> dict[str, Any]:
    cluster = cluster_of(call, "name")
    subject = _subject(call, cluster)
    chosen = [each for each in cluster.eks.updates.values() if (each.node_group, each.addon) == subject]
    answer = paged(call, "updateIds", chosen, lambda update: f"{update.number:08d}")
    return answer | {"updateIds": [update.id for update in answer["updateIds"]]}


def find(cluster: SimCluster, wanted: str, subject: tuple[str, str]) -> SimUpdate:
    found = cluster.eks.updates.get(wanted)
    if found is None or (found.node_group, found.addon) != subject:
        message = f"No update found for ID: {wanted}"
        raise AwsError("ResourceNotFoundException", message, names_of(cluster, *subject))
    return found


def _describe_update(call: Call) -> dict[str, Any]:
    cluster = cluster_of(call, "name")
    return {"update": render(find(cluster, call.params["updateId"], _subject(call, cluster)))}


def operations() -> dict[str, Operation]:
    return {"DescribeUpdate": _describe_update, "ListUpdates": _list_updates}
