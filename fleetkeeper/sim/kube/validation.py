"""The few rules of validation that a client of this simulator can break: names, and budgets that say both."""

import json
import re
from collections.abc import Iterable

from fleetkeeper.sim.kube import bodies
from fleetkeeper.sim.kube.answers import StatusError
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.world import Object

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_IS_SUBDOMAIN = re.compile(_SUBDOMAIN)
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_IS_LABEL = re.compile(_LABEL)
_ENDS = "and must start and end with an alphanumeric character"
_NOT_SUBDOMAIN = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS} "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_NOT_LABEL = (
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS} "
    f"(e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_FREE = ("rbac.authorization.k8s.io",)  # names of any path segment
_WITH_SPEC = {f"apps/{each}" for each in ("deployments", "replicasets", "statefulsets", "daemonsets")}
_WITH_SPEC |= {"batch/jobs", "apiextensions.k8s.io/customresourcedefinitions"}
_BUDGET_LIMITS = ("minAvailable", "maxUnavailable")


Cause = tuple[str, str, str]
"""Reason, field and message of one cause of a 422."""


def check(resource: Resource, obj: Object) -> None:
    """StatusError 422 with every cause that was found in an object as it would be stored."""
    causes = _of_name(resource, obj["metadata"].get("name", ""))
    if resource.key == "policy/poddisruptionbudgets":
        causes += _of_budget(obj.get("spec") or {})
    if resource.key == "/nodes":
        # The real server looks twice, and says each of them twice.
        causes += [cause for cause in _of_taints((obj.get("spec") or {}).get("taints") or ()) for _ in range(2)]
    _refuse(resource, obj, causes)


def check_spec(resource: Resource, obj: Object) -> None:
    """StatusError 422 for a pod without containers, and, in words of our own, for a workload without a spec."""
    spec = obj.get("spec")
    if resource.key == "/pods" and not (isinstance(spec, dict) and spec.get("containers")):
        _refuse(resource, obj, [("FieldValueRequired", "spec.containers", "Required value")])
    if resource.key in _WITH_SPEC and not isinstance(spec, dict):
        _refuse(resource, obj, [("FieldValueRequired", "spec", "Required value")])


def check_version(resource: Resource, obj: Object) -> None:
    """StatusError 422 for an update that names no version, where it must."""
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        return
    cause = ("FieldValueInvalid", "metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
    raise StatusError(bodies.invalid(resource.group, resource.name, metadata["name"], cause))


def check_uid(resource: Resource, before: Object, obj: Object) -> None:
    """StatusError 422 for a patch of the identity; in an update that is a precondition."""
    wanted, found = obj["metadata"].get("uid"), before["metadata"].get("uid")
    if wanted not in (None, "", found):
        cause = ("FieldValueInvalid", "metadata.uid", f"Invalid value: {json.dumps(wanted)}: field is immutable")
        _refuse(resource, obj, [cause, cause])


def check_finalizers(resource: Resource, before: Object, obj: Object) -> None:
    """StatusError 422 for a new finalizer of an object that is being deleted."""
    if "deletionTimestamp" not in before["metadata"]:
        return
    known, given = (each["metadata"].get("finalizers") or () for each in (before, obj))
    new = ", ".join(json.dumps(each) for each in given if each not in known)
    if new:
        told = "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers "
        cause = ("FieldValueForbidden", "metadata.finalizers", f"{told}[]string{{{new}}}")
        _refuse(resource, obj, [cause, cause])


def _refuse(resource: Resource, obj: Object, causes: list[Cause]) -> None:
    if causes:
        raise StatusError(bodies.invalid(resource.group, resource.kind, obj["metadata"].get("name", ""), *causes))


def _of_name(resource: Resource, name: str) -> list[Cause]:
    if not name:
        return [("FieldValueRequired", "metadata.name", "Required value: name or generateName is required")]
    label = resource.key in ("/namespaces", "/services")
    shape, told = (_IS_LABEL, _NOT_LABEL) if label else (_IS_SUBDOMAIN, _NOT_SUBDOMAIN)
    if resource.group in _FREE or shape.fullmatch(name):
        return []
    return [("FieldValueInvalid", "metadata.name", f"Invalid value: {json.dumps(name)}: {told}")]


def _of_taints(taints: Iterable[Object]) -> list[Cause]:
    return [
        ("FieldValueRequired", f"metadata.taints[{at}].effect", "Required value")
        for at, taint in enumerate(taints)
        if not taint.get("effect")
    ]


def _of_budget(spec: Object) -> list[Cause]:
    if not all(spec.get(limit) is not None for limit in _BUDGET_LIMITS):
        return []
    shown = {
        "MinAvailable": spec["minAvailable"],
        "Selector": spec.get("selector"),
        "MaxUnavailable": spec["maxUnavailable"],
        "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
    }
    text = json.dumps(shown, separators=(",", ":"))
    told = f"Invalid value: {text}: minAvailable and maxUnavailable cannot be both set"
    return [("FieldValueInvalid", "spec", told)]
