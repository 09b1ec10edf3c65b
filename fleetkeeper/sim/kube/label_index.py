"""Objects by label, and selectors by what they ask for: a namespace of thousands is not gone through for each pod."""

from collections.abc import Mapping
from typing import Any

from fleetkeeper.sim.controllers.matching import selects
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.world import Object


def selected(objects: Objects, resource: str, namespace: str, selector: Mapping[str, Any] | None) -> list[Object]:
    """The objects of a namespace that a LabelSelector takes, in the order of their creation."""
    equal = (selector or {}).get("matchLabels") or {}
    if not equal:
        return [each for each in objects.of(resource, namespace) if selects(selector, each["metadata"].get("labels"))]
    key, value = next(iter(equal.items()))
    name = f"label {key}"
    objects.index(name, resource, lambda obj: _place(obj, (obj["metadata"].get("labels") or {}).get(key)))
    found = objects.find(name, resource, f"{namespace}|{value}")
    return (
        found
        if len(equal) == 1 and len(selector or {}) == 1
        else [each for each in found if selects(selector, each["metadata"].get("labels"))]
    )


def _place(obj: Object, value: str | None) -> str:
    return "" if value is None else f"{obj['metadata'].get('namespace', '')}|{value}"


def selecting(objects: Objects, resource: str, namespace: str, labels: Mapping[str, str] | None) -> list[Object]:
    """The objects of a namespace whose spec.selector takes these labels, in no order."""
    objects.index("asks for", resource, _asks_for)
    asked = [f"{namespace}|", *(f"{namespace}|{key}={value}" for key, value in (labels or {}).items())]
    near = (each for value in asked for each in objects.find("asks for", resource, value))
    return [each for each in near if selects(each["spec"].get("selector"), labels)]


def _asks_for(obj: Object) -> str:
    """Its namespace with the first label that its selector wants."""
    equal = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
    first = next((f"{key}={value}" for key, value in equal.items()), "")
    return f"{obj['metadata'].get('namespace', '')}|{first}"
