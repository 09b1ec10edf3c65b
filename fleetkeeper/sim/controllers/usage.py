"""What the pods of each node ask for, kept up to date write by write: a scheduler cannot add it up for every pod."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fleetkeeper.core import requests as counting
from fleetkeeper.core.live import Room
from fleetkeeper.core.quantities import millis, whole
from fleetkeeper.sim.controllers.matching import quantity
from fleetkeeper.sim.kube.state_log import Change, Event
from fleetkeeper.sim.world import Object

_MOST_KNOWN = 4096
"""Lists of containers whose requests are kept; the list is kept too, so that its identity is its own."""


@dataclass(slots=True)
class Request:
    """Millicores, bytes of memory, and pods: whole numbers, so that adding and taking away leaves no trace."""

    cpu: float = 0
    memory: float = 0
    pods: int = 0


def requests(pod: Object) -> Request:
    """What a pod takes of a node."""
    found = wants(pod["spec"])
    return Request(found.cpu, found.memory, 1)


def wants(spec: Object) -> Room:
    """The same as the scheduler counts it, in whole numbers."""
    own = (spec.get("resources") or {}).get("requests") or {}
    return counting.wants(
        [_asked(each) for each in spec.get("containers") or ()],
        [(_asked(each), each.get("restartPolicy") == "Always") for each in spec.get("initContainers") or ()],
        (millis(own["cpu"]) if "cpu" in own else None, whole(own["memory"]) if "memory" in own else None),
        _amounts(spec.get("overhead") or {}),
    )


def _asked(container: Object) -> counting.Asked:
    return _amounts((container.get("resources") or {}).get("requests") or {})


def _amounts(given: Object) -> counting.Asked:
    return millis(given.get("cpu", 0)), whole(given.get("memory", 0))


def allocatable(node: Object) -> Request:
    """What a node has for pods; a resource that it does not report does not run out."""
    has = node.get("status", {}).get("allocatable") or {}
    return Request(
        millis(has["cpu"]) if "cpu" in has else float("inf"),
        quantity(has.get("memory", float("inf"))),
        int(quantity(has.get("pods", 110))),
    )


class Usage:
    """Requests by node, of the pods that have not ended; added up at the first question."""

    resources = ("/pods",)

    def __init__(self, pods: Callable[[], Iterable[Object]]) -> None:
        self._pods = pods
        self._by_node: dict[str, Request] | None = None
        self._asked: dict[int, tuple[Object, Request]] = {}
        self.changed: Callable[[str], object] = _nobody  # told the name of a node whose sum is another

    def asked(self, pod: Object) -> Request:
        """What a pod takes of a node, worked out once for its containers: it is asked at each turn of the scheduler."""
        spec = pod["spec"]
        if "initContainers" in spec or "overhead" in spec or "resources" in spec:
            return requests(pod)
        containers = spec.get("containers")
        known = self._asked.get(id(containers))
        if known is None:
            if len(self._asked) >= _MOST_KNOWN:
                self._asked.clear()
            known = self._asked[id(containers)] = (containers, requests(pod))
        return known[1]

    def of(self, node: str) -> Request:
        """What is asked of a node: the sum itself, which goes on to follow the writes until all is forgotten."""
        if self._by_node is None:
            self._by_node = {}
            for pod in self._pods():
                self._add(pod, 1)
        return self._by_node.setdefault(node, Request())

    def hear(self, event: Event) -> None:
        if self._by_node is None:
            return
        before, after = event.before, event.object
        if event.is_of_status and before is not None and _has_ended(before) == _has_ended(after):
            return
        if before is not None:
            kept = event.change is not Change.DELETED and before["spec"] is after["spec"]
            if kept and _has_ended(before) == _has_ended(after):
                return
            self._add(before, -1)
        if event.change is not Change.DELETED:
            self._add(after, 1)

    def forget(self) -> None:
        self._by_node = None

    def _add(self, pod: Object, sign: int) -> None:
        node = pod["spec"].get("nodeName")
        if not node or self._by_node is None or _has_ended(pod):
            return
        known, asked = self._by_node.setdefault(node, Request()), self.asked(pod)
        known.cpu += sign * asked.cpu
        known.memory += sign * asked.memory
        known.pods += sign
        self.changed(node)


def _nobody(_node: str) -> None:
    """Nobody wants to know."""


def _has_ended(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
