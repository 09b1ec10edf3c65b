"""FK107: a kubelet is older than the target's API server takes, or newer than the present one.

A kubelet may be three minors older than its API server (two before 1.25), and never newer: kubernetes.io, version skew
policy (01bc09751ea9). Nodes count as they are now: those of a later hop may be replaced on the way. A pod of Fargate
keeps its kubelet until it is made anew (update-cluster, 2025).
"""

from collections.abc import Iterable, Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.node_pools import Pool, pools
from fleetkeeper.core.skew import Window, window
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, read, some


@check("FK107", "A kubelet is outside the version skew", needs=(parts.NODES, parts.CONTROL_PLANE), critical=True)
def kubelet_skew(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker for each pool of nodes and minor that the target does not take; a newer kubelet only warns."""
    for pool in pools(snap.nodes):
        for minor, names in pool.minors():
            if minor is None:
                yield _unknown(snap, pool, names, "tell no version that can be read", "unreadable")
                continue
            allowed = window(compat, "kubelet", minor, hop.target)
            if allowed is None:
                yield _unknown(snap, pool, names, f"run {minor}, and no row of the skew policy tells of it", str(minor))
            elif minor < allowed.oldest:
                yield _too_old(snap, hop, pool, minor, names, allowed)
            elif hop.first and minor > hop.source:
                yield _newer(snap, hop, pool, minor, names)


def _who(pool: Pool, names: Iterable[str]) -> str:
    each = list(names)
    return f"{counted(len(each), 'node')} of {pool.subject} ({some(each)})"


def _too_old(snap: Snapshot, hop: Hop, pool: Pool, minor: Minor, names: tuple[str, ...], allowed: Window) -> Finding:
    return Finding(
        code="FK107",
        severity=Severity.BLOCKER,
        subject=pool.subject,
        key=str(minor),
        message=f"{_who(pool, names)} run kubelet {minor}; {hop.target} takes none older than {allowed.oldest}",
        fix=f"before {hop}: {pool.move_to(hop.source, snap.cluster.name)}",
        blocks=True,
        minor=hop.target,
        evidence=(
            read(snap, parts.NODES, "nodes", f"kubelet {minor}"),
            read(snap, parts.CONTROL_PLANE, "skew policy", allowed.row.source.text),
        ),
    )


def _newer(snap: Snapshot, hop: Hop, pool: Pool, minor: Minor, names: tuple[str, ...]) -> Finding:
    return Finding(
        code="FK107",
        severity=Severity.WARNING,
        subject=pool.subject,
        key=str(minor),
        message=f"{_who(pool, names)} run kubelet {minor}, newer than the control plane ({hop.source})",
        fix=f"upgrade the control plane to {minor}; until then add no more nodes of {minor}",
        breaks=Breaks.NOTHING,
        evidence=(read(snap, parts.NODES, "nodes", f"kubelet {minor}"),),
    )


def _unknown(snap: Snapshot, pool: Pool, names: tuple[str, ...], why: str, key: str) -> Finding:
    return Finding(
        code="FK107",
        severity=Severity.UNKNOWN,
        subject=pool.subject,
        key=key,
        message=f"{_who(pool, names)} {why}",
        fix=f"look at kubectl get node {names[0]} -o wide, or add the row to compat/kubernetes.toml",
        blocks=True,
        evidence=(read(snap, parts.NODES, "nodes", "kubelet version"),),
    )
