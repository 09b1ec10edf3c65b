"""CloudWatch Logs Insights over the audit logs of clusters: the one query that counts calls of deprecated APIs."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.core.observed import AuditCall
from fleetkeeper.sim.aws.call import AwsError, Call, Operation, Violation
from fleetkeeper.sim.aws.eks import DIRECTORY
from fleetkeeper.sim.world import SimCluster, SimDeprecatedCall

_DAY = 24 * 60 * 60 * 1000  # ms
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_QUERIES = 1000  # that are remembered
_KNOWN_QUERY = (
    'filter @logStream like "kube-apiserver-audit"',
    'filter `annotations.k8s.io/deprecated` = "true"',
    (
        "stats count(*) as calls, max(@timestamp) as last by objectRef.apiGroup, objectRef.apiVersion, "
        "objectRef.resource, user.username, userAgent"
    ),
    "sort last desc",
    "limit 1000",
)


def audit_calls(cluster: SimCluster, since: datetime, until: datetime) -> tuple[AuditCall, ...]:
    """What the audit log holds of deprecated APIs from `since` to before `until`, the newest first.

    A client calls evenly through the day; before the cluster there was nobody.
    """
    first, end = _milliseconds(max(since, cluster.created_at)), _milliseconds(until)
    found = (_counted(call, first, end) for call in cluster.deprecated_calls if call.calls_a_day)
    return tuple(sorted((each for each in found if each.count > 0), key=lambda each: each.last, reverse=True))


def _counted(call: SimDeprecatedCall, first: int, end: int) -> AuditCall:
    pause = _DAY // call.calls_a_day
    before, after = -(-first // pause), -(-end // pause)  # the numbers of the first calls at or after both ends
    last = _EPOCH + timedelta(milliseconds=(after - 1) * pause)
    return AuditCall(call.group, call.version, call.resource, call.user, call.user_agent, after - before, last)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


@dataclass(slots=True)
class _Query:
    """A query runs until it was looked at once."""

    account: str
    region: str
    calls: tuple[AuditCall, ...]
    status: str = "Scheduled"


class Queries:
    """The queries that clients started. Call its operations with the world's lock."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._started: dict[str, _Query] = {}

    def operations(self) -> dict[str, Operation]:
        return {"GetQueryResults": self._results, "StartQuery": self._start, "StopQuery": self._stop}

    def _start(self, call: Call) -> dict[str, Any]:
        group, first, end = (call.params.get(name) for name in ("logGroupName", "startTime", "endTime"))
        if not group or not isinstance(first, int) or not isinstance(end, int) or not 0 <= first <= end:
            raise AwsError("InvalidParameterException", "Query's end date and time is not after its start, or missing")
        if tuple(command.strip() for command in call.params.get("queryString", "").split("|")) != _KNOWN_QUERY:
            raise Violation("StartQuery of any other query is not simulated")
        name = str(group).removeprefix("/aws/eks/").removesuffix("/cluster")
        cluster = DIRECTORY.find(call.world, call.account, call.region, name)
        if cluster is None or group != f"/aws/eks/{name}/cluster" or not cluster.audit_logs:
            message = f"Log group '{group}' does not exist for account ID '{call.account}'"
            raise AwsError("ResourceNotFoundException", message)
        since = _EPOCH + timedelta(seconds=first)
        until = min(_EPOCH + timedelta(seconds=end + 1), call.world.now())
        id = f"00000000-0000-4000-8000-{next(self._numbers):012x}"
        self._started[id] = _Query(call.account, call.region, audit_calls(cluster, since, until))
        if len(self._started) > _MOST_QUERIES:
            del self._started[next(iter(self._started))]
        return {"queryId": id}

    def _results(self, call: Call) -> dict[str, Any]:
        query = self._query(call)
        if query.status == "Running":
            query.status = "Complete"
        elif query.status == "Scheduled":
            query.status = "Running"
        rows = [list(_cells(each)) for each in query.calls] if query.status == "Complete" else []
        matched = float(sum(each.count for each in query.calls)) if rows else 0.0
        statistics = {"recordsMatched": matched, "recordsScanned": matched, "bytesScanned": matched * 1500}
        return {"results": rows, "statistics": statistics, "status": query.status}

    def _stop(self, call: Call) -> dict[str, Any]:
        query = self._query(call)
        if query.status not in {"Scheduled", "Running"}:
            raise AwsError("InvalidParameterException", f"Query {call.params['queryId']} has already ended")
        query.status = "Cancelled"
        return {"success": True}

    def _query(self, call: Call) -> _Query:
        query = self._started.get(call.params.get("queryId", ""))
        if query is None or (query.account, query.region) != (call.account, call.region):
            raise AwsError("ResourceNotFoundException", "The specified query does not exist.")
        return query


def _cells(call: AuditCall) -> Iterator[dict[str, str]]:
    """A row; Insights leaves out a field that no event has."""
    values = {
        "objectRef.apiGroup": call.group,
        "objectRef.apiVersion": call.version,
        "objectRef.resource": call.resource,
        "user.username": call.user,
        "userAgent": call.user_agent,
        "calls": str(call.count),
        "last": str(_milliseconds(call.last)),
    }
    return ({"field": field, "value": value} for field, value in values.items() if value)
