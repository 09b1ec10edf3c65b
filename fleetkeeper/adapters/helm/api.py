"""The few calls that releases need of one API server: their records, discovery, and server-side apply."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from fleetkeeper.adapters.kube.answers import Answer
from fleetkeeper.adapters.kube.connection import Connection
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.adapters.kube.requests import Object, Requests
from fleetkeeper.engine.ports import Clock

_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind is addressed at one version."""

    plural: str
    namespaced: bool


class Api(Requests):
    """One request per call, with the executor's credential."""

    def __init__(self, connection: Connection, limits: Limits, pace: Pace, clock: Clock) -> None:
        super().__init__(connection, limits, pace, clock)
        self._kinds: dict[str, Mapping[str, Kind]] = {}

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


def place(api_version: str, kind: Kind, namespace: str, name: str) -> str:
    """The path of one object."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    inside = f"/namespaces/{quote(namespace, safe='')}" if kind.namespaced else ""
    return f"{root}{inside}/{kind.plural}/{quote(name, safe='')}"
