"""Live lists of an API server for the executor: nodes, the pods on some of them, budgets, and objects of any kind."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from fleetkeeper.adapters.kube import convert, convert_around, endpoints
from fleetkeeper.adapters.kube.documents import live, structs
from fleetkeeper.adapters.kube.endpoints import Resource
from fleetkeeper.adapters.kube.notes import controller, tops_of
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.owners import owner_keys
from fleetkeeper.core.pod_annotations import asks_to_stay
from fleetkeeper.engine.writers import ObjectRef

_PODS = Resource("v1", "pods", "Pod", live.PlacedPod)
_ASKED_ONE_BY_ONE = 20
"""Nodes whose pods are listed node by node; for more of them one list of all pods is less work for the API server."""


def nodes(reader: Reader) -> tuple[LiveNode, ...]:
    return reader.list(endpoints.NODES, _node).items


def budgets(reader: Reader) -> tuple[Budget, ...]:
    return reader.list(endpoints.BUDGETS, convert_around.budget).items


def pods(reader: Reader, on: Collection[str]) -> tuple[LivePod, ...]:
    """Those on the named nodes, each with the workload at its top."""
    wanted = frozenset(on)

    def keep(document: live.PlacedPod) -> LivePod | None:
        return _pod(document) if document.spec and document.spec.node in wanted else None

    found: list[LivePod] = []
    if len(wanted) > _ASKED_ONE_BY_ONE:
        found += reader.list(_PODS, keep).items
    else:
        for name in sorted(wanted):
            found += reader.list(_PODS, keep, selectors={"fieldSelector": f"spec.nodeName={name}"}).items
    tops = tops_of(reader, {(each.namespace, each.controller) for each in found})
    return tuple(
        replace(each, controller=tops.get((each.namespace, each.controller), each.controller)) for each in found
    )


def objects(reader: Reader, ref: ObjectRef) -> tuple[Mapping[str, object], ...]:
    """Every object of a kind as it is; of all namespaces where the reference names none."""
    group_version = f"{ref.group}/{ref.version}" if ref.group else ref.version
    listed: Resource[dict[str, Any]] = Resource(group_version, ref.plural, "", dict[str, Any])
    return reader.list(listed, lambda each: each, ref.namespace).items


def _node(document: structs.Node) -> LiveNode:
    meta = document.metadata
    return LiveNode(convert.node(document), asks_to_stay(meta.annotations), meta.deleted_at is not None)


def _pod(document: live.PlacedPod) -> LivePod:
    meta, spec = document.metadata, document.spec or live.PlacedSpec()
    status, owner = document.status or live.PlacedStatus(), controller(document.metadata.owners)
    return LivePod(
        namespace=meta.namespace,
        name=meta.name,
        node=spec.node or "",
        labels=meta.labels or {},
        controller=f"{owner.kind}/{owner.name}" if owner else "",
        owner=owner_keys(meta.labels, meta.annotations),
        phase=status.phase,
        ready=any(each.type == "Ready" and each.status == "True" for each in status.conditions or ()),
        stays=asks_to_stay(meta.annotations),
        leaving_since=meta.deleted_at,
        finalizers=tuple(meta.finalizers or ()),
        static=convert.is_mirror(meta),
        tolerant=any(not t.key and t.operator == "Exists" and not t.effect for t in spec.tolerations or ()),
    )
