"""The pods of each DaemonSet by node, followed write by write: with thousands of nodes only those are looked at anew
where something changed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from fleetkeeper.sim.controllers.live import controller_of
from fleetkeeper.sim.controllers.pods import PODS, is_of_template
from fleetkeeper.sim.kube.state_log import Change, Event, Key, key_of
from fleetkeeper.sim.world import Object

RESOURCE = "apps/daemonsets"
NODES = "/nodes"


class Numbers(NamedTuple):
    """The counters of a DaemonSet's status, of one node or of all. Of one node each is 0 or 1."""

    current: int = 0
    desired: int = 0
    wrong: int = 0
    ready: int = 0
    available: int = 0
    updated: int = 0


@dataclass(slots=True)
class Roster:
    """One DaemonSet, of one spec. to_place, to_count: names of nodes where something changed since the last look."""

    spec: Object
    here: dict[str, dict[Key, Object]] = field(default_factory=dict)
    old: set[Key] = field(default_factory=set)  # pods that today's template would not make
    standings: dict[str, Numbers] = field(default_factory=dict)
    to_place: set[str] = field(default_factory=set)
    to_count: set[str] = field(default_factory=set)

    def on(self, node: str) -> list[Object]:
        """Its pods on a node, or meant for it, in the order of their names."""
        found = self.here.get(node) or {}
        return [found[key] for key in sorted(found)] if len(found) > 1 else list(found.values())

    def pods(self) -> Iterable[Object]:
        return (pod for found in self.here.values() for pod in found.values())

    def touch(self, node: str) -> None:
        self.to_place.add(node)
        self.to_count.add(node)

    def put(self, pod: Object) -> None:
        key, node = key_of(pod), place_of(pod)
        self.here.setdefault(node, {})[key] = pod
        self.touch(node)
        if not is_of_template(pod, self.spec["template"]):
            self.old.add(key)

    def take(self, pod: Object) -> None:
        key, node = key_of(pod), place_of(pod)
        self.here.get(node, {}).pop(key, None)
        self.old.discard(key)
        self.touch(node)

    def renew(self, pod: Object) -> None:
        """The same pod with another status."""
        node = place_of(pod)
        self.here[node][key_of(pod)] = pod
        self.touch(node)


def place_of(pod: Object) -> str:
    """The node that a pod of a DaemonSet is on, or meant for."""
    return pod["spec"].get("nodeName") or meant_for(pod)


def meant_for(pod: Object) -> str:
    """The one node that a pod of a DaemonSet may go to, "" for every other pod."""
    required = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in required.get("nodeSelectorTerms") or ():
        for found in term.get("matchFields") or ():
            return str(found["values"][0])
    return ""


class Rosters:
    """The rosters of a cluster by the uid of the DaemonSet; each is made at the first question."""

    resources = (NODES, PODS, RESOURCE)

    def __init__(self) -> None:
        self._rosters: dict[str, Roster] = {}

    def of(self, daemons: Object, pods: Callable[[], Iterable[Object]], nodes: Iterable[str]) -> Roster:
        """pods: those of the DaemonSet; both are read only where it has no roster, or has another spec by now."""
        uid, spec = daemons["metadata"]["uid"], daemons["spec"]
        known = self._rosters.get(uid)
        if known is None or known.spec is not spec:
            known = self._rosters[uid] = Roster(spec)
            for pod in pods():
                known.put(pod)
            for node in nodes:
                known.touch(node)
        return known

    def hear(self, event: Event) -> None:
        if event.resource == NODES and not event.is_of_status:
            for roster in self._rosters.values():
                roster.touch(event.object["metadata"]["name"])
        elif event.resource == PODS and self._rosters:
            self._of_pod(event)
        elif event.resource == RESOURCE and event.change is Change.DELETED:
            self._rosters.pop(event.object["metadata"]["uid"], None)

    def forget(self) -> None:
        self._rosters.clear()

    def _of_pod(self, event: Event) -> None:
        now = self._of(event.object)
        if event.is_of_status:
            if now is not None:
                now.renew(event.object)
            return
        before = self._of(event.before) if event.before else None
        if before is not None and event.before is not None:
            before.take(event.before)
        if now is not None and event.change is not Change.DELETED:
            now.put(event.object)

    def _of(self, pod: Object) -> Roster | None:
        reference = controller_of(pod)
        return self._rosters.get(reference["uid"]) if reference else None
