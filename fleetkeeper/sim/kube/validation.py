"""The few rules of validation that a client of this simulator can break: names, and budgets that say both."""

import json
import re

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
_BUDGET_LIMITS = ("minAvailable", "maxUnavailable")


def check(resource: Resource, obj: Object, *, named: bool) -> None:
    """StatusError 422 with every cause that was found; named says whether there is a name, or a prefix of one."""
    causes = [*_of_name(resource, obj["metadata"].get("name", ""), named=named)]
    if resource.key == "policy/poddisruptionbudgets":
        causes += _of_budget(obj.get("spec") or {})
    if causes:
        name = obj["metadata"].get("name", "")
        raise StatusError(bodies.invalid(resource.group, resource.kind, name, *causes))


def _of_name(resource: Resource, name: str, *, named: bool) -> list[tuple[str, str, str]]:
    if not named:
        return [("FieldValueRequired", "metadata.name", "Required value: name or generateName is required")]
    label = resource.key in ("/namespaces", "/services")
    shape, told = (_IS_LABEL, _NOT_LABEL) if label else (_IS_SUBDOMAIN, _NOT_SUBDOMAIN)
    if not name or resource.group in _FREE or shape.fullmatch(name):
        return []
    return [("FieldValueInvalid", "metadata.name", f"Invalid value: {json.dumps(name)}: {told}")]


def _of_budget(spec: Object) -> list[tuple[str, str, str]]:
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
