"""Where replacements would fit: the free room of new nodes by what sets them apart (zone, labels, taints)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappush, heapreplace

from fleetkeeper.core.live import LiveNode, LivePod, Room, Taint, Toleration

_HARD = ("NoSchedule", "NoExecute")

Shape = tuple[str, tuple[str | None, ...], tuple[Taint, ...]]


@dataclass(slots=True)
class _Spot:
    """What is free on a node."""

    cpu: int
    memory: int
    pods: int

    def holds(self, cpu: int, memory: int) -> bool:
        return self.cpu >= cpu and self.memory >= memory and self.pods > 0


@dataclass(slots=True)
class _Kind:
    """Nodes that are alike to a scheduler. heap: (−cpu, −memory, −pods, which), of which only the top is looked at."""

    shape: Shape
    spots: list[_Spot] = field(default_factory=list)
    heap: list[tuple[int, int, int, int]] = field(default_factory=list)

    def best(self, cpu: int, memory: int) -> int | None:
        """The spot with the most free CPU that holds so much, as its place in the list."""
        while True:
            which = self.heap[0][3]
            top = self.spots[which]
            now = (-top.cpu, -top.memory, -top.pods, which)
            if now == self.heap[0]:
                break
            heapreplace(self.heap, now)
        if top.cpu < cpu:
            return None
        if top.holds(cpu, memory):
            return which
        fitting = (i for i, each in enumerate(self.spots) if each.holds(cpu, memory))
        return max(fitting, key=lambda i: self.spots[i].cpu, default=None)


class Headroom:
    """The free room of nodes. Placing a pod takes it; the least of all that stays free is the reserve."""

    def __init__(
        self, nodes: Iterable[LiveNode], used: dict[str, list[int]], keys: Iterable[str], reserve: Sequence[int] = ()
    ) -> None:
        """used: CPU, memory and pods by node. keys: of the labels that pods select by. reserve: likewise in total."""
        self._keys = tuple(sorted(keys))
        self._kinds: dict[Shape, _Kind] = {}
        self._fitting: dict[object, list[_Kind]] = {}
        self._reserve = tuple(reserve) or (0, 0, 0)
        self._taken: list[tuple[_Kind, int, int, int]] = []
        self.free = [0, 0, 0]
        for node in nodes:
            self._add(node, used.get(node.name, (0, 0, 0)))
        for kind in self._kinds.values():
            kind.heap = [(-each.cpu, -each.memory, -each.pods, i) for i, each in enumerate(kind.spots)]
            heapify(kind.heap)

    @property
    def has_reserve(self) -> bool:
        return all(free >= least for free, least in zip(self.free, self._reserve, strict=True))

    def place(self, pod: LivePod, zones: tuple[str, ...], *, into_reserve: bool = False) -> bool:
        """Take room for a pod like this one; False where no node has it, or where only the reserve is left."""
        cpu, memory = pod.wants.cpu, pod.wants.memory
        if not into_reserve and self._is_scarce(cpu, memory):
            return False
        found: tuple[_Kind, int] | None = None
        for kind in self._kinds_for(pod, zones):
            which = kind.best(cpu, memory)
            if which is not None and (found is None or kind.spots[which].cpu > found[0].spots[found[1]].cpu):
                found = (kind, which)
        if found is None:
            return False
        self._take(found[0].spots[found[1]], cpu, memory)
        self._taken.append((*found, cpu, memory))
        return True

    def place_all(self, pods: Iterable[tuple[LivePod, tuple[str, ...]]]) -> bool:
        """Take room for every pod (with the zones it may be in), or for none of them."""
        before = len(self._taken)
        for pod, zones in pods:
            if not self.place(pod, zones):
                self._give_back(before)
                return False
        return True

    def has_kind_for(self, pod: LivePod, zones: tuple[str, ...]) -> bool:
        """Whether any node would take it, were it empty."""
        return bool(self._kinds_for(pod, zones))

    def lacking(self, wanted: Room) -> Room | None:
        """What is not free of so much and the reserve together; None where all of it is."""
        asked = (wanted.cpu, wanted.memory, wanted.pods)
        less = [max(0, want + least - free) for want, least, free in zip(asked, self._reserve, self.free, strict=True)]
        return Room(*less) if any(less) else None

    def _give_back(self, to: int) -> None:
        while len(self._taken) > to:
            kind, which, cpu, memory = self._taken.pop()
            spot = kind.spots[which]
            self._take(spot, -cpu, -memory, -1)
            heappush(kind.heap, (-spot.cpu, -spot.memory, -spot.pods, which))

    def _is_scarce(self, cpu: int, memory: int) -> bool:
        free, least = self.free, self._reserve
        return free[0] - cpu < least[0] or free[1] - memory < least[1] or free[2] - 1 < least[2]

    def _add(self, node: LiveNode, used: Sequence[int]) -> None:
        hard = tuple(each for each in node.taints if each.effect in _HARD)
        shape = (node.node.zone, tuple(node.labels.get(key) for key in self._keys), hard)
        spot = _Spot(0, 0, 0)
        self._take(spot, used[0] - node.room.cpu, used[1] - node.room.memory, used[2] - node.room.pods)
        self._kinds.setdefault(shape, _Kind(shape)).spots.append(spot)

    def _take(self, spot: _Spot, cpu: int, memory: int, pods: int = 1) -> None:
        for index, (now, less) in enumerate(((spot.cpu, cpu), (spot.memory, memory), (spot.pods, pods))):
            self.free[index] += max(0, now - less) - max(0, now)
        spot.cpu, spot.memory, spot.pods = spot.cpu - cpu, spot.memory - memory, spot.pods - pods

    def _kinds_for(self, pod: LivePod, zones: tuple[str, ...]) -> list[_Kind]:
        key = (tuple(pod.selects.items()), zones, pod.tolerates)
        found = self._fitting.get(key)
        if found is None:
            found = [each for each in self._kinds.values() if self._suits(each.shape, pod, zones)]
            self._fitting[key] = found
        return found

    def _suits(self, shape: Shape, pod: LivePod, zones: tuple[str, ...]) -> bool:
        zone, labels, taints = shape
        if zones and zone not in zones:
            return False
        have = dict(zip(self._keys, labels, strict=True))
        if any(have.get(key) != value for key, value in pod.selects.items()):
            return False
        return pod.tolerant or all(any(_tolerates(each, taint) for each in pod.tolerates) for taint in taints)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if not toleration.key:
        return toleration.operator == "Exists"
    if toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or toleration.value == taint.value
