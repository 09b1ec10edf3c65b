"""FK421: nodes come from an image that EKS does not choose, so somebody has to bring one for the target.

EKS updates a group with a custom AMI only by a new version of its launch template, and self-managed groups not at all
(Amazon EKS User Guide, launch templates, 2026). Whether an image for the target exists cannot be seen, so it is
unknown; it does not block, for without a new image the nodes stay as they are, and the version skew check says how long
they may.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind, NodeGroup
from fleetkeeper.core.node_pools import pools
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted

NEEDS = (parts.NODE_GROUPS, parts.NODES)


@check("FK421", "Nodes need an image of their own for the target", needs=NEEDS)
def custom_image(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for group in snap.node_groups:
        if group.custom_ami:
            yield _finding(Subject("NodeGroup", group.name), "its AMI is a custom one", hop, _fix(snap, hop, group))
    for pool in pools(snap.nodes):
        if pool.kind is ComputeKind.SELF_MANAGED:
            fix = f"set an image for {hop.target} in its launch template, then replace its nodes"
            yield _finding(pool.subject, counted(len(pool.nodes), "self-managed node"), hop, fix)


def _finding(subject: Subject, message: str, hop: Hop, fix: str) -> Finding:
    return Finding(
        code="FK421",
        severity=Severity.UNKNOWN,
        subject=subject,
        message=f"{message}: whether there is one for {hop.target} cannot be seen",
        fix=fix,
        breaks=Breaks.AT_NODES,
        minor=hop.target,
    )


def _fix(snap: Snapshot, hop: Hop, group: NodeGroup) -> str:
    template = group.launch_template.partition(":")[0] or "the group's launch template"
    return (
        f"build an image for {hop.target}, add it to {template} as a version, then aws eks update-nodegroup-version "
        f"--cluster-name {snap.cluster.name} --nodegroup-name {group.name} --launch-template id={template},version=NEW"
    )
