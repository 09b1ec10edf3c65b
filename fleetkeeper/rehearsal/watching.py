"""What happens in a world while an engine works in it: evictions, budgets, and the lives of nodes."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from fleetkeeper.core.owner_keys import owner_named
from fleetkeeper.core.rehearsal.report import BudgetPeak, Look, Row, Span
from fleetkeeper.sim.aws.workers import has_to_move
from fleetkeeper.sim.controllers import pods
from fleetkeeper.sim.controllers.live import Live
from fleetkeeper.sim.controllers.matching import is_true
from fleetkeeper.sim.kube.state_log import Change, Event
from fleetkeeper.sim.world import Object

STUCK = 180.0
"""Seconds in which no pod leaves a node that is being emptied: it then counts as blocked."""

_BUDGETS, _NODES = "policy/poddisruptionbudgets", "/nodes"
_TYPE = "node.kubernetes.io/instance-type"


@dataclass(slots=True)
class NodeLife:
    """Times are seconds after the beginning. born None: it was there before. departures: when pods left it."""

    name: str
    type: str
    born: float | None = None
    ready: float | None = None
    set_aside: float | None = None  # fenced or cordoned
    drained: float | None = None  # since the first eviction
    ended: float | None = None
    departures: list[float] = field(default_factory=list)
    left: int = 0  # pods that still have to move, at the last departure

    @property
    def is_touched(self) -> bool:
        return self.born is not None or self.ended is not None or self.drained is not None

    def spans(self, end: float) -> Iterator[Span]:
        """Up to its own end, or that of the rehearsal."""
        until = end if self.ended is None else self.ended
        if self.born is not None:
            ready = until if self.ready is None else min(self.ready, until)
            yield Span(self.born, ready, Look.BOOT)
            if ready < until and self.drained is None:
                yield Span(ready, until, Look.NEW)
            elif self.drained is not None and ready < self.drained:
                yield Span(ready, self.drained, Look.NEW)
        elif self.set_aside is not None:
            yield Span(self.set_aside, until if self.drained is None else self.drained, Look.WAIT)
        if self.drained is not None:
            yield from self._emptying(until)

    def _emptying(self, until: float) -> Iterator[Span]:
        """From the first eviction; a long time without a departure, while pods are left, stands in another colour."""
        assert self.drained is not None
        times = [self.drained, *self.departures]
        for since, at in pairwise(times):
            if at > since:
                yield Span(since, at, Look.BLOCKED if at - since > STUCK else Look.WORK)
        if until > times[-1]:
            stuck = self.left > 0 and until - times[-1] > STUCK
            yield Span(times[-1], until, Look.BLOCKED if stuck else Look.WORK)


class Watch:
    """Listens to every write of one cluster from its beginning."""

    def __init__(self, live: Live) -> None:
        self._live, self._began = live, live.now()
        self.evictions = self.lost = 0
        self.nodes: dict[str, NodeLife] = {}
        self._peaks: dict[str, BudgetPeak] = {}
        for node in live.objects.of(_NODES):
            self.nodes[node["metadata"]["name"]] = NodeLife(node["metadata"]["name"], _type(node))
        self._before = len(self.nodes)
        self.surplus: defaultdict[str, float] = defaultdict(float)  # node-seconds beyond what was there, by type
        self._counts = self._by_type()
        self._first = dict(self._counts)
        self._counted_at = 0.0
        live.objects.subscribe(self.hear)

    def seconds(self, at: datetime | None = None) -> float:
        return ((at or self._live.now()) - self._began).total_seconds()

    def hear(self, event: Event) -> None:
        if event.resource == pods.PODS:
            self._of_pod(event)
        elif event.resource == _NODES:
            self._of_node(event)
        elif event.resource == _BUDGETS and event.change is not Change.DELETED:
            self._of_budget(event.object)

    def budgets(self) -> tuple[BudgetPeak, ...]:
        """Those of which a pod was away, the furthest below their count first, then the most away."""
        found = (each for each in self._peaks.values() if each.away)
        return tuple(sorted(found, key=lambda each: (-each.below, -each.away, each.name)))

    def rows(self, end: float) -> tuple[Row, ...]:
        """The nodes that were emptied, came or went: first those that were there, in the order of their turn."""
        touched = [each for each in self.nodes.values() if each.is_touched]
        touched.sort(key=lambda each: (each.born is not None, each.drained or each.born or 0.0, each.name))
        return tuple(Row(each.name, False, tuple(each.spans(end))) for each in touched)

    def node_hours(self) -> dict[str, float]:
        """Hours of nodes beyond those that were there at the beginning, by type, until now."""
        self._count()
        return {kind: seconds / 3600 for kind, seconds in sorted(self.surplus.items()) if seconds > 0}

    # ---- events

    def _of_pod(self, event: Event) -> None:
        if event.is_of_status:
            return
        pod, before = event.object, event.before
        node = self.nodes.get(pod["spec"].get("nodeName", ""))
        begins = before is not None and not pods.is_leaving(before) and pods.is_leaving(pod)
        if begins and is_true(pod, "DisruptionTarget"):
            self.evictions += 1
            if node is not None and node.drained is None:
                node.drained = self.seconds()
        if event.change is Change.DELETED and node is not None and has_to_move(pod):
            if node.drained is not None:
                node.departures.append(self.seconds())
                node.left = sum(map(has_to_move, self._live.objects.find("node", pods.PODS, node.name)))
            if node.ended is not None and not is_true(pod, "DisruptionTarget") and not pods.is_ended(pod):
                self.lost += 1

    def _of_node(self, event: Event) -> None:
        obj, name, now = event.object, event.object["metadata"]["name"], self.seconds()
        if event.change is Change.ADDED:
            self._count()
            self.nodes[name] = NodeLife(name, _type(obj), born=now)
            self._counts[_type(obj)] += 1
            return
        life = self.nodes[name]
        if event.change is Change.DELETED:
            self._count()
            self._counts[life.type] -= 1
            life.ended = now
            return
        if life.ready is None and life.born is not None and is_true(obj, "Ready"):
            life.ready = now
        if life.set_aside is None and _is_set_aside(obj):
            life.set_aside = now

    def _of_budget(self, budget: Object) -> None:
        status, metadata = budget.get("status") or {}, budget["metadata"]
        expected, healthy = status.get("expectedPods", 0), status.get("currentHealthy", 0)
        desired = status.get("desiredHealthy", 0)
        if not expected:
            return
        name = f"{metadata['namespace']}/{metadata['name']}"
        away, below = max(0, expected - healthy), max(0, desired - healthy)
        known = self._peaks.get(name)
        if known is None or away > known.away or below > known.below:
            owner = owner_named(metadata.get("annotations") or {})
            most = max(away, known.away if known else 0), max(below, known.below if known else 0)
            self._peaks[name] = BudgetPeak(name, most[0], expected, max(0, expected - desired), most[1], owner)

    # ---- surge

    def _count(self) -> None:
        """Add the time since the last change to what is beyond the beginning's nodes, type by type."""
        now = self.seconds()
        for kind, count in self._counts.items():
            more = count - self._first.get(kind, 0)
            if more > 0:
                self.surplus[kind] += more * (now - self._counted_at)
        self._counted_at = now

    def _by_type(self) -> defaultdict[str, int]:
        found: defaultdict[str, int] = defaultdict(int)
        for life in self.nodes.values():
            if life.ended is None:
                found[life.type] += 1
        return found


def _type(node: Object) -> str:
    return str((node["metadata"].get("labels") or {}).get(_TYPE, ""))


def _is_set_aside(node: Object) -> bool:
    spec = node["spec"]
    return bool(spec.get("unschedulable")) or any(
        each["effect"] == "PreferNoSchedule" for each in spec.get("taints") or ()
    )
