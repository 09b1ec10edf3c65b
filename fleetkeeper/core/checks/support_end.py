"""FK102: the end of support of the cluster's minor is near or past: it costs six times the price, or upgrades itself.

Extended support begins on the day that standard support ends, and EKS upgrades the control plane by itself when
extended support ends (Amazon EKS User Guide, Kubernetes versions, 2026-08-22).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Breaks, Evidence, Finding, Severity
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.support import Phase, Support, support_of

SOON = 60  # days
HOURS_A_MONTH = 730
EXTENDED_EXTRA = 0.50  # US dollars an hour on top of 0.10 (AWS containers blog, pricing of extended support, 2024-04)


@check("FK102", "Support of the control plane ends", needs=(parts.CONTROL_PLANE,), each_hop=False)
def support_end(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A warning while standard support ends soon or extended support is paid; a blocker of nothing."""
    support = support_of(hop.source, snap.cluster_versions, compat, snap.now)
    if support.phase is Phase.UNKNOWN or support.ends_at is None:
        return
    if support.phase is Phase.STANDARD and (support.days_left or 0) > SOON:
        return
    declined = snap.control_plane is not None and snap.control_plane.support_type == "STANDARD"
    if declined and support.phase is not Phase.UNSUPPORTED:
        return  # it will never pay, for EKS upgrades it first: FK103
    yield Finding(
        code="FK102",
        severity=Severity.INFO if support.phase is Phase.STANDARD else Severity.WARNING,
        subject=CLUSTER,
        message=_message(support),
        fix=f"upgrade to {hop.target}",
        breaks=Breaks.AT_DATE,
        deadline=support.ends_at,
        evidence=(Evidence("EKS" if snap.cluster_versions else "compat", support.source or "DescribeClusterVersions"),),
    )


def _message(support: Support) -> str:
    day, cost = f"{support.ends_at:%Y-%m-%d}", f"${EXTENDED_EXTRA * HOURS_A_MONTH:.0f} a month more"
    match support.phase:
        case Phase.STANDARD:
            return f"standard support of {support.minor} ends on {day}, in {support.days_left} days; then {cost}"
        case Phase.EXTENDED:
            return f"{support.minor} is in extended support ({cost}) until {day}; then EKS upgrades it by itself"
    return f"support of {support.minor} ended on {day}: EKS may upgrade it at any time"
