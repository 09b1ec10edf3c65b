"""Helm's record of one revision: a Secret whose payload is JSON in gzip in base64, and base64 once more.

https://github.com/helm/helm/blob/v3.18.6/pkg/storage/driver/secrets.go and util.go (read 2026-11-21). A payload is
unpacked only as far as it is looked at: what is written back keeps every byte of the rest.
"""

import base64
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from fleetkeeper.adapters.helm.api import Api
from fleetkeeper.adapters.kube.body import gunzip
from fleetkeeper.adapters.kube.requests import Object
from fleetkeeper.core.text import safe
from fleetkeeper.engine.releases import ReleaseRef
from fleetkeeper.errors import InvalidAnswer

DEPLOYED, SUPERSEDED = "deployed", "superseded"
TOKEN, HOME = "fleetkeeper/token", "fleetkeeper/home"
"""Of a revision that we made: the attempt's token, and the home where its program was begun.

Helm takes them as labels, and hands labels on to each later revision. What we write ourselves has an annotation, which
Helm neither hands on nor keeps when it writes that record again.
"""

_TYPE = "helm.sh/release.v1"
_MOST_BYTES = 64 << 20  # a record of 1 MiB may swell so far
_LONGEST = 500

Payload = dict[str, msgspec.Raw]
_payload = msgspec.json.Decoder(Payload)


class _Info(msgspec.Struct):
    status: str = ""
    description: str = ""


class _Metadata(msgspec.Struct):
    name: str = ""
    version: str = ""


class _Chart(msgspec.Struct):
    metadata: _Metadata | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One revision, unpacked as far as the fields of its payload."""

    secret: Object
    payload: Payload

    @property
    def number(self) -> int:
        return number(self.secret["metadata"])

    @property
    def manifest(self) -> str:
        return msgspec.json.decode(self.payload.get("manifest", msgspec.Raw(b'""')), type=str | None) or ""

    @property
    def values(self) -> Mapping[str, Any]:
        """What was given to the chart: often holds passwords, so it is read only to blot them out."""
        return msgspec.json.decode(self.payload.get("config", msgspec.Raw(b"null"))) or {}

    @property
    def chart(self) -> tuple[str, str]:
        """(name, version)."""
        found = msgspec.json.decode(self.payload.get("chart", msgspec.Raw(b"null")), type=_Chart | None)
        told = (found.metadata if found else None) or _Metadata()
        return safe(told.name, 250), safe(told.version, 250)

    @property
    def description(self) -> str:
        found = msgspec.json.decode(self.payload.get("info", msgspec.Raw(b"null")), type=_Info | None)
        return safe(" ".join((found.description if found else "").split()), _LONGEST)


def folder(ref: ReleaseRef) -> str:
    return f"/api/v1/namespaces/{ref.namespace}/secrets"


def name(ref: ReleaseRef, revision: int) -> str:
    return f"sh.helm.release.v1.{ref.name}.v{revision}"


def listed(api: Api, ref: ReleaseRef) -> list[Object]:
    """The metadata of every revision's record, the newest first."""
    found = api.metadata(folder(ref), f"owner=helm,name={ref.name}")
    return sorted(found, key=number, reverse=True)


def number(metadata: Mapping[str, Any]) -> int:
    text = (metadata.get("labels") or {}).get("version", "")
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else 0


def token(metadata: Mapping[str, Any]) -> str:
    return str((metadata.get("annotations") or {}).get(TOKEN) or (metadata.get("labels") or {}).get(TOKEN, ""))


def wrote(metadata: Mapping[str, Any], token: str) -> bool:
    """Whether we wrote this very record under a token."""
    return (metadata.get("annotations") or {}).get(TOKEN) == token


def status(metadata: Mapping[str, Any]) -> str:
    return str((metadata.get("labels") or {}).get("status", ""))


def read(api: Api, ref: ReleaseRef, revision: int) -> Record | None:
    secret = api.get(f"{folder(ref)}/{name(ref, revision)}")
    return unpacked(secret) if secret is not None else None


def unpacked(secret: Object) -> Record:
    """Raises InvalidAnswer for what is no record of Helm's."""
    what = str(secret.get("metadata", {}).get("name", ""))
    try:
        packed = base64.b64decode(base64.b64decode((secret.get("data") or {}).get("release", "")))
        plain = bytes(gunzip(packed, _MOST_BYTES, what)) if packed[:2] == b"\x1f\x8b" else packed
        return Record(secret, _payload.decode(plain))
    except (ValueError, RecursionError) as error:
        raise InvalidAnswer(f"{what} is no record of Helm's: {str(error)[:200]}") from error


def rewritten(record: Record, new: Mapping[str, Any], labels: Mapping[str, str]) -> Object:
    """The record's Secret with other fields in its payload and other labels; its metadata is otherwise as it was."""
    info: Object = msgspec.json.decode(record.payload.get("info", msgspec.Raw(b"{}")))
    packed_info = {"info": msgspec.Raw(msgspec.json.encode({**info, **new.get("info", {})}))}
    others = {key: msgspec.Raw(msgspec.json.encode(value)) for key, value in new.items() if key != "info"}
    plain = msgspec.json.encode({**record.payload, **packed_info, **others})
    packed = base64.b64encode(base64.b64encode(gzip.compress(plain, 9, mtime=0))).decode()
    metadata = dict(record.secret["metadata"])
    metadata.pop("managedFields", None)
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    return {"apiVersion": "v1", "kind": "Secret", "type": _TYPE, "metadata": metadata, "data": {"release": packed}}


def next_revision(
    record: Record, ref: ReleaseRef, revision: int, manifest: str, told: tuple[str, str, datetime]
) -> Object:
    """A deployed revision like another one with another manifest. told: the token, the description, the time."""
    token, description, at = told
    info = {"status": DEPLOYED, "description": description, "last_deployed": at.astimezone(UTC).isoformat()}
    stamp = str(int(at.timestamp()))
    labels = {"status": DEPLOYED, "version": str(revision), "modifiedAt": stamp, "createdAt": stamp}
    made = rewritten(record, {"info": info, "version": revision, "manifest": manifest}, labels)
    made["metadata"] = {
        "name": name(ref, revision),
        "namespace": ref.namespace,
        "labels": {key: value for key, value in made["metadata"]["labels"].items() if key not in (TOKEN, HOME)},
        "annotations": {TOKEN: token},
    }
    return made


def marked(record: Record, status: str, at: datetime) -> Object:
    """The same revision with another status, as Helm writes it."""
    labels = {"status": status, "modifiedAt": str(int(at.timestamp()))}
    return rewritten(record, {"info": {"status": status}}, labels)
