"""FK501: the control plane's subnets lack free addresses for its new network interfaces.

EKS takes up to 5 addresses while it updates a control plane, from any of the subnets that were named for the cluster
(Amazon EKS User Guide, update-cluster, 2025). That two zones have to have them is the rule of eksup, EKS001. Other
subnets have to lie in the same VPC and the same zones (EKS best practices, upgrades, 2026-05).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Finding, Severity
from fleetkeeper.core.observed import Subnet
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, read, some

NEEDED = 5
ZONES = 2
NEEDS = (parts.PREREQUISITES, parts.CONTROL_PLANE)


@check("FK501", "The control plane's subnets are full", needs=NEEDS, each_hop=False)
def control_plane_subnets(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker while fewer than two zones have five free addresses; unknown where a subnet was not seen."""
    seen = snap.prerequisites.subnets if snap.prerequisites else ()
    wanted = snap.control_plane.subnets if snap.control_plane else ()
    lost = sorted(set(wanted) - {subnet.id for subnet in seen})
    roomy = {subnet.zone for subnet in seen if subnet.free_addresses >= NEEDED}
    if len(roomy) >= ZONES or not (seen or lost):
        return
    yield Finding(
        code="FK501",
        severity=Severity.UNKNOWN if lost else Severity.BLOCKER,
        subject=CLUSTER,
        message=f"{counted(len(roomy), 'zone')} of the {ZONES} that an update needs "
        f"{'has' if len(roomy) == 1 else 'have'} {NEEDED} free addresses: {_each(seen, lost)}",
        fix=f"free addresses there, or name roomier subnets of the same zones:"
        f" aws eks update-cluster-config --name {snap.cluster.name} --resources-vpc-config subnetIds=...",
        blocks=not lost,
        evidence=(read(snap, parts.PREREQUISITES, "EC2", "DescribeSubnets: availableIpAddressCount"),),
    )


def _each(seen: tuple[Subnet, ...], lost: list[str]) -> str:
    """Every subnet with its count: there are at most sixteen, and the reader has to choose among them."""
    told = [f"{subnet.id} in {subnet.zone} has {subnet.free_addresses}" for subnet in seen]
    return some([*told, *(f"{id} was not found" for id in lost)], limit=16)
