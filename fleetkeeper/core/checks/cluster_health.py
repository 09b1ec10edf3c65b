"""FK104: EKS reports a health issue of the cluster that its update would fail on.

DescribeCluster lists in health.issues what keeps EKS from working on a cluster: its role, VPC, subnets, security
groups, KMS key or quotas (botocore 1.44.5, ClusterIssueCode). A code that we do not know blocks as unknown.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.eks_errors import CLUSTERS
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import Issue
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import read, some

NO_CODE = "Other"
MEND = "clear what the message names"
HARMLESS = frozenset({"UnsupportedVersion"})  # the upgrade itself mends it


@check("FK104", "The cluster has a health issue", needs=(parts.CONTROL_PLANE,), critical=True, each_hop=False)
def cluster_health(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker for each code that stands for something missing; unknown for a code without a fix that we know."""
    for issue in snap.control_plane.issues if snap.control_plane else ():
        harmless = issue.code in HARMLESS
        known = CLUSTERS.get(issue.code) if issue.code != NO_CODE else None
        yield Finding(
            code="FK104",
            severity=Severity.INFO if harmless else Severity.BLOCKER if known else Severity.UNKNOWN,
            subject=Subject("ClusterIssue", issue.code),
            key=",".join(sorted(issue.resources)),
            message=_message(issue),
            fix=f"upgrade to {hop.target}" if harmless else known.to_do(snap.cluster.name) if known else MEND,
            blocks=not harmless,
            evidence=(read(snap, parts.CONTROL_PLANE, "EKS", f"health.issues of DescribeCluster: {issue.code}"),),
        )


def _message(issue: Issue) -> str:
    where = f" ({some(issue.resources)})" if issue.resources else ""
    return f"EKS reports {issue.code}{where}: {safe(issue.message, 160) or 'without a message'}"
