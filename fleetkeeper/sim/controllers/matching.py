"""The small languages of Kubernetes objects: label selectors, node selectors, taints, quantities, percentages."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from fleetkeeper.sim.world import Object

_SUFFIXES = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_SUFFIXES |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTP", 1)}


@lru_cache(maxsize=4096)
def quantity(text: str | float) -> float:
    """A resource quantity as a number: cores, bytes, or a count."""
    if not isinstance(text, str):
        return float(text)
    for length in (2, 1):
        factor = _SUFFIXES.get(text[-length:])
        if factor is not None:
            return float(text[:-length]) * factor
    return float(text)


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """An int-or-percent of a total; ValueError for other text, in the real server's words."""
    if isinstance(value, int):
        return value
    if not value.endswith("%") or not value[:-1].isdigit():
        raise ValueError(f'invalid value for IntOrString: invalid type: string is not a percentage "{value}"')
    share = int(value[:-1]) * total
    return -(-share // 100) if round_up else share // 100


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """A LabelSelector on labels: None selects nothing, an empty one everything."""
    if selector is None:
        return False
    have = labels or {}
    if any(have.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(term, have) for term in selector.get("matchExpressions") or ())


def _holds(term: Mapping[str, Any], have: Mapping[str, str]) -> bool:
    key: str = term["key"]
    values: Sequence[str] = term.get("values") or ()
    match term["operator"]:
        case "In":
            return have.get(key) in values
        case "NotIn":
            return have.get(key) not in values
        case "Exists":
            return key in have
        case "DoesNotExist":
            return key not in have
        case "Gt":
            return have.get(key, "").isdigit() and int(have[key]) > int(values[0])
        case "Lt":
            return have.get(key, "").isdigit() and int(have[key]) < int(values[0])
    return False


def node_matches(terms: Iterable[Mapping[str, Any]], node: Object) -> bool:
    """Any of the terms of a NodeSelector; a term without requirements matches nothing."""
    return any(_node_term(term, node) for term in terms)


def _node_term(term: Mapping[str, Any], node: Object) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels = node["metadata"].get("labels") or {}
    if not all(_holds(each, labels) for each in expressions):
        return False
    return not fields or all(_holds(each, {"metadata.name": node["metadata"]["name"]}) for each in fields)


def tolerates(tolerations: Iterable[Mapping[str, Any]], taint: Mapping[str, Any]) -> bool:
    return any(tolerates_one(each, taint) for each in tolerations)


def tolerates_one(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def condition(obj: Object, kind: str) -> Object | None:
    each: Object
    for each in obj.get("status", {}).get("conditions") or ():
        if each["type"] == kind:
            return each
    return None


def is_true(obj: Object, kind: str) -> bool:
    for each in obj.get("status", {}).get("conditions") or ():
        if each["type"] == kind:
            return bool(each["status"] == "True")
    return False


def with_condition(conditions: Iterable[Object], wanted: Object, at: str) -> list[Object]:
    """The conditions with one replaced or added; its time moves only when its status does."""
    kept, kind = list(conditions), wanted["type"]
    for position, known in enumerate(kept):
        if known["type"] != kind:
            continue
        since = known.get("lastTransitionTime") if known["status"] == wanted["status"] else None
        if since is None or not wanted.items() <= known.items():
            kept[position] = {**known, **wanted, "lastTransitionTime": since or at}
        return kept
    return [*kept, {**wanted, "lastTransitionTime": at}]
