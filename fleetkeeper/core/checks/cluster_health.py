"""FK104: EKS reports a health issue of the cluster that its update would fail on.

DescribeCluster lists in health.issues what keeps EKS from working on a cluster: its role, VPC, subnets, security
groups, KMS key or quotas (botocore 1.44.5, ClusterIssueCode). A code that we do not know blocks as unknown.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import Issue
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import read, some

FIXES = {
    "AccessDenied": "give the cluster role AmazonEKSClusterPolicy again",
    "ClusterUnreachable": "let EKS reach the API server: look at the security groups and network ACLs of the subnets",
    "ConfigurationConflict": "undo the change that conflicts with what EKS manages",
    "InternalFailure": "wait for EKS to clear it; open an AWS support case if it stays for an hour",
    "ResourceLimitExceeded": "raise the quota that the message names",
    "ResourceNotFound": "create what the message names again, under the same name",
    "IamRoleNotFound": "create the cluster role again, under the same name and with AmazonEKSClusterPolicy",
    "VpcNotFound": "build a new cluster and move the workloads: a cluster cannot move to another VPC",
    "InsufficientFreeAddresses": "free addresses, or name other subnets of the same zones with update-cluster-config",
    "Ec2ServiceNotSubscribed": "subscribe the account to EC2 in this region",
    "Ec2SubnetNotFound": "name living subnets of the same VPC and zones with aws eks update-cluster-config",
    "Ec2SecurityGroupNotFound": "name a living security group with aws eks update-cluster-config",
    "KmsGrantRevoked": "let the cluster role create grants on the KMS key again",
    "KmsKeyNotFound": "restore the KMS key: without it the secrets cannot be read",
    "KmsKeyMarkedForDeletion": "aws kms cancel-key-deletion, then aws kms enable-key",
    "KmsKeyDisabled": "aws kms enable-key",
    "StsRegionalEndpointDisabled": "activate the STS endpoint of this region in the account settings of IAM",
}
HARMLESS = frozenset({"UnsupportedVersion"})  # the upgrade itself mends it


@check("FK104", "The cluster has a health issue", needs=(parts.CONTROL_PLANE,), critical=True, each_hop=False)
def cluster_health(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker for each code that stands for something missing; unknown for a code without a fix that we know."""
    for issue in snap.control_plane.issues if snap.control_plane else ():
        harmless, known = issue.code in HARMLESS, issue.code in FIXES
        yield Finding(
            code="FK104",
            severity=Severity.INFO if harmless else Severity.BLOCKER if known else Severity.UNKNOWN,
            subject=Subject("ClusterIssue", issue.code),
            key=",".join(sorted(issue.resources)),
            message=_message(issue),
            fix=f"upgrade to {hop.target}" if harmless else FIXES.get(issue.code, "clear what the message names"),
            blocks=not harmless,
            evidence=(read(snap, parts.CONTROL_PLANE, "EKS", f"health.issues of DescribeCluster: {issue.code}"),),
        )


def _message(issue: Issue) -> str:
    where = f" ({some(issue.resources)})" if issue.resources else ""
    return f"EKS reports {issue.code}{where}: {safe(issue.message, 160) or 'without a message'}"
