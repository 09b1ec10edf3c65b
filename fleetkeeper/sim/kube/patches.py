"""Patches of three kinds: merge (RFC 7396), JSON (RFC 6902), and strategic merge for the lists that matter here."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fleetkeeper.sim.kube import answers, bodies
from fleetkeeper.sim.kube.answers import StatusError
from fleetkeeper.sim.kube.request import Request
from fleetkeeper.sim.world import Object

MERGE, JSON, STRATEGIC = (f"application/{kind}+json" for kind in ("merge-patch", "json-patch", "strategic-merge-patch"))

# The lists that a strategic patch merges, by the member that tells their elements apart; "" for plain values.
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "conditions": "type",
    "taints": "key",
    "ownerReferences": "uid",
    "finalizers": "",
}


def applied(before: Object, request: Request, *, custom: bool) -> Object:
    """The object after the patch of a request, or a StatusError that says why not."""
    kind = request.content_type
    if kind not in (MERGE, JSON, STRATEGIC) or (custom and kind == STRATEGIC):
        raise bodies.unsupported("415: Unsupported Media Type", {})
    patch = _decoded(request, list if kind == JSON else dict)
    if kind == JSON:
        return _operated(before, patch)
    found = merged(before, patch) if kind == MERGE else _strategic(before, patch)
    assert isinstance(found, dict)
    return found


def _decoded(request: Request, wanted: type) -> Any:
    try:
        found = msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        raise bodies.bad("error decoding patch: invalid JSON") from None
    if isinstance(found, wanted):
        return found
    shown = {dict: "object", list: "array", str: "string", bool: "bool"}.get(type(found), "number")
    into = "jsonpatch.Patch" if wanted is list else "map[string]interface {}"
    raise bodies.bad(f"error decoding patch: json: cannot unmarshal {shown} into Go value of type {into}")


def merged(before: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    found = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def _strategic(before: Any, patch: Object) -> Object:
    found = dict(before) if isinstance(before, dict) else {}
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    for key, value in patch.items():
        if key.startswith(("$patch", "$setElementOrder/", "$retainKeys")):
            continue
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            found[name] = [each for each in found.get(name) or () if each not in value]
        elif value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            found[key] = _strategic(found.get(key), value)
        elif isinstance(value, list) and _is_merged(key, value, found.get(key)):
            found[key] = _merged_list(found.get(key) or [], value, _key(key, value))
        else:
            found[key] = value
    return found


def _is_merged(key: str, value: list[Any], before: Any) -> bool:
    if key == "ports":
        return all(isinstance(each, dict) for each in (*value, *(before or ())))
    return key in _KEYS


def _key(name: str, value: list[Any]) -> str:
    """Ports of a container are told apart by their containerPort, those of a service by their port."""
    if name == "ports":
        return "containerPort" if any("containerPort" in each for each in value) else "port"
    return _KEYS[name]


def _merged_list(before: list[Any], patch: list[Any], key: str) -> list[Any]:
    """What is new comes first for objects and last for plain values, as in the real server."""
    if not key:
        return [*before, *(each for each in patch if each not in before)]
    if any(each.get("$patch") == "replace" for each in patch):
        return [each for each in patch if each.get("$patch") != "replace"]
    gone = {each[key] for each in patch if each.get("$patch") == "delete"}
    kept = {each[key]: each for each in before if each[key] not in gone}
    new = []
    for each in patch:
        if each[key] in gone:
            continue
        if each[key] in kept:
            kept[each[key]] = _strategic(kept[each[key]], each)
        else:
            new.append(each)
    return [*new, *kept.values()]


class _Rejected(Exception):
    """An operation of a JSON patch that cannot be done."""


def _operated(before: Object, patch: Sequence[Any]) -> Object:
    found: Any = before
    try:
        for operation in patch:
            found = _operation(found, operation)
    except (_Rejected, KeyError, IndexError, TypeError, ValueError):
        told = "the server rejected our request due to an error in our request"
        raise StatusError(answers.status(422, "Invalid", told, {})) from None
    assert isinstance(found, dict)
    return found


def _operation(document: Any, operation: Object) -> Any:
    path, op = _steps(operation["path"]), operation["op"]
    if op == "test":
        if _at(document, path, default=None) != operation.get("value"):
            raise _Rejected
        return document
    if op in ("move", "copy"):
        source = _steps(operation["from"])
        value = _at(document, source)
        return _set(_removed(document, source) if op == "move" else document, path, value, insert=True)
    if op == "remove":
        return _removed(document, path)
    return _set(document, path, operation["value"], insert=op == "add")


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise _Rejected
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


_MISSING = object()


def _at(document: Any, steps: Sequence[str], default: Any = _MISSING) -> Any:
    for step in steps:
        if isinstance(document, dict) and step not in document and default is not _MISSING:
            return default
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _set(document: Any, steps: Sequence[str], value: Any, *, insert: bool) -> Any:
    """A copy with the value at the path; the way there must exist."""
    if not steps:
        return value
    first, *rest = steps
    if isinstance(document, list):
        at = len(document) if first == "-" else int(first)
        if at > len(document) or (at == len(document) and (rest or not insert)):
            raise _Rejected
        if rest:
            return [*document[:at], _set(document[at], rest, value, insert=insert), *document[at + 1 :]]
        return [*document[:at], value, *document[at + (0 if insert else 1) :]]
    return {**document, first: _set(document[first], rest, value, insert=insert) if rest else value}


def _removed(document: Any, steps: Sequence[str]) -> Any:
    first, *rest = steps
    if isinstance(document, list):
        at = int(first)
        inner = [_removed(document[at], rest)] if rest else []
        if at >= len(document):
            raise _Rejected
        return [*document[:at], *inner, *document[at + 1 :]]
    if rest:
        return {**document, first: _removed(document[first], rest)}
    if first not in document:
        raise _Rejected
    return {key: value for key, value in document.items() if key != first}
