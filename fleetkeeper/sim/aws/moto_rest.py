"""Everything that the world does not answer itself goes to moto's own server application, and back through the shapes.

moto gets the account in its own header, so that each account has its own IAM, KMS and so on; MOTO_ACCOUNT_ID would
override that and is refused at the start. What moto answers is read back strictly: an unknown member, a wrong type or
an error code that the operation does not list is a Violation like any other.
"""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from botocore.model import OperationModel, Shape
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from fleetkeeper.sim.aws.call import Violation
from fleetkeeper.sim.aws.errors import GENERIC
from fleetkeeper.sim.aws.http import Reply, Request
from fleetkeeper.sim.aws.models import operation_model
from fleetkeeper.sim.aws.wire import check_members, check_scalar

_SENT_BY_US = frozenset({"content-length", "date", "connection"})


class NotSimulated(Exception):
    """Neither the world nor moto knows the operation."""


class MotoRest:
    """moto's server as a function from request to reply. Thread-safe as far as moto's own server is."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)

    def answer(self, request: Request, account: str, service: str, operation: str) -> Reply:
        """moto's reply, held to the operation's shapes; Violation or NotSimulated otherwise."""
        try:
            chunks, status, headers = run_wsgi_app(self._app, _environ(request, account), buffered=True)
        except NotImplementedError as error:
            raise NotSimulated(str(error)) from error
        body = b"".join(chunks)
        code = int(status.split(" ", 1)[0])
        if code == 404 and not body:
            raise NotSimulated(f"{service} {operation}")
        kept = {name: value for name, value in headers.items() if name.lower() not in _SENT_BY_US}
        model = operation_model(service, operation)
        if model is not None:
            check_reply(model, code, kept, body)
        return Reply(code, kept, body)


def _environ(request: Request, account: str) -> dict[str, Any]:
    host, _, port = request.headers.get("host", "127.0.0.1:80").partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(request.path),
        "RAW_URI": request.path + (f"?{request.query}" if request.query else ""),
        "QUERY_STRING": request.query,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(request.body)),
        "CONTENT_TYPE": request.headers.get("content-type", ""),
    }
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    return environ | {"HTTP_X_MOTO_ACCOUNT_ID": account}


def check_reply(model: OperationModel, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Violation when a reply of moto is not one that the operation can give."""
    protocol = model.service_model.protocol
    if status >= 400:
        code = _error_code(protocol, headers, body)
        listed = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}
        if code not in listed and code not in GENERIC.get(protocol, {}) and listed:
            raise Violation(f"{model.name}: moto answered the error {code}, which the API does not list")
    elif model.output_shape is not None and protocol in {"json", "rest-json"}:
        _check_json(model.output_shape, json.loads(body or b"{}"), model.name)
    elif model.output_shape is not None and protocol in {"query", "ec2"}:
        root = ElementTree.fromstring(body)
        wrapper = model.output_shape.serialization.get("resultWrapper")
        result = root.find(f"{{*}}{wrapper}") if wrapper else root
        if result is None:
            raise Violation(f"{model.name}: moto's answer has no {wrapper}")
        _check_xml(model.output_shape, result, model.name)


def _error_code(protocol: str, headers: Mapping[str, str], body: bytes) -> str:
    if protocol in {"query", "ec2"}:
        return ElementTree.fromstring(body).findtext(".//{*}Code") or ""
    named = {name.lower(): value for name, value in headers.items()}.get("x-amzn-errortype")
    return (named or json.loads(body).get("__type", "")).rpartition("#")[2].partition(":")[0]


def _check_json(shape: Shape, value: Any, path: str) -> None:
    if shape.type_name == "structure":
        by_wire = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        renamed = {by_wire.get(key, key): item for key, item in value.items() if item is not None}
        for name, item in check_members(shape, renamed, path).items():
            _check_json(shape.members[name], item, f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for item in value:
            _check_json(shape.member, item, path)
    elif shape.type_name == "map" and isinstance(value, dict):
        for item in value.values():
            _check_json(shape.value, item, path)
    elif shape.type_name == "timestamp" and isinstance(value, int | float) and not isinstance(value, bool):
        check_scalar(shape, datetime.fromtimestamp(value, UTC), path)
    elif shape.type_name != "blob":
        check_scalar(shape, value, path)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _check_xml(shape: Shape, element: ElementTree.Element, path: str) -> None:
    if shape.type_name == "structure":
        names = {"requestId", "ResponseMetadata"} if "." not in path else set()
        members = {_wire_name(name, member): member for name, member in shape.members.items()}
        for child in element:
            if _tag(child) in members:
                member = members[_tag(child)]
                flat = member.type_name == "list" and member.serialization.get("flattened")
                _check_xml(member.member if flat else member, child, f"{path}.{_tag(child)}")
            elif _tag(child) not in names:
                raise Violation(f"{path}: {shape.name} has no member {_tag(child)!r}")
    elif shape.type_name == "list":
        for child in element:
            _check_xml(shape.member, child, path)
    elif shape.type_name not in {"map", "blob", "timestamp", "string"}:
        _check_number(shape, (element.text or "").strip(), path)
    elif shape.type_name == "string":
        check_scalar(shape, element.text or "", path)


def _wire_name(name: str, member: Shape) -> str:
    if member.type_name == "list" and member.serialization.get("flattened"):
        return str(member.member.serialization.get("name", member.serialization.get("name", name)))
    return str(member.serialization.get("name", name))


def _check_number(shape: Shape, text: str, path: str) -> None:
    fits = text in {"true", "false"} if shape.type_name == "boolean" else text.lstrip("-").replace(".", "", 1).isdigit()
    if not fits:
        raise Violation(f"{path}: {text!r} is not a {shape.type_name}")
