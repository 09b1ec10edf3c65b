"""One cluster's API server, read part by part into our own values (the Kube port)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from fleetkeeper.adapters.kube import convert, endpoints, helm
from fleetkeeper.adapters.kube.changed import Document, Place, is_much, key_of, list_changed
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.endpoints import Resource
from fleetkeeper.adapters.kube.memory import Known, Memory, Room
from fleetkeeper.adapters.kube.reading import NO_SELECTORS, Reader
from fleetkeeper.core import model
from fleetkeeper.errors import GapReason, ReadError

T = TypeVar("T")
D = TypeVar("D", bound=Document)

# CRDs carry their schemas, up to 1 MiB each; Helm records are up to 1 MiB in base64.
_LARGE_PAGE = 50
# Past so many objects of one namespace, one list costs less than a GET for each.
_FEW = 20
_FEW_RECORDS = 5  # of Helm, which are large
# Airflow and Spark run thousands of pods without an owner; more than this is not read.
_MAX_OWNERLESS = 5_000
# A record is at most 1 MiB packed, and honest charts unpack to ten or fifteen times that.
_MAX_RELEASE_BYTES = 32 << 20
# Finished pods run nothing. status.phase is a field that the API server selects pods by.
_RUNNING = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
# The ReplicaSets of a Deployment, ten old ones for each, carry this label; only the others are read. A ReplicaSet that
# a deleted Deployment left behind (--cascade=orphan) keeps it and is not seen.
_OWN_REPLICA_SETS = {"labelSelector": "!pod-template-hash"}
_DEPLOYED = {"labelSelector": helm.SELECTOR}


class KubeReader:
    """Reads one cluster; every method raises a ReadError when it cannot see the whole of its part."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._memory = reader, Memory(Room(0))

    def remember(self, memory: Memory) -> None:
        """Read only what changed of what is known, and keep it there; before this every list is read whole."""
        self._memory = memory

    def git_version(self) -> str:
        return self._reader.get(endpoints.VERSION, structs.Version).git_version

    def identity(self) -> structs.ObjectMeta:
        """The kube-system namespace, which lives as long as its cluster: its uid and creation time."""
        return self._reader.get(endpoints.NAMESPACES.path(name="kube-system"), structs.Object).metadata

    def nodes(self) -> tuple[model.Node, ...]:
        return list_changed(self._reader.for_one_part(), self._memory, endpoints.NODES, convert.node)

    def workloads(self) -> tuple[model.Workload, ...]:
        reader, memory = self._reader.for_one_part(), self._memory
        found: list[model.Workload] = []
        for resource in (endpoints.DEPLOYMENTS, endpoints.STATEFUL_SETS, endpoints.DAEMON_SETS):
            found += list_changed(reader, memory, resource, partial(convert.templated, resource.kind))
        found += list_changed(reader, memory, endpoints.CRON_JOBS, convert.cron_job)
        found += _ownerless(reader, memory, endpoints.JOBS, _ownerless_job)[1]
        found += list_changed(reader, memory, endpoints.REPLICA_SETS, _ownerless_replica_set, _OWN_REPLICA_SETS)
        return tuple(found)

    def pods(self) -> model.Pods:
        """Finished pods are not counted; of the others only those without an owner are read in full."""
        reader = self._reader.for_one_part()
        return model.Pods(*_ownerless(reader, self._memory, endpoints.PODS, _ownerless_pod, _RUNNING))

    def namespaces(self) -> tuple[model.Namespace, ...]:
        return self._reader.list(endpoints.NAMESPACES, convert.namespace).items

    def crds(self) -> tuple[model.Crd, ...]:
        reader = self._reader.for_one_part()
        return list_changed(reader, self._memory, endpoints.CRDS, convert.crd, page_items=_LARGE_PAGE)

    def helm_releases(self, known: Mapping[str, model.HelmRelease]) -> tuple[model.HelmRelease, ...]:
        """Releases in Secrets, Helm's default; only a cluster that has none there is asked for ConfigMaps."""
        reader = self._reader.for_one_part()
        found = _helm_releases(reader, endpoints.SECRET_METADATA, endpoints.SECRETS, known)
        return found or _helm_releases(reader, endpoints.CONFIG_MAP_METADATA, endpoints.CONFIG_MAPS, known)

    def close(self) -> None:
        self._reader.close()


def _helm_releases(
    reader: Reader,
    metadata: Resource[structs.Object],
    records: Resource[structs.ReleaseHolder],
    known: Mapping[str, model.HelmRelease],
) -> tuple[model.HelmRelease, ...]:
    listed = reader.list(metadata, helm.revision, selectors=_DEPLOYED).items
    wanted = helm.newest(listed)
    missing = [found for found in wanted if found.key not in known]
    read = _records(reader, records, missing, listed)
    releases = (known.get(found.key) or read.get(found.place) for found in wanted)
    return tuple(release for release in releases if release is not None)


def _records(
    reader: Reader,
    records: Resource[structs.ReleaseHolder],
    missing: Sequence[helm.Revision],
    listed: Sequence[helm.Revision],
) -> dict[tuple[str, str], model.HelmRelease]:
    """The releases by namespace and record; one that went away since it was listed is not among them."""
    in_secret = records is endpoints.SECRETS
    wanted = {found.place for found in missing}
    read: dict[tuple[str, str], model.HelmRelease] = {}

    def keep(holder: structs.ReleaseHolder) -> None:
        found = helm.revision(holder)
        if found.place in wanted:
            read[found.place] = helm.release(found, holder, in_secret, _MAX_RELEASE_BYTES)

    selector = helm.by_name(missing, listed) if len(missing) > _FEW_RECORDS else ""
    if not selector and is_much(len(missing), len(listed)):
        selector = helm.SELECTOR
    if selector:
        reader.list(records, keep, page_items=_LARGE_PAGE, selectors={"labelSelector": selector})
    for namespace, name in sorted(wanted - read.keys()):  # one by one, also what an upgrade hid from the list
        if (holder := _still_there(reader, records, namespace, name)) is not None:
            keep(holder)
    return read


def _ownerless(
    reader: Reader,
    memory: Memory,
    resource: Resource[D],
    keep: Callable[[D], model.Workload | None],
    selectors: Mapping[str, str] = NO_SELECTORS,
) -> tuple[int, tuple[model.Workload, ...]]:
    """All objects counted by metadata, and in full only those without an owner that changed since the last tick."""
    listed = reader.list(resource.by_metadata, _place, selectors=selectors)
    alone = [place for place in listed.items if place is not _OWNED]
    if len(alone) > _MAX_OWNERLESS:
        detail = f"{len(alone)} {resource.plural} have no owner, and more than {_MAX_OWNERLESS} are not read"
        raise ReadError(detail, GapReason.TOO_LARGE)
    known = memory.known(resource.plural, reader.seconds())
    if known is not None and not known.may_hold(listed.resource_version):
        known = None
    values: Mapping[str, model.Workload | None] = known.values if known else {}
    read = _in_full(reader, resource, keep, [place for place in alone if place.key not in values], selectors)
    pairs = [(p.key, values[p.key]) if p.key in values else read.get((p.namespace, p.name)) for p in alone]
    there = [pair for pair in pairs if pair is not None]
    if len(listed.items) > reader.page_items:
        whole_at = known.whole_at if known else reader.seconds()
        memory.keep(resource.plural, Known({key: w for key, w in there if key}, listed.resource_version, whole_at))
    return len(listed.items), tuple(workload for _, workload in there if workload is not None)


def _in_full(
    reader: Reader,
    resource: Resource[D],
    keep: Callable[[D], model.Workload | None],
    places: Sequence[Place],
    selectors: Mapping[str, str],
) -> dict[tuple[str, str], tuple[str, model.Workload | None]]:
    """Each object that is still there, by namespace and name; a namespace with many of them is listed."""
    read: dict[tuple[str, str], tuple[str, model.Workload | None]] = {}

    def add(document: D) -> None:
        meta = document.metadata
        read[meta.namespace, meta.name] = key_of(meta), keep(document)

    names: dict[str, list[str]] = {}
    for place in places:
        names.setdefault(place.namespace, []).append(place.name)
    for namespace, some in names.items():
        if len(some) > _FEW:
            reader.list(resource, add, namespace, selectors)
            continue
        for name in some:
            if (document := _still_there(reader, resource, namespace, name)) is not None:
                add(document)
    return read


def _still_there(reader: Reader, resource: Resource[T], namespace: str, name: str) -> T | None:
    """The object, or None when it went away since it was listed."""
    try:
        return reader.get(resource.path(namespace, name), resource.document)
    except ReadError as e:
        if e.reason is GapReason.NOT_FOUND:
            return None
        raise


_OWNED = Place("", "", "")


def _place(document: structs.Placed) -> Place:
    """Where an object without an owner is; one shared value for all the others, which are many."""
    meta = document.metadata
    return _OWNED if meta.owners or (meta.mark and meta.mark.mirror is not None) else Place.of(document)


def _ownerless_pod(document: structs.Pod) -> model.Workload | None:
    return None if convert.is_owned(document.metadata) else convert.pod(document)


def _ownerless_job(document: structs.Job) -> model.Workload | None:
    if convert.is_owned(document.metadata) or convert.is_finished(document):
        return None
    return convert.templated("Job", document)


def _ownerless_replica_set(document: structs.Templated) -> model.Workload | None:
    return None if convert.is_owned(document.metadata) else convert.templated("ReplicaSet", document)
