"""Lists and single objects as bytes: pages, continue tokens, metadata-only forms, and a bounded cache of them."""

import base64
import binascii
import gzip
import json
import string
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from fleetkeeper.sim.kube import selectors
from fleetkeeper.sim.kube.answers import (
    JSON,
    Answer,
    StatusError,
    bad_request,
    encode,
    expired,
    not_found,
    status,
    too_large_resource_version,
)
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.world import Object, SimCluster

GZIP_FROM = 128 * 1024  # bytes; apiserver's defaultGzipThresholdBytes
_META = "meta.k8s.io/v1"
_GENERATION = "deprecated.daemonset.template.generation"  # the server adds it to whole objects only
_BASE64 = frozenset(string.ascii_letters + string.digits + "-_")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What a client asks of one resource. namespace "" lists them all; metadata_only is PartialObjectMetadataList."""

    resource: Resource
    namespace: str = ""
    limit: int = 0
    continue_: str = ""
    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    version_match: str = ""
    metadata_only: bool = False
    gzip: bool = False


class Token(msgspec.Struct):
    """A continue token: the revision of the first page (-1: whatever is newest) and the /key to go on from."""

    v: str = ""
    rv: int = 0
    start: str = ""

    def text(self) -> str:
        return base64.urlsafe_b64encode(_encode(self)).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str) -> "Token":
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            token = msgspec.json.decode(raw, type=cls)
        except binascii.Error:
            at = next((i for i, char in enumerate(text) if char not in _BASE64), len(text))
            raise _bad_token(f"illegal base64 data at input byte {at}") from None
        except (msgspec.MsgspecError, ValueError):
            shown = json.dumps(chr(raw[0]))[1:-1] if raw else ""  # Go shows a byte as a character too
            raise _bad_token(f"invalid character '{shown}' looking for beginning of value") from None
        if token.v != _META:
            raise _bad_token(f"server does not recognize this encoded version {token.v}")
        return token


def _bad_token(why: str) -> StatusError:
    return StatusError(bad_request(f"invalid continue token: continue key is not valid: {why}"))


_Key = tuple[str, int, ListRequest]


class _Shelf:
    """The answers used last, up to so many bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._answers: OrderedDict[_Key, Answer] = OrderedDict()
        self.bytes = 0

    def get(self, key: _Key) -> Answer | None:
        found = self._answers.get(key)
        if found is not None:
            self._answers.move_to_end(key)
        return found

    def keep(self, key: _Key, answer: Answer) -> None:
        self._answers[key] = answer
        self.bytes += len(answer.body)
        while self.bytes > self._max_bytes:
            _, dropped = self._answers.popitem(last=False)
            self.bytes -= len(dropped.body)


class Renderer:
    """Renders pages and keeps the newest ones. Not safe for threads: hold the world's lock.

    Compressed pages have a shelf of their own: a tick over a big fleet asks for everything once and in turn, which
    empties any shelf that cannot hold it all, and plain pages are cheap to make again.
    """

    def __init__(self, compressed_bytes: int = 96 * 1024 * 1024, plain_bytes: int = 16 * 1024 * 1024) -> None:
        self._compressed = _Shelf(compressed_bytes)
        self._plain = _Shelf(plain_bytes)

    @property
    def cached_bytes(self) -> int:
        return self._compressed.bytes + self._plain.bytes

    def page(self, cluster: SimCluster, request: ListRequest) -> Answer:
        """One page, or a StatusError that says why not."""
        key = (cluster.key, cluster.revision, request)
        found = self._compressed.get(key) or self._plain.get(key)
        if found is not None:
            return found
        plain = _page(cluster, request)
        answer = _compressed(plain, request.gzip)
        (self._plain if answer is plain else self._compressed).keep(key, answer)
        return answer


def single(cluster: SimCluster, resource: Resource, namespace: str, name: str, *, metadata_only: bool) -> Answer:
    """One object with its kind and apiVersion, or a 404."""
    obj = cluster.objects.get(resource.key, {}).get((namespace, name))
    if obj is None:
        return not_found(resource.group, resource.name, name)
    if metadata_only:
        return Answer(200, encode(partial_of(obj, resource)))
    if resource.custom:
        return Answer(200, encode({**obj, "apiVersion": resource.api_version, "kind": resource.kind}))
    return Answer(200, encode({"kind": resource.kind, "apiVersion": resource.api_version, **_bare(obj)}))


def expire(request: ListRequest) -> Answer:
    """The 410 of a token whose revision is compacted: it carries a token that goes on without consistency."""
    token = Token.parse(request.continue_)
    return expired(Token(_META, -1, token.start).text())


def _page(cluster: SimCluster, request: ListRequest) -> Answer:
    matches = [
        match
        for match in (
            selectors.labels(request.label_selector),
            selectors.fields(request.field_selector, request.resource),
        )
        if match
    ]
    revision, start = _starting_point(cluster, request)
    listed = _after(cluster.objects.get(request.resource.key, {}), request.namespace, start)
    limit = 0 if request.resource_version == "0" else request.limit
    items: list[Object] = []
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    for position, (key, obj) in enumerate(listed):
        if all(match(obj) for match in matches):
            items.append(obj)
        if limit and len(items) >= limit:
            if position < len(listed) - 1:
                metadata["continue"] = Token(_META, revision, f"/{key}\0").text()
                if not matches:
                    metadata["remainingItemCount"] = len(listed) - limit
            break
    return _rendered(request, metadata, items)


def _starting_point(cluster: SimCluster, request: ListRequest) -> tuple[int, str]:
    """The revision that the page shows, and the key that it starts from."""
    _check_version_match(request)
    asked = request.resource_version
    if request.continue_:
        token = Token.parse(request.continue_)
        if asked not in ("", "0"):
            raise StatusError(bad_request("specifying resource version is not allowed when using continue"))
        if token.rv == 0:
            raise _bad_token("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
        if token.rv not in (-1, cluster.revision):  # the simulator keeps no old revision: compacted at once
            raise StatusError(expire(request))
        return cluster.revision, token.start.removeprefix("/")
    if asked and not asked.isdigit():
        why = f'resourceVersion: Invalid value: "{asked}": strconv.ParseUint: parsing "{asked}": invalid syntax'
        raise StatusError(bad_request(f"invalid resource version: {why}"))
    if asked and int(asked) > cluster.revision:
        raise StatusError(too_large_resource_version(int(asked), cluster.revision))
    return cluster.revision, ""


def _check_version_match(request: ListRequest) -> None:
    match, causes = request.version_match, []
    if match and not request.resource_version:
        causes.append("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match and request.continue_:
        causes.append("resourceVersionMatch is forbidden when continue is provided")
    if not causes:
        return
    details = {
        "group": "meta.k8s.io",
        "kind": "ListOptions",
        "causes": [
            {"reason": "FieldValueForbidden", "message": f"Forbidden: {cause}", "field": "resourceVersionMatch"}
            for cause in causes
        ],
    }
    texts = [f"resourceVersionMatch: Forbidden: {cause}" for cause in causes]
    told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    raise StatusError(status(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: {told}', details))


def _after(listing: Mapping[tuple[str, str], Object], namespace: str, start: str) -> list[tuple[str, Object]]:
    """(key below the listed prefix, object) in etcd's order, from `start` on."""
    if namespace:
        keyed = [(name, obj) for (where, name), obj in listing.items() if where == namespace]
    else:
        keyed = [(f"{where}/{name}" if where else name, obj) for (where, name), obj in listing.items()]
    if start:
        keyed = [(key, obj) for key, obj in keyed if key >= start]
    keyed.sort(key=lambda pair: pair[0])
    return keyed


def _rendered(request: ListRequest, metadata: dict[str, object], items: list[Object]) -> Answer:
    resource = request.resource
    if request.metadata_only:
        shown = [partial_of(obj, resource) for obj in items] or None  # an empty one says null: a nil slice of Go
        return Answer(200, _list("PartialObjectMetadataList", _META, metadata, shown))
    if resource.custom:
        frame = {"apiVersion": resource.api_version, "kind": resource.kind}
        found = [{**frame, **obj, "apiVersion": resource.api_version} for obj in items]
        ordered = {"continue": metadata.pop("continue", ""), **metadata}
        ordered["resourceVersion"] = ordered.pop("resourceVersion")  # unstructured lists come with sorted members
        listed = {"apiVersion": resource.api_version, "items": found, "kind": f"{resource.kind}List"}
        return Answer(200, encode({**listed, "metadata": ordered}))
    return Answer(200, _list(f"{resource.kind}List", resource.api_version, metadata, [_bare(obj) for obj in items]))


def _list(kind: str, api_version: str, metadata: dict[str, object], items: list[Object] | None) -> bytes:
    return encode({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": items})


def partial_of(obj: Object, resource: Resource) -> Object:
    metadata = obj["metadata"]
    if resource.name == "daemonsets" and _GENERATION in (metadata.get("annotations") or {}):
        annotations = {key: value for key, value in metadata["annotations"].items() if key != _GENERATION}
        metadata = {**metadata, "annotations": annotations}
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": metadata}


def _bare(obj: Object) -> Object:
    if "kind" not in obj and "apiVersion" not in obj:
        return obj
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


def _compressed(answer: Answer, accepted: bool) -> Answer:
    if not accepted or len(answer.body) <= GZIP_FROM:
        return answer
    headers = (*answer.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    return Answer(answer.status, gzip.compress(answer.body, 1, mtime=0), JSON, headers)
