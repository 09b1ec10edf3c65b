"""What the server fills in when an object is written: defaults that somebody reads; what it leaves out when empty."""

import base64
from collections.abc import Callable
from typing import Any

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
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": _QUARTERS}
_STATEFUL = {
    "podManagementPolicy": "OrderedReady",
    "replicas": 1,
    "revisionHistoryLimit": 10,
    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
}
_LEFT_OUT = {
    "metadata": ("labels", "annotations", "finalizers", "ownerReferences", "managedFields", "generateName"),
    "spec": ("unschedulable", "paused", "taints", "nodeSelector", "tolerations"),
}
"""Members that are left out when they are empty or false."""


def pod_spec(spec: Object) -> Object:
    found = {**_POD, **spec}
    if found.get("serviceAccountName"):
        found["serviceAccount"] = found["serviceAccountName"]
    for member in ("containers", "initContainers"):
        if member in spec:
            found[member] = [_container(each) for each in spec[member]]
    return found


def _container(given: Object) -> Object:
    image = given.get("image", "").rpartition("/")[2]
    always = ":" not in image or image.endswith(":latest")
    return {**_CONTAINER, "imagePullPolicy": "Always" if always else "IfNotPresent", **given}


def _pod(obj: Object) -> Object:
    return {**obj, "spec": pod_spec({"enableServiceLinks": True, **obj["spec"]})}


def _templated(**defaults: Any) -> Callable[[Object], Object]:
    def filled(obj: Object) -> Object:
        spec = {**defaults, **obj["spec"]}
        template = spec.get("template")
        if template:
            spec["template"] = {**template, "spec": pod_spec(template.get("spec") or {})}
        return {**obj, "spec": spec}

    return filled


def _deployment(obj: Object) -> Object:
    filled = _templated(replicas=1, progressDeadlineSeconds=600, revisionHistoryLimit=10, strategy=_ROLLING)(obj)
    strategy = filled["spec"]["strategy"]
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        limits = {**_QUARTERS, **(strategy.get("rollingUpdate") or {})}
        filled["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": limits}
    return filled


def _job(obj: Object) -> Object:
    given = obj["spec"]
    counts = {"parallelism": 1} | ({} if "parallelism" in given and "completions" not in given else {"completions": 1})
    rest = {"backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False, "manualSelector": False}
    return _templated(**counts, **rest, podReplacementPolicy="TerminatingOrFailed")(obj)


def _namespace(obj: Object) -> Object:
    metadata = obj["metadata"]
    labels = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    return {**obj, "metadata": {**metadata, "labels": labels}}


def _secret(obj: Object) -> Object:
    """What is given as text is kept in base64."""
    text = obj.get("stringData") or {}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in text.items()}
    found = {key: value for key, value in obj.items() if key != "stringData"}
    data = {**(found.get("data") or {}), **encoded}
    return {**found, **({"data": data} if data else {}), "type": found.get("type") or "Opaque"}


def _definition(obj: Object) -> Object:
    spec = obj["spec"]
    names = {"singular": spec["names"]["kind"].lower(), "listKind": f"{spec['names']['kind']}List", **spec["names"]}
    return {**obj, "spec": {**spec, "names": names, "conversion": spec.get("conversion") or {"strategy": "None"}}}


def _budget(obj: Object) -> Object:
    return {**obj, "spec": obj.get("spec") or {}}


_FILLED: dict[str, Callable[[Object], Object]] = {
    "/namespaces": _namespace,
    "/pods": _pod,
    "/secrets": _secret,
    "apps/deployments": _deployment,
    "apps/replicasets": _templated(replicas=1),
    "apps/statefulsets": _templated(
        **_STATEFUL, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    ),
    "apps/daemonsets": _templated(
        revisionHistoryLimit=10,
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
    ),
    "batch/jobs": _job,
    "policy/poddisruptionbudgets": _budget,
    "apiextensions.k8s.io/customresourcedefinitions": _definition,
}


def filled(resource: Resource, obj: Object) -> Object:
    """The object with its defaults, and without what is empty; custom resources keep what they came with."""
    obj = without_empty(obj, custom=resource.custom)
    fill = _FILLED.get(resource.key)
    return fill(obj) if fill else obj


def without_empty(obj: Object, *, custom: bool) -> Object:
    """The object as JSON shows it: without the members that Go leaves out when they are empty."""
    found = dict(obj)
    for member, names in _LEFT_OUT.items():
        inner = obj.get(member)
        if isinstance(inner, dict) and (member == "metadata" or not custom):
            found[member] = {key: value for key, value in inner.items() if value or key not in names}
    if not custom:
        found = {key: value for key, value in found.items() if value or key not in ("data", "binaryData", "stringData")}
    return found


_NO_INFO = (
    "machineID systemUUID bootID kernelVersion osImage containerRuntimeVersion kubeletVersion kubeProxyVersion "
    "operatingSystem architecture"
)
_NODE_STATUS: Object = {
    "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
    "nodeInfo": dict.fromkeys(_NO_INFO.split(), ""),
}
_TIMES = {"/nodes": ("lastHeartbeatTime", "lastTransitionTime"), "/pods": ("lastProbeTime", "lastTransitionTime")}


def status(resource: Resource, given: Object) -> Object:
    """A status with what the server always shows of it."""
    found = {**_NODE_STATUS, **given} if resource.key == "/nodes" else dict(given)
    times = _TIMES.get(resource.key)
    if times and found.get("conditions"):
        found["conditions"] = [{**dict.fromkeys(times), **each} for each in found["conditions"]]
    return found
