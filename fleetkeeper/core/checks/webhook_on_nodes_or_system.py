"""FK331: an admission webhook that fails closed is asked about nodes, leases, evictions or pods of kube-system.

When its own pods are down for a moment, as they are while nodes are replaced, new nodes cannot register, kubelets lose
their leases and CNI or DNS pods cannot start, which the webhook may need itself to come back (Kubernetes documentation,
Admission Webhook Good Practices, avoid deadlocks, 2026). A namespaceSelector that leaves kube-system out is the cure.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.webhooks import perils
from fleetkeeper.core.wording import some

NEEDS = (parts.WEBHOOKS, parts.WORKLOADS)
SELECTOR = "{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, kube-node-lease]}"


@check("FK331", "A webhook that fails closed guards what upgrades need", needs=NEEDS, critical=True, each_hop=False)
def webhook_on_nodes_or_system(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for webhook in snap.webhooks:
        asked = perils(webhook, snap.workloads) if webhook.fails_closed else ()
        if not asked:
            continue
        yield Finding(
            code="FK331",
            severity=Severity.WARNING,
            subject=Subject(webhook.kind, webhook.configuration),
            key=webhook.name,
            message=f"webhook {webhook.name} fails closed and is asked about {some(asked, 6)}: "
            f"when {webhook.service or webhook.url or 'it'} does not answer, they are refused",
            fix=_fix(asked),
            breaks=Breaks.AT_NODES,
            owner=webhook.owner,
        )


def _fix(asked: tuple[str, ...]) -> str:
    cluster_wide = "nodes" in asked
    narrow = "take nodes out of its rules" if cluster_wide else ""
    system = f"add {SELECTOR} to namespaceSelector.matchExpressions" if set(asked) - {"nodes"} else ""
    return "; ".join(filter(None, (narrow, system))) + "; or set failurePolicy: Ignore"
