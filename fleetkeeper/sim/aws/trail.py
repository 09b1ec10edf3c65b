"""CloudTrail's LookupEvents, of the writes that began updates of clusters: who made them."""

import json
from datetime import UTC, datetime
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.paging import BadToken, page
from fleetkeeper.sim.eks_state import SimTrace
from fleetkeeper.sim.world import SimCluster

_PAGE = 50  # also its maximum


def first(cluster: SimCluster, operation: str, since: datetime, part: str = "") -> str:
    """Who called the operation first since then, for an addon or node group where one is named; "" when nobody did."""
    found = (each for each in cluster.eks.trail if each.operation == operation and each.at >= since)
    return next((each.who for each in found if part in ("", each.part)), "")


def _lookup(call: Call) -> dict[str, Any]:
    """The newest first. The real one shows an event some minutes after it happened, and the last 90 days."""
    begin, until = _moment(call.params.get("StartTime")), _moment(call.params.get("EndTime"))
    asked = call.params.get("LookupAttributes", [])
    if len(asked) > 1:
        raise AwsError("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    chosen = [
        (cluster, trace)
        for cluster in call.world.of_scope(call.account, call.region)
        for trace in cluster.eks.trail
        if (begin is None or trace.at >= begin)
        and (until is None or trace.at <= until)
        and all(each["AttributeValue"] == _attribute(trace, each["AttributeKey"]) for each in asked)
    ]
    chosen.sort(key=lambda each: each[1].at, reverse=True)
    keyed = [(f"{number:08d}", *each) for number, each in enumerate(chosen)]
    size = min(call.params.get("MaxResults", _PAGE), _PAGE)
    try:
        found, token = page(keyed, lambda each: each[0], call.params.get("NextToken"), size)
    except BadToken as error:
        raise AwsError("InvalidNextTokenException", "The NextToken is not valid.") from error
    return {"Events": [_event(*each[1:]) for each in found]} | ({"NextToken": token} if token else {})


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _attribute(trace: SimTrace, key: str) -> str:
    known = {"EventName": trace.operation, "EventSource": "eks.amazonaws.com", "EventId": trace.id}
    return known.get(key, "")


def _event(cluster: SimCluster, trace: SimTrace) -> dict[str, Any]:
    named = "name" if trace.operation.startswith("UpdateCluster") else "clusterName"
    asked = {named: cluster.name}
    if trace.part:
        asked["addonName" if trace.operation == "UpdateAddon" else "nodegroupName"] = trace.part
    whole = {"eventName": trace.operation, "userIdentity": {"arn": trace.who}, "requestParameters": asked}
    return {
        "EventId": trace.id,
        "EventName": trace.operation,
        "EventSource": "eks.amazonaws.com",
        "EventTime": trace.at,
        "Username": trace.who.rpartition("/")[2],
        "ReadOnly": "false",
        "CloudTrailEvent": json.dumps(whole),
    }


def operations() -> dict[str, Operation]:
    return {"LookupEvents": _lookup}
