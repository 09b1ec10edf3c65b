"""Objects by label, and selectors by what they ask for: a namespace of thousands is not gone through for each pod."""

from collections.abc import Mapping
from typing import Any

from fleetkeeper.sim.controllers.matching import selects
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_log import Key, key_of
from fleetkeeper.sim.world import Object

_MOST_ANSWERS = 4096
"""Sets of labels for which it is kept who selects them."""


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
    found = (objects.get(resource, *key) for key in selecting_keys(objects, resource, namespace, labels))
    return [each for each in found if each is not None]


def selecting_keys(
    objects: Objects, resource: str, namespace: str, labels: Mapping[str, str] | None
) -> tuple[Key, ...]:
    """Their keys: of the thousands of pods that a few templates make it is asked again and again."""
    known, question = objects.answers(resource), (namespace, frozenset((labels or {}).items()))
    found = known.get(question)
    if found is None:
        if len(known) >= _MOST_ANSWERS:
            known.clear()
        found = known[question] = tuple(map(key_of, _selecting(objects, resource, namespace, labels)))
    return found


def _selecting(objects: Objects, resource: str, namespace: str, labels: Mapping[str, str] | None) -> list[Object]:
    objects.index("asks for", resource, _asks_for)
    asked = [f"{namespace}|", *(f"{namespace}|{key}={value}" for key, value in (labels or {}).items())]
    near = (each for value in asked for each in objects.find("asks for", resource, value))
    return [each for each in near if selects(each["spec"].get("selector"), labels)]


def _asks_for(obj: Object) -> str:
    """Its namespace with the first label that its selector wants."""
    equal = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
    first = next((f"{key}={value}" for key, value in equal.items()), "")
    return f"{obj['metadata'].get('namespace', '')}|{first}"
