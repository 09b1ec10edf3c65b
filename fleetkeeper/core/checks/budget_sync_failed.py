"""FK408: the disruption controller cannot count the pods of a PodDisruptionBudget, so none can ever be evicted.

The eviction API then answers 429 with Retry-After 10 and "still being processed", for ever (measured on 1.36.3); only
the DisruptionAllowed condition with reason SyncFailed tells the truth. It comes of pods whose controller has no scale
subresource while the budget has maxUnavailable or a percentage.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.budgets import SYNC_FAILED
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import read

NEEDS = (parts.BUDGETS, parts.WORKLOADS, parts.PODS)
LONGEST = 200  # characters of the controller's own message


@check("FK408", "A disruption budget cannot be computed", needs=NEEDS, critical=True, each_hop=False)
def budget_sync_failed(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for guard in snap.guards:
        budget = guard.budget
        if budget.reason != SYNC_FAILED or not guard.is_drained:
            continue
        message = safe(budget.message, LONGEST)
        yield Finding(
            code="FK408",
            severity=Severity.BLOCKER,
            subject=Subject("PodDisruptionBudget", budget.name, budget.namespace),
            message=f"the disruption controller cannot count its pods ({SYNC_FAILED}: {message or 'no message'}), "
            "so it lets none go",
            fix="use minAvailable with a number, which needs no scale subresource, or give the owner's CRD one",
            blocks=True,
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.BUDGETS, "condition", f"DisruptionAllowed: {SYNC_FAILED}"),),
            owner=budget.owner,
        )
