"""Single requests to one API server that may change something: nothing is retried but a renewed credential's."""

from collections.abc import Mapping
from typing import Any

import msgspec
import urllib3

from fleetkeeper.adapters.kube.answers import Answer, connection_setback, setback
from fleetkeeper.adapters.kube.body import read_body
from fleetkeeper.adapters.kube.connection import Connection
from fleetkeeper.adapters.kube.deadline import Cancelled, Deadline, bounded_by
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.engine.ports import Clock
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused, Unreachable

Object = dict[str, Any]

JSON = "application/json"
_object = msgspec.json.Decoder(Object)


class Requests:
    """Safe to use from many threads, as the connection is."""

    def __init__(self, connection: Connection, limits: Limits, pace: Pace, clock: Clock) -> None:
        self._connection, self._limits, self._pace, self._clock = connection, limits, pace, clock

    def close(self) -> None:
        self._connection.close()

    def ask(
        self,
        method: str,
        target: str,
        body: Mapping[str, object] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Answer:
        """Whatever it answers, good or bad; Unreachable where it does not."""
        packed = msgspec.json.encode(body) if body is not None else None
        answer = self._once(method, target, packed, content_type, accept)
        if answer.status == 401 and self._connection.renew():
            answer = self._once(method, target, packed, content_type, accept)
        return answer

    def good(self, answer: Answer, what: str) -> Object:
        """The object of a good answer; the error that another one means: IN_USE of a conflict, REJECTED of a no."""
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

    def words(self, answer: Answer, what: str) -> str:
        """What a bad answer says."""
        return setback(answer, what, self._clock).error.detail

    def _once(self, method: str, target: str, body: bytes | None, content_type: str, accept: str) -> Answer:
        what = f"{method} {target.partition('?')[0]}"
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        if body is not None:
            headers["Content-Type"] = content_type
        end = Deadline.after(self._pace, self._limits.request_seconds)
        try:
            with bounded_by(end):
                left = end.left()
                timeout = urllib3.Timeout(connect=min(left, self._limits.connect_seconds), read=left)
                response = self._connection.send(method, target, headers, timeout, body)
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
