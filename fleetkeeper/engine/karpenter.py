"""NodePools of Karpenter and Auto Mode, as the steps see and change them."""

import re
from collections.abc import Collection, Sequence

from fleetkeeper.core.node_claims import NodeClaim, claim_of
from fleetkeeper.core.node_holds import HELD_BY, Holding, NodePool, is_fixed, pool_of
from fleetkeeper.core.node_opening import closed, opened
from fleetkeeper.core.text import safe
from fleetkeeper.core.verdict import Blocked
from fleetkeeper.core.wording import some
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.writers import KubeWriter, ObjectRef
from fleetkeeper.errors import GapReason, ReadError

_API = ("karpenter.sh", "v1", "nodepools", "")
_CLASSES = ObjectRef("karpenter.k8s.aws", "v1", "ec2nodeclasses", "", "")
_CLAIMS = ObjectRef("karpenter.sh", "v1", "nodeclaims", "", "")
_RUN = re.compile(r"[A-Za-z0-9-]{1,64}")  # what is no name of a run must not stand in a command that people copy
NOT_SERVED = "no Karpenter here: the cluster serves no karpenter.sh/v1"
BUILT_IN = (
    "{} belong to Auto Mode, and nobody may edit them: their nodes roll as soon as the control plane has moved, within "
    "their own budgets"
)


def holder(subject: Subject) -> str:
    """What a hold of this run on this member is called; that of a plan where there is no run yet."""
    assert subject.member is not None
    return f"{subject.run.id if subject.run else subject.header.id}/{subject.member.name}"


def pools(kube: KubeWriter, named: Sequence[str]) -> tuple[NodePool, ...] | None:
    """The named NodePools, or all of them, by name; None where the API is not served."""
    try:
        found = [pool_of(each) for each in kube.objects(ObjectRef(*_API, ""))]
    except ReadError as error:
        if error.reason is not GapReason.NOT_FOUND:
            raise
        return None
    wanted = (each for each in found if not named or each.name in named)
    return tuple(sorted(wanted, key=lambda each: each.name))


def fixed_classes(kube: KubeWriter) -> frozenset[str]:
    """The EC2NodeClasses whose images are named by id, as kind/name; none where there is no such API."""
    try:
        found = [each for each in kube.objects(_CLASSES) if is_fixed(each)]
    except ReadError as error:
        if error.reason is not GapReason.NOT_FOUND:
            raise
        return frozenset()
    names = [metadata["name"] for each in found if isinstance(metadata := each["metadata"], dict)]
    return frozenset(f"EC2NodeClass/{name}" for name in names)


def class_roles(kube: KubeWriter) -> dict[str, str]:
    """EC2NodeClass → the role that it gives its nodes; none where there is no such API."""
    try:
        found = kube.objects(_CLASSES)
    except ReadError as error:
        if error.reason is not GapReason.NOT_FOUND:
            raise
        return {}
    rows = ((each["metadata"], each.get("spec")) for each in found)
    return {str(m["name"]): str(s.get("role", "")) for m, s in rows if isinstance(m, dict) and isinstance(s, dict)}


def hold(kube: KubeWriter, pool: NodePool, by: str) -> None:
    kube.patch(ObjectRef(*_API, pool.name), pool.held(by), pool.version)


def release(kube: KubeWriter, pool: NodePool) -> None:
    kube.patch(ObjectRef(*_API, pool.name), pool.released(), pool.version)


def claims(kube: KubeWriter, pools: Collection[str]) -> tuple[NodeClaim, ...]:
    """Of the named NodePools, by name."""
    found = (claim_of(each) for each in kube.objects(_CLAIMS))
    return tuple(sorted((each for each in found if each.pool in pools), key=lambda each: each.name))


def open_for_drift(kube: KubeWriter, pool: NodePool, by: str, nodes: str) -> None:
    kube.patch(ObjectRef(*_API, pool.name), opened(pool, by, nodes), pool.version)


def close_again(kube: KubeWriter, pool: NodePool) -> None:
    kube.patch(ObjectRef(*_API, pool.name), closed(pool), pool.version)


def of_others(found: Sequence[NodePool], by: str) -> Blocked | None:
    """Blocked where another run holds one of the pools."""
    foreign = [each for each in found if each.holding(by) is Holding.FOREIGN]
    if not foreign:
        return None
    first = foreign[0]
    run = first.held_by.partition("/")[0]
    ended = f"`fleetkeeper cleanup {run}`" if _RUN.fullmatch(run) else "its cleanup"
    held = some(f"NodePool {each.name} is held by {safe(each.held_by, 100)}" for each in foreign)
    return Blocked(
        f"{held}, and not by this run",
        first.whose or "whoever began that run",
        f"let that run end, or {ended}; when nothing works on it: kubectl edit nodepool {first.name}, and take its "
        f"first budget and the annotation {HELD_BY} away",
    )


def listed(found: Sequence[NodePool]) -> str:
    names = some(each.name for each in found)
    return f"NodePool {names}" if len(found) == 1 else f"NodePools {names}"
