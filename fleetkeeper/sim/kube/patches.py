"""Patches of three kinds: merge (RFC 7396), JSON (RFC 6902), and strategic merge."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fleetkeeper.sim.kube import answers, bodies, strategic
from fleetkeeper.sim.kube.answers import StatusError
from fleetkeeper.sim.kube.request import Request
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.world import Object

MERGE, JSON, STRATEGIC = (f"application/{kind}+json" for kind in ("merge-patch", "json-patch", "strategic-merge-patch"))
APPLY = "application/apply-patch+yaml"


def check_type(request: Request, resource: Resource) -> None:
    """StatusError 415 for a kind of patch that the resource does not take, or that the simulator does not know."""
    kind = request.content_type
    if kind == STRATEGIC and resource.custom:
        told = "the body of the request was in an unknown format - accepted media types include: "
        raise bodies.unsupported(told + ", ".join((JSON, MERGE, APPLY)))
    if kind not in (MERGE, JSON, STRATEGIC):
        raise bodies.unsupported("415: Unsupported Media Type", {})


def applied(before: Object, request: Request, resource: Resource) -> Object:
    """The object after the patch of a request, or a StatusError that says why not."""
    kind = request.content_type
    patch = _decoded(request, list if kind == JSON else dict)
    if kind == JSON:
        return _operated(before, patch)
    if kind == MERGE:
        found = merged(before, patch)
        assert isinstance(found, dict)
        return found
    try:
        return strategic.patched(before, patch, resource.key)
    except strategic.BadPatchError as error:
        raise StatusError(answers.status(500, "", str(error))) from error


def _decoded(request: Request, wanted: type) -> Any:
    where = "" if request.content_type == STRATEGIC else "error decoding patch: "
    try:
        found = msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        raise bodies.bad(where + bodies.not_json(request.body)) from None
    if isinstance(found, wanted):
        return found
    shown = {dict: "object", list: "array", str: "string", bool: "bool"}.get(type(found), "number")
    into = "[]handlers.jsonPatchOp" if wanted is list else "map[string]interface {}"
    raise bodies.bad(f"{where}json: cannot unmarshal {shown} into Go value of type {into}")


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
    if op not in ("add", "replace"):
        raise _Rejected
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
