"""History as lines that a person reads: what changed, from what to what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fleetkeeper.core import model, parts


@dataclass(frozen=True, slots=True)
class ChangeRow:
    at: datetime
    cluster: str
    account: str
    region: str
    what: str
    change: str


_NOUNS = {
    parts.ADDONS: "addon",
    parts.NODE_GROUPS: "node group",
    parts.NODES: "node",
    parts.HELM_RELEASES: "helm release",
}
# The fields of an item in the order in which a reader cares; the first two that differ are shown.
_TELLING = ("version", "kubelet", "chart_version", "revision", "status", "release_version", "os_image", "desired")


def change_rows(changes: tuple[model.Change, ...]) -> tuple[ChangeRow, ...]:
    return tuple(_row(c) for c in changes)


def _row(change: model.Change) -> ChangeRow:
    return ChangeRow(
        at=change.at,
        cluster=change.cluster_name,
        account=change.scope.account if change.scope else "",
        region=change.scope.region if change.scope else "",
        what=_what(change),
        change=_change(change),
    )


def _what(change: model.Change) -> str:
    if change.part == "cluster":
        return "cluster"
    if change.part == parts.CONTROL_PLANE:
        return "control plane"
    return f"{_NOUNS.get(change.part, change.part)} {change.item}"


def _change(change: model.Change) -> str:
    if change.before is None and change.after is None:
        return "changed"
    if change.before is None:
        return f"new{_said(change.after)}"
    if change.after is None:
        return f"gone{_said(change.before)}"
    before, after = _flat(change.before), _flat(change.after)
    keys = [k for k in (*_TELLING, *sorted({*before, *after})) if before.get(k) != after.get(k)]
    shown = [f"{k.replace('_', ' ')} {_text(before.get(k))} → {_text(after.get(k))}" for k in dict.fromkeys(keys)]
    return "; ".join(shown[:2]) + (f" and {len(shown) - 2} more" if len(shown) > 2 else "") or "changed"


def _flat(item: Mapping[str, object]) -> dict[str, object]:
    """Objects in an item opened up, tags and the placement above all: `tags environment`, but a minor stays one."""
    found: dict[str, object] = {}
    for key, value in item.items():
        if isinstance(value, Mapping) and set(value) != {"major", "minor"}:
            name = "" if key == "placement" else f"{key} "
            found |= {f"{name}{inner}": text for inner, text in value.items()}
        else:
            found[key] = value
    return found


def _said(item: Mapping[str, object] | None) -> str:
    """The one field that tells most of an item, in brackets."""
    found = next((item[k] for k in _TELLING if item and item.get(k)), None)
    return f" ({_text(found)})" if found else ""


def _text(value: Any) -> str:
    if value in (None, ""):
        return "none"
    if isinstance(value, Mapping):
        return f"{value['major']}.{value['minor']}" if set(value) == {"major", "minor"} else "{…}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value[:3])) + (f" and {len(value) - 3} more" if len(value) > 3 else "") or "none"
    return str(value)
