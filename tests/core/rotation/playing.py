"""Plays a rotation in a little world to its end, and notes whatever it must never do."""

from dataclasses import dataclass, field
from datetime import timedelta

from fleetkeeper.core.live import Room
from fleetkeeper.core.rotation.decide import turn
from fleetkeeper.core.rotation.patches import patch
from fleetkeeper.core.rotation.rules import Rules
from fleetkeeper.core.rotation.turn import Change, Turn
from tests.core.rotation.builders import US
from tests.core.rotation.little_world import Load, Pod, World, at

POLL = 5
_PATIENT = 4 * POLL
"""So long a new pod may wait for a node: a poll to see it, one to open a node, and as much again."""


@dataclass
class Event:
    """What others do at a second: a word of `Play._happen` and whom it is about."""

    second: int
    what: str
    who: str = ""


@dataclass
class Play:
    world: World
    rules: Rules
    events: list[Event] = field(default_factory=list)
    boot: int = 40
    wrongs: list[str] = field(default_factory=list)
    evictions: list[str] = field(default_factory=list)
    opened: bool = False
    last: Turn | None = None
    orders: int = 0

    def to_end(self, longest: int = 4 * 3600) -> Turn:
        """The turn that says that it is over; an end that does not come is a wrong."""
        while self.world.now < longest:
            self._happen()
            now = turn(self.world.seen(), self.rules)
            self.last = now
            self._carry_out(now)
            if now.is_over and not now.changes:
                return now
            self.world.pass_time(POLL)
            self._look()
        assert self.last is not None
        self.wrongs.append(f"it does not end: {self.last}")
        return self.last

    def _carry_out(self, now: Turn) -> None:
        for change in now.changes:
            self.world.patch(change.node.name, patch(change, US, at(self.world.now)))
            self.opened = self.opened or (change.change is Change.FENCE and change.node.marks.cordoned)
        for found in now.evict:
            self._evict(self.world.pods[found.uid])
        for node in now.empty:
            if any(each.node == node.name and each.leaving is None for each in self.world.pods.values()):
                self.wrongs.append(f"{node.name} was called empty with pods on it")
            self.world.remove(node.name)
        if now.batch_is_over:
            self.world.settled_at = at(self.world.now)
        if now.wanting is not None and not self.world.coming:
            self._order(now.wanting)

    def _order(self, wanting: Room) -> None:
        for zone in sorted({each.zone for each in self.world.machines.values()}):
            self.orders += 1
            largest = max(self.world.machines.values(), key=lambda each: each.room.cpu).room
            self.world.add(f"more-{self.orders}", zone, largest, boot=self.boot)
        assert wanting.cpu or wanting.memory or wanting.pods

    def _evict(self, pod: Pod) -> None:
        """Through no eviction of ours may fewer be healthy than the budget wants, or than a share of the workload."""
        world, load = self.world, pod.load
        if pod.evicted or pod.leaving is not None:
            self.wrongs.append(f"{pod.name} is evicted twice")
        if not world.machines[pod.node].old:
            self.wrongs.append(f"{pod.name} is evicted from a new node")
        was_ready = pod.ready(world.now)
        if load.pinned:
            self._may_move_volume(pod)
        world.evict(pod.uid)
        self.evictions.append(pod.name)
        if not was_ready:
            return
        taking = [each for each in world.budgets() if each.selector and each.selector.accepts(load.labels)]
        for budget in taking:
            if not budget.observed or budget.healthy < budget.desired:
                self.wrongs.append(f"PDB {budget.name}: {budget.healthy} of {budget.desired} after {pod.name} went")
        if not taking and world.knows_sizes and not load.scaled:
            missing = load.replicas - sum(
                each.leaving is None and each.ready(world.now) for each in world.pods.values() if each.load is load
            )
            if missing > max(1, int(load.replicas * self.rules.unbudgeted)):
                self.wrongs.append(f"{missing} of {load.replicas} of {load.name} are away at once")

    def _may_move_volume(self, pod: Pod) -> None:
        world = self.world
        mine = [each for each in world.pods.values() if each.load is pod.load and each is not pod]
        if any(each.leaving is not None or not each.ready(world.now) for each in mine):
            self.wrongs.append(f"{pod.name} goes while another of {pod.load.name} is on its way")
        for each in mine:
            if set(world.attached.get(world.claim(each), {})) != {each.node}:
                self.wrongs.append(f"{pod.name} goes while the volume of {each.name} is on its way")

    def _look(self) -> None:
        """Replacements land on new nodes, and nobody waits for a node that is kept closed from it."""
        world = self.world
        for pod in world.pods.values():
            on_old = bool(pod.node) and world.machines[pod.node].old
            if on_old and pod.replaces and not self.opened:
                self.wrongs.append(f"{pod.name} came back to {pod.node}")
            if pod.node or pod.leaving is not None or world.now - pod.born < _PATIENT:
                continue
            kept = [m for m in world.machines.values() if m.closed and world.fits(pod, m)]
            kept = [m for m in kept if m.live(world.now).marks.began_at is None]
            if kept:
                self.wrongs.append(f"{pod.name} has waited since {pod.born} though {kept[0].name} has room for it")

    # ---- what others do

    def _happen(self) -> None:
        for event in [each for each in self.events if each.second <= self.world.now]:
            self.events.remove(event)
            getattr(self, f"_{event.what}")(event.who)

    def _load(self, name: str) -> Load:
        return next(each for each in self.world.loads if each.name == name)

    def _triple(self, who: str) -> None:
        load = self._load(who)
        load.replicas, load.scaled = load.replicas * 3, True

    def _guard(self, who: str) -> None:
        """Somebody gives a workload a budget, or another one; its controller counts a moment later."""
        load = self._load(who)
        load.budget, load.budget_seen_at = ("", "1"), self.world.now + 3

    def _closes(self, who: str) -> None:
        load = self._load(who)
        load.budget, load.budget_seen_at = ("", "0"), self.world.now + 3

    def _opens(self, who: str) -> None:
        self._guard(who)

    def _joins(self, who: str) -> None:
        """An autoscaler adds a node of the old kind."""
        first = next(iter(self.world.machines.values()))
        self.world.add(f"old-joined-{who}", first.zone, first.room, old=True)

    def _vanishes(self, who: str) -> None:
        """A spot node goes, with its pods."""
        if who in self.world.machines:
            self.world.remove(who)


def quick(**other: object) -> Rules:
    """Minutes in place of hours."""
    made: dict[str, object] = {
        "parallel": 2,
        "patience": timedelta(minutes=1),
        "quarantine": timedelta(minutes=6),
        "jobs": timedelta(minutes=5),
        **other,
    }
    return Rules(**made)  # type: ignore[arg-type]
