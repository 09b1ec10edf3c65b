"""Reads what an AWS client sent: the service, the operation and the parameters of a request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

from botocore.model import OperationModel, Shape
from moto.core.parse import EC2QueryParser, QueryParser

from fleetkeeper.sim.aws.call import AwsError
from fleetkeeper.sim.aws.http import Request
from fleetkeeper.sim.aws.models import match_route, operation_model, service_model, service_of


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request signs with, from its Authorization header."""

    access_key: str
    region: str
    signing_name: str
    token: str


@dataclass(frozen=True, slots=True)
class Asked:
    """operation is "" for a request that means none; values are the raw parameters that came with its address."""

    service: str
    operation: str
    values: Mapping[str, str]


def read_credential(request: Request) -> Credential | None:
    """None for a request that is not signed with SigV4."""
    header = request.headers.get("authorization", "")
    algorithm, _, rest = header.partition(" Credential=")
    scope = rest.split(",", 1)[0].split("/")
    if algorithm != "AWS4-HMAC-SHA256" or len(scope) != 5:
        return None
    access_key, _, region, signing_name, _ = scope
    return Credential(access_key, region, signing_name, request.headers.get("x-amz-security-token", ""))


def read_operation(request: Request, signing_name: str) -> Asked:
    service = service_of(signing_name)
    model = service_model(service)
    protocol = model.protocol if model is not None else ""
    if protocol == "rest-json":
        found = match_route(service, request.method, request.path)
        if found is None:
            return Asked(service, "", {})
        route, values = found
        return Asked(service, route.operation, dict(zip(route.names, map(unquote, values), strict=True)))
    if protocol == "json":
        return Asked(service, request.headers.get("x-amz-target", "").rpartition(".")[2], {})
    if protocol in {"query", "ec2"}:
        form = dict(parse_qsl(request.body.decode() or request.query, keep_blank_values=True))
        return Asked(service, form.get("Action", ""), form)
    return Asked(service, "", {})


def read_params(request: Request, asked: Asked) -> dict[str, Any]:
    """The parameters under the API's own names; AwsError when one is not what the model allows."""
    model = operation_model(asked.service, asked.operation)
    if model is None or model.input_shape is None:
        return {}
    if model.service_model.protocol in {"query", "ec2"}:
        return _form(asked.service, asked.operation).parse({"values": asked.values}) or {}
    params = _body(request)
    if model.service_model.protocol == "rest-json":
        params |= _address(model, request, asked.values)
        _check_ranges(model.input_shape, params)
    return params


@cache
def _form(service: str, operation: str) -> Any:
    model = operation_model(service, operation)
    assert model is not None
    return (EC2QueryParser if model.service_model.protocol == "ec2" else QueryParser)(model)


def _body(request: Request) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise AwsError("SerializationException", "the body is not JSON", status=400) from error
    return body if isinstance(body, dict) else {}


def _address(model: OperationModel, request: Request, values: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that a REST API takes from the path and the query."""
    query = parse_qs(request.query, keep_blank_values=True) if request.query else {}
    found: dict[str, Any] = {}
    for member, shape in model.input_shape.members.items():
        place, name = shape.serialization.get("location"), shape.serialization.get("name", member)
        if place == "uri" and name in values:
            found[member] = values[name]
        elif place == "querystring" and name in query:
            found[member] = _typed(shape, member, query[name])
    return found


def _typed(shape: Shape, member: str, texts: list[str]) -> Any:
    if shape.type_name == "list":
        return texts
    text = texts[0]
    if shape.type_name == "boolean":
        return text.lower() == "true"
    if shape.type_name == "integer":
        try:
            return int(text)
        except ValueError as error:
            raise AwsError("InvalidParameterException", f"{member} is not a number") from error
    return text


def _check_ranges(shape: Shape, params: Mapping[str, Any]) -> None:
    for member, value in params.items():
        known = shape.members.get(member)
        if known is None:
            continue
        if isinstance(value, int) and not known.metadata.get("min", value) <= value <= known.metadata.get("max", value):
            limits = f"{known.metadata.get('min')} to {known.metadata.get('max')}"
            raise AwsError("InvalidParameterException", f"{member} must be from {limits}, not {value}")
        if known.type_name == "string" and known.enum and value not in known.enum:
            raise AwsError("InvalidParameterException", f"{member} must be one of {', '.join(known.enum)}, not {value}")
