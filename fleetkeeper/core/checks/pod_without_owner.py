"""FK411: no controller owns a pod, so that a drain deletes it for good.

Nothing makes it again on another node; kubectl drain refuses without --force for that reason (Kubernetes documentation,
kubectl drain, 2026), and EKS and Karpenter evict it without asking. Mirror pods of static pods are owned by their node.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot


@check("FK411", "A pod without a controller is lost in a drain", needs=(parts.PODS,), each_hop=False)
def pod_without_owner(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for pod in snap.pods.ownerless if snap.pods else ():
        yield Finding(
            code="FK411",
            severity=Severity.WARNING,
            subject=Subject("Pod", pod.name, pod.namespace),
            message="no controller owns it: when its node is replaced, it is deleted for good",
            fix="run it in a Deployment or a Job, or delete it if nobody needs it",
            breaks=Breaks.LOST,
            owner=pod.owner,
        )
