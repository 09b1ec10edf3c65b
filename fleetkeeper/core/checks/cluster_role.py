"""FK502: the cluster's IAM role is gone, without which EKS cannot update the control plane.

EKS verifies at an update that the role exists (EKS best practices, upgrades, 2026-05). A role that is made again under
the same name serves.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read


@check("FK502", "The cluster role is gone", needs=(parts.PREREQUISITES,), each_hop=False)
def cluster_role(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker when it is known to be gone; unknown while nobody let us look."""
    seen = snap.prerequisites
    if seen is None or not seen.role_arn or seen.role_exists:
        return
    gone, name = seen.role_exists is False, seen.role_arn.rpartition("/")[2]
    yield Finding(
        code="FK502",
        severity=Severity.BLOCKER if gone else Severity.UNKNOWN,
        subject=Subject("Role", name),
        message=f"the cluster role {seen.role_arn} {'does not exist' if gone else 'could not be looked at'}",
        fix=f"aws iam create-role --role-name {name} with eks.amazonaws.com in its trust policy, then attach"
        " AmazonEKSClusterPolicy"
        if gone
        else "allow iam:GetRole on it",
        blocks=gone,
        evidence=(read(snap, parts.PREREQUISITES, "IAM", f"GetRole {name}"),),
    )
