"""FK332: an aggregated API is not available, so that its group fails and namespaces cannot be deleted.

Discovery is incomplete while one APIService is down: namespaces hang in deletion, garbage collection is late, and
autoscalers that read its metrics stop (kubernetes/kubernetes, kube-aggregator, 2026).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import read

LONGEST = 160  # characters of the condition's message


@check("FK332", "An aggregated API is not available", needs=(parts.API_SERVICES,), each_hop=False)
def api_service_unavailable(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for each in snap.api_services:
        if each.available:
            continue
        why = ": ".join(filter(None, (each.reason, safe(each.message, LONGEST)))) or "no reason given"
        yield Finding(
            code="FK332",
            severity=Severity.WARNING,
            subject=Subject("APIService", each.name),
            message=f"{each.group}/{each.version} is not available ({why})",
            fix=f"mend service {each.service}, or kubectl delete apiservice {each.name} if nothing serves it any more",
            breaks=Breaks.AT_UPGRADE,
            evidence=(read(snap, parts.API_SERVICES, "condition", "Available is not True"),),
            owner=each.owner,
        )
