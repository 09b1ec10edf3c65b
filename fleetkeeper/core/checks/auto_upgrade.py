"""FK103: EKS will upgrade the control plane by itself, near in time or before the day that the policy plans.

With the upgrade policy STANDARD that is at the end of standard support, with EXTENDED at the end of extended support,
without a further notice and at an hour of its own choosing (Amazon EKS User Guide, kubernetes-versions and
enable-extended-support, 2025-12). After the end of extended support there is no way back to the old minor either
(rollback-cluster, 2026-05).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.checks.support_end import EXTENDED_EXTRA, HOURS_A_MONTH
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Breaks, Finding, Severity
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, day, read

SOON = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class _End:
    """When EKS upgrades by itself; extendable while the upgrade policy can still put it off."""

    at: datetime
    extendable: bool


@check("FK103", "EKS will upgrade the control plane by itself", needs=(parts.CONTROL_PLANE,), each_hop=False)
def auto_upgrade(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A warning; it holds up no upgrade, for an upgrade is what it asks for."""
    end = _end(snap, hop, compat)
    if end is None:
        return
    planned = snap.policy.deadline if snap.policy.target and snap.policy.target > hop.source else None
    races = planned is not None and planned >= end.at
    if not races and end.at - snap.now > SOON:
        return
    yield Finding(
        code="FK103",
        severity=Severity.WARNING,
        subject=CLUSTER,
        message=_message(snap, hop, end)
        + (f"; the policy plans it by {day(planned)} only" if races and planned else ""),
        fix=_fix(snap, hop, end),
        breaks=Breaks.AT_DATE,
        deadline=end.at,
        evidence=(read(snap, parts.CONTROL_PLANE, "EKS", f"upgradePolicy.supportType {_policy(snap) or 'not told'}"),),
    )


def _policy(snap: Snapshot) -> str:
    return snap.control_plane.support_type if snap.control_plane else ""


def _end(snap: Snapshot, hop: Hop, compat: Compat) -> _End | None:
    """None for a cluster outside of EKS, and for a minor whose dates nobody told."""
    if snap.cluster.scope is None:
        return None
    for known in (*snap.cluster_versions, compat.support(hop.source)):
        if known is None or known.minor != hop.source or not (known.end_of_standard or known.end_of_extended):
            continue
        at = known.end_of_standard if _policy(snap) == "STANDARD" else known.end_of_extended
        return _End(at, at == known.end_of_standard) if at else None
    return None


def _message(snap: Snapshot, hop: Hop, end: _End) -> str:
    support = "standard" if end.extendable else "extended"
    days = (end.at - snap.now).days
    if days < 0:
        return (
            f"{support} support of {hop.source} ended on {day(end.at)}: EKS may start the upgrade to {hop.target} now"
        )
    left = counted(days, "day")
    return f"EKS upgrades {hop.source} to {hop.target} by itself from {day(end.at)} on, in {left}"


def _fix(snap: Snapshot, hop: Hop, end: _End) -> str:
    upgrade = f"upgrade to {hop.target} before that"
    if not end.extendable:
        return f"{upgrade}; there is no way back after EKS has done it"
    return (
        f"{upgrade}, or put it off for ${EXTENDED_EXTRA * HOURS_A_MONTH:.0f} a month: "
        f"aws eks update-cluster-config --name {snap.cluster.name} --upgrade-policy supportType=EXTENDED"
    )
