"""The few calls that releases need of one API server: their records, discovery, and server-side apply."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

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
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_object = msgspec.json.Decoder(Object)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind is addressed at one version."""

    plural: str
    namespaced: bool


class Api:
    """One request per call, with the executor's credential; only a renewed credential is tried again."""

    def __init__(self, connection: Connection, limits: Limits, pace: Pace, clock: Clock) -> None:
        self._connection, self._limits, self._pace, self._clock = connection, limits, pace, clock
        self._kinds: dict[str, Mapping[str, Kind]] = {}

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> Object | None:
        """None where it is not there, be it the object or its API."""
        answer = self.ask("GET", path)
        return None if answer.status == 404 else self.good(answer, f"GET {path}")

    def metadata(self, path: str, selector: str) -> list[Object]:
        """The `metadata` of what a label selector finds."""
        target = f"{path}?{urlencode({'labelSelector': selector})}"
        listed = self.good(self.ask("GET", target, accept=_METADATA), f"GET {path}")
        return [each.get("metadata") or {} for each in listed.get("items") or ()]

    def create(self, path: str, body: Object) -> Object:
        """IN_USE where one of the name is there."""
        return self.good(self.ask("POST", path, body), f"POST {path}")

    def replace(self, path: str, body: Object) -> Object:
        """IN_USE where it is not at the body's resourceVersion any more."""
        return self.good(self.ask("PUT", path, body), f"PUT {path}")

    def delete(self, path: str, metadata: Mapping[str, Any]) -> None:
        """Only that very object as it was read; nothing where it is gone."""
        fence = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        answer = self.ask("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": fence})
        if answer.status != 404:
            self.good(answer, f"DELETE {path}")

    def apply(self, path: str, body: Object, manager: str, *, dry_run: bool, force: bool) -> Answer:
        """Server-side apply, whose refusals are for the caller to read; unknown fields are among them."""
        query = {"fieldManager": manager, "fieldValidation": "Strict", "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        return self.ask("PATCH", f"{path}?{urlencode(query)}", body, content_type=_APPLY)

    def kinds(self, api_version: str) -> Mapping[str, Kind]:
        """The kinds that the server has at a version; empty where it does not serve that."""
        if api_version not in self._kinds:
            found = self.get(f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
            self._kinds[api_version] = {
                each["kind"]: Kind(each["name"], bool(each.get("namespaced")))
                for each in (found or {}).get("resources") or ()
                if "/" not in each["name"]
            }
        return self._kinds[api_version]

    @cached_property
    def version(self) -> str:
        """Such as v1.36.3."""
        return str((self.get("/version") or {}).get("gitVersion", ""))

    def good(self, answer: Answer, what: str) -> Object:
        """The object of a good answer; the error that another one means."""
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

    def ask(
        self, method: str, target: str, body: Object | None = None, content_type: str = JSON, accept: str = JSON
    ) -> Answer:
        answer = self._once(method, target, body, content_type, accept)
        if answer.status == 401 and self._connection.renew():
            answer = self._once(method, target, body, content_type, accept)
        return answer

    def _once(self, method: str, target: str, body: Object | None, content_type: str, accept: str) -> Answer:
        what = f"{method} {target.partition('?')[0]}"
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        if body is not None:
            headers["Content-Type"] = content_type
        packed = msgspec.json.encode(body) if body is not None else None
        end = Deadline.after(self._pace, self._limits.request_seconds)
        try:
            with bounded_by(end):
                left = end.left()
                timeout = urllib3.Timeout(connect=min(left, self._limits.connect_seconds), read=left)
                response = self._connection.send(method, target, headers, timeout, packed)
                return self._whole(response, what)
        except Cancelled as e:
            raise Unreachable(f"{what}: given up, because fleetkeeper is stopping") from e
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise connection_setback(e, what).error from e

    def _whole(self, response: urllib3.BaseHTTPResponse, what: str) -> Answer:
        done = False
        try:
            body = read_body(response, "", self._limits.answer_bytes, what)
            done = True
            return Answer(response.status, response.headers, body)
        finally:
            if done:
                response.release_conn()
            else:
                response.close()


def place(api_version: str, kind: Kind, namespace: str, name: str) -> str:
    """The path of one object."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    inside = f"/namespaces/{quote(namespace, safe='')}" if kind.namespaced else ""
    return f"{root}{inside}/{kind.plural}/{quote(name, safe='')}"
