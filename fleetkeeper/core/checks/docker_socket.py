"""FK320: something needs Docker on its node, which Kubernetes no longer runs.

dockershim is gone since 1.24, and images of EKS hold containerd alone (Amazon EKS User Guide, Kubernetes versions,
1.24): a pod that mounts docker.sock finds nobody there, and a node that runs Docker cannot be moved on.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.behaviours import Detector, due, evidence
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some

SOCKETS = frozenset({"/var/run/docker.sock", "/run/docker.sock"})


@check("FK320", "Something needs Docker on its node", needs=(parts.WORKLOADS, parts.NODES), each_hop=False)
def docker_socket(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    row = due(compat, hop, Detector.DOCKER)
    if row is None:
        return
    for workload in snap.workloads:
        volumes = workload.template.volumes if workload.template else ()
        if any(each.kind == "hostPath" and each.source.rstrip("/") in SOCKETS for each in volumes):
            yield Finding(
                code="FK320",
                severity=Severity.WARNING,
                subject=Subject(workload.kind, workload.name, workload.namespace),
                message="mounts docker.sock, behind which nothing answers on a node with containerd",
                fix="build images without a daemon (BuildKit rootless, kaniko), or read containers through the CRI",
                breaks=Breaks.AT_NODES,
                minor=row.minor,
                evidence=(evidence(row),),
                owner=workload.owner,
            )
    names = sorted(each.name for each in snap.nodes if each.runtime.startswith("docker://"))
    if names:
        yield Finding(
            code="FK320",
            severity=Severity.BLOCKER,
            subject=Subject("Nodes", "docker"),
            message=f"{counted(len(names), 'node')} ({some(names)}) run Docker, which kubelet {row.minor} cannot use",
            fix="replace them by nodes with containerd",
            blocks=True,
            breaks=Breaks.AT_NODES,
            minor=row.minor,
            evidence=(evidence(row),),
        )
