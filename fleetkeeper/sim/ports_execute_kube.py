"""The executor's writer to one API server of a simulated world, without HTTP (the KubeWriter port)."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import msgspec

from fleetkeeper.core.live import LiveNode, LivePod, LiveVolume
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.rotation.evictions import Said, asked, confirmed, deletion, judged
from fleetkeeper.core.rotation.seen import Eviction, Outcome
from fleetkeeper.engine.writers import ObjectRef
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable
from fleetkeeper.sim import live_convert
from fleetkeeper.sim.controllers.pods import PODS, node_of
from fleetkeeper.sim.faults import Encounter, Harm, Side
from fleetkeeper.sim.kube.answers import Answer, Attributes, StatusError
from fleetkeeper.sim.kube.api import KubeApi, Request
from fleetkeeper.sim.kube.patches import MERGE
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube.state_log import Key
from fleetkeeper.sim.live_convert import Listing, Maker, Seen
from fleetkeeper.sim.ports_kube import error_of
from fleetkeeper.sim.world import Object, SimCluster, World

AFTER = (Harm.DROP_AFTER, Harm.TRUNCATE, Harm.GARBAGE)
"""Faults that spoil the answer of a call whose effect is there."""

_VERBS = {"GET": "get", "LIST": "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}
_OUTCOMES = {
    GapReason.THROTTLED: Outcome.BUSY,
    GapReason.SERVER_ERROR: Outcome.BUSY,
    GapReason.TIMEOUT: Outcome.BUSY,
    GapReason.FORBIDDEN: Outcome.REFUSED,
}
"""Of the faults that are answers to an eviction."""
_BETWEEN = {"ReplicaSet": ("apps", "replicasets"), "Job": ("batch", "jobs")}


class WorldKubeWriter:
    """One cluster of a world (the KubeWriter port): its simulated API server answers, without the wire."""

    side_by_side = 1  # each moment of virtual time has one order

    def __init__(self, world: World, api: KubeApi, user: User, cluster: SimCluster, seen: Seen | None = None) -> None:
        """seen: what other writers of the cluster have made of its objects already."""
        self._world, self._api, self._user, self._cluster = world, api, user, cluster
        self._seen = seen or Seen()

    def objects(self, ref: ObjectRef) -> tuple[Mapping[str, object], ...]:
        return self._listed(ref)

    def nodes(self) -> tuple[LiveNode, ...]:
        return tuple(self._seen.nodes.of(self._all("", "nodes")))

    def pods(self, on: Collection[str] | None = None) -> tuple[LivePod, ...]:
        found = self._seen.pods.of(self._all("", "pods"), None if on is None else self._placed(on))
        kinds = {each.maker[1].partition("/")[0] for each in found}
        tops: dict[Maker, str] = {}
        for kind in _BETWEEN.keys() & kinds:
            tops |= live_convert.tops(kind, self._seen.makers[kind].of(self._all(*_BETWEEN[kind])))
        return tuple([each.under(tops.get(each.maker, each.maker[1])) for each in found])

    def _placed(self, on: Collection[str]) -> list[Key]:
        """Where the pods of these nodes are."""
        with self._world.lock:
            objects = self._api.objects(self._cluster)
            objects.index("node", PODS, node_of)
            return [key for name in on for key in objects.keys("node", PODS, name)]

    def volumes(self) -> tuple[LiveVolume, ...]:
        attached = self._seen.attachments.of(self._all("storage.k8s.io", "volumeattachments"))
        bound = [each for each in self._seen.volumes.of(self._all("", "persistentvolumes")) if each]
        by_volume: defaultdict[str, set[str]] = defaultdict(set)
        for volume, node in attached:
            by_volume[volume].add(node)
        return tuple(replace(each, attached_to=tuple(sorted(by_volume[each.name]))) for each in bound)

    def budgets(self) -> tuple[Budget, ...]:
        return tuple(self._seen.budgets.of(self._all("policy", "poddisruptionbudgets")))

    def evict(self, pod: LivePod, dry_run: bool = False) -> Eviction:
        sent = _Sent("POST", "/pods/eviction", "create", f"{_path(_pod(pod))}/eviction", dry_run=dry_run)
        return confirmed(self._answered(sent, asked(pod)), pod, self.budgets)

    def delete_pod(self, pod: LivePod) -> Eviction:
        return self._answered(_Sent("DELETE", "/pods", "delete", _path(_pod(pod))), deletion(pod))

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

    def _all(self, group: str, plural: str) -> Listing:
        """All objects of a built-in kind, by the same rights and faults as a list over HTTP."""
        path = f"/apis/{group}/v1/{plural}" if group else f"/api/v1/{plural}"
        error = self._met(f"{group}/{plural}", "list", f"GET {path}")[0]
        if error:
            raise error
        try:
            return self._api.listed(self._cluster, self._user, Attributes("list", path, group, "v1", plural))
        except StatusError as refused:
            _object(refused.answer, f"GET {path}")
            raise

    def _answered(self, sent: "_Sent", body: Mapping[str, object]) -> Eviction:
        try:
            answer = self._sent(sent, msgspec.json.encode(body))
        except ReadError as error:
            if error.reason not in _OUTCOMES:
                raise
            return Eviction(_OUTCOMES[error.reason], error.detail)
        found = judged(_said(answer))
        if found is None:
            _object(answer, f"{sent.method} {sent.path}")
            raise InvalidAnswer(f"{sent.method} {sent.path}: HTTP {answer.status}")
        return found

    def _asked(self, method: str, ref: ObjectRef, body: bytes = b"") -> Answer:
        path = _path(ref, named=method not in ("POST", "LIST"))
        sent = "GET" if method == "LIST" else method
        return self._sent(_Sent(sent, f"{ref.group}/{ref.plural}", _VERBS[method], path), body)

    def _sent(self, sent: "_Sent", body: bytes) -> Answer:
        error, is_heard = self._met(sent.operation, sent.verb, f"{sent.method} {sent.path}")
        if error and not is_heard:
            raise error
        kind = MERGE if sent.method == "PATCH" else "application/json"
        headers = {"accept": "application/json", "content-type": kind, "user-agent": "fleetkeeper/sim"}
        query = "dryRun=All" if sent.dry_run else ""
        request = Request.parse(sent.method, sent.path, query, headers, body)
        answer = self._api.answer(self._cluster, self._user, request)
        if error:
            raise error
        assert isinstance(answer, Answer)
        return answer

    def _met(self, operation: str, verb: str, what: str) -> tuple[ReadError | None, bool]:
        """The error of a fault that this request meets, and whether its effect is there all the same."""
        cluster = self._cluster
        fault = self._world.fault(Encounter(Side.KUBE, cluster.account, cluster.region, cluster.key, operation, verb))
        return (error_of(fault, what), fault.kind in AFTER) if fault else (None, False)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request. operation, verb: as faults see it."""

    method: str
    operation: str
    verb: str
    path: str
    dry_run: bool = False


def _pod(pod: LivePod) -> ObjectRef:
    return ObjectRef("", "v1", "pods", pod.namespace, pod.name)


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


def _said(answer: Answer) -> Said:
    body = _body(answer)
    failed = body.get("status") == "Failure" and body.get("kind") == "Status"
    details = body.get("details") or {}
    causes = details.get("causes") or ()
    told = [body.get("message"), *(each.get("message") for each in causes)]
    return Said(
        status=answer.status,
        failed=failed,
        code=body.get("code", 0),
        reason=body.get("reason", ""),
        about=details.get("kind", ""),
        causes=tuple(each.get("reason", "") for each in causes),
        detailed="details" in body,
        message=" ".join(each for each in told if each) if failed else "",
        retry_after=details.get("retryAfterSeconds", 0),
    )


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
