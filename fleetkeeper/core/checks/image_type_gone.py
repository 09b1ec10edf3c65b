"""FK419: nodes run Amazon Linux 2, for which EKS makes no image of the target.

1.32 is the last minor with AL2 images (Amazon EKS User Guide, Kubernetes versions, 1.32 and 1.33): an update of such a
group to the target is refused, and nodes that launch from an AL2 parameter find none. The move to AL2023 changes user
data (nodeadm), so that it wants its own test. Fargate's images are AWS' own.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.behaviours import Detector, due, evidence, severity_of
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import BehaviourRow, Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.node_pools import pools
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some

IMAGE, TYPE = "Amazon Linux 2", "AL2_"
NEEDS = (parts.NODE_GROUPS, parts.NODES)


@check("FK419", "EKS makes no such node image for the target", needs=NEEDS, critical=True)
def image_type_gone(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    row = due(compat, hop, Detector.AMAZON_LINUX_2)
    if row is None:
        return
    typed = {each.name: each.ami_type for each in snap.node_groups if each.ami_type.startswith(TYPE)}
    for name, ami_type in typed.items():
        fix = f"create a group with AL2023 beside {name}, move its pods, then delete {name}: its AMI type is fixed"
        yield _finding(row, Subject("NodeGroup", name), f"has AMI type {ami_type}", fix)
    for pool in pools(each for each in snap.nodes if each.os_image == IMAGE and each.kind is not ComputeKind.FARGATE):
        if pool.kind is ComputeKind.MANAGED and pool.group in typed:
            continue
        message = f"{counted(len(pool.nodes), 'node')} ({some(sorted(each.name for each in pool.nodes))}) run {IMAGE}"
        fix = "set an AL2023 image and nodeadm user data for it (Karpenter: amiSelectorTerms alias al2023@latest)"
        yield _finding(row, pool.subject, message, fix)


def _finding(row: BehaviourRow, subject: Subject, message: str, fix: str) -> Finding:
    severity = severity_of(row)
    return Finding(
        code="FK419",
        severity=severity,
        subject=subject,
        message=f"{message}: {row.text}",
        fix=fix,
        blocks=severity is Severity.BLOCKER,
        breaks=Breaks.AT_NODES,
        minor=row.minor,
        evidence=(evidence(row),),
    )
