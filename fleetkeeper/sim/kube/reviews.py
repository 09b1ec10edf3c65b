"""The reviews that any user may ask for: who am I, and may I do this. They are answered and stored nowhere."""

import json
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from fleetkeeper.sim.kube import answers, bodies, managed
from fleetkeeper.sim.kube.answers import Answer, Attributes, StatusError
from fleetkeeper.sim.kube.bodies import Served
from fleetkeeper.sim.kube.rbac import Grants, User
from fleetkeeper.sim.kube.request import Request
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.objects.recipes import stamp

ACCESS, WHO = "authorization.k8s.io/selfsubjectaccessreviews", "authentication.k8s.io/selfsubjectreviews"
REVIEWS = (ACCESS, WHO)
_EITHER = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def answer(resource: Resource, user: User, granted: Grants, request: Request, served: Served, now: Any) -> Answer:
    """A review as the server gives it back, with its status."""
    body = bodies.parsed(request, resource.kind)
    bodies.checked_kind(body, ((resource.api_version, resource.kind),), served)
    bodies.is_dry_run(request.query.get("dryRun", ""), "CreateOptions")
    frame = {"kind": resource.kind, "apiVersion": resource.api_version}
    if resource.key == WHO:
        who = {"username": user.name, "uid": _uid(user.name), "groups": list(user.groups)}
        return _created({**frame, "metadata": {"creationTimestamp": stamp(now)}, "status": {"userInfo": who}})
    spec = body.get("spec") or {}
    asked = _asked(spec)
    given = {key: value for key, value in (body.get("metadata") or {}).items() if key in ("labels", "annotations")}
    metadata = managed.created({"metadata": given, "spec": spec}, request.manager, resource.api_version, now)
    return _created({**frame, "metadata": metadata["metadata"], "spec": spec, "status": _decided(granted, asked)})


def _uid(name: str) -> str:
    """An identity that a user keeps; the real server has it from the one who made the token."""
    return str(uuid5(NAMESPACE_DNS, name))


def _created(review: dict[str, Any]) -> Answer:
    return Answer(201, answers.encode(review))


def _asked(spec: dict[str, Any]) -> Attributes:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        shown = json.dumps({"Path": path.get("path", ""), "Verb": path.get("verb", "")}, separators=(",", ":"))
        told = f"Invalid value: {shown}: cannot be specified in combination with resourceAttributes"
        raise StatusError(_invalid("spec.nonResourceAttributes", told))
    if path is not None:
        return Attributes(path.get("verb", ""), path.get("path", ""))
    if resource is None:
        raise StatusError(_invalid("spec.resourceAttributes", f"Invalid value: null: {_EITHER}"))
    members = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
    verb, *rest = (str(resource.get(member) or "") for member in members)
    return Attributes(verb, "", *rest)


def _invalid(field: str, told: str) -> Answer:
    """422 without a kind, which is how the real server forgets it."""
    causes = [{"reason": "FieldValueInvalid", "message": told, "field": field}]
    message = f'.authorization.k8s.io "" is invalid: {field}: {told}'
    return answers.status(422, "Invalid", message, {"group": "authorization.k8s.io", "causes": causes})


def _decided(granted: Grants, asked: Attributes) -> dict[str, Any]:
    by = granted.allowed_by(asked)
    reason = granted.reason(asked) if by is None else by
    return {"allowed": by is not None, **({"reason": reason} if reason else {})}
