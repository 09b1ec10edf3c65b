"""One cluster's API server, read part by part into our own values (the Kube port)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from fleetkeeper.adapters.kube import convert, endpoints, helm
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.endpoints import Resource
from fleetkeeper.adapters.kube.reading import NO_SELECTORS, Reader
from fleetkeeper.core import model
from fleetkeeper.errors import GapReason, ReadError

T = TypeVar("T")

# CRDs carry their schemas, up to 1 MiB each; Helm records are up to 1 MiB in base64.
_LARGE_PAGE = 50
# Past so many objects of one namespace, one list costs less than a GET for each.
_FEW = 20
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
        self._reader = reader

    def git_version(self) -> str:
        return self._reader.get(endpoints.VERSION, structs.Version).git_version

    def identity(self) -> structs.ObjectMeta:
        """The kube-system namespace, which lives as long as its cluster: its uid and creation time."""
        return self._reader.get(endpoints.NAMESPACES.path(name="kube-system"), structs.Object).metadata

    def nodes(self) -> tuple[model.Node, ...]:
        return self._reader.list(endpoints.NODES, convert.node).items

    def workloads(self) -> tuple[model.Workload, ...]:
        reader = self._reader.for_one_part()
        found: list[model.Workload] = []
        for resource in (endpoints.DEPLOYMENTS, endpoints.STATEFUL_SETS, endpoints.DAEMON_SETS):
            found += reader.list(resource, partial(convert.templated, resource.kind)).items
        found += reader.list(endpoints.CRON_JOBS, convert.cron_job).items
        found += _ownerless(reader, endpoints.JOB_METADATA, endpoints.JOBS, _ownerless_job)[1]
        found += reader.list(endpoints.REPLICA_SETS, _ownerless_replica_set, selectors=_OWN_REPLICA_SETS).items
        return tuple(found)

    def pods(self) -> model.Pods:
        """Finished pods are not counted; of the others only those without an owner are read in full."""
        reader = self._reader.for_one_part()
        return model.Pods(*_ownerless(reader, endpoints.POD_METADATA, endpoints.PODS, _ownerless_pod, _RUNNING))

    def namespaces(self) -> tuple[model.Namespace, ...]:
        return self._reader.list(endpoints.NAMESPACES, convert.namespace).items

    def crds(self) -> tuple[model.Crd, ...]:
        return self._reader.list(endpoints.CRDS, convert.crd, page_items=_LARGE_PAGE).items

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
    read = _records(reader, records, [found for found in wanted if found.key not in known])
    releases = (known.get(found.key) or read.get(found.place) for found in wanted)
    return tuple(release for release in releases if release is not None)


def _records(
    reader: Reader, records: Resource[structs.ReleaseHolder], missing: Sequence[helm.Revision]
) -> dict[tuple[str, str], model.HelmRelease]:
    """The releases by namespace and record; one that went away since it was listed is not among them."""
    in_secret = records is endpoints.SECRETS
    wanted = {found.place for found in missing}
    read: dict[tuple[str, str], model.HelmRelease] = {}

    def keep(holder: structs.ReleaseHolder) -> None:
        found = helm.revision(holder)
        if found.place in wanted:
            read[found.place] = helm.release(found, holder, in_secret, _MAX_RELEASE_BYTES)

    if len(wanted) > _FEW:
        reader.list(records, keep, page_items=_LARGE_PAGE, selectors=_DEPLOYED)
    for namespace, name in sorted(wanted - read.keys()):  # one by one, also what an upgrade hid from the list
        if (holder := _still_there(reader, records, namespace, name)) is not None:
            keep(holder)
    return read


def _ownerless(
    reader: Reader,
    metadata: Resource[structs.Object],
    resource: Resource[T],
    keep: Callable[[T], model.Workload | None],
    selectors: Mapping[str, str] = NO_SELECTORS,
) -> tuple[int, tuple[model.Workload, ...]]:
    """All objects counted by metadata, and in full only those without an owner."""
    listed = reader.list(metadata, _place, selectors=selectors).items
    alone: dict[str, list[str]] = {}
    for namespace, name in listed:
        if name:
            alone.setdefault(namespace, []).append(name)
    if (count := sum(map(len, alone.values()))) > _MAX_OWNERLESS:
        detail = f"{count} {resource.plural} have no owner, and more than {_MAX_OWNERLESS} are not read"
        raise ReadError(detail, GapReason.TOO_LARGE)
    found: list[model.Workload] = []
    for namespace, names in alone.items():
        if len(names) > _FEW:
            found += reader.list(resource, keep, namespace, selectors).items
        else:
            there = (_still_there(reader, resource, namespace, name) for name in names)
            found += filter(None, (keep(document) for document in there if document is not None))
    return len(listed), tuple(found)


def _still_there(reader: Reader, resource: Resource[T], namespace: str, name: str) -> T | None:
    """The object, or None when it went away since it was listed."""
    try:
        return reader.get(resource.path(namespace, name), resource.document)
    except ReadError as e:
        if e.reason is GapReason.NOT_FOUND:
            return None
        raise


_OWNED = ("", "")


def _place(document: structs.Object) -> tuple[str, str]:
    """Namespace and name of an object without an owner; one shared value for all the others, which are many."""
    meta = document.metadata
    return _OWNED if convert.is_owned(meta) else (meta.namespace, meta.name)


def _ownerless_pod(document: structs.Pod) -> model.Workload | None:
    return None if convert.is_owned(document.metadata) else convert.pod(document)


def _ownerless_job(document: structs.Job) -> model.Workload | None:
    if convert.is_owned(document.metadata) or convert.is_finished(document):
        return None
    return convert.templated("Job", document)


def _ownerless_replica_set(document: structs.Templated) -> model.Workload | None:
    return None if convert.is_owned(document.metadata) else convert.templated("ReplicaSet", document)
