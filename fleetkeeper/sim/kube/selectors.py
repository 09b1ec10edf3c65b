"""Label and field selectors, as the API server reads and applies them."""

import re
from collections.abc import Callable
from typing import Any

from fleetkeeper.sim.kube import label_selectors
from fleetkeeper.sim.kube.answers import StatusError, bad_request
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.world import Object

Match = Callable[[Object], bool]


def labels(text: str) -> Match | None:
    """A test of an object's labels; None for an empty selector. A StatusError 400 when it cannot be read."""
    terms = label_selectors.parse(text)
    if not terms:
        return None
    return lambda obj: all(term(obj["metadata"].get("labels") or {}) for term in terms)


def field_terms(text: str) -> list[tuple[str, str, bool]]:
    """The terms (path, value, equal) of a field selector; a StatusError 400 when it cannot be read."""
    terms = []
    for part in filter(None, text.split(",")):
        path, sign, value = re.match(r"^([^=!]*)(!=|==|=)?(.*)$", part, re.DOTALL).groups()  # type: ignore[union-attr]
        if not sign:
            raise StatusError(bad_request(f"invalid selector: '{text}'; can't understand '{part}'"))
        terms.append((path, value, sign != "!="))
    return terms


def fields(text: str, resource: Resource) -> Match | None:
    """A test of an object's fields; None for an empty selector, a StatusError 400 for a field that has no index."""
    terms = field_terms(text)
    for path, _, _ in terms:
        if path not in ("metadata.name", "metadata.namespace", *resource.fields):
            raise StatusError(bad_request(_unknown_field(path, resource)))
    if not terms:
        return None
    return lambda obj: all((_field(obj, path) == value) is equal for path, value, equal in terms)


def _unknown_field(path: str, resource: Resource) -> str:
    if resource.key == "batch/jobs":
        return f'field label "{path}" not supported for Job'
    if resource.fields or resource.custom:
        return f"field label not supported: {path}"
    return f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def _field(obj: Object, path: str) -> str:
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(value).lower() if isinstance(value, bool) else str(value)
