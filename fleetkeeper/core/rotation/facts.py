"""A cluster at one tick, read once and put in order: what is on which node, in which pool, and which room is taken."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.core.rotation.marks import FENCE
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.seen import Seen
from fleetkeeper.core.rotation.tokens import Pool


@dataclass(slots=True)
class Mover:
    """A pod of an old node that has to move. budgets: the pools of the budgets that take it; load: of its workload."""

    pod: LivePod
    budgets: tuple[Pool, ...]
    load: Pool

    @property
    def pool(self) -> Pool:
        """Whose token it needs."""
        return self.budgets[0] if self.budgets else self.load

    def go(self) -> None:
        """Take what its eviction takes of this turn."""
        self.load.out += 1
        self.pool.spend(self.pod)


@dataclass(slots=True)
class OldNode:
    """A node that is to be emptied. movers: those that do not leave yet; leaving: those that do."""

    node: LiveNode
    movers: list[Mover] = field(default_factory=list)
    leaving: list[Mover] = field(default_factory=list)
    attached: bool = False

    @property
    def name(self) -> str:
        return self.node.node.name

    @property
    def began_at(self) -> datetime | None:
        return self.node.marks.began_at

    @property
    def is_closed(self) -> bool:
        return not self.node.node.schedulable

    @property
    def is_ours(self) -> bool:
        """Whether it was us who closed it."""
        return self.node.marks.cordoned and self.is_closed

    @property
    def is_empty(self) -> bool:
        return not self.movers and not self.leaving and not self.attached

    @property
    def is_aside(self) -> bool:
        return bool(self.node.marks.quarantined)

    def is_fenced(self, rotation: str) -> bool:
        return self.node.marks.rotation == rotation and any(each.key == FENCE for each in self.node.taints)


@dataclass(slots=True)
class Facts:
    """foreign: old nodes that another rotation has in work, which are left to it.

    arriving: pods off the old nodes that are not Ready yet. waiting: those without a node. used: room taken, by node.
    requests: of all pods that a drain moves. shared: claims that pods on several nodes use at once.
    """

    seen: Seen
    rules: Rules
    old: dict[str, OldNode] = field(default_factory=dict)
    foreign: list[LiveNode] = field(default_factory=list)
    fresh: list[LiveNode] = field(default_factory=list)
    arriving: int = 0
    waiting: list[LivePod] = field(default_factory=list)
    leaving: list[Mover] = field(default_factory=list)
    used: dict[str, list[int]] = field(default_factory=dict)
    requests: list[int] = field(default_factory=lambda: [0, 0, 0])
    chosen_by: set[str] = field(default_factory=set)
    """Keys of labels by which a pod selects nodes."""
    volumes: dict[str, LiveVolume] = field(default_factory=dict)
    loads: dict[tuple[str, str], Pool] = field(default_factory=dict)
    pools: list[Pool] = field(default_factory=list)
    claims: dict[str, list[LivePod]] = field(default_factory=dict)

    def zones(self, pod: LivePod) -> tuple[str, ...]:
        """Where its volumes let it be; () is anywhere."""
        found: set[str] | None = None
        for claim in pod.claims:
            volume = self.volumes.get(f"{pod.namespace}/{claim}")
            if volume and volume.zones:
                found = set(volume.zones) if found is None else found & set(volume.zones)
        return tuple(sorted(found)) if found is not None else ()

    def is_pinned(self, pod: LivePod) -> bool:
        """Whether it has a claim that one node uses at a time, so that it has to be detached and attached."""
        return any(len({each.node for each in self.claims[f"{pod.namespace}/{c}"]}) < 2 for c in pod.claims)


def facts_of(seen: Seen, rules: Rules) -> Facts:
    found = Facts(seen, rules)
    _read_nodes(found)
    found.volumes = {each.claim: each for each in seen.volumes}
    _read_pods(found, _Takers(seen))
    for volume in seen.volumes:
        for name in volume.attached_to:
            if name in found.old:
                found.old[name].attached = True
    _settle(found)
    return found


def _read_nodes(found: Facts) -> None:
    seen = found.seen
    for node in seen.nodes:
        found.used[node.name] = [0, 0, 0]
        theirs = node.marks.rotation not in ("", seen.rotation)
        if node.name in seen.old:
            if theirs:
                found.foreign.append(node)
            else:
                found.old[node.name] = OldNode(node)
        elif node.node.ready and node.node.schedulable and not node.leaving and not theirs:
            found.fresh.append(node)


class _Takers:
    """The budgets of a namespace by one of the labels that they ask for: a pod then meets few of them."""

    def __init__(self, seen: Seen) -> None:
        self.pools: list[Pool] = []
        self._near: dict[str, tuple[dict[tuple[str, str], list[Pool]], list[Pool]]] = {}
        for budget in seen.budgets:
            if budget.selector is None:
                continue
            pool = Pool(budget.namespace, budget.name, budget)
            self.pools.append(pool)
            by_label, others = self._near.setdefault(budget.namespace, ({}, []))
            label = next(iter(budget.selector.equal.items()), None)
            (others if label is None else by_label.setdefault(label, [])).append(pool)

    def of(self, pod: LivePod) -> tuple[Pool, ...]:
        near = self._near.get(pod.namespace)
        if near is None:
            return ()
        by_label, others = near
        found = [pool for label in pod.labels.items() for pool in by_label.get(label, ()) if _takes(pool, pod)]
        if others:
            found += [pool for pool in others if _takes(pool, pod)]
        return tuple(found)


def _takes(pool: Pool, pod: LivePod) -> bool:
    budget = pool.budget
    return budget is not None and budget.selector is not None and budget.selector.accepts(pod.labels)


def _read_pods(found: Facts, takers: _Takers) -> None:
    used, requests = found.used, found.requests
    young_since = found.seen.now - found.rules.quarantine
    for pod in found.seen.pods:
        if pod.phase in ("Succeeded", "Failed"):
            continue
        budgets = takers.of(pod)
        for pool in budgets:
            _count(pool, pod, young_since)
        wants, taken = pod.wants, used.get(pod.node)
        if taken is not None:
            _add(taken, wants.cpu, wants.memory)
        if pod.static or pod.controller.startswith("DaemonSet/"):
            continue
        _add(requests, wants.cpu, wants.memory)
        load = _load_of(found, pod)
        _count(load, pod, young_since)
        for claim in pod.claims:
            found.claims.setdefault(f"{pod.namespace}/{claim}", []).append(pod)
        if pod.selects:
            found.chosen_by.update(pod.selects)
        _seat(found, pod, budgets, load)
    found.pools = takers.pools


def _load_of(found: Facts, pod: LivePod) -> Pool:
    """A pod without a controller is a workload of its own."""
    key = (pod.namespace, pod.controller or f"/{pod.name}")
    load = found.loads.get(key)
    if load is None:
        load = found.loads[key] = Pool(pod.namespace, pod.controller or pod.name, None, found.seen.sizes.get(key))
    return load


def _seat(found: Facts, pod: LivePod, budgets: tuple[Pool, ...], load: Pool) -> None:
    """Put a pod where it counts: leaving, to be moved, or arriving."""
    home = found.old.get(pod.node)
    if pod.leaving_since is not None:
        mover = Mover(pod, budgets, load)
        found.leaving.append(mover)
        if home is not None:
            home.leaving.append(mover)
    elif home is not None:
        home.movers.append(Mover(pod, budgets, load))
        (budgets[0] if budgets else load).moving += 1
    elif not pod.ready:
        found.arriving += 1
        if not pod.node:
            found.waiting.append(pod)


def _add(room: list[int], cpu: int, memory: int) -> None:
    room[0] += cpu
    room[1] += memory
    room[2] += 1


def _count(pool: Pool, pod: LivePod, young_since: datetime) -> None:
    at = pod.leaving_since
    if at is not None:
        pool.leaving += 1
    else:
        pool.live += 1
        at = pod.created_at
        if pod.ready:
            pool.ready += 1
            at = pod.ready_since or at
        elif at is None or at > young_since:
            pool.young += 1
    if at is not None and (pool.changed_at is None or at > pool.changed_at):
        pool.changed_at = at


def _settle(found: Facts) -> None:
    """Note of each workload whether a volume of it is still attached where no pod uses it; then reckon the tokens."""
    stateful: defaultdict[str, list[Pool]] = defaultdict(list)
    for pool in found.loads.values():
        if pool.name.startswith("StatefulSet/"):
            stateful[pool.namespace].append(pool)
    for volume in found.seen.volumes:
        if not volume.attached_to:
            continue
        users = found.claims.get(volume.claim, ())
        stray = set(volume.attached_to).difference(each.node for each in users)
        if stray:
            for pool in _loads_of(volume, users, found.loads, stateful):
                pool.unsettled = f"volume {volume.name} is still attached to {min(stray)}"
    for pool in (*found.pools, *found.loads.values()):
        pool.fill(found.rules.unbudgeted)


def _loads_of(
    volume: LiveVolume,
    users: Iterable[LivePod],
    loads: Mapping[tuple[str, str], Pool],
    stateful: Mapping[str, list[Pool]],
) -> list[Pool]:
    """Whose volume it is. While its pod is gone and not made again only the name of the claim tells: a StatefulSet
    names it template-set-ordinal."""
    found = [loads[each.namespace, each.controller] for each in users if (each.namespace, each.controller) in loads]
    if found:
        return found
    namespace, _, claim = volume.claim.partition("/")
    base, _, ordinal = claim.rpartition("-")
    if not ordinal.isdecimal():
        return []
    return [each for each in stateful[namespace] if base.endswith(f"-{each.name.partition('/')[2]}")]
