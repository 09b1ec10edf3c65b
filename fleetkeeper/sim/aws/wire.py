"""Writes answers in the four AWS protocols, and refuses whatever the API's shape does not allow.

One walk does both: a value is checked against botocore's shape while it is written, so nothing unchecked can leave. An
unknown or misspelt member, a wrong type, a missing required member, a value outside an enum: each is a Violation.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import OperationModel, Shape

from fleetkeeper.sim.aws.call import Violation

JsonWriter = Callable[[Any, str], Any]
XmlWriter = Callable[[Any, str, str, list[str]], None]
_INTEGERS = ("integer", "long")
_FLOATS = ("float", "double")


def check_scalar(shape: Shape, value: Any, path: str) -> Any:
    """The value itself; Violation when it is not of the shape's scalar type or outside its enum."""
    kind = shape.type_name
    if kind == "string":
        fits = isinstance(value, str) and (not shape.enum or value in shape.enum)
    elif kind == "boolean":
        fits = isinstance(value, bool)
    elif kind in _INTEGERS:
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif kind in _FLOATS:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif kind == "timestamp":
        fits = isinstance(value, datetime) and value.tzinfo is not None
    else:
        raise Violation(f"{path}: the simulator cannot write a {kind}")
    if not fits:
        allowed = f" out of {', '.join(shape.enum)}" if kind == "string" and shape.enum else ""
        raise Violation(f"{path}: {value!r} is not a {kind}{allowed}")
    return value


def check_members(shape: Shape, value: Any, path: str) -> Mapping[str, Any]:
    """The value as a structure; Violation for a missing or unknown member."""
    if not isinstance(value, Mapping):
        raise Violation(f"{path}: {value!r} is not a structure")
    for name in shape.required_members:
        if name not in value:
            raise Violation(f"{path}: the required member {name!r} is missing")
    for name in value:
        if name not in shape.members:
            raise Violation(f"{path}: {shape.name} has no member {name!r}")
    return value


def _check_list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise Violation(f"{path}: {value!r} is not a list")
    return value


def _check_map(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Violation(f"{path}: {value!r} is not a map of strings")
    return value


def json_writer(shape: Shape) -> JsonWriter:
    """A function that turns a checked value into what json.dumps takes; timestamps become epoch seconds."""
    kind = shape.type_name
    if kind == "structure":
        return _json_structure(shape)
    if kind == "list":
        item = json_writer(shape.member)
        return lambda value, path: [item(each, path) for each in _check_list(value, path)]
    if kind == "map":
        entry = json_writer(shape.value)
        return lambda value, path: {key: entry(each, path) for key, each in _check_map(value, path).items()}
    if kind == "timestamp":
        return lambda value, path: round(check_scalar(shape, value, path).timestamp(), 3)
    return lambda value, path: check_scalar(shape, value, path)


def _json_structure(shape: Shape) -> JsonWriter:
    writers: dict[str, tuple[str, JsonWriter]] = {}  # filled on first use: big shapes have hundreds of members

    def write(value: Any, path: str) -> dict[str, Any]:
        written = {}
        for name, item in check_members(shape, value, path).items():
            found = writers.get(name)
            if found is None:
                member = shape.members[name]
                found = writers[name] = (member.serialization.get("name", name), json_writer(member))
            written[found[0]] = found[1](item, f"{path}.{name}")
        return written

    return write


def xml_writer(shape: Shape) -> XmlWriter:
    """A function (value, path, tag, out) that appends the checked value as an element."""
    kind = shape.type_name
    if kind == "structure":
        return _xml_structure(shape)
    if kind == "list":
        return _xml_list(shape)

    def write(value: Any, path: str, tag: str, out: list[str]) -> None:
        out.append(f"<{tag}>{_xml_text(check_scalar(shape, value, path))}</{tag}>")

    return write


def _xml_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    return escape(str(value))


def _xml_list(shape: Shape) -> XmlWriter:
    item = xml_writer(shape.member)
    name = shape.member.serialization.get("name", "member")
    flattened = shape.serialization.get("flattened", False)

    def write(value: Any, path: str, tag: str, out: list[str]) -> None:
        if not flattened:
            out.append(f"<{tag}>")
        for each in _check_list(value, path):
            item(each, path, tag if flattened else name, out)
        if not flattened:
            out.append(f"</{tag}>")

    return write


def _xml_structure(shape: Shape) -> XmlWriter:
    writers: dict[str, tuple[str, XmlWriter]] = {}

    def write(value: Any, path: str, tag: str, out: list[str]) -> None:
        if tag:
            out.append(f"<{tag}>")
        for name, item in check_members(shape, value, path).items():
            found = writers.get(name)
            if found is None:
                member = shape.members[name]
                found = writers[name] = (member.serialization.get("name", name), xml_writer(member))
            found[1](item, f"{path}.{name}", found[0], out)
        if tag:
            out.append(f"</{tag}>")

    return write


class AnswerWriter:
    """Writes the answers of one operation. protocol is "rest-json", "json", "query" or "ec2"."""

    def __init__(self, operation: OperationModel) -> None:
        self.protocol: str = operation.service_model.protocol
        self._name: str = operation.name
        self._namespace: str = operation.service_model.metadata.get("xmlNamespace", "")
        self._shape = operation.output_shape
        self._wrapper: str = self._shape.serialization.get("resultWrapper", "") if self._shape is not None else ""
        self._json = json_writer(self._shape) if self._shape is not None and "json" in self.protocol else None
        self._xml = xml_writer(self._shape) if self._shape is not None and "json" not in self.protocol else None

    def body(self, answer: Mapping[str, Any], request_id: str) -> bytes:
        """The answer as bytes; Violation when it is not one of this operation."""
        if self._shape is None and answer:
            raise Violation(f"{self._name} answers nothing, not {sorted(answer)}")
        if "json" in self.protocol:
            return json.dumps(self._json(answer, self._name) if self._json else {}).encode()
        out = [f'<{self._name}Response xmlns="{self._namespace}">']
        if self.protocol == "ec2":
            out.append(f"<requestId>{request_id}</requestId>")
        if self._xml is not None:
            self._xml(answer, self._name, self._wrapper, out)
        if self.protocol == "query":
            out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>")
        out.append(f"</{self._name}Response>")
        return "".join(out).encode()

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.protocol]


CONTENT_TYPES = {
    "rest-json": "application/json",
    "json": "application/x-amz-json-1.1",
    "query": "text/xml",
    "ec2": "text/xml;charset=UTF-8",
    "rest-xml": "text/xml",
}
