"""What faults make of a request to an API server: an answer in place of the real one, or a server that is wrong itself.

What the connection does (waits, breaks) is up to `kube_api`.
"""

from collections import ChainMap, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from fleetkeeper.sim.faults import ALL, Encounter, Fault, Harm, Side
from fleetkeeper.sim.kube import answers, listing
from fleetkeeper.sim.kube.answers import Answer, Attributes, StatusError
from fleetkeeper.sim.kube.api import ANONYMOUS, KubeApi, Request, attributes, list_request
from fleetkeeper.sim.kube.rbac import User
from fleetkeeper.sim.kube.resources import Resource
from fleetkeeper.sim.kube.state import Objects
from fleetkeeper.sim.kube.state_log import Event
from fleetkeeper.sim.kube.watching import Watch
from fleetkeeper.sim.world import Object, SimCluster, World

_KEPT_WRITES = 10_000  # of one cluster, for the reads that lag behind
_UNHEARD = frozenset({Harm.UNREACHABLE, Harm.DROP_BEFORE, Harm.TIMEOUT})
_READS = ("get", "list")


class KubeFaults:
    """The faults of a world as its API servers meet them."""

    def __init__(self, world: World, api: KubeApi) -> None:
        self._world = world
        self._api = api
        self._lags: dict[str, _Lag] = {}

    def meet(self, cluster: SimCluster, request: Request) -> Fault | None:
        """The fault that a request meets, counted."""
        if not self._world.faults and not self._lags:
            return None
        self._remember(cluster)
        asked = attributes(request)
        return self._world.fault(_encounter(cluster, asked, lambda fault: _fits(fault, asked, request)))

    def answer(
        self, cluster: SimCluster, user: User | None, request: Request, fault: Fault | None
    ) -> Answer | Watch | None:
        """The answer and its effect; None where the client hears nothing, with the effect only of a "drop-after"."""
        if fault is None:
            return self._api.answer(cluster, user, request)
        if fault.kind in _UNHEARD:
            return None
        said = _said(fault, user, request)
        if said is not None:
            return said
        with self._world.lock:
            if fault.kind == Harm.STALE:
                past = self._lags[cluster.key].at(self._world.now() - timedelta(seconds=fault.seconds))
                return self._api.answer(past, user, request)
            if fault.kind == Harm.SKEW:
                with _clock(self._api.objects(cluster), fault.seconds):
                    return self._api.answer(cluster, user, request)
        answer = self._api.answer(cluster, user, request)
        return None if fault.kind == Harm.DROP_AFTER else answer

    def breaks(self, cluster: SimCluster, request: Request) -> bool:
        """Whether an open watch breaks now; what it could have gone on from is then compacted."""
        if not self._world.faults:
            return False
        asked = attributes(request)
        met = _encounter(cluster, asked, lambda fault: fault.kind == Harm.WATCH_GAP)
        if self._world.fault(met) is None:
            return False
        with self._world.lock:
            self._api.objects(cluster).compact(f"{asked.group}/{asked.resource}")
        return True

    def _remember(self, cluster: SimCluster) -> None:
        """Keep what is overwritten while some fault will ask for it."""
        with self._world.lock:
            ordered = any(
                (fault.side, fault.kind) == (Side.KUBE, Harm.STALE) and fault.cluster in ("", cluster.key)
                for fault in self._world.faults
            )
            lag = self._lags.get(cluster.key)
            if lag is not None and not (ordered and lag.objects.cluster is cluster):
                self._lags.pop(cluster.key).end()
                lag = None
            if ordered and lag is None:
                self._lags[cluster.key] = _Lag(self._api.objects(cluster), self._world.now)


class _Lag:
    """What a replica that is behind still shows of one cluster. Hold the world's lock for every call.

    A write around the state (SimCluster.put) leaves no trace here: it shows at once, and so does all from before.
    """

    def __init__(self, objects: Objects, now: Callable[[], datetime]) -> None:
        self.objects = objects
        self._now = now
        self._written: deque[tuple[datetime, Event]] = deque(maxlen=_KEPT_WRITES)
        objects.notice()
        self.end = objects.subscribe(self._hear, self._written.clear)

    def _hear(self, event: Event) -> None:
        self._written.append((self._now(), event))

    def at(self, moment: datetime) -> SimCluster:
        """The cluster as it was then."""
        self.objects.notice()
        cluster = self.objects.cluster
        revision, undone = cluster.revision, dict[str, dict[tuple[str, str], Object]]()
        for when, event in reversed(self._written):
            if when <= moment:
                break
            objects = undone.setdefault(event.resource, dict(cluster.objects.get(event.resource, {})))
            if event.before is None:
                objects.pop(event.key, None)
            else:
                objects[event.key] = event.before
            revision = event.revision - 1
        return replace(cluster, objects=ChainMap(undone, cluster.objects), revision=revision) if undone else cluster


@contextmanager
def _clock(objects: Objects, ahead: float) -> Iterator[None]:
    """Let what is written meanwhile carry the times of a clock that is so many seconds ahead."""
    right = objects.now
    objects.now = lambda: right() + timedelta(seconds=ahead)
    try:
        yield
    finally:
        objects.now = right


def _encounter(cluster: SimCluster, asked: Attributes, fits: Callable[[Fault], bool]) -> Encounter:
    operation = f"{asked.group}/{asked.resource}" if asked.resource else asked.path
    if asked.subresource:
        operation = f"{operation}/{asked.subresource}"
    return Encounter(Side.KUBE, cluster.account, cluster.region, cluster.key, operation, asked.verb, fits)


def _fits(fault: Fault, asked: Attributes, request: Request) -> bool:
    """Whether this kind means anything to the request."""
    since, continues = request.query.get("resourceVersion", ""), bool(request.query.get("continue"))
    if fault.kind == Harm.EXPIRE:
        return (asked.verb == "list" and continues) or (asked.verb == "watch" and since not in ("", "0"))
    if fault.kind == Harm.STALE:
        exact = request.query.get("resourceVersionMatch") == "Exact"
        cached = bool(since) and not continues and not exact
        return bool(asked.resource) and asked.verb in _READS and (cached or fault.reads == ALL)
    if fault.kind == Harm.TRUNCATE:
        return asked.verb != "watch"
    return fault.kind != Harm.WATCH_GAP


def _said(fault: Fault, user: User | None, request: Request) -> Answer | None:
    """The answer that a fault gives instead of the real one; None when it lets the real one through."""
    said: dict[str, Callable[[], Answer | None]] = {
        Harm.THROTTLE: answers.too_many_requests,
        Harm.FORBID: lambda: answers.forbidden((user or ANONYMOUS).name, attributes(request)),
        Harm.ERROR: lambda: _error(fault),
        Harm.GARBAGE: _garbage,
        Harm.EXPIRE: lambda: _expired(request),
    }
    answer = said[fault.kind]() if fault.kind in said else None
    if answer is None or not fault.retry_after:
        return answer
    kept = tuple(pair for pair in answer.headers if pair[0] != "Retry-After")
    return replace(answer, headers=(("Retry-After", str(fault.retry_after)), *kept))


def _error(fault: Fault) -> Answer:
    """A 5xx as apiserver words it: of etcd, of its own end (filters/waitgroup.go, v1.36.1), of its own timeout."""
    if fault.status == 503:
        headers = (("Retry-After", "1"), ("X-Content-Type-Options", "nosniff"))
        return replace(answers.status(503, "ServiceUnavailable", "apiserver is shutting down"), headers=headers)
    if fault.status == 504:
        told = "Timeout: request did not complete within the allotted timeout"
        return answers.status(504, "Timeout", told, {"retryAfterSeconds": fault.retry_after})
    return answers.internal_error("etcdserver: leader changed")


def _garbage() -> Answer:
    """Good JSON of the wrong types, as from a proxy that answers for the API server."""
    body = {"kind": ["List"], "apiVersion": 1, "metadata": "none", "items": [{"metadata": 5, "spec": "?"}, 7, None]}
    return Answer(200, answers.encode(body))


def _expired(request: Request) -> Answer:
    """The 410 of a continue token, or the one that a watch ends with as its first event."""
    asked = attributes(request)
    if asked.verb == "watch":
        since = request.query["resourceVersion"]
        newer = int(since) + 1 if since.isdigit() else 1
        told = answers.status(410, "Expired", f"too old resource version: {since} ({newer})")
        return Answer(200, b'{"type":"ERROR","object":%s}\n' % told.body.strip())
    resource = Resource(asked.group, asked.version, asked.resource, "", namespaced=False)
    try:
        return listing.expire(list_request(resource, asked, request, metadata_only=False))
    except StatusError as refused:
        return refused.answer
