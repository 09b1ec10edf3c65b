"""A pure little cluster in steps of seconds: kubelets, a scheduler, controllers and budgets, as simple as they can be.

It lets every eviction pass, also one that a real server refuses: what keeps pods healthy here is the rotation alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fleetkeeper.core import budgets as arithmetic
from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume, Room, Taint
from fleetkeeper.core.model import ComputeKind, Node
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.rotation.marks import marks_of
from fleetkeeper.core.rotation.seen import Seen
from tests.core.rotation.builders import NOW, US, merged

DAYS = timedelta(days=3)


@dataclass
class Load:
    """A workload with its replicas. pinned: each has a volume in a zone of its own. budget: its limits, None for none.

    start: seconds from a node to Ready; stop: from eviction to gone.
    """

    name: str
    kind: str
    replicas: int
    wants: Room
    start: int = 20
    stop: int = 10
    pinned: bool = False
    priority: int = 0
    budget: tuple[str, str] | None = None  # minAvailable, maxUnavailable
    labels: dict[str, str] = field(default_factory=dict)
    takes: dict[str, str] = field(default_factory=dict)  # what its budget selects by, its own labels for none
    extra: dict[str, Any] = field(default_factory=dict)
    budget_seen_at: int = 0  # the first second at which the disruption controller has counted it
    scaled: bool = False

    @property
    def controller(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass
class Pod:
    load: Load
    name: str
    uid: str
    born: int
    node: str = ""
    zone: str = ""  # of its volume
    since: int | None = None  # on its node, with all its volumes
    leaving: int | None = None
    evicted: bool = False
    replaces: bool = False

    def ready(self, now: int) -> bool:
        return self.since is not None and now >= self.since + self.load.start


@dataclass
class Machine:
    name: str
    zone: str
    room: Room
    old: bool
    ready_at: int = 0
    ready: bool = True
    document: dict[str, Any] = field(
        default_factory=lambda: {"metadata": {"annotations": {}, "labels": {}}, "spec": {}}
    )

    @property
    def closed(self) -> bool:
        return bool(self.document["spec"].get("unschedulable"))

    @property
    def taints(self) -> list[Mapping[str, str]]:
        return self.document["spec"].get("taints", [])  # type: ignore[no-any-return]

    def live(self, now: int) -> LiveNode:
        node = Node(
            self.name, f"uid-{self.name}", "v1.35.2", "AL2023", "linux", "amd64", "containerd", "6.12",
            ComputeKind.MANAGED, "workers", self.ready and now >= self.ready_at, not self.closed, "m7i.large",
            self.zone, f"aws:///{self.zone}/i-{self.name}", at(self.ready_at),
        )  # fmt: skip
        taints = tuple(Taint(t["key"], t.get("value", ""), t["effect"]) for t in self.taints)
        labels = self.document["metadata"].get("labels", {})
        marks = marks_of(self.document["metadata"].get("annotations", {}))
        return LiveNode(node, room=self.room, labels=labels, taints=taints, marks=marks)


def at(second: int) -> datetime:
    return NOW + timedelta(seconds=second)


@dataclass
class World:
    """attach, detach: seconds that a volume takes. knows_sizes: whether the rotation is told how many replicas are wanted."""

    loads: list[Load]
    machines: dict[str, Machine]
    attach: int = 15
    detach: int = 15
    knows_sizes: bool = True
    now: int = 0
    pods: dict[str, Pod] = field(default_factory=dict)
    attached: dict[str, dict[str, int | None]] = field(default_factory=dict)  # claim → node → when it detaches
    zones: dict[str, str] = field(default_factory=dict)  # claim → where its volume is
    settled_at: datetime | None = None
    coming: int = 0
    owed: dict[str, int] = field(default_factory=dict)  # of a load, replacements that are still to be made
    made: int = 0

    # ---- what happens by itself

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            self._go()
        self._detach()

    def _go(self) -> None:
        gone = [p for p in self.pods.values() if p.leaving is not None and self.now >= p.leaving + p.load.stop]
        gone = [p for p in gone if not p.node or self.machines[p.node].ready]
        for pod in gone:
            del self.pods[pod.uid]
            self._release_volume(pod)
        self._detach()
        for load in self.loads:
            self._control(load)
        for pod in sorted(self.pods.values(), key=lambda each: each.born):
            if not pod.node and pod.leaving is None:
                self.schedule(pod)
            self._start(pod)

    def _control(self, load: Load) -> None:
        """A StatefulSet makes a pod again when its name is free; a ReplicaSet as soon as one is asked to leave."""
        mine = [each for each in self.pods.values() if each.load is load]
        if load.kind == "StatefulSet":
            taken = {each.name for each in mine}
            for name in (f"{load.name}-{i}" for i in range(load.replicas)):
                if name not in taken:
                    self.make(load, name)
            return
        if not load.kind:
            return
        for _ in range(load.replicas - sum(each.leaving is None for each in mine)):
            self.make(load, f"{load.name}-{self.made}")

    def make(self, load: Load, name: str) -> Pod:
        self.made += 1
        pod = Pod(load, name, f"u{self.made}", self.now)
        if self.owed.get(load.name, 0) > 0:
            self.owed[load.name] -= 1
            pod.replaces = True
        pod.zone = self.zones.get(self.claim(pod), "")
        self.pods[pod.uid] = pod
        return pod

    def schedule(self, pod: Pod) -> None:
        """The emptiest node that takes it; those with a PreferNoSchedule taint only when no other does."""
        fitting = [each for each in self.machines.values() if not each.closed and self.fits(pod, each)]
        if fitting:
            best = max(fitting, key=lambda m: (not m.taints, self.free(m).cpu, m.name))
            pod.node = best.name
            if pod.load.pinned and not pod.zone:
                pod.zone = self.zones[self.claim(pod)] = best.zone

    def fits(self, pod: Pod, machine: Machine) -> bool:
        if not machine.ready or self.now < machine.ready_at or (pod.zone and pod.zone != machine.zone):
            return False
        return self.free(machine).holds(pod.load.wants)

    def free(self, machine: Machine) -> Room:
        taken = (each.load.wants for each in self.pods.values() if each.node == machine.name)
        return machine.room - sum(taken, Room())

    def _start(self, pod: Pod) -> None:
        """A pod starts when its volume is with it, which it is a while after no other node has it."""
        if not pod.node or pod.since is not None:
            return
        if pod.load.pinned:
            held = self.attached.setdefault(self.claim(pod), {})
            if pod.node not in held:
                if held:
                    return
                held[pod.node] = None
                pod.since = self.now + self.attach
                return
        pod.since = self.now

    def _release_volume(self, pod: Pod) -> None:
        held = self.attached.get(self.claim(pod), {})
        if pod.node in held:
            held[pod.node] = self.now + self.detach

    def _detach(self) -> None:
        for held in self.attached.values():
            for node in [n for n, when in held.items() if when is not None and self.now >= when]:
                del held[node]

    def claim(self, pod: Pod) -> str:
        return f"data-{pod.name}" if pod.load.pinned else ""

    # ---- what is done to it

    def add(self, name: str, zone: str, room: Room, *, old: bool = False, boot: int = 0) -> None:
        self.machines[name] = Machine(name, zone, room, old, self.now + boot)

    def remove(self, name: str) -> None:
        """The machine ends, and what was on it: its controllers make it anew."""
        del self.machines[name]
        for pod in [each for each in self.pods.values() if each.node == name]:
            del self.pods[pod.uid]
            if not pod.evicted:
                self.owed.pop(pod.load.name, None)
        for held in self.attached.values():
            held.pop(name, None)

    def patch(self, name: str, change: Mapping[str, Any]) -> None:
        self.machines[name].document = merged(self.machines[name].document, change)

    def evict(self, uid: str) -> None:
        pod = self.pods[uid]
        pod.leaving, pod.evicted = self.now, True
        self.owed[pod.load.name] = self.owed.get(pod.load.name, 0) + 1
        if not pod.node or pod.since is None:
            del self.pods[uid]

    def settle(self) -> None:
        """Every pod on a node and Ready, as if it had been so for days."""
        for load in self.loads:
            self._control(load)
        for pod in self.pods.values():
            self.schedule(pod)
            if not pod.node:
                continue
            if pod.load.pinned:
                self.attached[self.claim(pod)] = {pod.node: None}
            pod.since, pod.born = -int(DAYS.total_seconds()), -int(DAYS.total_seconds())

    # ---- what is seen of it

    def seen(self) -> Seen:
        return Seen(
            now=at(self.now),
            rotation=US,
            old=frozenset(each.name for each in self.machines.values() if each.old),
            nodes=tuple(each.live(self.now) for each in self.machines.values()),
            pods=tuple(map(self._live, self.pods.values())),
            budgets=tuple(self.budgets()),
            volumes=tuple(
                LiveVolume(f"pv-{claim}", f"shop/{claim}", (self.zones[claim],), attached_to=tuple(held))
                for claim, held in self.attached.items()
                if claim in self.zones
            ),
            settled_at=self.settled_at,
            coming=self.coming,
            sizes={("shop", each.controller): each.replicas for each in self.loads} if self.knows_sizes else {},
        )

    def _live(self, pod: Pod) -> LivePod:
        load, ready = pod.load, pod.ready(self.now)
        leaving = at(pod.leaving) if pod.leaving is not None else None
        return LivePod(
            "shop", pod.name, pod.node, load.labels, load.controller if load.kind else "",
            phase="Running" if ready else "Pending" if pod.since is None or pod.since > self.now else "Running",
            ready=ready, leaving_since=leaving, uid=pod.uid, wants=load.wants, priority=load.priority,
            claims=(self.claim(pod),) if load.pinned else (), grace=load.stop, created_at=at(pod.born),
            ready_since=at((pod.since or 0) + load.start) if ready else None, **load.extra,
        )  # fmt: skip

    def budgets(self) -> Iterable[Budget]:
        """As their controller counts them, which here is always up to date but for one that was just changed."""
        for load in self.loads:
            if load.budget is None:
                continue
            minimum, maximum = load.budget
            takes = load.takes or load.labels
            rule = Budget("shop", load.name, selector=Labels(takes), minimum=minimum, maximum_unavailable=maximum)
            expected = sum(each.replicas for each in self.loads if takes.items() <= each.labels.items())
            healthy = self.healthy(takes)
            yield Budget(
                "shop", load.name, selector=rule.selector, minimum=minimum, maximum_unavailable=maximum,
                expected=expected, desired=arithmetic.desired_healthy(rule, expected), healthy=healthy,
                allowed=arithmetic.allowed(rule, expected, healthy), observed=self.now >= load.budget_seen_at,
            )  # fmt: skip

    def healthy(self, takes: Mapping[str, str]) -> int:
        """Of all pods that a budget takes."""
        return sum(
            each.leaving is None and each.ready(self.now) and takes.items() <= each.load.labels.items()
            for each in self.pods.values()
        )
