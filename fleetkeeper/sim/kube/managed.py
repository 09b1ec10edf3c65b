"""metadata.managedFields in small: who wrote what, one entry for each manager, operation and subresource.

The real server splits lists by their keys; here a list is one field. Objects that never had entries (those of recipes)
get none, as in the real server.
"""

from datetime import datetime
from typing import Any

from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

_MAPS = ("data", "binaryData", "labels", "annotations")
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
    status = bool(subresource)
    changed = _fields(_difference(_owned(before, status=status), _owned(after, status=status)))
    entries, own = [], {}
    for each in known:
        mine = (each["manager"], each["operation"], each.get("subresource", "")) == (manager, _OP, subresource)
        kept = _kept(each["fieldsV1"], after, {} if mine else changed, custom="kind" in after)
        if mine and changed:
            own = kept
        elif kept:
            entries.append({**each, "fieldsV1": kept})
    if changed:
        entries.append(_entry(manager, api_version, subresource, _merged(own, changed), now))
    return {**after, "metadata": {**metadata, **({"managedFields": entries} if entries else {})}}


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
    return {f"f:{key}": _fields(each) if isinstance(each, dict) else {} for key, each in value.items() if each != {}}


def _kept(fields: Object, value: Any, taken: Object, *, custom: bool) -> Object:
    """The fields that are still there and that nobody else has taken; a map that stays stays owned.

    All of a custom object is maps, and of a built-in one what Go does not keep as a struct.
    """
    found = {}
    for field, inner in fields.items():
        name = field.removeprefix("f:")
        if not field.startswith("f:"):
            found[field] = inner
        elif isinstance(value, dict) and name in value and (inner or field not in taken):
            kept = _kept(inner, value[name], taken.get(field, {}), custom=custom)
            if kept or not inner or name in _MAPS or (custom and value[name] == {}):
                found[field] = kept
    return found


def _merged(one: Object, other: Object) -> Object:
    return {key: _merged(one.get(key, {}), other.get(key, {})) for key in {**one, **other}}
