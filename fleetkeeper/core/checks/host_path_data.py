"""FK414: a workload keeps files in a folder of its node, which is gone when the node is replaced.

DaemonSets, which work on the node itself, and the folders of the system are left out.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Workload
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some

SYSTEM = ("boot", "dev", "etc", "lib", "proc", "run", "sys", "usr", "var/lib/kubelet", "var/log", "var/run")
"""Folders that are mounted to look at the node or to talk to it, never to keep something."""


@check("FK414", "A workload keeps files on its node", needs=(parts.WORKLOADS,), each_hop=False)
def host_path_data(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for workload in snap.workloads:
        paths = [] if workload.kind == "DaemonSet" else sorted(_kept(workload))
        if not paths:
            continue
        yield Finding(
            code="FK414",
            severity=Severity.INFO,
            subject=Subject(workload.kind, workload.name, workload.namespace),
            message=f"mounts {some(paths)} of its node: what is kept there is gone when the node is replaced",
            fix="keep the files in a PersistentVolumeClaim, or use emptyDir where they may be lost",
            breaks=Breaks.LOST,
            owner=workload.owner,
        )


def _kept(workload: Workload) -> set[str]:
    volumes = workload.template.volumes if workload.template else ()
    return {each.source for each in volumes if each.kind == "hostPath" and not _is_system(each.source)}


def _is_system(path: str) -> bool:
    inside = path.strip("/")
    return not inside or any(inside == each or inside.startswith(f"{each}/") for each in SYSTEM)
