"""The objects of a cluster made again from what was seen of them: nodes, workloads with their pods, budgets, volumes.

They are as full as the simulated controllers need them: what a pod runs plays no part in where it may go.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume, Taint
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.pods import Labels, Requirement
from fleetkeeper.core.rehearsal.placed import Placed
from fleetkeeper.core.rehearsal.times import Luck, Times
from fleetkeeper.rehearsal.workloads import Group, objects_of_group
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

Listing = dict[tuple[str, str], Object]

_HOSTNAME, _ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
_CSI = "ebs.csi.aws.com"
_NOT_READY = "node.kubernetes.io/not-ready"
_ALWAYS = ("default", "kube-system")


def objects_of(placed: Placed, times: Times, luck: Luck) -> dict[str, Listing]:
    """ "group/resource" → (namespace, name) → object."""
    pods = [each for each in placed.pods if not each.has_ended]
    found: defaultdict[str, Listing] = defaultdict(dict)
    found["/nodes"] = {("", each.name): node_object(each, placed.at) for each in placed.nodes}
    used = {each.namespace for each in pods} | {each.namespace for each in placed.budgets}
    for namespace in sorted({*_ALWAYS, *used}):
        found["/namespaces"]["", namespace] = {"metadata": _named(namespace), "status": {"phase": "Active"}}
    for group in _groups(pods):
        for resource, obj in objects_of_group(group, times, luck, placed.at):
            _put(found[resource], obj)
    for budget in placed.budgets:
        _put(found["policy/poddisruptionbudgets"], _budget(budget))
    for resource, obj in _volumes(placed.volumes, pods, placed.at):
        _put(found[resource], obj)
    number = 0
    for listing in found.values():
        for obj in listing.values():
            number += 1
            obj["metadata"]["resourceVersion"] = str(number)
    return dict(found)


def _put(listing: Listing, obj: Object) -> None:
    metadata = obj["metadata"]
    listing[metadata.get("namespace", ""), metadata["name"]] = obj


def _named(name: str, namespace: str = "") -> Object:
    where = {"namespace": namespace} if namespace else {}
    digest = hashlib.blake2b(f"{namespace}|{name}".encode(), digest_size=8).hexdigest()
    return {"name": name, **where, "uid": f"seed-{digest}", "generation": 1}


def _groups(pods: Iterable[LivePod]) -> Iterator[Group]:
    found: defaultdict[tuple[str, str], list[LivePod]] = defaultdict(list)
    for pod in pods:
        controller = "" if pod.static else pod.controller
        found[pod.namespace, controller or f"Pod/{pod.name}"].append(pod)
    return (Group(namespace, name, tuple(inside)) for (namespace, name), inside in found.items())


def node_object(live: LiveNode, at: datetime) -> Object:
    node, room = live.node, live.room
    labels = dict(live.labels) or {"kubernetes.io/os": node.os or "linux", _ZONE: node.zone}
    labels.setdefault(_HOSTNAME, node.name)
    spec: Object = {"providerID": node.provider_id}
    taints = [_taint(each) for each in live.taints]
    if not node.schedulable:
        spec["unschedulable"] = True
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    if taints:
        spec["taints"] = taints
    has = {"cpu": f"{room.cpu}m", "memory": str(room.memory), "pods": str(room.pods)} if room.pods else {}
    since = stamp(live.ready_since or node.created_at or at)
    ready = {"type": "Ready", "status": "True" if node.ready else "Unknown", "lastTransitionTime": since}
    born = stamp(node.created_at or at)
    metadata = {"name": node.name, "uid": node.uid or f"node-{node.name}", "labels": labels, "creationTimestamp": born}
    system = {
        "kubeletVersion": node.kubelet,
        "osImage": node.os_image,
        "operatingSystem": node.os,
        "architecture": node.arch,
        "containerRuntimeVersion": node.runtime,
        "kernelVersion": node.kernel,
    }
    status = {"allocatable": has, "capacity": has, "conditions": [ready], "addresses": [], "nodeInfo": system}
    return {"metadata": metadata, "spec": spec, "status": status}


def _taint(taint: Taint) -> Object:
    value = {"value": taint.value} if taint.value else {}
    return {"key": taint.key, **value, "effect": taint.effect}


def _budget(budget: Budget) -> Object:
    spec: Object = {}
    if budget.selector is not None:
        spec["selector"] = _selector(budget.selector)
    if budget.minimum:
        spec["minAvailable"] = _amount(budget.minimum)
    elif budget.maximum_unavailable:
        spec["maxUnavailable"] = _amount(budget.maximum_unavailable)
    if budget.unhealthy_policy:
        spec["unhealthyPodEvictionPolicy"] = budget.unhealthy_policy
    status = {
        "observedGeneration": 1,
        "disruptionsAllowed": budget.allowed,
        "currentHealthy": budget.healthy,
        "desiredHealthy": budget.desired,
        "expectedPods": budget.expected,
    }
    metadata = {**_named(budget.name, budget.namespace), "annotations": dict(budget.owner)}
    return {"metadata": metadata, "spec": spec, "status": status}


def _amount(text: str) -> int | str:
    return text if text.endswith("%") else int(text)


def _selector(labels: Labels) -> Object:
    terms = [_expression(each) for each in labels.terms]
    return {"matchLabels": dict(labels.equal), **({"matchExpressions": terms} if terms else {})}


def _expression(term: Requirement) -> Object:
    values = {"values": list(term.values)} if term.values else {}
    return {"key": term.key, "operator": term.operator, **values}


def _volumes(volumes: Sequence[LiveVolume], pods: Sequence[LivePod], at: datetime) -> Iterator[tuple[str, Object]]:
    """Volumes with their claims, attached where their pods are; a claim whose volume is not known binds anywhere."""
    users = _users(pods)
    known = {each.claim: each for each in volumes if each.claim}
    for claim in sorted(users.keys() - known.keys()):
        known[claim] = LiveVolume(f"unknown-{claim.replace('/', '-')}", claim)
    for claim, volume in known.items():
        namespace, _, name = claim.partition("/")
        yield "/persistentvolumes", _volume(volume)
        bound = {"volumeName": volume.name, "accessModes": ["ReadWriteOnce"]}
        yield (
            "/persistentvolumeclaims",
            {"metadata": _named(name, namespace), "spec": bound, "status": {"phase": "Bound"}},
        )
        nodes = sorted({*volume.attached_to, *users.get(claim, ())})
        for node in nodes if _is_attached(volume) else ():
            yield "storage.k8s.io/volumeattachments", _attachment(volume, node, at)


def _users(pods: Iterable[LivePod]) -> Mapping[str, set[str]]:
    """namespace/claim → the nodes of the pods that use it."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for pod in pods:
        for claim in pod.claims:
            found[f"{pod.namespace}/{claim}"] |= {pod.node} - {""}
    return found


def _is_attached(volume: LiveVolume) -> bool:
    """Whether it is attached to one node at a time: what is pinned to a zone. A file system is there for all."""
    return bool(volume.zones) and not volume.nodes


def _volume(volume: LiveVolume) -> Object:
    namespace, _, name = volume.claim.partition("/")
    spec: Object = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": namespace, "name": name, "uid": _named(name, namespace)["uid"]},
    }
    spec |= {"csi": {"driver": _CSI, "volumeHandle": volume.name}} if _is_attached(volume) else {"local": {}}
    pinned = (_HOSTNAME, volume.nodes) if volume.nodes else (_ZONE, volume.zones)
    if pinned[1]:
        term = {"matchExpressions": [{"key": pinned[0], "operator": "In", "values": list(pinned[1])}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    return {"metadata": _named(volume.name), "spec": spec, "status": {"phase": "Bound"}}


def _attachment(volume: LiveVolume, node: str, at: datetime) -> Object:
    metadata = {
        **_named(f"seed-{volume.name}-{node}"),
        "creationTimestamp": stamp(at),
        "finalizers": ["external-attacher/ebs-csi-aws-com"],
    }
    spec = {"attacher": _CSI, "nodeName": node, "source": {"persistentVolumeName": volume.name}}
    return {"metadata": metadata, "spec": spec, "status": {"attached": True}}
