"""Strategic merge patches, after k8s.io/apimachinery/pkg/util/strategicpatch/patch.go (v0.36.4), without its schema.

The real server learns from Go's types which lists merge, and by what. Here the name of a list says it, which is enough
for the kinds that the simulator serves: no two of them give one name to lists of different keys, but for ports.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from fleetkeeper.sim.world import Object

# The lists that merge, by the member that tells their elements apart; "" for plain values (k8s.io/api v0.36.4). All
# other lists are replaced as a whole, and so are a node's taints.
_KEYS = {
    "addresses": "type",
    "conditions": "type",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "finalizers": "",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "schedulingGates": "name",
    "secrets": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_REPLACED = {"policy/poddisruptionbudgets": frozenset({"selector"})}
_ORDER, _DELETED, _RETAINED, _DIRECTIVE = "$setElementOrder/", "$deleteFromPrimitiveList/", "$retainKeys", "$patch"


class BadPatchError(Exception):
    """A patch that cannot be applied, in the real server's words."""


def patched(before: Object, patch: Object, resource: str) -> Object:
    """The object after the patch; BadPatchError says why there is none. resource is "group/plural"."""
    return _map(before, patch, _REPLACED.get(resource, frozenset()))


def _map(before: Object, patch: Object, replaced: frozenset[str]) -> Object:
    if _DIRECTIVE in patch:
        return _directed(patch)
    retained = patch.get(_RETAINED)
    found = {key: value for key, value in before.items() if retained is None or key in retained}
    orders = {key.removeprefix(_ORDER): value for key, value in patch.items() if key.startswith(_ORDER)}
    for key, value in patch.items():
        if key == _RETAINED or key.startswith(_ORDER):
            continue
        known = found.get(key)
        if key.startswith(_DELETED):
            name = key.removeprefix(_DELETED)
            found[name] = [each for each in found.get(name) or () if each not in value]
        elif isinstance(value, dict) and isinstance(known, dict) and key not in replaced:
            found[key] = _map(known, value, replaced)
        elif isinstance(value, list) and isinstance(known, list) and _is_merged(key, (*value, *known)):
            found[key] = _list(known, value, _key(key, value), orders.get(key))
        else:
            _take(found, key, value)
    return found


def _directed(patch: Object) -> Object:
    directive = patch[_DIRECTIVE]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    if directive == "delete":
        return {}
    raise BadPatchError(f"unknown patch type: {directive} in map: {_shown(patch)}")


def _take(found: Object, key: str, value: Any) -> None:
    """The patch's value where there is nothing to merge it with; a directive leaves nothing."""
    if value is None or (isinstance(value, dict) and _DIRECTIVE in value):
        found.pop(key, None)
    else:
        found[key] = _taken(value)


def _taken(value: Any) -> Any:
    if isinstance(value, list):
        return [_taken(each) for each in value if not (isinstance(each, dict) and _DIRECTIVE in each)]
    if not isinstance(value, dict):
        return value
    found: Object = {}
    for key, each in value.items():
        if not key.startswith("$"):
            _take(found, key, each)
    return found


def _is_merged(name: str, elements: Iterable[Any]) -> bool:
    return name in _KEYS or (name == "ports" and all(isinstance(each, dict) for each in elements))


def _key(name: str, patch: Sequence[Any]) -> str:
    """Ports of a container are told apart by their containerPort, those of a service by their port."""
    if name == "ports":
        return "containerPort" if any("containerPort" in each for each in patch) else "port"
    return _KEYS[name]


def _list(before: list[Any], patch: list[Any], key: str, order: list[Any] | None) -> list[Any]:
    """The merged list in the order that the client and the server want as far as both can have it."""
    if not key:
        merged = [*before, *(each for each in patch if each not in before)]
    else:
        merged, before, patch = _elements(before, patch, key)
    wanted = [_identity(each, key) for each in (patch if order is None else order)]
    mine = sorted(
        (each for each in merged if _identity(each, key) in wanted), key=lambda each: wanted.index(_identity(each, key))
    )
    others = [each for each in merged if _identity(each, key) not in wanted]
    return _interleaved(others, mine, [_identity(each, key) for each in before], key)


def _elements(before: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any], list[Any]]:
    """The merged elements, those of the server that are not deleted, and those of the patch that are no directives."""
    plain = [each for each in patch if _DIRECTIVE not in each]
    for each in patch:
        directive = each.get(_DIRECTIVE)
        if directive not in (None, "delete", "replace"):
            raise BadPatchError(f"unknown patch type: {directive} in map: {_shown(each)}")
        if directive != "replace":
            _identity(each, key)
    if any(each.get(_DIRECTIVE) == "replace" for each in patch):
        return plain, plain, []
    gone = [each[key] for each in patch if _DIRECTIVE in each]
    kept = [each for each in before if each.get(key) not in gone]
    merged = list(kept)
    for each in plain:
        at = next((index for index, known in enumerate(merged) if known.get(key) == each[key]), None)
        if at is None:
            merged.append(_taken(each))
        else:
            merged[at] = _map(merged[at], each, frozenset())
    return merged, kept, plain


def _identity(element: Any, key: str) -> Any:
    if not key:
        return element
    if key not in element:
        raise BadPatchError(f"map: {_shown(element)} does not contain declared merge key: {key}")
    return element[key]


def _interleaved(others: list[Any], mine: list[Any], server: list[Any], key: str) -> list[Any]:
    """Ours first, but for others that the server has in front of one of ours."""
    found, left, right = [], list(others), list(mine)
    while left and right:
        one, two = _identity(left[0], key), _identity(right[0], key)
        before = one in server and two in server and server.index(one) < server.index(two)
        found.append((left if before else right).pop(0))
    return [*found, *left, *right]


def _shown(value: Any) -> str:
    """A value as Go prints it with %v."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_shown(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_shown, value))}]"
    if value is None or isinstance(value, bool):
        return "<nil>" if value is None else str(value).lower()
    return str(value)
