"""A cluster as it is expected to be between two steps of its plan, and what must never hold of it there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from fleetkeeper.core.addon_versions import Rule, Strength
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.model import ComputeKind
from fleetkeeper.core.node_pools import minor_of, pools, with_groups
from fleetkeeper.core.skew import window
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor, Version

KUBE_PROXY = "kube-proxy"

PoolKey = tuple[ComputeKind, str]
"""How a pool's nodes come to be, and the name of the node group, NodePool, Auto Scaling group or profile."""


@dataclass(frozen=True, slots=True)
class PoolState:
    """The kubelets of one pool. oldest and newest are None where one of them cannot be read.

    own_image: a managed group whose image EKS does not know, so that EKS cannot bring it to a minor.
    """

    oldest: Minor | None
    newest: Minor | None
    own_image: bool = False

    def moved(self, to: Minor) -> "PoolState":
        return replace(self, oldest=to, newest=to)


@dataclass(frozen=True, slots=True)
class Prospect:
    """minor is the control plane's; addons: EKS addon → version. held: Karpenter's pools may not replace their nodes.

    let: those of the held pools that were let go for a while. repaired: (namespace, release) of rewritten records.
    releases: (namespace, release) → the version of the chart that the plan brought it to. judged: the state of which
    EKS made its insights last, () before any.
    """

    minor: Minor
    addons: Mapping[str, str] = field(default_factory=dict)
    pools: Mapping[PoolKey, PoolState] = field(default_factory=dict)
    held: bool = False
    let: frozenset[str] = frozenset()
    repaired: frozenset[tuple[str, str]] = frozenset()
    releases: Mapping[tuple[str, str], str] = field(default_factory=dict)
    judged: tuple[object, ...] = ()

    @property
    def state(self) -> tuple[object, ...]:
        """What EKS's insights hang on, to be compared."""
        moved = (frozenset(each.items()) for each in (self.addons, self.pools, self.releases))
        return (self.minor, self.repaired, *moved)

    def of_kind(self, *kinds: ComputeKind) -> Iterator[tuple[PoolKey, PoolState]]:
        return ((key, pool) for key, pool in self.pools.items() if key[0] in kinds)

    def with_addon(self, name: str, version: str) -> "Prospect":
        return replace(self, addons={**self.addons, name: version})

    def with_pools(self, moved: Mapping[PoolKey, PoolState]) -> "Prospect":
        return replace(self, pools={**self.pools, **moved})

    def holds(self, pool: str) -> bool:
        """Whether a NodePool of Karpenter keeps its nodes though the control plane moves."""
        return self.held and pool not in self.let


def prospect_of(snap: Snapshot) -> Prospect:
    """The cluster as it is stored. Its control plane must have been seen."""
    plane = snap.control_plane
    assert plane is not None
    found: dict[PoolKey, PoolState] = {}
    for pool in pools(with_groups(snap.nodes, snap.auto_scaling_groups)):
        found[pool.kind, pool.group] = _state([minor_of(node.kubelet) for node in pool.nodes])
    for group in snap.node_groups:
        key = (ComputeKind.MANAGED, group.name)
        own_image = group.custom_ami or group.version is None
        if own_image:
            found[key] = replace(found.get(key, PoolState(plane.version, plane.version)), own_image=True)
        else:
            known = found.get(key)
            found[key] = _state([group.version, *((known.oldest, known.newest) if known else ())])
    return Prospect(
        plane.version, {each.name: each.version for each in snap.managed_addons}, dict(sorted(found.items()))
    )


def _state(minors: Iterable[Minor | None]) -> PoolState:
    each = list(minors)
    known = [minor for minor in each if minor is not None]
    if not known or len(known) < len(each):
        return PoolState(None, None)
    return PoolState(min(known), max(known))


def pool_name(key: PoolKey) -> str:
    """`node group web`, `NodePool spot`, `nodes (hybrid)`."""
    kind, name = key
    if not name:
        return f"nodes ({kind.value})"
    return f"{_WORDS.get(kind, f'{kind.value} nodes')} {name}"


_WORDS = {
    ComputeKind.MANAGED: "node group",
    ComputeKind.SELF_MANAGED: "Auto Scaling group",
    ComputeKind.KARPENTER: "NodePool",
    ComputeKind.AUTO_MODE: "NodePool",
    ComputeKind.FARGATE: "Fargate profile",
}


def oldest_allowed(compat: Compat, kubelet: Minor, reference: Minor) -> Minor | None:
    """The oldest kubelet that an API server of `reference` takes, of the policy for this one; None: no row tells."""
    found = window(compat, "kubelet", kubelet, reference)
    return found.oldest if found else None


def violations(at: Prospect, compat: Compat) -> Iterator[str]:
    """What of a state breaks the version skew, puts an addon ahead, or breaks a required row of compat."""
    for key, pool in at.pools.items():
        yield from _skewed(key, pool, at.minor, compat)
    for name, text in at.addons.items():
        yield from _unfit(name, text, at, compat)


def _skewed(key: PoolKey, pool: PoolState, minor: Minor, compat: Compat) -> Iterator[str]:
    name = pool_name(key)
    if pool.oldest is None or pool.newest is None:
        yield f"the kubelets of {name} tell no version that can be read"
        return
    oldest = oldest_allowed(compat, pool.oldest, minor)
    if oldest is None:
        yield f"no row of the skew policy tells of the kubelets of {name}, which are at {pool.oldest}"
    elif pool.oldest < oldest:
        yield f"{name} is at {pool.oldest}: {minor} takes no kubelet older than {oldest}"
    if pool.newest > minor:
        yield f"{name} is at {pool.newest}: {minor} takes no kubelet newer than itself"


def _unfit(name: str, text: str, at: Prospect, compat: Compat) -> Iterator[str]:
    row = compat.addon_of_eks(name)
    version = parsed(text)
    if row is None or version is None:
        return
    if Rule.NOT_AHEAD in row.rules:
        if version.minor > at.minor:
            yield f"{name} {text} is newer than {at.minor}, and must never be ahead of it"
        allowed = window(compat, row.id, version.minor, at.minor)
        if allowed and version.minor < allowed.oldest:
            yield f"{name} {text} is too old: {at.minor} takes none older than {allowed.oldest}"
        return
    said = compat.accepts(row.id, version, at.minor)
    if said.answer is False and said.strength is Strength.REQUIRED:
        yield f"{name} {text} does not go with {at.minor}: {said.reason}"


def parsed(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None
