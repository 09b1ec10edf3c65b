"""FK303: somebody calls an API that the target minor no longer serves, and no workload or object says who.

The API server's metric is a gauge that stays at 1 until that API server restarts, and names nobody; an EKS insight or
the audit log names a user agent, which may be a laptop or a pipeline. Turn on the audit log to learn more.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.api_words import instead, removed
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.evidence import MANAGED_FIELDS, Uses, gather
from fleetkeeper.core.finding import Breaks, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot


@check("FK303", "An API that the target removes is called by an unknown client", needs=(parts.API_USE, parts.WORKLOADS))
def api_nameless(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for uses in gather(snap, compat, hop):
        if uses.calls and not _is_explained(uses):
            yield _finding(snap, hop, uses, compat)


def _is_explained(uses: Uses) -> bool:
    """Whether a caller or a writer was named that these calls may well be of: they stand in its finding."""
    wrote = any(each.source == MANAGED_FIELDS for traces in uses.written.values() for each in traces)
    named = any(each.source != "metric" for each in uses.calls)
    return (bool(uses.callers) or wrote) and not named


def _finding(snap: Snapshot, hop: Hop, uses: Uses, compat: Compat) -> Finding:
    row, clients = uses.row, [each for each in uses.calls if each.source != "metric"]
    control_plane = snap.control_plane
    audited = control_plane is not None and control_plane.audit_logs
    look = "look the client up in the audit log" if audited else "turn on the audit log to learn who it is"
    wanted = instead(row, compat.apis, hop.target)
    return Finding(
        code="FK303",
        severity=Severity.BLOCKER,
        subject=Subject("API", f"{row.resource}.{row.version}.{row.group or 'core'}"),
        message=f"{_who(len(clients))} {removed(row)}",
        fix=f"{'find the owner of the client' if clients else look}, and have it use {wanted}",
        blocks=True,
        breaks=Breaks.AT_UPGRADE,
        minor=hop.target,
        evidence=tuple(uses.calls),
        use=LiveUse(last=uses.last_call),
    )


def _who(clients: int) -> str:
    if not clients:
        return "somebody calls"
    return (
        "1 client that runs in no known workload calls"
        if clients == 1
        else f"{clients} clients that run in no known workload call"
    )
