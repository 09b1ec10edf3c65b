"""FK313: nodes run with cgroup v1, on which the target's kubelet does not start.

From 1.35 on the kubelet refuses cgroup v1 unless failCgroupV1 is set to false (Amazon EKS User Guide, Kubernetes
versions, 1.35). A node does not say which version it has, so the image tells: the distributions and their first release
with v2 are those of the Kubernetes documentation (About cgroup v2, 2026). Bottlerocket allows v1 by itself; Fargate
is AWS' to mend, Windows has no cgroups, and a node whose kubelet is already that new has proved itself.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.behaviours import Detector, due, evidence, severity_of
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import ComputeKind, Node
from fleetkeeper.core.node_pools import minor_of, pools
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, some

FIRST_WITH_TWO = {
    "Amazon Linux": 2023,
    "Ubuntu": 22,
    "Debian GNU/Linux": 11,
    "Red Hat Enterprise Linux": 9,
    "Rocky Linux": 9,
    "AlmaLinux": 9,
    "CentOS Stream": 9,
    "CentOS Linux": 9,
    "Oracle Linux Server": 9,
    "Fedora": 31,
    "Bottlerocket OS": 1,
}
_RELEASE = re.compile(r" (\d{1,4})", re.ASCII)


@check("FK313", "Nodes run with cgroup v1", needs=(parts.NODES,), critical=True)
def cgroup_v1(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """One finding for a group and image; an image that is not known is unknown, and blocks as node images do."""
    row = due(compat, hop, Detector.CGROUP_V1)
    if row is None:
        return
    for (pool, image), nodes in _by_image(snap, row.minor).items():
        has_two = _has_two(image)
        if has_two:
            continue
        severity = severity_of(row) if has_two is False else Severity.UNKNOWN
        names = some(sorted(each.name for each in nodes))
        runs = "runs" if has_two is False else "may run"
        yield Finding(
            code="FK313",
            severity=severity,
            subject=pool,
            key=image,
            message=f"{image} on {counted(len(nodes), 'node')} ({names}) {runs} with cgroup v1, on which the kubelet "
            f"of {row.minor} does not start",
            fix="move to an image with cgroup v2 (AL2023, Bottlerocket); see it on a node: stat -fc %T /sys/fs/cgroup "
            "says cgroup2fs",
            blocks=severity in (Severity.BLOCKER, Severity.UNKNOWN),
            breaks=Breaks.AT_NODES,
            minor=row.minor,
            evidence=(evidence(row),),
        )


def _by_image(snap: Snapshot, minor: Minor) -> dict[tuple[Subject, str], list[Node]]:
    found: defaultdict[tuple[Subject, str], list[Node]] = defaultdict(list)
    for pool in pools(each for each in snap.nodes if each.kind is not ComputeKind.FARGATE and each.os != "windows"):
        for node in pool.nodes:
            if (minor_of(node.kubelet) or minor.previous()) < minor:
                found[pool.subject, node.os_image].append(node)
    return found


def _has_two(image: str) -> bool | None:
    """None for an image that is not known."""
    for name, first in FIRST_WITH_TWO.items():
        release = _RELEASE.match(image.removeprefix(name))
        if image.startswith(name) and release:
            return int(release[1]) >= first
    return None
