"""What a wave leaves behind on purpose: nodes that it does not touch, and that are older than the control plane."""

from collections.abc import Iterable, Iterator

from fleetkeeper.core import model
from fleetkeeper.core.text import safe
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import counted

_OWN_IMAGES = "it has images of its own: its owner makes one, and rolls it"
_WHY = {
    model.ComputeKind.SELF_MANAGED: "self-managed: whoever made them rolls them",
    model.ComputeKind.HYBRID: "hybrid: whoever runs the machines upgrades them",
    model.ComputeKind.KARPENTER: "Karpenter has not replaced them yet",
    model.ComputeKind.AUTO_MODE: "EKS Auto Mode has not replaced them yet",
    model.ComputeKind.FARGATE: "their pods were not restarted",
}


def left_behind(
    version: Minor, groups: Iterable[model.NodeGroup], nodes: Iterable[model.Node], rolled: Iterable[str]
) -> Iterator[str]:
    """One sentence for each group or kind of nodes older than `version`; not of the groups that were rolled."""
    own = {each.name for each in groups if each.custom_ami or each.version is None}
    older: dict[tuple[model.ComputeKind, str], list[Minor]] = {}
    for node in nodes:
        minor = _minor(node.kubelet)
        if minor is not None and minor < version and node.group not in rolled:
            older.setdefault((node.kind, node.group), []).append(minor)
    for (kind, group), minors in sorted(older.items()):
        of = f" of {safe(group, 80)}" if group else ""
        why = (
            _OWN_IMAGES if kind is model.ComputeKind.MANAGED and group in own else _WHY.get(kind, "no step is for them")
        )
        yield f"{counted(len(minors), 'node')}{of} at {min(minors)} ({why})"


def _minor(kubelet: str) -> Minor | None:
    try:
        return Minor.parse(kubelet)
    except ValueError:
        return None
