"""One API server with the executor's rights (the KubeWriter port): single objects as raw JSON, and live lists."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec

from fleetkeeper.adapters.kube import evictions, live
from fleetkeeper.adapters.kube.answers import Answer
from fleetkeeper.adapters.kube.connection import Connection
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.adapters.kube.requests import Requests
from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.rotation.evictions import asked, confirmed, deletion
from fleetkeeper.core.rotation.seen import Eviction
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.writers import ObjectRef
from fleetkeeper.errors import GapReason, ReadError, Refused

MERGE = "application/merge-patch+json"


class _Details(msgspec.Struct):
    name: str | None = None
    kind: str | None = None  # the plural


class _Failure(msgspec.Struct):
    """A Status as far as it tells which object it is about."""

    reason: str | None = None
    details: _Details | None = None


_status = msgspec.json.Decoder(_Failure)


class KubeObjects:
    """One request per call: the engine comes again by itself, so nothing is retried."""

    side_by_side = 8

    def __init__(self, connection: Connection, limits: Limits, pace: Pace, clock: Clock) -> None:
        self._requests, self._clock = Requests(connection, limits, pace, clock), clock
        self._reader = Reader(connection, replace(limits, attempts=1), pace, clock)

    def objects(self, ref: ObjectRef) -> tuple[Mapping[str, object], ...]:
        return live.objects(self._reader.for_one_part(), ref)

    def nodes(self) -> tuple[LiveNode, ...]:
        return live.nodes(self._reader.for_one_part())

    def pods(self, on: Collection[str] | None = None) -> tuple[LivePod, ...]:
        return live.pods(self._reader.for_one_part(), on)

    def volumes(self) -> tuple[LiveVolume, ...]:
        return live.volumes(self._reader.for_one_part())

    def budgets(self) -> tuple[Budget, ...]:
        return live.budgets(self._reader.for_one_part())

    def read(self, ref: ObjectRef) -> Mapping[str, object] | None:
        path = _path(ref)
        answer = self._requests.ask("GET", path)
        if answer.status == 404 and _is_missing(answer, ref):
            return None
        return self._object(answer, "GET", path)

    def create(self, ref: ObjectRef, body: Mapping[str, object]) -> Mapping[str, object]:
        path = _path(ref, named=False)
        answer = self._requests.ask("POST", path, body)
        if answer.status == 409 and _failure(answer).reason == "AlreadyExists":
            found = self.read(ref)
            if found is None:
                raise Refused(f"POST {path}: {ref.name} was there, and is gone again", GapReason.IN_USE)
            return found
        return self._object(answer, "POST", path)

    def patch(self, ref: ObjectRef, change: Mapping[str, object], version: str = "") -> Mapping[str, object]:
        path = _path(ref)
        answer = self._requests.ask("PATCH", path, conditional(change, version), MERGE)
        return self._object(answer, "PATCH", path)

    def delete(self, ref: ObjectRef) -> None:
        path = _path(ref)
        answer = self._requests.ask("DELETE", path)
        if answer.status == 404 and _is_missing(answer, ref):
            return
        self._object(answer, "DELETE", path)

    def evict(self, pod: LivePod, dry_run: bool = False) -> Eviction:
        path = f"{_path(_pod(pod))}/eviction" + ("?dryRun=All" if dry_run else "")
        return confirmed(self._answered("POST", path, asked(pod)), pod, self.budgets)

    def delete_pod(self, pod: LivePod) -> Eviction:
        return self._answered("DELETE", _path(_pod(pod)), deletion(pod))

    def close(self) -> None:
        self._requests.close()

    def _answered(self, method: str, path: str, body: Mapping[str, object]) -> Eviction:
        try:
            answer = self._requests.ask(method, path, body)
        except ReadError as error:
            return evictions.unheard(error)
        return evictions.eviction(answer, f"{method} {path}", self._clock)

    def _object(self, answer: Answer, method: str, path: str) -> Mapping[str, object]:
        return self._requests.good(answer, f"{method} {path}")


def conditional(change: Mapping[str, Any], version: str) -> Mapping[str, object]:
    """A merge patch that the API server refuses (409) unless the object still has this resourceVersion.

    A JSON patch could test single fields, but a test that fails is a 422 like any other body that cannot be.
    """
    if not version:
        return change
    return {**change, "metadata": {**change.get("metadata", {}), "resourceVersion": version}}


def _pod(pod: LivePod) -> ObjectRef:
    return ObjectRef("", "v1", "pods", pod.namespace, pod.name)


def _path(ref: ObjectRef, named: bool = True) -> str:
    root = f"/apis/{ref.group}/{ref.version}" if ref.group else f"/api/{ref.version}"
    inside = f"/namespaces/{quote(ref.namespace)}" if ref.namespace else ""
    return f"{root}{inside}/{ref.plural}" + (f"/{quote(ref.name)}" if named else "")


def _failure(answer: Answer) -> _Failure:
    """What a Status says; nothing where the body is none."""
    try:
        return _status.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Failure()


def _is_missing(answer: Answer, ref: ObjectRef) -> bool:
    """Is it the object that is not there? An API that is not served, and a namespace that is not there, are 404 too."""
    failure = _failure(answer)
    return failure.reason == "NotFound" and failure.details == _Details(ref.name, ref.plural)
