"""Of a large list only what stands out: all of it by metadata, and in full those few that need a look."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from fleetkeeper.adapters.kube.changed import Document, Place, key_of
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.endpoints import Resource
from fleetkeeper.adapters.kube.memory import Known, Memory
from fleetkeeper.adapters.kube.reading import NO_SELECTORS, Reader
from fleetkeeper.errors import GapReason, ReadError

T = TypeVar("T")
D = TypeVar("D", bound=Document)
V = TypeVar("V")

# Past so many objects of one namespace, one list costs less than a GET for each.
_FEW = 20
# Airflow and Spark run thousands of pods without an owner; more than this is not read.
_MOST = 5_000


@dataclass(frozen=True, slots=True)
class Standouts(Generic[D]):
    """A list by metadata: how many there are, and where those are that no controller owns or that need a note."""

    resource: Resource[D]
    selectors: Mapping[str, str]
    total: int
    version: str
    alone: tuple[Place, ...]
    noted: tuple[Place, ...]


def find(reader: Reader, resource: Resource[D], selectors: Mapping[str, str] = NO_SELECTORS) -> Standouts[D]:
    listed = reader.list(resource.by_metadata, _spot, selectors=selectors)
    alone = tuple(spot.place for spot in listed.items if spot.alone)
    noted = tuple(spot.place for spot in listed.items if spot.noted)
    return Standouts(resource, selectors, len(listed.items), listed.resource_version, alone, noted)


def read(
    reader: Reader,
    memory: Memory,
    found: Standouts[D],
    places: Sequence[Place],
    what: str,
    keep: Callable[[D], V | None],
) -> tuple[V, ...]:
    """What `keep` makes of the objects at these places, in full only those that changed since the last tick.

    what: such as "have no owner"; under it they are remembered, where the whole list is more than a page.
    """
    resource = found.resource
    if len(places) > _MOST:
        detail = f"{len(places)} {resource.plural} {what}, and more than {_MOST} are not read"
        raise ReadError(detail, GapReason.TOO_LARGE)
    name = f"{resource.plural} that {what}"
    known = memory.known(name, reader.seconds())
    if known is not None and not known.may_hold(found.version):
        known = None
    values: Mapping[str, V | None] = known.values if known else {}
    missing = [place for place in places if place.key not in values]
    fresh = in_full(reader, resource, keep, missing, found.selectors)
    pairs = [(p.key, values[p.key]) if p.key in values else fresh.get((p.namespace, p.name)) for p in places]
    there = [pair for pair in pairs if pair is not None]
    if found.total > reader.page_items:
        whole_at = known.whole_at if known else reader.seconds()
        memory.keep(name, Known({key: value for key, value in there if key}, found.version, whole_at))
    return tuple(value for _, value in there if value is not None)


def in_full(
    reader: Reader,
    resource: Resource[D],
    keep: Callable[[D], V | None],
    places: Sequence[Place],
    selectors: Mapping[str, str] = NO_SELECTORS,
) -> dict[tuple[str, str], tuple[str, V | None]]:
    """Each object that is still there, by namespace and name; a namespace with many of them is listed."""
    found: dict[tuple[str, str], tuple[str, V | None]] = {}

    def add(document: D) -> None:
        meta = document.metadata
        found[meta.namespace, meta.name] = key_of(meta), keep(document)

    names: dict[str, list[str]] = {}
    for place in places:
        names.setdefault(place.namespace, []).append(place.name)
    for namespace, some in names.items():
        if len(some) > _FEW:
            reader.list(resource, add, namespace, selectors)
            continue
        for name in some:
            if (document := still_there(reader, resource, namespace, name)) is not None:
                add(document)
    return found


def still_there(reader: Reader, resource: Resource[T], namespace: str, name: str) -> T | None:
    """The object, or None when it went away since it was listed."""
    try:
        return reader.get(resource.path(namespace, name), resource.document)
    except ReadError as e:
        if e.reason is GapReason.NOT_FOUND:
            return None
        raise


@dataclass(frozen=True, slots=True)
class _Spot:
    place: Place
    alone: bool
    noted: bool


_ORDINARY = _Spot(Place("", "", ""), alone=False, noted=False)


def _spot(document: structs.Placed) -> _Spot:
    """Where an object is that stands out; one shared value for all the others, which are many."""
    meta, mark = document.metadata, document.metadata.mark
    if mark is not None and mark.mirror is not None:
        return _ORDINARY
    stays = mark is not None and "true" in (mark.do_not_disrupt, mark.do_not_evict)
    noted = stays or bool(meta.deleted_at and meta.finalizers)
    return _Spot(Place.of(document), not meta.owners, noted) if noted or not meta.owners else _ORDINARY
