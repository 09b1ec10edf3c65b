"""FK110: another update of the cluster runs, or its control plane is not ACTIVE.

EKS takes one update of a cluster at a time and answers any other with ResourceInUseException (botocore 1.44.5).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Evidence, Finding, Severity, Subject
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read

NEEDS = (parts.CONTROL_PLANE, parts.UPDATES)


@check("FK110", "Another update is in progress", needs=NEEDS, critical=True, each_hop=False)
def update_in_progress(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker until it is over; a control plane that failed has to be mended first."""
    running = [update for update in snap.updates if update.status == "InProgress"]
    for update in running:
        yield _blocker(
            Subject("Update", update.id),
            f"{_what(update)} is in progress"
            + (f" since {update.created_at:%Y-%m-%d %H:%M} UTC" if update.created_at else ""),
            f"wait for aws eks describe-update --name {snap.cluster.name} --update-id {update.id} to say Successful",
            Evidence("EKS", f"ListUpdates: {update.kind} {update.status}", update.created_at),
        )
    status = snap.control_plane.status if snap.control_plane else ""
    if status not in ("ACTIVE", "") and not running:
        yield _blocker(
            CLUSTER,
            f"the control plane is {status}, not ACTIVE",
            "open an AWS support case: a FAILED control plane takes no update"
            if status == "FAILED"
            else f"wait: aws eks wait cluster-active --name {snap.cluster.name}",
            read(snap, parts.CONTROL_PLANE, "EKS", f"DescribeCluster: status {status}"),
        )


def _what(update: EksUpdate) -> str:
    return f"{update.kind} to {update.minor}" if update.minor else update.kind


def _blocker(subject: Subject, message: str, fix: str, evidence: Evidence) -> Finding:
    return Finding("FK110", Severity.BLOCKER, subject, message, fix, blocks=True, evidence=(evidence,))
