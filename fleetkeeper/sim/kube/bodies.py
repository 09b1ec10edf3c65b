"""What a client sends with a write: its object, its options, and the refusals of those that cannot be read."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from fleetkeeper.sim.kube import answers
from fleetkeeper.sim.kube.answers import Answer, StatusError
from fleetkeeper.sim.kube.request import Request
from fleetkeeper.sim.kube.resources import Resource

_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_PROPAGATION = ("Foreground", "Background", "Orphan")
_SCHEME = 'in scheme "pkg/runtime/scheme.go:111"'

Served = Mapping[tuple[str, str, str], Resource]


def unsupported(message: str, details: dict[str, Any] | None = None) -> StatusError:
    return StatusError(answers.status(415, "UnsupportedMediaType", message, details))


def bad(message: str) -> StatusError:
    return StatusError(answers.bad_request(message))


def parsed(request: Request, kind: str) -> dict[str, Any]:
    """The body as an object; StatusError 415 or 400 for what is none."""
    if request.content_type not in ("", "application/json"):
        told = f"the body of the request was in an unknown format - accepted media types include: {_TYPES}"
        raise unsupported(told)
    try:
        found = msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        shown = request.body[:100].hex() if request.body else "<empty>"
        why = not_json(request.body)
        told = f"couldn't get version/kind; json parse error: {why} ({shown})"
        raise bad(f"the object provided is unrecognized (must be of type {kind}): {told}") from None
    if not isinstance(found, dict):
        raise bad(f"{kind} in version {json.dumps('v1')} cannot be handled as a {kind}: json: cannot unmarshal")
    return found


def not_json(body: bytes) -> str:
    """Go's words for what is no JSON; of those only for the first character."""
    if not body.strip():
        return "unexpected end of JSON input"
    return f"invalid character '{chr(body.lstrip()[0])}' looking for beginning of value"


def checked_kind(found: dict[str, Any], wanted: Iterable[tuple[str, str]], served: Served) -> dict[str, Any]:
    """The body when it says no kind or one that is wanted, as (apiVersion, kind); StatusError 400 for another."""
    first = next(iter(wanted))
    version, kind = found.get("apiVersion") or first[0], found.get("kind") or first[1]
    if (version, kind) in wanted:
        return found
    short = version.rpartition("/")[2]
    told = f'{kind} in version "{short}" cannot be handled as a {first[1]}: '
    if any((resource.api_version, resource.kind) == (version, kind) for resource in served.values()):
        packages = [(each.partition("/")[0].partition(".")[0] if "/" in each else "core") for each in (first[0],)]
        raise bad(f"{told}converting ({short}.{kind}) to ({packages[0]}.{first[1]}): unknown conversion")
    raise bad(f'{told}no kind "{kind}" is registered for version "{version}" {_SCHEME}')


def check_custom_kind(request: Request, found: dict[str, Any], resource: Resource) -> None:
    """StatusError for a custom object that says no kind, or another one than its address."""
    version, kind = found.get("apiVersion"), found.get("kind")
    if not kind:
        text = request.body.decode(errors="replace")
        told = f"Object 'Kind' is missing in '{text}' ({text})"
        raise bad(f"the object provided is unrecognized (must be of type {resource.kind}): {told}")
    if version != resource.api_version:
        told = f"the API version in the data ({version}) does not match the expected API version"
        raise bad(f"{told} ({resource.api_version})")
    if kind != resource.kind:
        told = f"Invalid value: {json.dumps(kind)}: must be {resource.kind}"
        name = (found.get("metadata") or {}).get("name", "")
        raise StatusError(invalid(resource.group, kind, name, ("FieldValueInvalid", "kind", told)))


def is_dry_run(value: str, options: str) -> bool:
    """Whether ?dryRun=… asks for a rehearsal; StatusError 422 for another value than All."""
    if value in ("", "All"):
        return value == "All"
    raise StatusError(invalid_option(options, "dryRun", [value], ("All",)))


def invalid_option(options: str, member: str, value: object, supported: Iterable[str]) -> Answer:
    shown = json.dumps(value)
    told = f"Unsupported value: {shown}: supported values: {', '.join(json.dumps(each) for each in supported)}"
    return invalid("meta.k8s.io", options, "", ("FieldValueNotSupported", member, told))


def invalid(group: str, kind: str, name: str, *causes: tuple[str, str, str]) -> Answer:
    """422: causes are (reason, field, message)."""
    texts = list(dict.fromkeys(f"{field}: {message}" for _, field, message in causes))
    told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    listed = [{"reason": reason, "message": message, "field": field} for reason, field, message in causes]
    details = {"name": name, "group": group, "kind": kind, "causes": listed}
    return answers.status(422, "Invalid", f'{answers.qualified(group, kind)} "{name}" is invalid: {told}', details)


def delete_options(request: Request) -> dict[str, Any]:
    """The options of a delete, from its body or else from the query; StatusError for what is not valid."""
    if request.body:
        found = parsed(request, "DeleteOptions")
        if found.get("kind", "DeleteOptions") != "DeleteOptions":
            version = found.get("apiVersion", "v1")
            raise bad(f'no kind "{found["kind"]}" is registered for version "{version}" {_SCHEME}')
    else:
        found = {}
        if "gracePeriodSeconds" in request.query:
            found["gracePeriodSeconds"] = _whole(request.query["gracePeriodSeconds"])
        if "propagationPolicy" in request.query:
            found["propagationPolicy"] = request.query["propagationPolicy"]
    if "dryRun" in request.query:
        found = {**found, "dryRun": [request.query["dryRun"]]}
    checked_delete_options(found)
    return found


def checked_delete_options(found: Mapping[str, Any]) -> None:
    dry_run = found.get("dryRun") or []
    if any(each != "All" for each in dry_run):
        raise StatusError(invalid_option("DeleteOptions", "dryRun", dry_run, ("All",)))
    policy = found.get("propagationPolicy")
    if policy is not None and policy not in _PROPAGATION:
        raise StatusError(invalid_option("DeleteOptions", "propagationPolicy", policy, (*_PROPAGATION, "nil")))


def _whole(text: str) -> int:
    if not text.lstrip("-").isdigit():
        raise bad(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)
