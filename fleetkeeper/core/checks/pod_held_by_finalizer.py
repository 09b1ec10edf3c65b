"""FK416: a pod that is being deleted is held by a finalizer, and a drain waits for it without end.

It has been deleted already, so there is nothing left to evict; only the controller that set the finalizer can let the
pod go. Removing a finalizer by hand skips whatever that controller meant to do first.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read


@check("FK416", "A terminating pod is held by a finalizer", needs=(parts.POD_NOTES,), each_hop=False)
def pod_held_by_finalizer(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for note in snap.pod_notes:
        if note.why != "finalizers":
            continue
        since = f" since {note.since:%Y-%m-%d %H:%M} UTC" if note.since else ""
        yield Finding(
            code="FK416",
            severity=Severity.WARNING,
            subject=Subject("Pod", note.name, note.namespace),
            message=f"is being deleted{since}, and {note.detail or 'a finalizer'} holds it: a drain of "
            f"{note.node or 'its node'} waits for it",
            fix=f"bring back the controller that set {note.detail or 'the finalizer'}; if it is gone for good, remove "
            f"the finalizer: kubectl -n {note.namespace} edit pod {note.name}",
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.POD_NOTES, "pod", note.controller or "no controller"),),
            owner=note.owner,
        )
