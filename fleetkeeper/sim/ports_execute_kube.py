"""The executor's writer to one API server of a simulated world, without HTTP (the KubeWriter port)."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.pod_annotations import asks_to_stay
from fleetkeeper.engine.writers import ObjectRef
from fleetkeeper.errors import GapReason, InvalidAnswer, Refused, Unreachable
from fleetkeeper.sim import ports_around
from fleetkeeper.sim.faults import Encounter, Harm, Side
from fleetkeeper.sim.kube.answers import Answer
from fleetkeeper.sim.kube.api import KubeApi, Request
from fleetkeeper.sim.kube.patches import MERGE
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.ports_kube import error_of, node, when
from fleetkeeper.sim.world import Object, SimCluster, World

AFTER = (Harm.DROP_AFTER, Harm.TRUNCATE, Harm.GARBAGE)
"""Faults that spoil the answer of a call whose effect is there."""

_VERBS = {"GET": "get", "LIST": "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}
_MIRROR = "kubernetes.io/config.mirror"
_NODES, _PODS = ObjectRef("", "v1", "nodes", "", ""), ObjectRef("", "v1", "pods", "", "")
_BUDGETS = ObjectRef("policy", "v1", "poddisruptionbudgets", "", "")
_BETWEEN = {
    "ReplicaSet": ObjectRef("apps", "v1", "replicasets", "", ""),
    "Job": ObjectRef("batch", "v1", "jobs", "", ""),
}


class WorldKubeWriter:
    """One cluster of a world (the KubeWriter port): its simulated API server answers, without the wire."""

    def __init__(self, world: World, api: KubeApi, user: User, cluster: SimCluster) -> None:
        self._world, self._api, self._user, self._cluster = world, api, user, cluster

    def objects(self, ref: ObjectRef) -> tuple[Mapping[str, object], ...]:
        return self._listed(ref)

    def nodes(self) -> tuple[LiveNode, ...]:
        return tuple(map(_node, self._listed(_NODES)))

    def pods(self, on: Collection[str]) -> tuple[LivePod, ...]:
        placed = [each for each in self._listed(_PODS) if each["spec"].get("nodeName") in on]
        made_by = {controller_of(each).partition("/")[0] for each in placed}
        between = {
            (each["metadata"]["namespace"], f"{kind}/{each['metadata']['name']}"): each
            for kind, ref in _BETWEEN.items()
            if kind in made_by
            for each in self._listed(ref)
        }
        return tuple(_pod(each, between) for each in placed)

    def budgets(self) -> tuple[Budget, ...]:
        return tuple(map(ports_around.budget, self._listed(_BUDGETS)))

    def read(self, ref: ObjectRef) -> Mapping[str, object] | None:
        answer = self._asked("GET", ref)
        return None if _is_missing(answer, ref) else _object(answer, f"GET {_path(ref)}")

    def create(self, ref: ObjectRef, body: Mapping[str, object]) -> Mapping[str, object]:
        answer = self._asked("POST", ref, msgspec.json.encode(body))
        found = self.read(ref) if answer.status == 409 and _body(answer).get("reason") == "AlreadyExists" else None
        return found or _object(answer, f"POST {_path(ref, named=False)}")

    def patch(self, ref: ObjectRef, change: Mapping[str, Any], version: str = "") -> Mapping[str, object]:
        last = {"metadata": {**change.get("metadata", {}), "resourceVersion": version}} if version else {}
        answer = self._asked("PATCH", ref, msgspec.json.encode({**change, **last}))
        return _object(answer, f"PATCH {_path(ref)}")

    def delete(self, ref: ObjectRef) -> None:
        answer = self._asked("DELETE", ref)
        if not _is_missing(answer, ref):
            _object(answer, f"DELETE {_path(ref)}")

    def close(self) -> None:
        """Nothing is open."""

    def _listed(self, ref: ObjectRef) -> tuple[Object, ...]:
        found = _object(self._asked("LIST", ref), f"GET {_path(ref, named=False)}")
        items: list[Object] = found["items"]
        return tuple(items)

    def _asked(self, method: str, ref: ObjectRef, body: bytes = b"") -> Answer:
        cluster, path = self._cluster, _path(ref, named=method not in ("POST", "LIST"))
        operation = f"{ref.group}/{ref.plural}"
        met = Encounter(Side.KUBE, cluster.account, cluster.region, cluster.key, operation, _VERBS[method])
        fault = self._world.fault(met)
        error = fault and error_of(fault, f"{method} {path}")
        if error and fault and fault.kind not in AFTER:
            raise error
        kind = MERGE if method == "PATCH" else "application/json"
        headers = {"accept": "application/json", "content-type": kind, "user-agent": "fleetkeeper/sim"}
        sent = "GET" if method == "LIST" else method
        answer = self._api.answer(cluster, self._user, Request.parse(sent, path, "", headers, body))
        if error:
            raise error
        assert isinstance(answer, Answer)
        return answer


def controller_of(obj: Object) -> str:
    """Kind/name of what made an object, "" for nothing."""
    owners = obj["metadata"].get("ownerReferences") or ()
    owner = next((each for each in owners if each.get("controller")), next(iter(owners), None))
    return f"{owner['kind']}/{owner['name']}" if owner else ""


def _node(obj: Object) -> LiveNode:
    meta = obj["metadata"]
    return LiveNode(node(obj), asks_to_stay(meta.get("annotations")), "deletionTimestamp" in meta)


def _pod(obj: Object, between: Mapping[tuple[str, str], Object]) -> LivePod:
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    above = controller_of(obj)
    maker = between.get((meta["namespace"], above))
    return LivePod(
        namespace=meta["namespace"],
        name=meta["name"],
        node=spec.get("nodeName", ""),
        labels=meta.get("labels") or {},
        controller=(controller_of(maker) if maker else "") or above,
        owner=ports_around.owner_of(obj),
        phase=status.get("phase", ""),
        ready=any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions") or ()),
        stays=asks_to_stay(meta.get("annotations")),
        leaving_since=when(meta.get("deletionTimestamp")),
        finalizers=tuple(meta.get("finalizers") or ()),
        static=_MIRROR in (meta.get("annotations") or {}),
        tolerant=any(_takes_all(each) for each in spec.get("tolerations") or ()),
    )


def _takes_all(toleration: Object) -> bool:
    return toleration.get("operator") == "Exists" and not toleration.get("key") and not toleration.get("effect")


def _path(ref: ObjectRef, named: bool = True) -> str:
    root = f"/apis/{ref.group}/{ref.version}" if ref.group else f"/api/{ref.version}"
    inside = f"/namespaces/{quote(ref.namespace)}" if ref.namespace else ""
    return f"{root}{inside}/{ref.plural}" + (f"/{quote(ref.name)}" if named else "")


def _body(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer; {} where it is none, as for an API that is not served."""
    try:
        found: dict[str, Any] = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
    return found


def _is_missing(answer: Answer, ref: ObjectRef) -> bool:
    body = _body(answer)
    details = body.get("details") or {}
    missing = (body.get("reason"), details.get("name"), details.get("kind")) == ("NotFound", ref.name, ref.plural)
    return answer.status == 404 and missing


def _object(answer: Answer, what: str) -> Object:
    body = _body(answer)
    if answer.status in (200, 201, 202):
        return body
    said = f"{what}: {body.get('message') or f'HTTP {answer.status}'}"
    reasons = {404: GapReason.NOT_FOUND, 409: GapReason.IN_USE, 400: GapReason.REJECTED, 422: GapReason.REJECTED}
    if answer.status == 403:
        raise Refused(said)
    if answer.status in reasons:
        raise Refused(said, reasons[answer.status])
    if answer.status >= 500 or answer.status == 429:
        raise Unreachable(said, GapReason.THROTTLED if answer.status == 429 else GapReason.SERVER_ERROR)
    raise InvalidAnswer(said)
