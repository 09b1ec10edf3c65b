"""FK210: the Cluster Autoscaler is of another minor than the target.

It simulates the scheduler of its own minor, and upstream recommends the same minor as the control plane's; another one
works at a risk (kubernetes/autoscaler cluster-autoscaler/README.md@55c37cd5eb55, 2026-08).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.node_pools import minor_of
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import read

ID = "cluster-autoscaler"


@check("FK210", "The Cluster Autoscaler is of another minor", needs=(parts.ADDONS,))
def cluster_autoscaler_minor(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Told only while it is at the present minor, for it moves after the control plane; a warning for any other."""
    for addon in snap.addons:
        minor = minor_of(addon.version)
        if addon.id != ID or minor == hop.target:
            continue
        yield Finding(
            code="FK210",
            severity=Severity.UNKNOWN if minor is None else Severity.INFO if minor == hop.source else Severity.WARNING,
            subject=Subject("Addon", addon.where),
            message=_message(addon.version, minor, hop),
            fix=f"right after {hop}: set the image of {addon.where} to the newest v{hop.target}.x",
            breaks=Breaks.NOTHING if minor == hop.source else Breaks.AT_NODES,
            minor=hop.target,
            evidence=(read(snap, parts.ADDONS, addon.found_by.value, f"{addon.where} {addon.version}"),),
        )


def _message(version: str, minor: Minor | None, hop: Hop) -> str:
    if minor is None:
        return f"the version of the Cluster Autoscaler is not known; {hop.target} wants {hop.target}"
    return f"the Cluster Autoscaler is {version}; {hop.target} wants {hop.target}"
