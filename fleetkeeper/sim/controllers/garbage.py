"""The garbage collector, by ownerReferences, and the end of namespaces."""

from collections.abc import Collection, Iterable, Mapping
from functools import cache

from fleetkeeper.core.versions import Minor
from fleetkeeper.sim.controllers.live import Controller, Keys, Live
from fleetkeeper.sim.kube import resources
from fleetkeeper.sim.kube.state import Objects, Propagation
from fleetkeeper.sim.kube.state_log import Change, Event, Key, key_of
from fleetkeeper.sim.world import Object

NAMESPACES = "/namespaces"
_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"
_KEY_SIGN = "|"


@cache
def _resource_of() -> dict[tuple[str, str], tuple[str, bool]]:
    """(group, kind) → resource and whether it has a namespace, of what any minor serves."""
    known = resources.builtin(Minor(1, 31)).values()
    return {(each.group, each.kind): (each.key, each.namespaced) for each in known}


class _EveryResource:
    """Custom ones too."""

    def __contains__(self, _resource: object) -> bool:
        return True


class Dependents:
    """The objects of all resources by the uid of their first owner: most that are deleted own nothing anywhere."""

    resources = _EveryResource()

    def __init__(self) -> None:
        self._by_owner: dict[str, dict[str, dict[Key, None]]] | None = None  # and by resource

    def of(self, objects: Objects, uid: str) -> Mapping[str, Collection[Key]]:
        """Their keys by resource; to be read before the next write."""
        objects.notice()
        if self._by_owner is None:
            self._by_owner = {}
            for resource in objects.resources():
                for obj in objects.of(resource):
                    self._add(resource, obj)
        return self._by_owner.get(uid) or {}

    def hear(self, event: Event) -> None:
        if self._by_owner is None or event.is_of_status:
            return
        before, after = event.before, None if event.change is Change.DELETED else event.object
        if before is not None and (owner := _first_owner(before)) and (after is None or owner != _first_owner(after)):
            self._take(owner, event.resource, event.key)
        if after is not None:
            self._add(event.resource, after)

    def forget(self) -> None:
        self._by_owner = None

    def _add(self, resource: str, obj: Object) -> None:
        if self._by_owner is not None and (owner := _first_owner(obj)):
            self._by_owner.setdefault(owner, {}).setdefault(resource, {})[key_of(obj)] = None

    def _take(self, owner: str, resource: str, key: Key) -> None:
        assert self._by_owner is not None
        owned = self._by_owner[owner]
        del owned[resource][key]
        if not owned[resource]:
            del owned[resource]
        if not owned:
            del self._by_owner[owner]


def _first_owner(obj: Object) -> str:
    references = obj["metadata"].get("ownerReferences")
    return str(references[0]["uid"]) if references else ""


def _dependent_keys(live: Live, uid: str) -> list[tuple[str, Key]]:
    found = live.follower(Dependents).of(live.objects, uid)
    if not found:
        return []
    return [(resource, key) for resource in live.objects.resources() for key in found.get(resource) or ()]


def _dependents(live: Live, uid: str) -> Iterable[tuple[str, Object]]:
    for resource, key in _dependent_keys(live, uid):
        if (obj := live.objects.get(resource, *key)) is not None:
            yield resource, obj


def _owner(live: Live, obj: Object, reference: Object) -> Object | bool | None:
    """The owner; None when it is gone; False for a kind that is not known, which never collects anything."""
    group = reference["apiVersion"].rpartition("/")[0]
    found = _resource_of().get((group, reference["kind"]))
    if found is None:
        return False
    namespace = obj["metadata"].get("namespace", "") if found[1] else ""
    owner = live.objects.get(found[0], namespace, reference["name"])
    return owner if owner is not None and owner["metadata"]["uid"] == reference["uid"] else None


def reconcile(live: Live, key: Key) -> None:
    """One object (key: resource and "namespace|name"): does an owner still hold it, and does it hold others?"""
    resource, where = key
    namespace, _, name = where.partition(_KEY_SIGN)
    obj = live.objects.get(resource, namespace, name)
    if obj is None:
        return
    finalizers = obj["metadata"].get("finalizers") or ()
    if "deletionTimestamp" in obj["metadata"]:
        if _ORPHAN in finalizers:
            _orphan(live, resource, obj)
        elif _FOREGROUND in finalizers:
            _end_dependents(live, resource, obj)
        return
    references = obj["metadata"].get("ownerReferences") or ()
    if not references:
        return
    owners = [_owner(live, obj, each) for each in references]
    if any(owner is False for owner in owners):
        return
    if not any(owners):
        live.objects.delete(resource, key_of(obj))
    elif not all(owners):
        kept = [each for each, owner in zip(references, owners, strict=True) if owner]
        live.objects.update(resource, {**obj, "metadata": {**obj["metadata"], "ownerReferences": kept}})


def _orphan(live: Live, resource: str, obj: Object) -> None:
    uid = obj["metadata"]["uid"]
    for other, each in list(_dependents(live, uid)):
        metadata = each["metadata"]
        rest = {**metadata, "ownerReferences": [r for r in metadata["ownerReferences"] if r["uid"] != uid]}
        if not rest["ownerReferences"]:
            del rest["ownerReferences"]
        live.objects.update(other, {**each, "metadata": rest})
    _unfinalize(live, resource, obj, _ORPHAN)


def _end_dependents(live: Live, resource: str, obj: Object) -> None:
    """Foreground: first the dependents that block their owner, then the owner."""
    blocking = 0
    for other, each in list(_dependents(live, obj["metadata"]["uid"])):
        blocking += any(r.get("blockOwnerDeletion") for r in each["metadata"]["ownerReferences"])
        if "deletionTimestamp" not in each["metadata"]:
            live.objects.delete(other, key_of(each), propagation=Propagation.FOREGROUND)
    if not blocking:
        _unfinalize(live, resource, obj, _FOREGROUND)


def _unfinalize(live: Live, resource: str, obj: Object, finalizer: str) -> None:
    def change(current: Object) -> Object:
        metadata = current["metadata"]
        return {
            **current,
            "metadata": {**metadata, "finalizers": [f for f in metadata.get("finalizers", ()) if f != finalizer]},
        }

    live.objects.edit(resource, *key_of(obj), change)


def _keys(live: Live, event: Event) -> Iterable[Key]:
    """A new object with owners, one that begins to leave, and whatever hung on one that is gone."""
    metadata = event.object["metadata"]
    if event.change is Change.DELETED:
        references = metadata.get("ownerReferences") or ()
        owners = (key for reference in references for key in _owner_key(event.object, reference))
        return [*(_key(resource, *key) for resource, key in _dependent_keys(live, metadata["uid"])), *owners]
    is_news = metadata.get("deletionTimestamp") or (event.change is Change.ADDED and metadata.get("ownerReferences"))
    return (_key(event.resource, *event.key),) if is_news else ()


def _owner_key(obj: Object, reference: Object) -> Iterable[Key]:
    """A foreground owner waits for its dependents to go."""
    found = _resource_of().get((reference["apiVersion"].rpartition("/")[0], reference["kind"]))
    if found is not None:
        namespace = obj["metadata"].get("namespace", "") if found[1] else ""
        yield found[0], f"{namespace}{_KEY_SIGN}{reference['name']}"


def _key(resource: str, namespace: str, name: str) -> Key:
    return resource, f"{namespace}{_KEY_SIGN}{name}"


class _Everything(dict[str, Keys]):
    """Watches every resource, custom ones too."""

    def get(self, _resource: str, _default: object = None) -> Keys:
        return _keys


def reconcile_namespace(live: Live, key: Key) -> None:
    """A namespace that is being deleted: everything in it goes, then itself."""
    namespace = live.objects.get(NAMESPACES, *key)
    if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
        return
    left = 0
    for resource in live.objects.resources():
        for obj in live.objects.of(resource, key[1]):
            left += 1
            if "deletionTimestamp" not in obj["metadata"]:
                live.objects.delete(resource, key_of(obj))
    if left:
        live.requeue(NAMESPACE_CONTROLLER, key, 1.0)
    else:
        live.objects.update(NAMESPACES, {**namespace, "spec": {**namespace["spec"], "finalizers": []}})


def _namespace_keys(_live: Live, event: Event) -> Iterable[Key]:
    return (event.key,) if event.change is not Change.DELETED else ()


CONTROLLER = Controller("garbage", "", reconcile, _Everything(), looks_at_status=lambda _resource: False)
NAMESPACE_CONTROLLER = Controller("namespaces", NAMESPACES, reconcile_namespace, {NAMESPACES: _namespace_keys})
