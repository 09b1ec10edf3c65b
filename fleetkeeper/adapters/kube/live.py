"""Live lists of an API server for the executor: nodes, pods, volumes, budgets, and objects of any kind."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from fleetkeeper.adapters.kube import convert_around, endpoints
from fleetkeeper.adapters.kube import live_convert as convert
from fleetkeeper.adapters.kube.documents import live
from fleetkeeper.adapters.kube.endpoints import Resource
from fleetkeeper.adapters.kube.live_convert import PodRead
from fleetkeeper.adapters.kube.notes import tops_of
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.core.observed import Budget
from fleetkeeper.engine.writers import ObjectRef

_NODES = Resource("v1", "nodes", "Node", live.LiveNode)
_PODS = Resource("v1", "pods", "Pod", live.PlacedPod)
VOLUMES = Resource("v1", "persistentvolumes", "PersistentVolume", live.BoundVolume)
_ATTACHMENTS = Resource("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", live.Attachment)
_ASKED_ONE_BY_ONE = 20
"""Nodes whose pods are listed node by node; for more of them one list of all pods is less work for the API server."""


def nodes(reader: Reader) -> tuple[LiveNode, ...]:
    return reader.list(_NODES, convert.node).items


def budgets(reader: Reader) -> tuple[Budget, ...]:
    return reader.list(endpoints.BUDGETS, convert_around.budget).items


def pods(reader: Reader, on: Collection[str] | None = None) -> tuple[LivePod, ...]:
    """Those on the named nodes, or all of them, each with the workload at its top."""
    wanted = None if on is None else frozenset(on)

    def keep(document: live.PlacedPod) -> PodRead | None:
        there = document.spec.node if document.spec else None
        return convert.pod_read(document) if wanted is None or there in wanted else None

    found: list[PodRead] = []
    if wanted is None or len(wanted) > _ASKED_ONE_BY_ONE:
        found += reader.list(_PODS, keep).items
    else:
        for name in sorted(wanted):
            found += reader.list(_PODS, keep, selectors={"fieldSelector": f"spec.nodeName={name}"}).items
    tops = tops_of(reader, {each.made_by for each in found})
    return tuple([convert.pod(each, tops) for each in found])


def volumes(reader: Reader) -> tuple[LiveVolume, ...]:
    """Those that are bound. What attaches them is read first: a volume that comes between has no node yet."""
    attached: defaultdict[str, list[str]] = defaultdict(list)
    for volume, node in reader.list(_ATTACHMENTS, convert.attachment).items:
        attached[volume].append(node)
    bound = reader.list(VOLUMES, convert.volume).items
    return tuple(replace(each, attached_to=tuple(sorted(set(attached[each.name])))) for each in bound)


def objects(reader: Reader, ref: ObjectRef) -> tuple[Mapping[str, object], ...]:
    """Every object of a kind as it is; of all namespaces where the reference names none."""
    group_version = f"{ref.group}/{ref.version}" if ref.group else ref.version
    listed: Resource[dict[str, Any]] = Resource(group_version, ref.plural, "", dict[str, Any])
    return reader.list(listed, lambda each: each, ref.namespace).items
