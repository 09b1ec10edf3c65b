"""FK418: EKS reports that a managed node group is not well, so that an update of its nodes would fail.

An update first launches new nodes from the group's template, roles and subnets (Amazon EKS User Guide, managed node
update behavior, 2026): what keeps the group from being healthy keeps the new nodes from coming.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.eks_errors import advice, node_group
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import NodeGroup
from fleetkeeper.core.owner_keys import owner_keys
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import read, some

BUSY = frozenset({"CREATING", "UPDATING", "DELETING"})
LONGEST = 160  # characters of EKS' own message


@check("FK418", "A managed node group is not healthy", needs=(parts.NODE_GROUPS,), critical=True, each_hop=False)
def node_group_health(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for group in snap.node_groups:
        is_busy = group.status in BUSY and not group.issues
        if group.status == "ACTIVE" and not group.issues:
            continue
        yield Finding(
            code="FK418",
            severity=Severity.WARNING if is_busy else Severity.BLOCKER,
            subject=Subject("NodeGroup", group.name),
            message=_message(group),
            fix=_fix(group, snap.cluster.name, is_busy=is_busy),
            blocks=not is_busy,
            breaks=Breaks.AT_NODES,
            evidence=(read(snap, parts.NODE_GROUPS, "EKS", f"status {group.status}"),),
            owner=owner_keys(group.tags, None),
        )


def _message(group: NodeGroup) -> str:
    issues = some(f"{each.code}: {safe(each.message, LONGEST)}" for each in group.issues)
    return f"is {group.status}" + (f" with {issues}" if issues else "")


def _fix(group: NodeGroup, cluster: str, *, is_busy: bool) -> str:
    if is_busy:
        return "wait until it is ACTIVE"
    subject = node_group(cluster, group.name)
    return advice((each.code for each in group.issues), subject) or f"read its health and mend it: {subject.look}"
