"""Nodes, pods and volumes of a simulated cluster as a drain meets them, made anew only where an object has changed.

A rehearsal reads a whole cluster at every tick of its virtual time, in which a few pods of thousands have moved.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Generic, TypeVar

from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume, Room, Taint, Toleration, parted
from fleetkeeper.core.placed_by import placed_by
from fleetkeeper.core.pod_annotations import asks_to_stay
from fleetkeeper.core.quantities import millis, whole
from fleetkeeper.core.rotation.marks import marks_of
from fleetkeeper.sim import ports_around
from fleetkeeper.sim.controllers.usage import wants
from fleetkeeper.sim.ports_kube import node as model_node
from fleetkeeper.sim.ports_kube import when
from fleetkeeper.sim.world import Object

T = TypeVar("T")
Listing = Mapping[tuple[str, str], Object]
Maker = tuple[str, str]
"""Namespace and Kind/name of what made an object."""

_MIRROR = "kubernetes.io/config.mirror"
_GRACE = 30  # seconds, of a pod that does not say


class Remembered(Generic[T]):
    """What was made of the objects of one resource, by their version; in the API server's order."""

    def __init__(self, make: Callable[[Object], T]) -> None:
        self._make = make
        self._known: dict[tuple[str, str], tuple[str, Object, T]] = {}  # path, what it was made of, value

    def of(self, listing: Listing, keys: Iterable[tuple[str, str]] | None = None) -> list[T]:
        """keys: of which objects, None for all of them; what is known of the others is kept for a while."""
        known = self._known
        found: dict[tuple[str, str], tuple[str, Object, T]] = {}
        for key in listing if keys is None else keys:
            obj, entry = listing.get(key), known.get(key)
            if obj is None:
                continue
            if entry is None or not (entry[1] is obj or _version(entry[1]) == _version(obj)):
                entry = ("/".join(key) if key[0] else key[1], obj, self._make(obj))
            found[key] = entry
        if keys is None:
            self._known = found
        else:
            known.update(found)
            if len(known) > 2 * len(listing):
                self._known = {key: entry for key, entry in known.items() if key in listing}
        return [entry[2] for entry in sorted(found.values(), key=itemgetter(0))]


def _version(obj: Object) -> object:
    return obj["metadata"]["resourceVersion"]


@dataclass(slots=True)
class PodSeen:
    """A pod, and what made it itself; `pod` names what is at the top as soon as that is known."""

    maker: Maker
    pod: LivePod

    def under(self, top: str) -> LivePod:
        if self.pod.controller != top:
            self.pod = replace(self.pod, controller=top)
        return self.pod


class Seen:
    """All that was made of one cluster's objects."""

    def __init__(self) -> None:
        self.nodes = Remembered(node)
        self.pods = Remembered(pod_seen)
        self.volumes = Remembered(volume)
        self.attachments = Remembered(_attachment)
        self.budgets = Remembered(ports_around.budget)
        self.makers = defaultdict[str, Remembered[tuple[Maker, str]]](lambda: Remembered(_made))


def node(obj: Object) -> LiveNode:
    meta, spec = obj["metadata"], obj.get("spec") or {}
    annotations = meta.get("annotations") or {}
    has = (obj.get("status") or {}).get("allocatable") or {}
    taints, own = parted(Taint(t["key"], t.get("value", ""), t["effect"]) for t in spec.get("taints") or ())
    return LiveNode(
        node=model_node(obj),
        stays=asks_to_stay(annotations),
        leaving="deletionTimestamp" in meta,
        room=Room(millis(has.get("cpu", 0)), whole(has.get("memory", 0)), whole(has.get("pods", 0))),
        labels=meta.get("labels") or {},
        taints=taints,
        marks=marks_of(annotations),
        resource_version=meta["resourceVersion"],
        own_taints=own,
        ready_since=_since((obj.get("status") or {}).get("conditions") or (), "Ready"),
    )


def volume(obj: Object) -> LiveVolume | None:
    """None for one that is not bound. attached_to is not known here."""
    if (obj.get("status") or {}).get("phase") != "Bound":
        return None
    found = ports_around.volume(obj)
    return LiveVolume(found.name, found.claim, found.zones, found.nodes)


def pod_seen(obj: Object) -> PodSeen:
    maker = controller_of(obj)
    return PodSeen((obj["metadata"]["namespace"], maker), pod(obj, maker))


def pod(obj: Object, top: str) -> LivePod:
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    ready: Object = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), {})
    is_ready = ready.get("status") == "True"
    tolerates = tuple(map(_toleration, spec.get("tolerations") or ()))
    return LivePod(
        namespace=meta["namespace"],
        name=meta["name"],
        node=spec.get("nodeName", ""),
        labels=meta.get("labels") or {},
        controller=top,
        owner=ports_around.owner_of(obj),
        phase=status.get("phase", ""),
        ready=is_ready,
        stays=asks_to_stay(meta.get("annotations")),
        leaving_since=_leaving_since(meta),
        finalizers=tuple(meta.get("finalizers") or ()),
        static=_MIRROR in (meta.get("annotations") or {}),
        tolerant=any(t.operator == "Exists" and not t.key and not t.effect for t in tolerates),
        uid=meta["uid"],
        wants=wants(spec),
        priority=spec.get("priority", 0),
        claims=_claims(meta["name"], spec.get("volumes") or ()),
        grace=spec.get("terminationGracePeriodSeconds", _GRACE),
        created_at=when(meta.get("creationTimestamp")),
        ready_since=when(ready.get("lastTransitionTime")) if is_ready else None,
        unready_since=None if is_ready else when(ready.get("lastTransitionTime")),
        tolerates=tolerates,
        selects=spec.get("nodeSelector") or {},
        scheduled_at=_since(status.get("conditions") or (), "PodScheduled"),
        around=placed_by(spec.get("affinity"), spec.get("topologySpreadConstraints")),
        unplaced=_unplaced(status.get("conditions") or ()),
    )


def _since(conditions: Iterable[Object], kind: str) -> datetime | None:
    """Since when a condition is True; None while it is not."""
    found = next((each for each in conditions if each["type"] == kind and each["status"] == "True"), {})
    return when(found.get("lastTransitionTime"))


def _unplaced(conditions: Iterable[Object]) -> str:
    found = (each for each in conditions if each["type"] == "PodScheduled" and each["status"] == "False")
    return next((str(each.get("message") or "") for each in found), "")


def controller_of(obj: Object) -> str:
    """Kind/name of what made an object, "" for nothing."""
    owners = obj["metadata"].get("ownerReferences") or ()
    owner = next((each for each in owners if each.get("controller")), next(iter(owners), None))
    return f"{owner['kind']}/{owner['name']}" if owner else ""


def tops(kind: str, made: Iterable[tuple[Maker, str]]) -> dict[Maker, str]:
    """What made the objects of a kind, where something did."""
    return {(where, f"{kind}/{name}"): maker for (where, name), maker in made if maker}


def _made(obj: Object) -> tuple[Maker, str]:
    return (obj["metadata"]["namespace"], obj["metadata"]["name"]), controller_of(obj)


def _attachment(obj: Object) -> tuple[str, str]:
    """The names of a volume, "" for one that only its pod names, and of a node."""
    return obj["spec"]["source"].get("persistentVolumeName") or "", obj["spec"]["nodeName"]


def _leaving_since(meta: Object) -> datetime | None:
    at = when(meta.get("deletionTimestamp"))
    return at and at - timedelta(seconds=meta.get("deletionGracePeriodSeconds", 0))


def _toleration(given: Object) -> Toleration:
    operator = given.get("operator") or "Equal"
    return Toleration(given.get("key") or "", operator, given.get("value") or "", given.get("effect") or "")


def _claims(pod: str, volumes: Iterable[Object]) -> tuple[str, ...]:
    named = [
        each["persistentVolumeClaim"]["claimName"] if "persistentVolumeClaim" in each else f"{pod}-{each['name']}"
        for each in volumes
        if "persistentVolumeClaim" in each or "ephemeral" in each
    ]
    return tuple(named)
