"""FK112: EKS does not offer the target minor in this region.

A minor reaches regions one after the other, and UpdateClusterVersion answers InvalidParameterException until then
(DescribeClusterVersions is the list; botocore 1.44.5).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Finding, Severity
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read


@check("FK112", "EKS does not offer the target minor", needs=(parts.CLUSTER_VERSIONS,))
def target_offered(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker when the list lacks the target; an empty list says nothing of any minor, so it is not judged by."""
    offered = {known.minor for known in snap.cluster_versions if known.status != "UNSUPPORTED"}
    if not snap.cluster_versions or hop.target in offered:
        return
    newest = max(offered, default=None)
    region = snap.cluster.scope.region if snap.cluster.scope else "this region"
    yield Finding(
        code="FK112",
        severity=Severity.BLOCKER,
        subject=CLUSTER,
        message=f"EKS does not offer {hop.target} in {region}" + (f"; the newest there is {newest}" if newest else ""),
        fix=f"wait for EKS to offer {hop.target}; aws eks describe-cluster-versions --region {region} lists it then",
        blocks=True,
        minor=hop.target,
        evidence=(read(snap, parts.CLUSTER_VERSIONS, "EKS", "DescribeClusterVersions"),),
    )
