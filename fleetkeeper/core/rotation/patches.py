"""A change of a node as the merge patch (RFC 7396) that brings it about, with exactly what marks.py defines.

Taints are a list, which a merge patch replaces as a whole: such a patch is made of all taints that were seen, and needs
the node's resourceVersion, so that a taint which somebody sets meanwhile is not lost. The rest are single keys.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from fleetkeeper.core.live import LiveNode, Taint
from fleetkeeper.core.rotation import marks
from fleetkeeper.core.rotation.turn import Change, NodeChange
from fleetkeeper.core.text import safe

_LONGEST = 500
_FENCE = Taint(marks.FENCE, "", "PreferNoSchedule")


def needs_version(change: NodeChange) -> bool:
    """Whether the patch has to be refused when the node was changed since it was seen."""
    has_fence = any(each.key == marks.FENCE for each in change.node.taints)
    if change.change is Change.RELEASE:
        return has_fence
    return change.change in (Change.FENCE, Change.CORDON, Change.BEGIN) and not has_fence


def patch(change: NodeChange, rotation: str, now: datetime) -> Mapping[str, Any]:
    """The body. What is there already is asked for once more, for that does no harm."""
    match change.change:
        case Change.FENCE:
            return _fence(change.node, rotation)
        case Change.CORDON:
            return _cordon(change.node, rotation)
        case Change.BEGIN:
            return _begin(change.node, rotation, now)
        case Change.QUARANTINE:
            return _quarantine(change)
        case Change.RELEASE:
            return _release(change.node)


def _fence(node: LiveNode, rotation: str) -> Mapping[str, Any]:
    notes: dict[str, str | None] = {marks.ROTATION: rotation}
    spec = _fenced(node)
    if node.marks.cordoned:
        notes[marks.CORDONED] = None
        spec["unschedulable"] = False
    return _body(notes, spec)


def _cordon(node: LiveNode, rotation: str) -> Mapping[str, Any]:
    """One that is closed already, and not by us, stays another's."""
    notes: dict[str, str | None] = {marks.ROTATION: rotation}
    spec = _fenced(node)
    if node.node.schedulable:
        notes[marks.CORDONED] = "true"
        spec["unschedulable"] = True
    return _body(notes, spec)


def _begin(node: LiveNode, rotation: str, now: datetime) -> Mapping[str, Any]:
    """The clock, and the label. A label that was there before us is not ours to take off."""
    cordoned = _cordon(node, rotation)
    notes = {**cordoned["metadata"]["annotations"], marks.BEGAN: now.isoformat()}
    if node.marks.quarantined:
        notes[marks.QUARANTINED] = None
    labels = None
    if marks.NO_LOAD_BALANCER not in node.labels:
        notes[marks.EXCLUDED] = "true"
        labels = {marks.NO_LOAD_BALANCER: "true"}
    return _body(notes, cordoned.get("spec", {}), labels)


def _quarantine(change: NodeChange) -> Mapping[str, Any]:
    """The clock goes on, for force asks how long the drain has lasted."""
    held = change.node.marks
    notes: dict[str, str | None] = {marks.QUARANTINED: safe(change.why, _LONGEST) or "nothing moves"}
    if held.cordoned:
        notes[marks.CORDONED] = None
    if held.excluded:
        notes[marks.EXCLUDED] = None
    labels = {marks.NO_LOAD_BALANCER: None} if held.excluded else None
    return _body(notes, {"unschedulable": False} if held.cordoned else {}, labels)


def _release(node: LiveNode) -> Mapping[str, Any]:
    held = node.marks
    ours = (marks.ROTATION, marks.BEGAN, marks.CORDONED, marks.EXCLUDED, marks.QUARANTINED)
    notes: dict[str, str | None] = dict.fromkeys(ours)
    if held.keeps_until is not None:
        notes |= {marks.NO_SCALE_DOWN: None, marks.UNTIL: None}
    spec: dict[str, Any] = {"unschedulable": False} if held.cordoned else {}
    if any(each.key == marks.FENCE for each in node.taints):
        left = (each for each in _all(node) if each.key != marks.FENCE)
        spec["taints"] = _listed(left if not held.cordoned else (each for each in left if each.key != _UNSCHEDULABLE))
    return _body(notes, spec, {marks.NO_LOAD_BALANCER: None} if held.excluded else None)


_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
"""The taint that Kubernetes sets for a cordon, and takes off with it."""


def _fenced(node: LiveNode) -> dict[str, Any]:
    if any(each.key == marks.FENCE for each in node.taints):
        return {}
    return {"taints": _listed((*_all(node), _FENCE))}


def _all(node: LiveNode) -> tuple[Taint, ...]:
    return (*node.taints, *node.own_taints)


def _listed(taints: Iterable[Taint]) -> list[Mapping[str, str]]:
    return [
        {"key": each.key, "effect": each.effect, **({"value": each.value} if each.value else {})} for each in taints
    ]


def _body(
    notes: Mapping[str, str | None], spec: Mapping[str, Any], labels: Mapping[str, str | None] | None = None
) -> Mapping[str, Any]:
    metadata: dict[str, Any] = {"annotations": notes}
    if labels:
        metadata["labels"] = labels
    return {"metadata": metadata, **({"spec": spec} if spec else {})}
