"""Watches: the log of writes as lines of JSON, with the first state, bookmarks, and the 410 that ends one."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from fleetkeeper.sim.kube import answers, bodies, selectors
from fleetkeeper.sim.kube.answers import StatusError
from fleetkeeper.sim.kube.listing import partial_of
from fleetkeeper.sim.kube.request import Request
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_errors import TooOld
from fleetkeeper.sim.kube.state_log import Change, Event
from fleetkeeper.sim.world import Object

LONGEST = 3600.0  # seconds of the wall; the real server takes 30 to 60 minutes by chance
BOOKMARKS = 60.0  # seconds of the wall between two
_BEFORE_END = 2.0  # seconds; a last bookmark comes so long before the end
_MATCH, _FIELD = "NotOlderThan", "resourceVersionMatch"
_INITIAL_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a watch shows. namespace "" and name "" show all."""

    resource: Resource
    namespace: str
    name: str
    match: Callable[[Object], bool]
    metadata_only: bool


class Watch:
    """One watch of one client. Hold the world's lock for every call; lines are bytes as they are sent."""

    def __init__(self, objects: Objects, wanted: Wanted, request: Request) -> None:
        self.objects = objects
        self._wanted = wanted
        query = request.query
        self.bookmarks = request.asks("allowWatchBookmarks")
        self.seconds = _seconds(query.get("timeoutSeconds", "")) or LONGEST
        self.ended = False
        since = query.get("resourceVersion", "")
        _check_match(query)
        self._streams_list = request.asks("sendInitialEvents")
        self._starts = since in ("", "0") or self._streams_list
        if since and not since.isdigit():
            why = f'resourceVersion: Invalid value: "{since}": strconv.ParseUint: parsing "{since}": invalid syntax'
            raise StatusError(answers.status(500, "", why))
        self._since = objects.revision if self._starts else int(since)

    def bookmark_times(self) -> Iterator[float]:
        """Seconds after the start at which bookmarks are due."""
        last = self.seconds - _BEFORE_END
        at = BOOKMARKS
        while self.bookmarks and at < last:
            yield at
            at += BOOKMARKS
        if self.bookmarks and last > 0:
            yield last

    def first(self) -> list[bytes]:
        """The state at the start, where the client asked for it by no version; then what is new since its version."""
        lines = []
        if self._starts:
            found = self.objects.of(self._wanted.resource.key, self._wanted.namespace)
            shown = sorted((each for each in found if self._shows(each)), key=_place)
            lines = [self._line("ADDED", each) for each in shown]
            self._since = self.objects.revision
            if self._streams_list and self.bookmarks:
                lines.append(self._bookmark({_INITIAL_END: "true"}))
        return lines + self.news()

    def news(self) -> list[bytes]:
        """What happened since the last look."""
        if self.ended or self._since > self.objects.revision:
            return []
        try:
            events = self.objects.events(self._wanted.resource.key, self._since, self._wanted.namespace)
        except TooOld as error:
            self.ended = True
            told = f"too old resource version: {error.asked} ({error.oldest})"
            return [_line("ERROR", answers.status(410, "Expired", told).body)]
        self._since = self.objects.revision
        return [line for event in events for line in self._seen(event)]

    def bookmark(self) -> bytes:
        return self._bookmark({})

    def _bookmark(self, annotations: dict[str, str]) -> bytes:
        metadata: Object = {"resourceVersion": str(self._since)}
        if annotations:
            metadata["annotations"] = annotations
        return self._line("BOOKMARK", {"metadata": metadata})

    def _seen(self, event: Event) -> Iterator[bytes]:
        """The event as a client with this selector sees it: what leaves its view is deleted, what enters is new."""
        now = event.change is not Change.DELETED and self._shows(event.object)
        before = event.before is not None and self._shows(event.before)
        if now:
            yield self._line("MODIFIED" if before else "ADDED", event.object)
        elif before and event.before is not None:
            last = event.object if event.change is Change.DELETED else _at(event.before, event.revision)
            yield self._line("DELETED", last)

    def _shows(self, obj: Object) -> bool:
        wanted = self._wanted
        return (not wanted.name or obj["metadata"]["name"] == wanted.name) and wanted.match(obj)

    def _line(self, kind: str, obj: Object) -> bytes:
        resource = self._wanted.resource
        frame = {"kind": resource.kind, "apiVersion": resource.api_version}
        whole = partial_of(obj, resource) if self._wanted.metadata_only else {**frame, **obj, **frame}
        return _line(kind, msgspec.json.encode(whole))


def wanted(resource: Resource, namespace: str, name: str, request: Request, *, metadata_only: bool) -> Wanted:
    """What a request asks to see; StatusError 400 for selectors that cannot be read."""
    labels = selectors.labels(request.query.get("labelSelector", ""))
    fields = selectors.fields(request.query.get("fieldSelector", ""), resource)
    matches = [match for match in (labels, fields) if match]
    return Wanted(resource, namespace, name, lambda obj: all(match(obj) for match in matches), metadata_only)


def _check_match(query: Mapping[str, str]) -> None:
    """StatusError 422 for a resourceVersionMatch that a watch does not take, or lacks."""
    match, streams = query.get("resourceVersionMatch", ""), "sendInitialEvents" in query
    causes = []
    if streams and match != _MATCH:
        causes.append(("FieldValueForbidden", f"Forbidden: sendInitialEvents requires setting {_FIELD} to {_MATCH}"))
    if match and not streams:
        told = f"Forbidden: {_FIELD} is forbidden for watch unless sendInitialEvents is provided"
        causes.append(("FieldValueForbidden", told))
    if match and match != _MATCH:
        told = f"Unsupported value: {json.dumps(match)}: supported values: {json.dumps(_MATCH)}"
        causes.append(("FieldValueNotSupported", told))
    if causes:
        listed = [(reason, _FIELD, told) for reason, told in causes]
        raise StatusError(bodies.invalid("meta.k8s.io", "ListOptions", "", *listed))


def _line(kind: str, body: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), body.strip())


def _at(obj: Object, revision: int) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}


def _place(obj: Object) -> str:
    metadata = obj["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def _seconds(text: str) -> float:
    if text and not text.isdigit():
        raise StatusError(answers.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax'))
    return float(text or 0)
