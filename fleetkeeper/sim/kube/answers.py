"""What the API server answers besides objects: Status bodies, plain errors, and the frame of every answer."""

from dataclasses import dataclass
from typing import Any

import msgspec

JSON = "application/json"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. headers are extra ones; content type and length are always sent."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class StatusError(Exception):
    """The API refuses: carries the answer that a real server would write."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.status)


def encode(value: object) -> bytes:
    """JSON as the API server ends it: with a line feed."""
    return _encode(value) + b"\n"


def status(code: int, reason: str, message: str, details: dict[str, Any] | None = None, continue_: str = "") -> Answer:
    """A Failure Status; details None leaves the member out, {} keeps it, as the real error constructors do."""
    body: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {"continue": continue_} if continue_ else {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        body["reason"] = reason
    if details is not None:
        body["details"] = {key: value for key, value in details.items() if value}
    retry_after = (details or {}).get("retryAfterSeconds")
    headers = (("Retry-After", str(retry_after)),) if retry_after else ()
    return Answer(code, encode({**body, "code": code}), headers=headers)


def qualified(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def not_found(group: str, resource: str, name: str) -> Answer:
    details = {"name": name, "group": group, "kind": resource}
    return status(404, "NotFound", f'{qualified(group, resource)} "{name}" not found', details)


def no_such_resource() -> Answer:
    """A known group and version without such a resource."""
    return status(404, "NotFound", "the server could not find the requested resource", {})


def page_not_found() -> Answer:
    """A path that no part of the server knows; not a Status."""
    headers = (("X-Content-Type-Options", "nosniff"),)
    return Answer(404, b"404 page not found\n", "text/plain; charset=utf-8", headers)


def method_not_allowed() -> Answer:
    return status(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def unauthorized() -> Answer:
    return status(401, "Unauthorized", "Unauthorized")


def bad_request(message: str) -> Answer:
    return status(400, "BadRequest", message)


def not_acceptable(message: str, details: dict[str, Any] | None = None) -> Answer:
    return status(406, "NotAcceptable", message, details)


def too_many_requests() -> Answer:
    """Priority and fairness turns a request away: plain text, whole seconds."""
    headers = (("Retry-After", "1"), ("X-Content-Type-Options", "nosniff"))
    return Answer(429, b"Too many requests, please try again later.\n", "text/plain; charset=utf-8", headers)


def too_large(limit: int) -> Answer:
    told = f"Request entity too large: limit is {limit}"
    return status(413, "RequestEntityTooLarge", told, {})


def internal_error(message: str) -> Answer:
    details = {"causes": [{"message": message}]}
    return status(500, "InternalError", f"Internal error occurred: {message}", details)


_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def expired(inconsistent_token: str) -> Answer:
    return status(410, "Expired", _EXPIRED, continue_=inconsistent_token)


def too_large_resource_version(asked: int, current: int) -> Answer:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return status(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})


_UNSAFE = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is asked of the authorizer. resource "" is a request for a path."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


def forbidden(user: str, asked: Attributes, reason: str = "") -> Answer:
    """403 with the real server's sentence; reason is what RBAC stumbled over, if anything."""
    quoted = _quote(user)
    if not asked.resource:
        message = f"User {quoted} cannot {asked.verb} path {_quote(asked.path)}"
    else:
        resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
        where = f"in the namespace {_quote(asked.namespace)}" if asked.namespace else "at the cluster scope"
        what = f"resource {_quote(resource)} in API group {_quote(asked.group)}"
        message = f"User {quoted} cannot {asked.verb} {what} {where}"
    message = message.translate(_UNSAFE)
    if reason:
        message = f"{message}: {reason}"
    subject = ""
    if asked.resource:
        subject = qualified(asked.group, asked.resource) + (f" {_quote(asked.name)}" if asked.name else "") + " is "
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    answer = status(403, "Forbidden", f"{subject}forbidden: {message}", details)
    return Answer(answer.status, answer.body, headers=(("X-Content-Type-Options", "nosniff"),))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
