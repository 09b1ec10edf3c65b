"""The items of the parts that have history, without the fields that flicker: what counts as a change, and the way back.

Pure. Each tracked part becomes a mapping of item key → JSON text; a part that is one thing has the one key "".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from fleetkeeper.adapters.store.codec import Undecodable, to_json
from fleetkeeper.adapters.store.tables import storable
from fleetkeeper.core import model, parts
from fleetkeeper.core.versions import Minor

CLUSTER = "cluster"
"""The pseudo-part whose one item is the cluster itself: its name, scope and placement."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """How a part is kept in history: the type of one item, its key, and the fields that are not worth a change.

    dropped: fields that are not kept, with the JSON that stands for them when the past is read.
    incidental: fields that are kept as they were when something else changed.
    """

    item: Any
    key: Callable[[Any], str]
    dropped: Mapping[str, object]
    incidental: frozenset[str] = frozenset()


_ONE = ""
TRACKED: Mapping[str, Tracked] = {
    parts.CONTROL_PLANE: Tracked(model.ControlPlane, lambda _: _ONE, {"status": "", "ca_pem": "", "issues": []}),
    parts.ADDONS: Tracked(
        model.Addon,
        lambda addon: str(addon.id),
        {"status": "", "also": []},
        frozenset({"found_by", "where"}),  # a source that is dark for a tick lets another one find the same addon
    ),
    parts.NODE_GROUPS: Tracked(
        model.NodeGroup,
        lambda group: str(group.name),
        {"status": "", "desired": 0, "issues": [], "auto_scaling_groups": []},
    ),
    parts.NODES: Tracked(
        model.Node,
        lambda node: str(node.name),
        dict.fromkeys(("uid", "os", "arch", "runtime", "kernel", "instance_type", "zone", "provider_id", "proxy"), "")
        | {"ready": False, "schedulable": False, "created_at": None},
    ),
    parts.HELM_RELEASES: Tracked(model.HelmRelease, lambda release: f"{release.namespace}/{release.name}", {"key": ""}),
}


def items_of(part: str, value: Any) -> dict[str, str]:
    """Item key → JSON text of a tracked part's value. Of several items with one key, the later ones get a number."""
    tracked = TRACKED[part]
    found: dict[str, str] = {}
    for one in sorted(_members(value), key=tracked.key):
        key, number = storable(tracked.key(one)), 1
        while (numbered := f"{key} ({number})" if number > 1 else key) in found:
            number += 1
        found[numbered] = _text(one, tracked)
    return found


def _members(value: Any) -> tuple[Any, ...]:
    match value:
        case tuple():
            return value
        case model.Addons():
            return value.found
        case _:
            return (value,)


def _text(one: Any, tracked: Tracked) -> str:
    fields = {k: v for k, v in msgspec.to_builtins(one).items() if k not in tracked.dropped}
    version = getattr(one, "version", None)
    if isinstance(version, Minor):
        fields["version"] = str(version)  # history is read by people: 1.36, not {"major": 1, "minor": 36}
    return to_json(fields).decode()


def cluster_text(name: str, scope: model.Scope | None, placement: model.Placement) -> str:
    """The JSON text of the cluster's own item."""
    return to_json({"name": name, "scope": scope, "placement": placement}).decode()


def changed(part: str, before: str, after: str) -> bool:
    """Whether the item changed: a field that only one of the two has was learned or forgotten, not changed."""
    if before == after:
        return False
    old, new = as_mapping(before), as_mapping(after)
    ignored = TRACKED[part].incidental if part in TRACKED else frozenset()
    return any(old[field] != new[field] for field in (old.keys() & new.keys()) - ignored)


def as_mapping(text: str) -> dict[str, object]:
    """The JSON object of an item's text."""
    return msgspec.json.decode(text, type=dict[str, object])


def value_of(part: str, texts: Mapping[str, str]) -> object:
    """A tracked part from its items; what history does not keep is blank. Raises Undecodable."""
    tracked = TRACKED[part]
    try:
        members = tuple(_member(texts[key], tracked) for key in sorted(texts))
    except (msgspec.MsgspecError, ValueError) as error:
        raise Undecodable(f"stored by another version of fleetkeeper: {error}") from error
    if part == parts.ADDONS:
        return model.Addons(members)
    if part != parts.CONTROL_PLANE:
        return members
    if len(members) != 1:
        raise Undecodable(f"history has {len(members)} values of {part}")
    return members[0]


def _member(text: str, tracked: Tracked) -> Any:
    fields = {**tracked.dropped, **as_mapping(text)}
    version = fields.get("version")
    if isinstance(version, str) and tracked.item in {model.ControlPlane, model.NodeGroup}:
        fields["version"] = msgspec.to_builtins(Minor.parse(version))
    return msgspec.convert(fields, tracked.item)
