"""Who owns which fields of an object, from its metadata.managedFields, as dotted paths.

The form is FieldsV1 of structured-merge-diff: `f:` is a field, `k:` an item of a list by its keys, `v:` a value of a
set, `.` the object itself (https://kubernetes.io/docs/reference/using-api/server-side-apply/, read 2026-11-20).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fleetkeeper.core.observed import Customised
from fleetkeeper.core.text import safe

EKS = "eks"
"""The field manager of EKS addons (Amazon EKS User Guide, kubernetes-field-management, 2026)."""

MOST_FIELDS = 20
_LONGEST = 256
_DEEPEST = 40
_OF_THE_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "cloud-controller-manager")
# How something was applied, counted or restarted: nothing that an update would take away from anybody.
_TRACES = ("metadata.annotations.kubectl.kubernetes.io/", "metadata.annotations.deployment.kubernetes.io/")
_RESTARTED = "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True, slots=True)
class FieldsOf:
    """One entry of managedFields: the fields of one manager in one subresource, "" for the object itself."""

    manager: str
    subresource: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class AddonObject:
    """An object that an EKS addon installs."""

    addon: str  # as EKS calls it
    kind: str
    namespace: str
    name: str


def customised(where: AddonObject, entries: Iterable[FieldsOf]) -> tuple[Customised, ...]:
    """Fields that neither EKS nor the control plane owns, at most MOST_FIELDS of them.

    An object that EKS never wrote has none: all of it is somebody's own.
    """
    given = [each for each in entries if each.subresource != "status"]
    others = [each for each in given if each.manager != EKS and not each.manager.startswith(_OF_THE_CONTROL_PLANE)]
    if not others:  # most objects: their paths need not be told apart
        return ()
    by_eks = {path for each in given if each.manager == EKS for path in paths(each.fields)}
    if not by_eks:
        return ()
    found: dict[str, str] = {}
    for each in others:
        found.update((path, each.manager) for path in paths(each.fields) if _is_lost(path) and path not in by_eks)
    return tuple(
        Customised(where.addon, where.kind, where.namespace, where.name, safe(path, _LONGEST), safe(found[path], 128))
        for path in sorted(found)[:MOST_FIELDS]
    )


def paths(fields: Mapping[str, Any]) -> Iterator[str]:
    """The dotted path of each leaf: spec.template.spec.containers[name=coredns].resources.limits.memory."""
    yield from _paths(fields, "", 0)


def _paths(fields: Mapping[str, Any], before: str, depth: int) -> Iterator[str]:
    inner = {key: value for key, value in fields.items() if key != "."}
    if not inner or depth > _DEEPEST:
        if before:
            yield before
        return
    for key, value in inner.items():
        yield from _paths(value if isinstance(value, dict) else {}, _joined(before, key), depth + 1)


def _joined(before: str, key: str) -> str:
    sort, _, name = key.partition(":")
    if sort in ("k", "v"):
        return f"{before}[{_keys(name)}]"
    return f"{before}.{name or key}".lstrip(".")


def _keys(text: str) -> str:
    """{"containerPort":53,"protocol":"UDP"} as containerPort=53,protocol=UDP."""
    try:
        keys = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return ",".join(f"{key}={value}" for key, value in keys.items()) if isinstance(keys, dict) else str(keys)


def _is_lost(path: str) -> bool:
    return not path.startswith(_TRACES) and path != _RESTARTED
