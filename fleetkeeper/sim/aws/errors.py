"""Writes errors as each AWS protocol does, and refuses codes that the operation cannot answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.sax.saxutils import escape

from botocore.model import OperationModel, Shape

from fleetkeeper.sim.aws.call import AwsError, Call, Violation
from fleetkeeper.sim.aws.http import Reply
from fleetkeeper.sim.aws.models import operation_model
from fleetkeeper.sim.aws.wire import CONTENT_TYPES, json_writer

# Errors that AWS answers in front of an API, so that no model lists them → HTTP status, by protocol.
# docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html (and the page of that name of each API), and
# docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html for ec2, whose model lists no error at all.
GENERIC: Mapping[str, Mapping[str, int]] = {
    "rest-json": {
        "AccessDeniedException": 403,
        "ExpiredTokenException": 403,
        "InternalFailure": 500,
        "InvalidSignatureException": 403,
        "MissingAuthenticationTokenException": 403,
        "SerializationException": 400,
        "ServiceUnavailable": 503,
        "ThrottlingException": 400,
        "UnrecognizedClientException": 403,
        "UnknownOperationException": 404,
    },
    "json": {
        "AccessDeniedException": 400,
        "ExpiredTokenException": 400,
        "InternalFailure": 500,
        "InvalidSignatureException": 400,
        "MissingAuthenticationTokenException": 400,
        "SerializationException": 400,
        "ServiceUnavailable": 503,
        "ThrottlingException": 400,
        "UnrecognizedClientException": 400,
        "UnknownOperationException": 400,
    },
    "query": {
        "AccessDenied": 403,
        "ExpiredToken": 403,
        "InternalFailure": 500,
        "InvalidAction": 400,
        "InvalidClientTokenId": 403,
        "MissingAuthenticationToken": 403,
        "ServiceUnavailable": 503,
        "SignatureDoesNotMatch": 403,
        "Throttling": 400,
        "ValidationError": 400,
    },
    "ec2": {
        "AuthFailure": 401,
        "InternalError": 500,
        "InvalidAMIID.NotFound": 400,
        "InvalidAction": 400,
        "InvalidInstanceID.NotFound": 400,
        "InvalidLaunchTemplateId.NotFound": 400,
        "InvalidNextToken": 400,
        "InvalidParameterValue": 400,
        "InvalidSubnetID.NotFound": 400,
        "InvalidVpcID.NotFound": 400,
        "MissingAuthenticationToken": 403,
        "RequestExpired": 400,
        "RequestLimitExceeded": 503,
        "UnauthorizedOperation": 403,
        "Unavailable": 503,
    },
}

_SERVER_FAULTS = ("ServerException", "InternalServerError", "InternalServerException", "ServiceException")
_UNAVAILABLE = ("ServiceUnavailableException",)
_THROTTLES = ("ThrottlingException", "TooManyRequestsException")


@dataclass(frozen=True, slots=True)
class Dialect:
    """The codes with which a protocol says the same things."""

    unknown_key: str
    expired: str
    unsigned: str
    forbidden: str
    throttled: str
    broken: str
    unavailable: str
    mistimed: str


_JSON = Dialect(
    "UnrecognizedClientException",
    "ExpiredTokenException",
    "MissingAuthenticationTokenException",
    "AccessDeniedException",
    "ThrottlingException",
    "InternalFailure",
    "ServiceUnavailable",
    "InvalidSignatureException",
)
_QUERY = Dialect(
    "InvalidClientTokenId",
    "ExpiredToken",
    "MissingAuthenticationToken",
    "AccessDenied",
    "Throttling",
    "InternalFailure",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
)
_EC2 = Dialect(
    "AuthFailure",
    "RequestExpired",
    "MissingAuthenticationToken",
    "UnauthorizedOperation",
    "RequestLimitExceeded",
    "InternalError",
    "Unavailable",
    "RequestExpired",
)
_DIALECTS = MappingProxyType({"rest-json": _JSON, "json": _JSON, "query": _QUERY, "ec2": _EC2})


def dialect_of(protocol: str) -> Dialect:
    return _DIALECTS.get(protocol, _QUERY)


def _listed(model: OperationModel | None) -> dict[str, Shape]:
    """The errors that an operation declares, by the code that goes over the wire."""
    shapes = model.error_shapes if model is not None else ()
    return {shape.metadata.get("error", {}).get("code", shape.name): shape for shape in shapes}


def forbidden(call: Call, resource: str) -> AwsError:
    """The answer to a principal without the permission, in the words of the API at hand."""
    protocol = _protocol(call.service, call.operation)
    prefix = {"service-quotas": "servicequotas"}.get(call.service, call.service)
    who = f"User: {call.principal.arn} is not authorized to perform: {prefix}:{call.operation}"
    if protocol == "ec2":
        who = f"You are not authorized to perform this operation. {who}"
    action = f"{prefix}:{call.operation}"
    why = f"{who} on resource: {resource} because no identity-based policy allows the {action} action"
    return AwsError(dialect_of(protocol).forbidden, why)


def throttled(service: str, operation: str) -> AwsError:
    listed = _listed(operation_model(service, operation))
    dialect = dialect_of(_protocol(service, operation))
    code = next((name for name in _THROTTLES if name in listed), dialect.throttled)
    return AwsError(code, "Request limit exceeded." if code == "RequestLimitExceeded" else "Rate exceeded")


def broken(service: str, operation: str, status: int = 500) -> AwsError:
    """A 500 or a 503 in the words of the API at hand."""
    listed = _listed(operation_model(service, operation))
    dialect = dialect_of(_protocol(service, operation))
    if status == 503:
        code = next((name for name in _UNAVAILABLE if name in listed), dialect.unavailable)
        return AwsError(code, "Service is unavailable. Please try again later.", status=503)
    code = next((name for name in _SERVER_FAULTS if name in listed), dialect.broken)
    return AwsError(code, "An internal error has occurred", status=500)


UNLISTED: Mapping[str, frozenset[str]] = {"health": frozenset({"SubscriptionRequiredException"})}
"""Errors that the documentation of an API has, and its model has not: https://docs.aws.amazon.com/health/latest/ug/
health-api.html (2026-11)."""


def _protocol(service: str, operation: str) -> str:
    model = operation_model(service, operation)
    return str(model.service_model.protocol) if model is not None else "query"


def error_reply(service: str, operation: str, protocol: str, error: AwsError, request_id: str) -> Reply:
    """The error as bytes; Violation when the operation cannot answer it or it has members that it must not have."""
    listed = _listed(operation_model(service, operation)).get(error.code)
    status = error.status or _status(listed, protocol, error.code)
    known = error.code in GENERIC.get(protocol, {}) or error.code in UNLISTED.get(service, ())
    if listed is None and not known:
        raise Violation(f"{service} {operation} cannot answer the error {error.code}")
    if protocol in {"rest-json", "json"}:
        return _json_error(listed, protocol, error, status, request_id)
    if error.members:
        raise Violation(f"{service} {operation}: {error.code} takes no members in {protocol}")
    return Reply(status, {"Content-Type": CONTENT_TYPES["query"]}, xml_error(protocol, error, status, request_id))


def _status(listed: Shape | None, protocol: str, code: str) -> int:
    if listed is not None:
        return int(listed.metadata.get("error", {}).get("httpStatusCode", 400))
    return GENERIC.get(protocol, {}).get(code, 400)


def _json_error(listed: Shape | None, protocol: str, error: AwsError, status: int, request_id: str) -> Reply:
    text = "Message" if listed is not None and "Message" in listed.members else "message"
    body = {**error.members, text: error.message}
    if listed is not None and listed.members:
        body = json_writer(listed)(body, error.code)
    elif error.members:
        raise Violation(f"{error.code} has no members {sorted(error.members)}")
    headers = {"Content-Type": CONTENT_TYPES[protocol], "x-amzn-RequestId": request_id}
    if protocol == "rest-json":
        headers["X-Amzn-ErrorType"] = error.code
    else:
        body = {"__type": error.code, **body}
    return Reply(status, headers, json.dumps(body).encode())


def xml_error(protocol: str, error: AwsError, status: int, request_id: str) -> bytes:
    code, message = escape(error.code), escape(error.message)
    if protocol == "ec2":
        inner = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return f"<Response><Errors>{inner}</Errors><RequestID>{request_id}</RequestID></Response>".encode()
    kind = "Receiver" if status >= 500 else "Sender"
    inner = f"<Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>".encode()
