"""The nodes as the scheduler asks of them again and again: what a node is, worked out once for each version of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetkeeper.sim.controllers.matching import is_true, node_matches, selects, tolerates
from fleetkeeper.sim.controllers.usage import Request, Usage, allocatable
from fleetkeeper.sim.kube.state_log import Change, Event
from fleetkeeper.sim.world import Object

NODES = "/nodes"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
CORDONED = "node(s) were unschedulable"
_MOST_ANSWERS = 200_000
"""Answers of nodes to questions that are kept; past that all are asked again."""
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


@dataclass(frozen=True, slots=True)
class Manner:
    """What a pod accepts of a node by itself. name: the same for all pods that accept the same."""

    name: str
    tolerated: list[Object]
    takes_cordoned: bool
    spec: Object  # of one of the pods

    def against(self, host: "Host") -> str:
        """The reason in the node's taints or labels that keeps these pods away, "" for none."""
        for taint in host.taints:
            if taint["effect"] != "PreferNoSchedule" and not tolerates(self.tolerated, taint):
                return "node(s) had untolerated taint(s)"
        return "" if is_eligible(self.spec, host.node) else "node(s) didn't match Pod's node affinity/selector"

    def dislikes(self, host: "Host") -> tuple[bool, int, int]:
        """Whether it is not Ready, how many of its taints they would rather not meet, and less than nothing for what
        they prefer."""
        disliked = sum(
            taint["effect"] == "PreferNoSchedule" and not tolerates(self.tolerated, taint) for taint in host.taints
        )
        affinity = (self.spec.get("affinity") or {}).get("nodeAffinity") or {}
        liked = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        preferred = sum(each["weight"] for each in liked if node_matches([each["preference"]], host.node))
        return not host.ready, disliked, -preferred


@dataclass(slots=True, eq=False)
class Host:
    """One version of a node. What a manner makes of it is kept, for it cannot change while the node does not.

    used: what its pods ask for at any moment.
    """

    node: Object
    name: str
    labels: Mapping[str, str]
    cordoned: bool
    ready: bool
    zone: str
    taints: list[Object]
    has: Request
    used: Request
    _against: dict[str, str] = field(default_factory=dict)
    _dislikes: dict[str, tuple[bool, int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, node: Object, used: Request) -> "Host":
        labels = node["metadata"].get("labels") or {}
        zone = labels.get("topology.kubernetes.io/zone", "")
        cordoned, ready = bool(node["spec"].get("unschedulable")), is_true(node, "Ready")
        taints, name = _taints(node), node["metadata"]["name"]
        return cls(node, name, labels, cordoned, ready, zone, taints, allocatable(node), used)

    def refuses(self, manner: Manner, asked: Request) -> str:
        """Why a pod of this manner cannot go there, "" where it fits in."""
        if self.cordoned and not manner.takes_cordoned:
            return CORDONED
        known = self._against.get(manner.name)
        if known is None:
            known = self._against[manner.name] = manner.against(self)
        if known:
            return known
        has, used = self.has, self.used
        if has.pods - used.pods < 1:
            return "Too many pods"
        if asked.cpu and asked.cpu > has.cpu - used.cpu:
            return "Insufficient cpu"
        return "Insufficient memory" if asked.memory and asked.memory > has.memory - used.memory else ""

    def dislikes(self, manner: Manner) -> tuple[bool, int, int]:
        known = self._dislikes.get(manner.name)
        if known is None:
            known = self._dislikes[manner.name] = manner.dislikes(self)
        return known


def _taints(node: Object) -> list[Object]:
    """Its taints, with the one that admission gives to a node that was never ready."""
    found = list(node["spec"].get("taints") or ())
    reports = any(each["type"] == "Ready" for each in node.get("status", {}).get("conditions") or ())
    return found if reports else [*found, _NOT_READY]


def is_eligible(spec: Object, node: Object) -> bool:
    """Whether the pod's node selector and required node affinity accept a node."""
    if not selects({"matchLabels": spec.get("nodeSelector") or {}}, node["metadata"].get("labels")):
        return False
    required: Mapping[str, Any] | None = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    return not required or node_matches(required["nodeSelectorTerms"], node)


@dataclass(slots=True)
class Fit:
    """What all nodes say to the pods of one manner that ask for as much: who would take one, and how many refuse why.

    seen: how many of the changes of nodes it knows.
    """

    manner: Manner
    asked: Request
    possible: dict[str, Host] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    seen: int = 0
    _against: dict[str, str] = field(default_factory=dict)

    def ask(self, name: str, host: Host | None) -> None:
        """Ask one node, again if it has changed. None: it is gone."""
        self.possible.pop(name, None)
        if before := self._against.pop(name, ""):
            self.reasons[before] -= 1
            if not self.reasons[before]:
                del self.reasons[before]
        if host is None:
            return
        if against := host.refuses(self.manner, self.asked):
            self._against[name] = against
            self.reasons[against] += 1
        else:
            self.possible[name] = host


class Hosts:
    """The nodes of a cluster in the order of their listing, read at the first question and followed write by write."""

    resources = (NODES,)

    def __init__(self, nodes: Callable[[], Iterable[Object]], used: Usage) -> None:
        self._nodes, self._used = nodes, used
        self._by_name: dict[str, Host] | None = None
        self._uncordoned: list[Host] | None = None
        self._fits: dict[tuple[str, float, float], Fit] = {}
        self._changes: list[str] = []  # names of nodes that are others, or whose room is, one after the other
        used.changed = self._touch

    def by_name(self) -> Mapping[str, Host]:
        if self._by_name is None:
            made = map(self._made, self._nodes())
            self._by_name = {each.name: each for each in made}
        return self._by_name

    def uncordoned(self) -> list[Host]:
        if self._uncordoned is None:
            self._uncordoned = [each for each in self.by_name().values() if not each.cordoned]
        return self._uncordoned

    def fit(self, manner: Manner, asked: Request) -> Fit:
        """Who takes a pod now. Of hundreds that wait many ask alike, and between two of them one node has changed."""
        by_name, question = self.by_name(), (manner.name, asked.cpu, asked.memory)
        if len(self._fits) * len(by_name) > _MOST_ANSWERS:
            self._forget_answers()
        known = self._fits.get(question)
        if known is None:
            known = self._fits[question] = Fit(manner, asked)
            changed: Iterable[str] = by_name
        else:
            changed = dict.fromkeys(self._changes[known.seen :])
        for name in changed:
            known.ask(name, by_name.get(name))
        known.seen = len(self._changes)
        return known

    def hear(self, event: Event) -> None:
        if self._by_name is None:
            return
        self._uncordoned = None
        name = event.object["metadata"]["name"]
        self._touch(name)
        if event.change is Change.DELETED:
            del self._by_name[name]
        else:
            self._by_name[name] = self._made(event.object)

    def forget(self) -> None:
        self._by_name = self._uncordoned = None
        self._forget_answers()

    def _touch(self, name: str) -> None:
        if len(self._changes) > _MOST_ANSWERS:
            self._forget_answers()
        if self._fits:
            self._changes.append(name)

    def _forget_answers(self) -> None:
        self._fits.clear()
        self._changes.clear()

    def _made(self, node: Object) -> Host:
        return Host.of(node, self._used.of(node["metadata"]["name"]))
