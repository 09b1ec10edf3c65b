"""FK415: a pod asks not to be disrupted, so that Karpenter and Auto Mode leave its node as it is.

They do not drain a node whose pod carries karpenter.sh/do-not-disrupt, however far it has drifted, unless the NodePool
has a terminationGracePeriod, which then deletes the pod (Karpenter documentation, Disruption, 2026). Other drains evict
it like any pod, which may be worse: it asked not to be.
"""

from collections import defaultdict
from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.observed import PodNote
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some

WAITING = frozenset({ComputeKind.KARPENTER, ComputeKind.AUTO_MODE})


@check("FK415", "A pod asks not to be disrupted", needs=(parts.POD_NOTES, parts.NODES), each_hop=False)
def do_not_disrupt(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """One finding for a workload, whose pods' names move."""
    waiting = {node.name for node in snap.nodes if node.kind in WAITING}
    asking: defaultdict[Subject, list[PodNote]] = defaultdict(list)
    for note in snap.pod_notes:
        if note.why == "do-not-disrupt":
            asking[_subject(note)].append(note)
    for subject, notes in asking.items():
        held = sorted({note.node for note in notes if note.node in waiting})
        yield Finding(
            code="FK415",
            severity=Severity.WARNING if held else Severity.INFO,
            subject=subject,
            message=f"{counted(len(notes), 'pod')} with {notes[0].detail or 'do-not-disrupt'}: "
            + (
                f"Karpenter does not replace {some(held)} while they run"
                if held
                else "a drain evicts them all the same"
            ),
            fix="agree on a time with the owner, and remove the annotation for it, or wait until the work is done",
            breaks=Breaks.AT_NODES,
            owner=notes[0].owner,
        )


def _subject(note: PodNote) -> Subject:
    kind, _, name = note.controller.partition("/")
    return Subject(kind, name, note.namespace) if name else Subject("Pod", note.name, note.namespace)
