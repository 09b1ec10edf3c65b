"""One API server with the executor's rights (the KubeWriter port): single objects as raw JSON, and live lists."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec
import urllib3

from fleetkeeper.adapters.kube import evictions, live
from fleetkeeper.adapters.kube.answers import Answer, connection_setback, setback
from fleetkeeper.adapters.kube.body import read_body
from fleetkeeper.adapters.kube.connection import Connection
from fleetkeeper.adapters.kube.deadline import Cancelled, Deadline, bounded_by
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.adapters.kube.reading import Reader
from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.rotation.evictions import asked, confirmed, deletion
from fleetkeeper.core.rotation.seen import Eviction
from fleetkeeper.engine.ports import Clock
from fleetkeeper.engine.writers import ObjectRef
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable

_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}
MERGE = "application/merge-patch+json"
_object = msgspec.json.Decoder(dict[str, Any])


class _Details(msgspec.Struct):
    name: str | None = None
    kind: str | None = None  # the plural


class _Failure(msgspec.Struct):
    """A Status as far as it tells which object it is about."""

    reason: str | None = None
    details: _Details | None = None


_status = msgspec.json.Decoder(_Failure)


class KubeObjects:
    """One request per call: the engine comes again by itself, so nothing is retried but a renewed credential's."""

    def __init__(self, connection: Connection, limits: Limits, pace: Pace, clock: Clock) -> None:
        self._connection, self._limits, self._pace, self._clock = connection, limits, pace, clock
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
        answer = self._ask("GET", path)
        if answer.status == 404 and _is_missing(answer, ref):
            return None
        return self._object(answer, "GET", path)

    def create(self, ref: ObjectRef, body: Mapping[str, object]) -> Mapping[str, object]:
        path = _path(ref, named=False)
        answer = self._ask("POST", path, msgspec.json.encode(body))
        if answer.status == 409 and _failure(answer).reason == "AlreadyExists":
            found = self.read(ref)
            if found is None:
                raise Refused(f"POST {path}: {ref.name} was there, and is gone again", GapReason.IN_USE)
            return found
        return self._object(answer, "POST", path)

    def patch(self, ref: ObjectRef, change: Mapping[str, object], version: str = "") -> Mapping[str, object]:
        path = _path(ref)
        answer = self._ask("PATCH", path, msgspec.json.encode(conditional(change, version)), MERGE)
        return self._object(answer, "PATCH", path)

    def delete(self, ref: ObjectRef) -> None:
        path = _path(ref)
        answer = self._ask("DELETE", path)
        if answer.status == 404 and _is_missing(answer, ref):
            return
        self._object(answer, "DELETE", path)

    def evict(self, pod: LivePod, dry_run: bool = False) -> Eviction:
        path = f"{_path(_pod(pod))}/eviction" + ("?dryRun=All" if dry_run else "")
        return confirmed(self._answered("POST", path, asked(pod)), pod, self.budgets)

    def delete_pod(self, pod: LivePod) -> Eviction:
        return self._answered("DELETE", _path(_pod(pod)), deletion(pod))

    def close(self) -> None:
        self._connection.close()

    def _answered(self, method: str, path: str, body: Mapping[str, object]) -> Eviction:
        try:
            answer = self._ask(method, path, msgspec.json.encode(body))
        except ReadError as error:
            return evictions.unheard(error)
        return evictions.eviction(answer, f"{method} {path}", self._clock)

    def _object(self, answer: Answer, method: str, path: str) -> Mapping[str, object]:
        """The object of a good answer; the error that another one means."""
        what = f"{method} {path}"
        if answer.status not in (200, 201, 202):
            error = setback(answer, what, self._clock).error
            if answer.status == 409:
                raise Refused(error.detail, GapReason.IN_USE)
            if answer.status in (400, 422):
                raise Refused(error.detail, GapReason.REJECTED)
            raise error
        try:
            return _object.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            raise InvalidAnswer(f"{what}: {str(e)[:300]}") from e

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Answer:
        answer = self._once(method, path, body, kind)
        if answer.status == 401 and self._connection.renew():
            answer = self._once(method, path, body, kind)
        return answer

    def _once(self, method: str, path: str, body: bytes | None, kind: str) -> Answer:
        what = f"{method} {path}"
        headers = {**_HEADERS, "Content-Type": kind} if body is not None else _HEADERS
        end = Deadline.after(self._pace, self._limits.request_seconds)
        try:
            with bounded_by(end):
                left = end.left()
                timeout = urllib3.Timeout(connect=min(left, self._limits.connect_seconds), read=left)
                response = self._connection.send(method, path, headers, timeout, body)
                return self._whole(response, what)
        except Cancelled as e:
            raise Unreachable(f"{what}: given up, because fleetkeeper is stopping") from e
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise connection_setback(e, what).error from e

    def _whole(self, response: urllib3.BaseHTTPResponse, what: str) -> Answer:
        done = False
        try:
            encoding = response.headers.get("Content-Encoding", "identity")
            if encoding != "identity":
                raise InvalidAnswer(f"{what}: the answer is encoded as {encoding[:40]!r}, which was not asked for")
            body = read_body(response, "", self._limits.answer_bytes, what)
            done = True
            return Answer(response.status, response.headers, body)
        finally:
            if done:
                response.release_conn()
            else:
                response.close()


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
