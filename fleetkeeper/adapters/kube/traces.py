"""Which deprecated version an object was written in, and by whom: from its managed fields and its last-applied note."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from fleetkeeper.adapters.kube.documents import around
from fleetkeeper.adapters.kube.endpoints import DISCOVERY, traced
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.core.api_search import LiveKind
from fleetkeeper.core.observed import ObjectTrace
from fleetkeeper.core.owner_keys import owner_keys
from fleetkeeper.core.text import safe
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_LIST = "APIGroupDiscoveryList"
_MOST = 20_000
_LONGEST = 128
_APPLIED = msgspec.json.Decoder(around.Applied)

Served = frozenset[tuple[str, str]]
"""(group/version, plural) of what the API server serves."""


def object_traces(reader: Reader, kinds: Sequence[LiveKind]) -> tuple[ObjectTrace, ...]:
    """Nothing is asked of a kind that the API server does not serve at a place that is not deprecated."""
    if not kinds:
        return ()
    served = _served(reader.get(DISCOVERY, around.Discovery, AGGREGATED))
    found: list[ObjectTrace] = []
    for kind in kinds:
        place = next((place for place in kind.places if (place, kind.resource) in served), "")
        if place:
            found += _of_kind(reader, kind, place)
        if len(found) > _MOST:
            raise ReadError(f"more than {_MOST} traces of deprecated API versions", GapReason.TOO_LARGE)
    return tuple(found)


def _served(document: around.Discovery) -> Served:
    if document.kind != _LIST:
        raise InvalidAnswer(f"{DISCOVERY}: expected {_LIST} (Kubernetes 1.30 and later), got {document.kind[:60]!r}")
    return frozenset(
        (f"{group.metadata.name}/{version.version}", resource.resource)
        for group in document.items or ()
        if group.metadata
        for version in group.versions or ()
        for resource in version.resources or ()
    )


def _of_kind(reader: Reader, kind: LiveKind, place: str) -> list[ObjectTrace]:
    """Those of one kind; one that a definition took away since it was listed has none."""
    resource = traced(place, kind.resource, kind.kind)
    try:
        listed = reader.list(resource, lambda document: tuple(traces_of(document, kind)) or None)
    except ReadError as e:
        if e.reason is GapReason.NOT_FOUND:
            return []
        raise
    return [trace for some in listed.items for trace in some]


def traces_of(document: around.Traced, kind: LiveKind) -> Iterator[ObjectTrace]:
    """One for each writer in each old version, by its newest write; one for what was applied last."""
    meta = document.metadata
    newest: dict[tuple[str, str], datetime | None] = {}
    for entry in meta.managed or ():
        if entry.api_version in kind.old:
            who = entry.api_version, entry.manager
            newest[who] = max(filter(None, (newest.get(who), entry.time)), default=None)
    applied = _applied((meta.annotations or {}).get(LAST_APPLIED, ""), kind.kind)
    told = [("managed fields", *who, at) for who, at in sorted(newest.items(), key=lambda item: item[0])]
    told += [("last applied", applied, "", None)] if applied in kind.old else []
    told += [("stored object", kind.lost, "", None)] if kind.lost else []
    for source, api_version, manager, at in told:
        yield ObjectTrace(
            source=source,
            api_version=api_version,
            kind=kind.kind,
            namespace=meta.namespace,
            name=meta.name,
            uid=meta.uid,
            manager=safe(manager, _LONGEST),
            at=at,
            owner=owner_keys(meta.labels, meta.annotations),
        )


def _applied(note: str, kind: str) -> str:
    """The apiVersion in a last-applied note, which is whatever somebody wrote there; "" for none.

    Controllers copy annotations to what they make: a note of another kind was never about this object.
    """
    try:
        found = _APPLIED.decode(note) if note else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    return found.api_version if found and found.kind == kind else ""
