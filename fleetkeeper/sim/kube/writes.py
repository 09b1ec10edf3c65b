"""Create, update, patch and delete: what a client sends becomes a write of the state, or the Status that refuses it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fleetkeeper.sim.kube import answers, beginnings, bodies, defaults, managed, patches, refusals, validation
from fleetkeeper.sim.kube.answers import Answer, StatusError
from fleetkeeper.sim.kube.bodies import Served
from fleetkeeper.sim.kube.request import Request
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.kube.state import Expect, Objects, Propagation
from fleetkeeper.sim.kube.state_errors import StateError
from fleetkeeper.sim.world import Object

_RETURNED = {f"/{each}" for each in ("pods", "services", "serviceaccounts", "persistentvolumes")}
_RETURNED |= {f"/{each}" for each in ("persistentvolumeclaims", "podtemplates", "resourcequotas")}
"""Resources whose delete answers the object even when it is gone at once."""

_RETURNED |= {f"storage.k8s.io/{each}" for each in ("csidrivers", "csinodes", "storageclasses", "volumeattachments")}
_CREATED_BY_UPDATE = {"coordination.k8s.io/leases", "events.k8s.io/events", "node.k8s.io/runtimeclasses"}
_CREATED_BY_UPDATE |= {f"/{each}" for each in ("endpoints", "events", "limitranges", "services")}
_CREATED_BY_UPDATE |= {
    f"rbac.authorization.k8s.io/{each}" for each in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
}
_VERSIONED = {"policy/poddisruptionbudgets", "coordination.k8s.io/leases", "node.k8s.io/runtimeclasses"}
_VERSIONED |= {
    f"storage.k8s.io/{each}" for each in ("csidrivers", "csinodes", "csistoragecapacities", "volumeattachments")
}
_VERSIONED |= {
    f"admissionregistration.k8s.io/{each}"
    for each in (
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    )
}
"""Resources whose update must name a version (AllowUnconditionalUpdate, v1.36.4); custom ones must, too."""

_STATUS_ALONE = {"storage.k8s.io/volumeattachments", "admissionregistration.k8s.io/validatingadmissionpolicies"}
_STATUS_ALONE |= {"apiextensions.k8s.io/customresourcedefinitions"}
"""Resources whose status is written without their metadata; so it is with custom ones."""

_STATUS_KEEPS = {"/pods": "ownerReferences", "apps/deployments": "labels"}
"""The member of metadata that a write of the status leaves as it is."""

_ALWAYS_THERE = ("default", "kube-system", "kube-public", "kube-node-lease")
_IMMORTAL = ("default", "kube-system", "kube-public")
_OTHER_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"
_JOBS = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them "
_JOBS += "or set propagationPolicy=Orphan to suppress this warning"


@dataclass(frozen=True, slots=True)
class Write:
    """One write to one resource: where to, and all that the client sent. subresource is "" or "status"."""

    objects: Objects
    resource: Resource
    namespace: str
    name: str
    subresource: str
    request: Request
    served: Served
    has_status: bool

    @property
    def frame(self) -> tuple[str, str]:
        return self.resource.api_version, self.resource.kind

    def rehearsed(self) -> "Write":
        """The same write to a copy that holds this object alone."""
        objects, key = self.objects, (self.namespace, self.name)
        found = objects.get(self.resource.key, *key)
        cluster = replace(objects.cluster, objects={self.resource.key: {key: found} if found else {}})
        return replace(self, objects=Objects(cluster, objects.now))


def create(write: Write) -> Answer:
    request = write.request
    dry_run = bodies.is_dry_run(request.query.get("dryRun", ""), "CreateOptions")
    obj = _read(write)
    metadata = {**obj["metadata"]}
    _check_namespace(write)
    if metadata.get("resourceVersion"):
        raise StatusError(answers.status(500, "", "resourceVersion should not be set on objects to be created"))
    for member in ("uid", "creationTimestamp", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"):
        metadata.pop(member, None)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = write.objects.free_name(write.resource.key, write.namespace, metadata["generateName"])
    name = metadata.get("name", "")
    write = replace(write, name=name)
    obj = {**obj, "metadata": metadata}
    validation.check_spec(write.resource, obj)
    obj = defaults.filled(write.resource, obj)
    validation.check(write.resource, obj)
    obj = managed.created(obj, request.manager, write.resource.api_version, write.objects.now())
    uid = write.objects.next_uid(write.resource.key, write.namespace, name)
    obj = beginnings.begun(write.resource, obj, uid)
    if dry_run:
        rehearsal = write.rehearsed()
        imagined = _versioned(_stored(rehearsal, rehearsal.objects.create, obj), None)
        return Answer(201, answers.encode(_whole(write.resource, imagined)))
    stored = _stored(write, write.objects.create, obj)
    beginnings.settle(write.objects, write.resource, stored)
    return Answer(201, answers.encode(_whole(write.resource, stored)))


def update(write: Write) -> Answer:
    dry_run = bodies.is_dry_run(write.request.query.get("dryRun", ""), "UpdateOptions")
    obj = _read(write)
    found = obj["metadata"].get("name", "")
    if not found:
        told = f"the name of the object ({write.name} based on URL) was undeterminable: name must be provided"
        raise bodies.bad(told)
    if found != write.name:
        raise bodies.bad(f"the name of the object ({found}) does not match the name on the URL ({write.name})")
    before = write.objects.get(write.resource.key, write.namespace, write.name)
    if before is None:
        if write.resource.key in _CREATED_BY_UPDATE and not write.subresource:
            return create(write)
        raise StatusError(answers.not_found(write.resource.group, write.resource.name, write.name))
    if write.resource.key in _VERSIONED or write.resource.custom:
        validation.check_version(write.resource, obj)
    return _replaced(write, before, obj, dry_run)


def patch(write: Write) -> Answer:
    resource = write.resource
    patches.check_type(write.request, resource)
    dry_run = bodies.is_dry_run(write.request.query.get("dryRun", ""), "PatchOptions")
    before = write.objects.get(resource.key, write.namespace, write.name)
    if before is None:
        raise StatusError(answers.not_found(resource.group, resource.name, write.name))
    obj = patches.applied(before, write.request, resource)
    metadata = obj.get("metadata") or {}
    if metadata.get("namespace", "") != write.namespace:
        raise bodies.bad(_OTHER_NAMESPACE)
    if metadata.get("name") != write.name:
        told = f"the name of the object ({metadata.get('name')}) does not match the name on the URL ({write.name})"
        raise bodies.bad(told)
    validation.check_uid(resource, before, obj)
    return _replaced(write, before, obj, dry_run)


def delete(write: Write) -> Answer:
    options = bodies.delete_options(write.request)
    resource, key = write.resource, (write.namespace, write.name)
    if options.get("dryRun"):
        write = write.rehearsed()
    if resource.key == "/namespaces" and write.name in _IMMORTAL:
        told = f'namespaces "{write.name}" is forbidden: this namespace may not be deleted'
        raise StatusError(answers.status(403, "Forbidden", told, {"name": write.name, "kind": resource.name}))
    wanted = options.get("preconditions") or {}
    expect = Expect(wanted.get("uid") or "", wanted.get("resourceVersion") or "")
    propagation, warned = _propagation(resource, options)
    try:
        found = write.objects.delete(resource.key, key, expect, options.get("gracePeriodSeconds"), propagation)
    except StateError as error:
        raise StatusError(refusals.of_delete(error, resource)) from error
    headers = (("Warning", f'299 - "{_JOBS}"'),) if warned else ()
    if write.objects.get(resource.key, *key) is not None or resource.key in _RETURNED:
        return Answer(200, answers.encode(_whole(resource, found)), headers=headers)
    details = {"name": write.name, "group": resource.group, "kind": resource.name, "uid": found["metadata"].get("uid")}
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    said = {**body, "details": {member: value for member, value in details.items() if value}}
    return Answer(200, answers.encode(said), headers=headers)


def _propagation(resource: Resource, options: dict[str, Any]) -> tuple[Propagation, bool]:
    """How the dependents go, and whether the server warns of its default."""
    policy = options.get("propagationPolicy")
    if policy is not None:
        return Propagation(policy), False
    if options.get("orphanDependents") is not None:
        return Propagation.ORPHAN if options["orphanDependents"] else Propagation.BACKGROUND, False
    if resource.key == "batch/jobs":
        return Propagation.ORPHAN, True
    return Propagation.BACKGROUND, False


def _read(write: Write) -> Object:
    """The object of the body, in the namespace of the request."""
    body = bodies.parsed(write.request, write.resource.kind)
    if write.resource.custom:
        bodies.check_custom_kind(write.request, body, write.resource)
    else:
        body = bodies.checked_kind(body, (write.frame,), write.served)
    metadata = {**(body.get("metadata") or {})}
    if write.resource.namespaced:
        if metadata.get("namespace") not in (None, "", write.namespace):
            raise bodies.bad(_OTHER_NAMESPACE)
        metadata["namespace"] = write.namespace
    else:
        metadata.pop("namespace", None)
    if not write.resource.custom:
        body = {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}
    else:
        body = {"apiVersion": write.frame[0], "kind": write.frame[1], **body}
    return {**body, "metadata": metadata}


def _check_namespace(write: Write) -> None:
    """Nothing new in a namespace that is not there, or that goes away."""
    if not write.resource.namespaced:
        return
    name, resource = write.namespace, write.resource
    found = write.objects.get("/namespaces", "", name)
    if found is None and name not in _ALWAYS_THERE:
        raise StatusError(answers.not_found("", "namespaces", name))
    if found is not None and "deletionTimestamp" in found["metadata"]:
        asked = bodies.parsed(write.request, resource.kind).get("metadata", {}).get("name", "")
        why = f"unable to create new content in namespace {name} because it is being terminated"
        told = f'{answers.qualified(resource.group, resource.name)} "{asked}" is forbidden: {why}'
        cause = {"reason": "NamespaceTerminating", "field": "metadata.namespace"}
        causes = [{**cause, "message": f"namespace {name} is being terminated"}]
        details = {"name": asked, "group": resource.group, "kind": resource.name, "causes": causes}
        raise StatusError(answers.status(403, "Forbidden", told, details))


def _replaced(write: Write, before: Object, obj: Object, dry_run: bool) -> Answer:
    """Store what an update or a patch made of an object: its status, or everything else."""
    resource = write.resource
    obj = _with_status(write, before, obj) if write.subresource else _without_status(write, before, obj)
    validation.check(resource, obj)
    validation.check_finalizers(resource, before, obj)
    if not dry_run:
        return Answer(200, answers.encode(_whole(resource, _updated(write, before, obj))))
    found = _updated(write.rehearsed(), before, obj)
    version = before["metadata"].get("resourceVersion")
    return Answer(200, answers.encode(_whole(resource, _versioned(found, version))))


def _with_status(write: Write, before: Object, obj: Object) -> Object:
    """The object with the status of another, and with as much of its metadata as the real server takes."""
    resource, metadata = write.resource, obj["metadata"]
    status = obj.get("status") or {}
    if resource.custom or resource.key in _STATUS_ALONE:
        kept = {member: metadata[member] for member in ("resourceVersion", "uid") if metadata.get(member)}
        metadata = {**before["metadata"], **kept}
    else:
        status = defaults.status(resource, status)
        kept_member = _STATUS_KEEPS.get(resource.key, "")
        metadata = {key: value for key, value in metadata.items() if key != kept_member}
        metadata |= {kept_member: before["metadata"][kept_member]} if kept_member in before["metadata"] else {}
    if resource.key == "/pods":
        status = {**status, "qosClass": before.get("status", {}).get("qosClass", "BestEffort")}
    return defaults.without_empty({**before, "metadata": metadata, "status": status}, custom=resource.custom)


def _without_status(write: Write, before: Object, obj: Object) -> Object:
    """The object with its defaults, where something else is asked, and with the status that it has."""
    resource = write.resource
    if write.has_status:
        obj = {key: value for key, value in obj.items() if key != "status"}
        obj |= {"status": before["status"]} if "status" in before else {}
    validation.check_spec(resource, obj)
    found = defaults.filled(resource, obj)
    if "spec" in before and obj.get("spec") == before["spec"]:
        found["spec"] = before["spec"]  # objects of a recipe hold no defaults, and get none by a new label
    return beginnings.numbered(before, found) if resource.key == "apps/daemonsets" else found


def _updated(write: Write, before: Object, obj: Object) -> Object:
    who = (write.request.manager, write.resource.api_version, write.subresource)
    after = managed.updated(before, obj, who, write.objects.now())
    counts_status = write.resource.custom and not write.has_status
    return _stored(write, lambda key, value: write.objects.update(key, value, counts_status=counts_status), after)


def _stored(write: Write, store: Callable[[str, Object], Object], obj: Object) -> Object:
    try:
        return store(write.resource.key, obj)
    except StateError as error:
        raise StatusError(refusals.refused(error, write.resource, write.namespace)) from error


def _versioned(obj: Object, version: str | None) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    return {**obj, "metadata": {**metadata, **({"resourceVersion": version} if version else {})}}


def _whole(resource: Resource, obj: Object) -> Object:
    return {**obj, "kind": resource.kind, "apiVersion": resource.api_version}
