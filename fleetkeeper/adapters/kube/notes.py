"""Pods that need a word of their own, with the workload at their top, whose name outlives theirs."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from fleetkeeper.adapters.kube import standouts
from fleetkeeper.adapters.kube.changed import Place
from fleetkeeper.adapters.kube.documents import structs
from fleetkeeper.adapters.kube.endpoints import JOBS, REPLICA_SETS, Resource
from fleetkeeper.adapters.kube.memory import Memory
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.adapters.kube.standouts import Standouts
from fleetkeeper.core.observed import PodNote
from fleetkeeper.core.owner_keys import owner_keys
from fleetkeeper.core.pod_annotations import asks_to_stay
from fleetkeeper.core.text import safe

_LONGEST = 256
_ASKED_ONE_BY_ONE = 20  # namespaces
_NOTED = "need a note"
# Kinds that other controllers make, of which only metadata is asked for.
_BETWEEN: dict[str, Resource[structs.Placed]] = {
    "ReplicaSet": REPLICA_SETS.by_metadata,
    "Job": JOBS.by_metadata,
}


def pod_notes(reader: Reader, memory: Memory, found: Standouts[structs.Pod]) -> tuple[PodNote, ...]:
    read = standouts.read(reader, memory, found, found.noted, _NOTED, lambda pod: tuple(notes_of(pod)))
    notes = [note for some in read for note in some]
    tops = tops_of(reader, {(note.namespace, note.controller) for note in notes})
    return tuple(replace(n, controller=tops.get((n.namespace, n.controller), n.controller)) for n in notes)


def notes_of(pod: structs.Pod) -> Iterator[PodNote]:
    """One note for each reason, of the controller that made the pod itself."""
    meta = pod.metadata
    owner = controller(meta.owners)
    note = PodNote(
        namespace=meta.namespace,
        name=meta.name,
        why="do-not-disrupt",
        detail=asks_to_stay(meta.annotations),
        controller=f"{owner.kind}/{owner.name}" if owner else "",
        node=(pod.spec.node if pod.spec else "") or "",
        owner=owner_keys(meta.labels, meta.annotations),
    )
    if note.detail:
        yield note
    if meta.deleted_at is not None and meta.finalizers:
        held = safe(", ".join(meta.finalizers), _LONGEST)
        yield replace(note, why="finalizers", detail=held, since=meta.deleted_at)


def controller(owners: Iterable[structs.Owner] | None) -> structs.Owner | None:
    """The owner that controls the object, else the first."""
    given = list(owners or ())
    return next((each for each in given if each.controller), given[0] if given else None)


def tops_of(reader: Reader, controllers: Collection[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(namespace, Kind/name) → Kind/name of what controls it in turn, where something does."""
    found: dict[tuple[str, str], str] = {}
    for kind, resource in _BETWEEN.items():
        names = {
            (namespace, each.removeprefix(f"{kind}/")) for namespace, each in controllers if each.startswith(f"{kind}/")
        }
        places = [Place(namespace, name, "") for namespace, name in sorted(names)]
        for (namespace, name), top in _owners(reader, resource, places):
            found[namespace, f"{kind}/{name}"] = top
    return found


def _owners(
    reader: Reader, resource: Resource[structs.Placed], places: Sequence[Place]
) -> Iterator[tuple[tuple[str, str], str]]:
    """The controllers of these objects, by one list of metadata for each namespace; of many of them, by one of all."""
    wanted = {(place.namespace, place.name) for place in places}
    owned = Resource(resource.group_version, resource.plural, resource.kind, structs.Object, metadata_only=True)
    namespaces = sorted({place.namespace for place in places})
    for namespace in namespaces if len(namespaces) <= _ASKED_ONE_BY_ONE else ("",):
        names = [place.name for place in places if place.namespace == namespace]
        selectors = {"fieldSelector": f"metadata.name={names[0]}"} if len(names) == 1 else {}
        for document in reader.list(owned, lambda each: each, namespace, selectors).items:
            owner = controller(document.metadata.owners)
            place = document.metadata.namespace, document.metadata.name
            if owner and place in wanted:
                yield place, f"{owner.kind}/{owner.name}"
