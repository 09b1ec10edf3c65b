"""From documents of the API to what a drain meets: nodes, pods and volumes.

A cluster has many pods and few templates, so what all pods of a template say alike is decoded and added up once.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from fleetkeeper.adapters.kube import convert, convert_around
from fleetkeeper.adapters.kube.documents import live, structs
from fleetkeeper.adapters.kube.notes import controller
from fleetkeeper.core import requests
from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume, Room, Taint, Toleration, parted
from fleetkeeper.core.owner_keys import owner_keys
from fleetkeeper.core.placed_by import placed_by
from fleetkeeper.core.pod_annotations import asks_to_stay
from fleetkeeper.core.quantities import millis, whole
from fleetkeeper.core.rotation.marks import marks_of
from fleetkeeper.errors import InvalidAnswer
from fleetkeeper.values import decoder_of

T = TypeVar("T")

_NO_SPEC, _NO_STATUS = live.PlacedSpec(), live.PlacedStatus()
_GRACE = 30  # seconds, of a pod that does not say


class PodRead(NamedTuple):
    """A pod before the workload at its top is known. made_by: its namespace, and Kind/name of what made it or ""."""

    document: live.PlacedPod
    made_by: tuple[str, str]
    tolerations: "Tolerations"
    wants: Room
    around: str


class Tolerations(NamedTuple):
    given: tuple[Toleration, ...]
    take_all: bool


def node(document: live.LiveNode) -> LiveNode:
    meta, spec = document.metadata, document.spec or live.LiveNodeSpec()
    status = document.status or live.LiveNodeStatus()
    taints, own = parted(Taint(each.key, each.value or "", each.effect) for each in spec.taints or ())
    try:
        room = _room(status.allocatable or live.Quantities())
    except ValueError as e:
        raise InvalidAnswer(f"node {meta.name}: {e}") from e
    return LiveNode(
        node=convert.node(document),
        stays=asks_to_stay(meta.annotations),
        leaving=meta.deleted_at is not None,
        room=room,
        labels=meta.labels or {},
        taints=taints,
        marks=marks_of(meta.annotations or {}),
        resource_version=meta.resource_version,
        own_taints=own,
        ready_since=_since(status.conditions, "Ready"),
    )


def volume(document: live.BoundVolume) -> LiveVolume | None:
    """None for one that is not bound. attached_to is not known here."""
    if document.status is None or document.status.phase != "Bound":
        return None
    found = convert_around.volume(document)
    return LiveVolume(found.name, found.claim, found.zones, found.nodes)


def attachment(document: live.Attachment) -> tuple[str, str] | None:
    """The names of a volume and of a node; None for a volume that only its pod names."""
    source = document.spec.source if document.spec else None
    return (source.volume, document.spec.node) if document.spec and source and source.volume else None


def pod_read(document: live.PlacedPod) -> PodRead:
    """What has to be read from a page before the next one comes; InvalidAnswer for a request that is no quantity."""
    meta, spec = document.metadata, document.spec or _NO_SPEC
    first = tuple([(bytes(c.resources), c.restart == "Always") for c in spec.init_containers or ()])
    running = tuple([bytes(c.resources) for c in spec.containers or ()])
    try:
        wants = _wants(running, first, bytes(spec.resources), bytes(spec.overhead))
        tolerations = _tolerations(bytes(spec.tolerations))
        around = _around(bytes(spec.affinity), bytes(spec.spread))
    except (ValueError, msgspec.DecodeError) as e:
        raise InvalidAnswer(f"pod {meta.namespace}/{meta.name}: {str(e)[:200]}") from e
    owner = controller(meta.owners) if meta.owners else None
    made_by = (meta.namespace, f"{owner.kind}/{owner.name}" if owner else "")
    return PodRead(document, made_by, tolerations, wants, around)


def pod(read: PodRead, tops: Mapping[tuple[str, str], str]) -> LivePod:
    """tops: what made the makers, where something did."""
    meta, spec = read.document.metadata, read.document.spec or _NO_SPEC
    status = read.document.status or _NO_STATUS
    labels, annotations = meta.labels or {}, meta.annotations or {}
    is_ready, since = _readiness(status)
    return LivePod(
        namespace=meta.namespace,
        name=meta.name,
        node=spec.node or "",
        labels=labels,
        controller=tops.get(read.made_by) or read.made_by[1],
        owner=_owner(tuple(labels.items()), tuple(annotations.items())),
        phase=status.phase,
        ready=is_ready,
        stays=asks_to_stay(annotations) if annotations else "",
        leaving_since=_leaving_since(meta),
        finalizers=tuple(meta.finalizers or ()),
        static=convert.is_mirror(meta),
        tolerant=read.tolerations.take_all,
        uid=meta.uid,
        wants=read.wants,
        priority=spec.priority or 0,
        claims=_claims(meta.name, spec.volumes) if spec.volumes else (),
        grace=_GRACE if spec.grace is None else spec.grace,
        created_at=meta.created_at,
        ready_since=since if is_ready else None,
        unready_since=None if is_ready else since,
        tolerates=read.tolerations.given,
        selects=spec.selects or {},
        scheduled_at=_since(status.conditions, "PodScheduled"),
        around=read.around,
        unplaced=_unplaced(status.conditions),
    )


def _readiness(status: live.PlacedStatus) -> tuple[bool, datetime | None]:
    for each in status.conditions or ():
        if each.type == "Ready":
            return each.status == "True", _moment(each.since)
    return False, None


def _since(conditions: Iterable[live.PlacedCondition] | None, kind: str) -> datetime | None:
    """Since when a condition is True; None while it is not."""
    return next((_moment(each.since) for each in conditions or () if each.type == kind and each.status == "True"), None)


def _unplaced(conditions: Iterable[live.PlacedCondition] | None) -> str:
    found = (each for each in conditions or () if each.type == "PodScheduled" and each.status == "False")
    return next((each.message or "" for each in found), "")


def _moment(text: str | None) -> datetime | None:
    """None for what is no moment, or one without a time zone."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _leaving_since(meta: live.PlacedMeta) -> datetime | None:
    """The API tells when the grace of a deleted pod ends; a grace past all time is none."""
    if meta.deleted_at is None:
        return None
    try:
        return meta.deleted_at - timedelta(seconds=meta.deletion_grace or 0)
    except OverflowError:
        return meta.deleted_at


def _claims(pod: str, volumes: list[live.PlacedVolume]) -> tuple[str, ...]:
    """Of a volume that lives with its pod, the claim is named for both (ephemeral volumes, 2026)."""
    names = [v.claim.name if v.claim else f"{pod}-{v.name}" for v in volumes if v.claim or v.ephemeral]
    return tuple(names)


def _room(given: live.Quantities) -> Room:
    return Room(millis(given.cpu), whole(given.memory), whole(given.pods))


@lru_cache(maxsize=4096)
def _tolerations(raw: bytes) -> Tolerations:
    found = _decoded(raw, list[structs.Toleration]) or ()
    given = tuple([Toleration(t.key or "", t.operator or "Equal", t.value or "", t.effect or "") for t in found])
    return Tolerations(given, any(not t.key and t.operator == "Exists" and not t.effect for t in given))


@lru_cache(maxsize=4096)
def _around(affinity: bytes, spread: bytes) -> str:
    return placed_by(_decoded(affinity, dict[str, Any]), _decoded(spread, list[dict[str, Any]]))


@lru_cache(maxsize=8192)
def _owner(labels: tuple[tuple[str, str], ...], annotations: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return owner_keys(dict(labels), dict(annotations))


@lru_cache(maxsize=4096)
def _wants(running: tuple[bytes, ...], first: tuple[tuple[bytes, bool], ...], alone: bytes, overhead: bytes) -> Room:
    """alone: the resources of the whole pod; a request that it does not name is not its own."""
    own = _decoded(alone, live.OwnAsked)
    requested = (own.requests if own else None) or live.OwnQuantities()
    more = _decoded(overhead, live.Quantities) or live.Quantities()
    return requests.wants(
        map(_asked, running),
        [(_asked(each), is_sidecar) for each, is_sidecar in first],
        (
            None if requested.cpu is None else millis(requested.cpu),
            None if requested.memory is None else whole(requested.memory),
        ),
        (millis(more.cpu), whole(more.memory)),
    )


@lru_cache(maxsize=4096)
def _asked(raw: bytes) -> requests.Asked:
    found = _decoded(raw, live.Asked)
    given = (found.requests if found else None) or live.Quantities()
    return millis(given.cpu), whole(given.memory)


def _decoded(raw: bytes, kind: type[T]) -> T | None:
    """None for what is null, or left out."""
    return decoder_of(kind).decode(raw) if raw not in (b"", b"null") else None
