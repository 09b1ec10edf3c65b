"""FK330: an admission webhook that fails closed has nobody to answer it, so that what it is asked about is refused.

With failurePolicy Fail and no ready endpoint behind its service the API server refuses every write that matches: pods
that a drain evicts cannot be made anew, and new nodes cannot register (Amazon EKS Best Practices, cluster upgrades,
2026). A webhook that is called by URL is outside of what can be seen.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.observed import Webhook
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.webhooks import perils, takes_pods
from fleetkeeper.core.wording import read, some

NEEDS = (parts.WEBHOOKS, parts.WORKLOADS)


@check("FK330", "A webhook that fails closed has no endpoints", needs=NEEDS, critical=True, each_hop=False)
def webhook_without_endpoints(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for webhook in snap.webhooks:
        if not webhook.fails_closed or not webhook.service or webhook.endpoints:
            continue
        asked = ("new pods",) if takes_pods(webhook) else ()
        grave = tuple(dict.fromkeys((*asked, *perils(webhook, snap.workloads))))
        unseen = webhook.endpoints is None
        yield Finding(
            code="FK330",
            severity=Severity.UNKNOWN if unseen else Severity.BLOCKER if grave else Severity.WARNING,
            subject=Subject(webhook.kind, webhook.configuration),
            key=webhook.name,
            message=_message(webhook, grave),
            fix=_fix(webhook),
            blocks=bool(grave),
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.WEBHOOKS, "endpoints", "not seen" if unseen else "0 ready"),),
            owner=webhook.owner,
        )


def _message(webhook: Webhook, grave: tuple[str, ...]) -> str:
    state = "endpoints that were not seen" if webhook.endpoints is None else "no ready endpoint"
    refused = f"refuses {some(grave)}" if grave else "refuses what it is asked about"
    return (
        f"webhook {webhook.name} fails closed, and its service {webhook.service} has {state}: without one it {refused}"
    )


def _fix(webhook: Webhook) -> str:
    namespace, _, service = webhook.service.partition("/")
    look = f"kubectl -n {namespace} get endpointslices -l kubernetes.io/service-name={service}"
    if webhook.endpoints is None:
        return f"look whether service {webhook.service} has any: {look}"
    gone = f"kubectl delete {webhook.kind} {webhook.configuration} if it is gone for good"
    return f"start what is behind service {webhook.service} (look at it with {look}), or {gone}"
