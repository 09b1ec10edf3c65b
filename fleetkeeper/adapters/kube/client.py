"""One cluster's API server, read part by part into our own values (the Kube port)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from fleetkeeper.adapters.kube import (
    addon_objects,
    convert,
    convert_around,
    endpoints,
    live,
    live_convert,
    notes,
    standouts,
    traces,
)
from fleetkeeper.adapters.kube.changed import list_changed
from fleetkeeper.adapters.kube.documents import around, structs
from fleetkeeper.adapters.kube.memory import Memory, Room
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.adapters.kube.releases import Releases
from fleetkeeper.adapters.kube.services import ready_endpoints
from fleetkeeper.adapters.kube.standouts import Standouts
from fleetkeeper.core import gitops, model, observed
from fleetkeeper.core.api_metric import REQUESTED, STARTED, api_use
from fleetkeeper.core.api_search import NO_NAMES, ApiNames, LiveKind
from fleetkeeper.core.field_owners import AddonObject
from fleetkeeper.core.owner_keys import owner_keys
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.errors import GapReason, ReadError

D = TypeVar("D")
V = TypeVar("V")

# CRDs carry their schemas, up to 1 MiB each.
_LARGE_PAGE = 50
# Finished pods run nothing. status.phase is a field that the API server selects pods by.
_RUNNING = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
# The ReplicaSets of a Deployment, ten old ones for each, carry this label; only the others are read. A ReplicaSet that
# a deleted Deployment left behind (--cascade=orphan) keeps it and is not seen.
_OWN_REPLICA_SETS = {"labelSelector": "!pod-template-hash"}
_ALONE = "have no owner"
# Of three megabytes of samples two families. They begin a line, and a comment goes before the first of them.
_SAMPLES = tuple(re.compile(rf"\n({name}[{{ ][^\n]*)".encode()) for name in (REQUESTED, STARTED))


class KubeReader:
    """Reads one cluster; every method raises a ReadError when it cannot see the whole of its part.

    keys: the operator's own labels and annotations that name owners.
    """

    def __init__(self, reader: Reader, keys: tuple[str, ...] = ()) -> None:
        self._reader, self._memory, self._keys = reader, Memory(Room(0)), keys
        self._helm, self._settings = Releases(reader), addon_objects.Settings()
        self._pods: Standouts[structs.Pod] | None = None

    def placed(self, at: datetime) -> Placed:
        """Every node, pod, budget and bound volume, as a rehearsal begins with them; pods in full, and never kept.

        attached_to of the volumes is empty: the reader may not list attachments.
        """
        reader = self._reader
        bound = reader.for_one_part().list(live.VOLUMES, live_convert.volume).items
        return Placed(
            at=at,
            nodes=live.nodes(reader.for_one_part()),
            pods=live.pods(reader.for_one_part()),
            budgets=live.budgets(reader.for_one_part()),
            volumes=bound,
        )

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
            keep = self._keeping(partial(convert.templated, resource.kind))
            found += list_changed(reader, memory, resource, keep)
        found += list_changed(reader, memory, endpoints.CRON_JOBS, self._keeping(convert.cron_job))
        jobs = standouts.find(reader, endpoints.JOBS)
        found += standouts.read(reader, memory, jobs, jobs.alone, _ALONE, self._keeping(_ownerless_job))
        keep_set = self._keeping(_ownerless_replica_set)
        found += list_changed(reader, memory, endpoints.REPLICA_SETS, keep_set, _OWN_REPLICA_SETS)
        minimums = dict(list_changed(reader, memory, endpoints.SCALERS, convert_around.minimum))
        return tuple(convert.scaled(each, minimums) for each in found) if minimums else tuple(found)

    def pods(self) -> model.Pods:
        """Finished pods are not counted; of the others only those without an owner are read in full."""
        reader = self._reader.for_one_part()
        self._pods = found = standouts.find(reader, endpoints.PODS, _RUNNING)
        alone = standouts.read(reader, self._memory, found, found.alone, _ALONE, self._keeping(_ownerless_pod))
        return model.Pods(found.total, alone)

    def pod_notes(self) -> tuple[observed.PodNote, ...]:
        """Of the pods that `pods` listed; only where it was not asked are they listed for this."""
        reader = self._reader.for_one_part()
        found = self._pods or standouts.find(reader, endpoints.PODS, _RUNNING)
        return notes.pod_notes(reader, self._memory, found)

    def namespaces(self) -> tuple[model.Namespace, ...]:
        return self._reader.list(endpoints.NAMESPACES, self._keeping(convert.namespace)).items

    def crds(self) -> tuple[model.Crd, ...]:
        reader = self._reader.for_one_part()
        return list_changed(reader, self._memory, endpoints.CRDS, convert.crd, page_items=_LARGE_PAGE)

    def budgets(self) -> tuple[observed.Budget, ...]:
        keep = self._keeping(convert_around.budget)
        return list_changed(self._reader.for_one_part(), self._memory, endpoints.BUDGETS, keep)

    def volumes(self) -> tuple[observed.PersistentVolume, ...]:
        return list_changed(self._reader.for_one_part(), self._memory, endpoints.VOLUMES, convert_around.volume)

    def webhooks(self) -> tuple[observed.Webhook, ...]:
        """With the ready endpoints of the services that are named, by one list for each of their namespaces."""
        reader = self._reader.for_one_part()
        found: list[observed.Webhook] = []
        for resource in (endpoints.VALIDATING, endpoints.MUTATING):
            keep: Callable[[around.WebhookConfiguration], tuple[observed.Webhook, ...]]
            keep = self._keeping(partial(_webhooks, resource.kind))
            found += [each for some in reader.list(resource, keep).items for each in some]
        ready = ready_endpoints(reader, {each.service for each in found if each.service})
        return tuple(replace(each, endpoints=ready.get(each.service)) for each in found)

    def api_services(self) -> tuple[observed.ApiService, ...]:
        return self._reader.list(endpoints.API_SERVICES, self._keeping(convert_around.api_service)).items

    def gitops(self, crds: Sequence[model.Crd]) -> tuple[observed.GitOpsApp, ...]:
        """Nothing is asked of a kind without a definition."""
        kinds, trouble = gitops.served(crds)
        if trouble:
            raise ReadError(trouble, GapReason.NOT_FOUND)
        reader = self._reader.for_one_part()
        found: list[observed.GitOpsApp] = []
        for kind in kinds:
            listed = reader.list(endpoints.GITOPS[kind], self._keeping(partial(_apps, kind)))
            found += [app for some in listed.items for app in some]
        return tuple(found)

    def api_use(self) -> observed.ApiUse:
        """Of the API server that answered, where there are several behind one address."""
        page = self._reader.text(endpoints.METRICS)
        return api_use(str(line, "utf-8", "replace") for wanted in _SAMPLES for line in wanted.findall(page))

    def object_traces(self, kinds: Sequence[LiveKind]) -> tuple[observed.ObjectTrace, ...]:
        return traces.object_traces(self._reader.for_one_part(), kinds)

    def customised(self, objects: Sequence[AddonObject]) -> tuple[observed.Customised, ...]:
        return addon_objects.find_customised(self._reader.for_one_part(), self._settings, objects)

    def proxy_mode(self) -> str:
        return addon_objects.proxy_mode(self._reader, self._settings)

    def helm_releases(
        self, known: Mapping[str, model.HelmRelease], names: ApiNames = NO_NAMES
    ) -> tuple[model.HelmRelease, ...]:
        """Releases in Secrets, Helm's default; only a cluster that has none there is asked for ConfigMaps."""
        return self._helm.releases(known, names)

    def helm_use(self, known: observed.HelmUse, names: ApiNames) -> observed.HelmUse:
        return self._helm.use(known, names)

    def close(self) -> None:
        self._reader.close()

    def _keeping(self, convert: Callable[[D], V]) -> Callable[[D], V]:
        """The same, and what it makes has the operator's own keys too."""
        return partial(_with_keys, convert, self._keys) if self._keys else convert


def _with_keys(convert: Callable[[Any], Any], keys: tuple[str, ...], document: Any) -> Any:
    made = convert(document)
    owner = owner_keys(document.metadata.labels, document.metadata.annotations, keys)
    if isinstance(made, tuple):
        return tuple(replace(each, owner=owner) for each in made)
    return made and replace(made, owner=owner)


def _webhooks(kind: str, document: around.WebhookConfiguration) -> tuple[observed.Webhook, ...]:
    return tuple(convert_around.webhooks(kind, document))


def _apps(kind: str, document: msgspec.Struct) -> tuple[observed.GitOpsApp, ...]:
    return tuple(gitops.apps_of(kind, msgspec.to_builtins(document)))


def _ownerless_pod(document: structs.Pod) -> model.Workload | None:
    return None if convert.is_owned(document.metadata) else convert.pod(document)


def _ownerless_job(document: structs.Job) -> model.Workload | None:
    if convert.is_owned(document.metadata) or convert.is_finished(document):
        return None
    return convert.templated("Job", document)


def _ownerless_replica_set(document: structs.Templated) -> model.Workload | None:
    return None if convert.is_owned(document.metadata) else convert.templated("ReplicaSet", document)
