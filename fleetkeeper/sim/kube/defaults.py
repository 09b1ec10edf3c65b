"""What the server fills in when an object is created: defaults that somebody reads, and a first status."""

from collections.abc import Callable
from typing import Any

from fleetkeeper.sim.controllers.pods import admitted
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.world import Object

_POD = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_QUARTERS = {"maxUnavailable": "25%", "maxSurge": "25%"}
_BUDGET = dict.fromkeys(("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0)
_STATEFUL = {"podManagementPolicy": "OrderedReady", "replicas": 1, "revisionHistoryLimit": 10}
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def pod_spec(spec: Object) -> Object:
    found = {**_POD, **spec}
    for member in ("containers", "initContainers"):
        if member in spec:
            found[member] = [_container(each) for each in spec[member]]
    return found


def _container(given: Object) -> Object:
    image = given.get("image", "").rpartition("/")[2]
    always = ":" not in image or image.endswith(":latest")
    return {**_CONTAINER, "imagePullPolicy": "Always" if always else "IfNotPresent", **given}


def _pod(obj: Object) -> Object:
    spec = admitted(pod_spec({"enableServiceLinks": True, "serviceAccountName": "default", **obj["spec"]}))
    return {
        **obj,
        "spec": {"priority": 0, "preemptionPolicy": "PreemptLowerPriority", **spec},
        "status": _pending(spec),
    }


def _pending(spec: Object) -> Object:
    resources = [each.get("resources") or {} for each in spec.get("containers", ())]
    some = any(each.get("requests") or each.get("limits") for each in resources)
    all_ = all(set(each.get("limits") or ()) >= {"cpu", "memory"} for each in resources)
    equal = all((each.get("requests") or each.get("limits")) == each.get("limits") for each in resources)
    quality = "BestEffort" if not some else "Guaranteed" if all_ and equal else "Burstable"
    return {"phase": "Pending", "qosClass": quality}


def _templated(**defaults: Any) -> Callable[[Object], Object]:
    def filled(obj: Object) -> Object:
        spec = {**defaults, **obj["spec"]}
        template = spec.get("template")
        if template:
            spec["template"] = {**template, "spec": pod_spec(template.get("spec") or {})}
        return {**obj, "spec": spec, "status": {}}

    return filled


def _node(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    taints = [each for each in spec.get("taints") or () if each["key"] != _NOT_READY["key"]]
    return {**obj, "spec": {**spec, "taints": [*taints, _NOT_READY]}}


def _namespace(obj: Object) -> Object:
    metadata = obj["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    spec = {"finalizers": ["kubernetes"], **(obj.get("spec") or {})}
    return {**obj, "metadata": {**metadata, "labels": labels}, "spec": spec, "status": {"phase": "Active"}}


def _job(obj: Object) -> Object:
    given = obj["spec"]
    counts = {"parallelism": 1} | ({} if "parallelism" in given and "completions" not in given else {"completions": 1})
    return _templated(**counts, backoffLimit=6, completionMode="NonIndexed", suspend=False)(obj)


def _with_status(**status: Any) -> Callable[[Object], Object]:
    return lambda obj: {**obj, "status": status}


_FILLED: dict[str, Callable[[Object], Object]] = {
    "/pods": _pod,
    "/nodes": _node,
    "/namespaces": _namespace,
    "/persistentvolumeclaims": _with_status(phase="Pending"),
    "apps/deployments": _templated(
        replicas=1,
        progressDeadlineSeconds=600,
        revisionHistoryLimit=10,
        strategy={"type": "RollingUpdate", "rollingUpdate": _QUARTERS},
    ),
    "apps/replicasets": _templated(replicas=1),
    "apps/statefulsets": _templated(
        **_STATEFUL, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    ),
    "apps/daemonsets": _templated(
        revisionHistoryLimit=10,
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
    ),
    "batch/jobs": _job,
    "policy/poddisruptionbudgets": _with_status(**_BUDGET),
}


def filled(resource: Resource, obj: Object) -> Object:
    """The object as it is stored when it is new; other kinds keep what they came with."""
    fill = _FILLED.get(resource.key)
    return fill(obj) if fill and isinstance(obj.get("spec", {}), dict) else obj
