"""FK317: in-tree EBS volumes are in use, and no EBS CSI driver is there to serve them.

The in-tree plugin hands every call on to the driver (Amazon EKS User Guide, Kubernetes versions, 1.23): without it such
volumes are neither attached nor detached, and their pods stay where they are or nowhere. Auto Mode's own driver serves
volumes of another provisioner only.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.behaviours import Detector, due, evidence
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Addons
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, some

KIND, DRIVER = "awsElasticBlockStore", "aws-ebs-csi-driver"
NEEDS = (parts.VOLUMES, parts.WORKLOADS, parts.ADDONS)


@check("FK317", "In-tree volumes without a CSI driver", needs=NEEDS, critical=True)
def in_tree_volume(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    row = due(compat, hop, Detector.IN_TREE)
    if row is None or any(each.id == DRIVER for each in snap.addons):
        return
    names = [f"PersistentVolume {each.name}" for each in snap.volumes if each.source == KIND]
    names += [
        f"{each.kind} {each.namespace}/{each.name}"
        for each in snap.workloads
        if each.template and any(volume.kind == KIND for volume in each.template.volumes)
    ]
    if not names:
        return
    addons: Addons | None = snap.value(parts.ADDONS)
    unseen = addons.not_seen if addons else ()
    yield Finding(
        code="FK317",
        severity=Severity.UNKNOWN if unseen else Severity.BLOCKER,
        subject=Subject("CSIDriver", "ebs.csi.aws.com"),
        message=f"{counted(len(names), 'in-tree EBS volume')} ({some(names)}) and no {DRIVER} was found"
        + (f", but {some(unseen)} could not be looked at" if unseen else ""),
        fix=f"aws eks create-addon --cluster-name {snap.cluster.name} --addon-name {DRIVER}, with a role for it",
        blocks=True,
        breaks=Breaks.AT_UPGRADE,
        minor=row.minor,
        evidence=(evidence(row),),
    )
