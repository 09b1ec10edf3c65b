"""FK315: a pod template mounts a gitRepo volume, which the target's kubelet refuses.

The API server still accepts the pod, and no kubelet of 1.36 or later starts it (Amazon EKS User Guide, Kubernetes
versions, 1.36): the workload runs on until its pods move.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.behaviours import Detector, due, evidence, severity_of
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some

NEEDS = (parts.WORKLOADS, parts.PODS)


@check("FK315", "A gitRepo volume", needs=NEEDS)
def git_repo_volume(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    row = due(compat, hop, Detector.GIT_REPO)
    if row is None:
        return
    for workload in (*snap.workloads, *(snap.pods.ownerless if snap.pods else ())):
        volumes = workload.template.volumes if workload.template else ()
        names = [each.name for each in volumes if each.kind == "gitRepo"]
        if not names:
            continue
        yield Finding(
            code="FK315",
            severity=severity_of(row),
            subject=Subject(workload.kind, workload.name, workload.namespace),
            message=f"mounts gitRepo volume {some(names)}, which kubelets of {row.minor} refuse",
            fix="clone into an emptyDir volume from an init container",
            blocks=severity_of(row) is Severity.BLOCKER,
            breaks=Breaks.AT_NODES,
            minor=row.minor,
            evidence=(evidence(row),),
            owner=workload.owner,
        )
