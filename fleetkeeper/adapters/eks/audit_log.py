"""Calls of deprecated APIs in a cluster's audit log, counted by CloudWatch Logs Insights: no event leaves AWS.

The API server marks requests of a deprecated API with the annotation k8s.io/deprecated
(https://kubernetes.io/docs/reference/labels-annotations-taints/audit-annotations/, read 2026-11-21).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog

from fleetkeeper.adapters.eks import parse
from fleetkeeper.adapters.eks.fields import listed, mapping, text
from fleetkeeper.adapters.eks.pages import Pages, permission
from fleetkeeper.core.observed import AuditCall
from fleetkeeper.errors import GapReason, ReadError, Unreachable

T = TypeVar("T")

_log = structlog.get_logger("observe")

MOST_ROWS = 1000
QUERY = (
    'filter @logStream like "kube-apiserver-audit" | filter `annotations.k8s.io/deprecated` = "true"'
    " | stats count(*) as calls, max(@timestamp) as last"
    " by objectRef.apiGroup, objectRef.apiVersion, objectRef.resource, user.username, userAgent"
    f" | sort last desc | limit {MOST_ROWS}"
)
WAITS = (0.5, 0.5, 1.0, 1.0, 2.0, *(5.0,) * 5)
"""Seconds before each look at the results; 30 in all."""

_FAILED = {
    "Timeout": GapReason.TIMEOUT,
    "Failed": GapReason.SERVER_ERROR,
    "Cancelled": GapReason.SERVER_ERROR,
}
_LONGEST_TEXT = 300  # of a user agent, which its client makes up
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def log_group(cluster: str) -> str:
    """Where EKS puts the logs of a control plane."""
    return f"/aws/eks/{cluster}/cluster"


def audit_calls(pages: Pages, cluster: str, since: datetime, until: datetime) -> tuple[AuditCall, ...]:
    """Calls from `since` to before `until`, in whole seconds; a ReadError of TIMEOUT when 30 s do not suffice.

    A query that is not waited for to its end is stopped, for it would go on reading, and count against the account.
    """
    first, end = int(since.timestamp()), int(until.timestamp())
    if first >= end:
        return ()
    arguments = {
        "logGroupName": log_group(cluster),
        "startTime": first,
        "endTime": end - 1,  # Insights takes both ends as part of the range
        "queryString": QUERY,
    }
    id = _ask(pages, "start_query", cluster, lambda body: parse.name(parse.member(body, "queryId")), **arguments)
    try:
        return _results(pages, cluster, id)
    except ReadError:
        _stop(pages, cluster, id)
        raise


def _results(pages: Pages, cluster: str, id: str) -> tuple[AuditCall, ...]:
    for seconds in WAITS:
        pages.sessions.pause(seconds)
        found = _ask(pages, "get_query_results", cluster, _answered, queryId=id)
        if found is not None:
            return found
    limit = f"{sum(WAITS):g} s"
    raise Unreachable(f"the query of the audit log of {cluster} did not end within {limit}", GapReason.TIMEOUT)


def _stop(pages: Pages, cluster: str, id: str) -> None:
    try:
        _ask(pages, "stop_query", cluster, lambda _: None, queryId=id)
    except ReadError as error:
        _log.info("not_stopped", reason=error.reason.value, detail=error.detail, scope=str(pages.scope))


def _ask(
    pages: Pages, operation: str, cluster: str, parsed: Callable[[Mapping[str, Any]], T], **arguments: object
) -> T:
    def call() -> T:
        client = pages.sessions.client(pages.session, "logs", pages.scope)
        return parsed(getattr(client, operation)(**arguments))

    action = f"{permission('logs', operation)} of {cluster} in {pages.scope}"
    return pages.sessions.read(pages.session, action, pages.scope, call)


def _answered(body: Mapping[str, Any]) -> tuple[AuditCall, ...] | None:
    """GetQueryResults; None while the query runs."""
    status = parse.name(parse.member(body, "status"))
    if status in _FAILED:
        raise Unreachable(f"the query of the audit log ended as {status}", _FAILED[status])
    if status != "Complete":
        return None
    rows = (
        {text(cell.get("field")): text(cell.get("value")) for cell in map(mapping, listed(row))}
        for row in listed(parse.member(body, "results"))
    )
    # A request of no resource, such as /healthz, has no objectRef.
    return tuple(_call(row) for row in rows if row.get("objectRef.resource"))


def _call(row: Mapping[str, str]) -> AuditCall:
    """A row; a field that no event of it has is left out: the core group has no name."""
    return AuditCall(
        group=row.get("objectRef.apiGroup", ""),
        version=row["objectRef.apiVersion"],
        resource=row["objectRef.resource"],
        user=row.get("user.username", "")[:_LONGEST_TEXT],
        user_agent=row.get("userAgent", "")[:_LONGEST_TEXT],
        count=int(float(row["calls"])),
        last=_moment(row["last"]),
    )


def _moment(value: str) -> datetime:
    """Insights writes a time as text, or as milliseconds once a function was applied to it."""
    if ":" in value:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return _EPOCH + timedelta(milliseconds=int(float(value)))
