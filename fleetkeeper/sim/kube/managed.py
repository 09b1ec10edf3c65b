"""metadata.managedFields in small: who wrote what, one entry for each manager, operation and subresource.

The real server splits lists by their keys and takes fields away from their former owners; here a list is one field and
ownership only grows. Objects that never had entries (those of recipes) get none, as in the real server.
"""

from datetime import datetime
from typing import Any

from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

_OF_METADATA = ("labels", "annotations", "finalizers", "ownerReferences", "generateName")


def created(obj: Object, manager: str, api_version: str, now: datetime) -> Object:
    """A new object with the entry of its creator; without one when it holds nothing but a name."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    fields = _fields(_owned(obj, status=False))
    if fields:
        metadata["managedFields"] = [_entry(manager, api_version, "", fields, now)]
    return {**obj, "metadata": metadata}


def updated(before: Object, after: Object, who: tuple[str, str, str], now: datetime) -> Object:
    """The object with its writer's entry: who is (manager, apiVersion, subresource)."""
    known = before["metadata"].get("managedFields")
    metadata = {key: value for key, value in after["metadata"].items() if key != "managedFields"}
    if not known:
        return {**after, "metadata": metadata}
    manager, api_version, subresource = who
    old, new = _owned(before, status=bool(subresource)), _owned(after, status=bool(subresource))
    changed = _fields(_difference(old, new))
    entries = list(known)
    if changed:
        same = [
            e
            for e in entries
            if (e["manager"], e["operation"], e.get("subresource", "")) == (manager, _OP, subresource)
        ]
        entries = [each for each in entries if each not in same]
        fields = _merged(same[0]["fieldsV1"], changed) if same else changed
        entries.append(_entry(manager, api_version, subresource, fields, now))
    return {**after, "metadata": {**metadata, "managedFields": entries}}


_OP = "Update"


def _entry(manager: str, api_version: str, subresource: str, fields: Object, now: datetime) -> Object:
    entry: Object = {"manager": manager, "operation": _OP, "apiVersion": api_version, "time": stamp(now)}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields}
    return {**entry, "subresource": subresource} if subresource else entry


def _owned(obj: Object, *, status: bool) -> Object:
    metadata = {key: obj["metadata"][key] for key in _OF_METADATA if obj["metadata"].get(key)}
    left_out = ("metadata", "kind", "apiVersion") if status else ("metadata", "kind", "apiVersion", "status")
    rest = {key: value for key, value in obj.items() if key not in left_out}
    return {**rest, **({"metadata": metadata} if metadata else {})}


def _difference(old: Object, new: Object) -> Object:
    """What of the new one differs from the old."""
    found: dict[str, Any] = {}
    for key, value in new.items():
        before = old.get(key)
        if value == before:
            continue
        found[key] = value
        if isinstance(value, dict) and isinstance(before, dict):
            found[key] = _difference(before, value)
    return found


def _fields(value: Object) -> Object:
    """FieldsV1 of an object; a list is one field."""
    return {f"f:{key}": _fields(each) if isinstance(each, dict) else {} for key, each in value.items()}


def _merged(one: Object, other: Object) -> Object:
    return {key: _merged(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}
