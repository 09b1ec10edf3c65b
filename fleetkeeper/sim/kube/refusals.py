"""The Status of what the state of a cluster refuses."""

from fleetkeeper.sim.kube import answers
from fleetkeeper.sim.kube.answers import Answer
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.kube.state_errors import AlreadyExists, NotFound, PreconditionFailed, StateError

_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
_AFTER = {
    "UID": "The object might have been deleted and then recreated",
    "ResourceVersion": "The object might have been modified",
}


def refused(error: StateError, resource: Resource, namespace: str = "") -> Answer:
    """The answer to a create or an update; `of_delete` has the words for preconditions of a delete."""
    if isinstance(error, NotFound):
        return answers.not_found(resource.group, resource.name, error.name)
    details = {"name": error.name, "group": resource.group, "kind": resource.name}
    if isinstance(error, AlreadyExists):
        told = f'{answers.qualified(resource.group, resource.name)} "{error.name}" already exists'
        return answers.status(409, "AlreadyExists", told, details)
    why = _MODIFIED
    if isinstance(error, PreconditionFailed):
        why = f"Precondition failed: UID in precondition: {error.wanted}, UID in object meta: {error.found}"
        key = "/".join(filter(None, ("/registry", resource.name, namespace, error.name)))
        why = f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {why}"
    return conflict(resource.group, resource.name, error.name, why)


def of_delete(error: StateError, resource: Resource) -> Answer:
    """The answer to a delete or an eviction: a precondition names the kind, not the resource."""
    if not isinstance(error, PreconditionFailed):
        return refused(error, resource)
    field = error.field
    why = f"the {field} in the precondition ({error.wanted}) does not match the {field} in record ({error.found}). "
    return conflict(resource.group, resource.kind, error.name, why + _AFTER[field])


def conflict(group: str, kind: str, name: str, why: str) -> Answer:
    told = f'Operation cannot be fulfilled on {answers.qualified(group, kind)} "{name}": {why}'
    return answers.status(409, "Conflict", told, {"name": name, "group": group, "kind": kind})
