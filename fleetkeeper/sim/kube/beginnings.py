"""What a new object gets besides its defaults: what admission adds, a first status, labels made of its identity."""

from collections.abc import Callable
from typing import Any

from fleetkeeper.sim.controllers.pods import admitted
from fleetkeeper.sim.kube import defaults, managed
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.objects.recipes import stamp
from fleetkeeper.sim.world import Object

CRDS = "apiextensions.k8s.io/customresourcedefinitions"
_BUDGET = dict.fromkeys(("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0)
_DAEMONS = dict.fromkeys(("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady"), 0)
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
_GENERATION = "deprecated.daemonset.template.generation"


def _pod(obj: Object) -> Object:
    spec = admitted(defaults.pod_spec({"serviceAccountName": "default", **obj["spec"]}))
    spec = {"priority": 0, "preemptionPolicy": "PreemptLowerPriority", **spec}
    return {**obj, "spec": spec, "status": {"phase": "Pending", "qosClass": _quality(spec)}}


def _quality(spec: Object) -> str:
    resources = [each.get("resources") or {} for each in spec.get("containers", ())]
    some = any(each.get("requests") or each.get("limits") for each in resources)
    all_ = all(set(each.get("limits") or ()) >= {"cpu", "memory"} for each in resources)
    equal = all((each.get("requests") or each.get("limits")) == each.get("limits") for each in resources)
    return "BestEffort" if not some else "Guaranteed" if all_ and equal else "Burstable"


def _node(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    taints = [each for each in spec.get("taints") or () if each["key"] != _NOT_READY["key"]]
    return {**obj, "spec": {**spec, "taints": [*taints, _NOT_READY]}, "status": obj.get("status") or {}}


def _namespace(obj: Object) -> Object:
    spec = {"finalizers": ["kubernetes"], **(obj.get("spec") or {})}
    return {**obj, "spec": spec, "status": {"phase": "Active"}}


def _daemons(obj: Object) -> Object:
    metadata = obj["metadata"]
    annotations = {**(metadata.get("annotations") or {}), _GENERATION: "1"}
    return {**obj, "metadata": {**metadata, "annotations": annotations}, "status": _DAEMONS}


def numbered(before: Object, after: Object) -> Object:
    """Daemons whose annotation counts the changes of their template, where they have it."""
    number = int((before["metadata"].get("annotations") or {}).get(_GENERATION, 0))
    if not number:
        return after
    number += before["spec"].get("template") != after["spec"].get("template")
    annotations = {**(after["metadata"].get("annotations") or {}), _GENERATION: str(number)}
    return {**after, "metadata": {**after["metadata"], "annotations": annotations}}


def _definition(obj: Object) -> Object:
    stored = [each["name"] for each in obj["spec"]["versions"] if each.get("storage")]
    names = {"plural": "", "kind": ""}
    return {**obj, "status": {"conditions": None, "acceptedNames": names, "storedVersions": stored}}


def _with_status(**status: Any) -> Callable[[Object], Object]:
    return lambda obj: {**obj, "status": status}


_BEGUN: dict[str, Callable[[Object], Object]] = {
    "/pods": _pod,
    "/nodes": _node,
    "/namespaces": _namespace,
    "/persistentvolumeclaims": _with_status(phase="Pending"),
    "apps/deployments": _with_status(),
    "apps/replicasets": _with_status(replicas=0),
    "apps/statefulsets": _with_status(replicas=0, availableReplicas=0),
    "apps/daemonsets": _daemons,
    "batch/jobs": _with_status(),
    "policy/poddisruptionbudgets": _with_status(**_BUDGET),
    CRDS: _definition,
}


def begun(resource: Resource, obj: Object, uid: str) -> Object:
    """A new object as it is stored; uid is the identity that it will have."""
    begin = _BEGUN.get(resource.key)
    found = begin(obj) if begin else obj
    if resource.key == "batch/jobs" and not obj["spec"].get("manualSelector"):
        found = _selecting(found, uid)
    if "status" in found and not resource.custom:
        found = {**found, "status": defaults.status(resource, found["status"])}
    return found


def _selecting(job: Object, uid: str) -> Object:
    """A job finds its pods by its own identity; without labels of its own it takes those of its pods."""
    name = job["metadata"]["name"]
    own = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name}
    own |= {"controller-uid": uid, "job-name": name}
    spec, metadata = job["spec"], job["metadata"]
    template = spec.get("template") or {}
    given = template.get("metadata") or {}
    labels = {**(given.get("labels") or {}), **own}
    template = {**template, "metadata": {**given, "labels": labels}}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    metadata = {**metadata, "labels": metadata.get("labels") or labels}
    return {**job, "metadata": metadata, "spec": {**spec, "selector": selector, "template": template}}


_ESTABLISHED = (
    ("NamesAccepted", "NoConflicts", "no conflicts found"),
    ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
)


def settle(objects: Objects, resource: Resource, obj: Object) -> None:
    """What the server does on its own to an object that it has just stored: it establishes a definition."""
    if resource.key != CRDS:
        return
    now = objects.now()
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": stamp(now), "reason": reason, "message": message}
        for kind, reason, message in _ESTABLISHED
    ]
    status = {**obj["status"], "conditions": conditions, "acceptedNames": obj["spec"]["names"]}
    writer = ("kube-apiserver", resource.api_version, "status")
    objects.update(CRDS, managed.updated(obj, {**obj, "status": status}, writer, now))
