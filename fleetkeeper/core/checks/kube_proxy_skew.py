"""FK109: kube-proxy is older than the target's API server takes, newer than the present one, or far from its kubelets.

kube-proxy may be three minors older than the API server (two before 1.25), never newer, and three minors apart from
the kubelet of its node: kubernetes.io, version skew policy (01bc09751ea9). The version is that of the addon's image or
EKS addon: what a node says of it (status.nodeInfo.kubeProxyVersion) is a copy of the kubelet's own version, which is
why upstream deprecated it (KEP-4004).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.eks_addons import best, offered
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Addon, Addons, FoundBy
from fleetkeeper.core.node_pools import minor_of
from fleetkeeper.core.skew import window
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted, read, some

ID = "kube-proxy"


@check("FK109", "kube-proxy is outside the version skew", needs=(parts.ADDONS, parts.NODES), critical=True)
def kube_proxy_skew(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker when the target takes it no more; without any kube-proxy there is nothing to say, if all was seen."""
    found = [addon for addon in snap.addons if addon.id == ID]
    seen: Addons | None = snap.value(parts.ADDONS)
    if not found and seen and seen.not_seen:
        yield _unknown(snap, Subject("Addon", ID), f"kube-proxy was not found, and {some(seen.not_seen)} was not seen")
    for addon in found:
        yield from _judged(snap, hop, compat, addon)


def _judged(snap: Snapshot, hop: Hop, compat: Compat, addon: Addon) -> Iterator[Finding]:
    subject, minor = Subject("Addon", addon.where), minor_of(addon.version)
    if minor is None:
        yield _unknown(snap, subject, f"the version of kube-proxy ({addon.where}) is not known")
        return
    allowed = window(compat, ID, minor, hop.target)
    if allowed is None:
        yield _unknown(snap, subject, f"kube-proxy is {minor}, and no row of the skew policy tells of it")
    elif minor < allowed.oldest:
        says = f"{hop.target} takes none older than {allowed.oldest}"
        yield _finding(snap, hop, addon, f"kube-proxy {addon.version} is too old: {says}", blocks=True)
    elif hop.first and minor > hop.source:
        says = f"kube-proxy {addon.version} is newer than the control plane ({hop.source})"
        yield _finding(snap, hop, addon, says, blocks=False)
    if hop.first and (far := _far_nodes(snap, compat, minor)):
        says = f"kube-proxy {addon.version} is too far from the kubelets of {counted(len(far), 'node')} ({some(far)})"
        yield _finding(snap, hop, addon, says, blocks=False, key="kubelets")


def _far_nodes(snap: Snapshot, compat: Compat, minor: Minor) -> list[str]:
    """Nodes whose kubelet is further from kube-proxy than the policy allows; Fargate runs none."""
    far = []
    for node in snap.nodes:
        kubelet = minor_of(node.kubelet)
        allowed = window(compat, ID, minor, kubelet, of="kubelet") if kubelet else None
        if allowed and not allowed.oldest <= minor <= allowed.newest:
            far.append(node.name)
    return sorted(far)


def _finding(snap: Snapshot, hop: Hop, addon: Addon, message: str, *, blocks: bool, key: str = "") -> Finding:
    return Finding(
        code="FK109",
        severity=Severity.BLOCKER if blocks else Severity.WARNING,
        subject=Subject("Addon", addon.where),
        key=key,
        message=message,
        fix=_fix(snap, hop, addon),
        blocks=blocks,
        breaks=Breaks.AT_UPGRADE if blocks else Breaks.NOTHING,
        minor=hop.target if blocks else None,
        evidence=(read(snap, parts.ADDONS, addon.found_by.value, f"{addon.where} {addon.version}"),),
    )


def _fix(snap: Snapshot, hop: Hop, addon: Addon) -> str:
    if addon.found_by is not FoundBy.EKS:
        return f"set the image of {addon.where} to a version of {hop.source}"
    version = best(offered(snap.addon_releases, addon.where, hop.source)) or f"<a version of {hop.source}>"
    return (
        f"aws eks update-addon --cluster-name {snap.cluster.name} --addon-name {addon.where}"
        f" --addon-version {version} --resolve-conflicts PRESERVE"
    )


def _unknown(snap: Snapshot, subject: Subject, message: str) -> Finding:
    return Finding(
        code="FK109",
        severity=Severity.UNKNOWN,
        subject=subject,
        message=message,
        fix="tell its version by the image's tag: kubectl -n kube-system get daemonset kube-proxy -o wide",
        blocks=True,
        evidence=(read(snap, parts.ADDONS, "addons", "kube-proxy"),),
    )
