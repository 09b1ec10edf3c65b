"""The smallest request for each permission in a cluster, tried once and without retries (the KubeProbes port)."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import urllib3
from msgspec import Struct, field

from fleetkeeper import __version__
from fleetkeeper.adapters.kube import endpoints, helm, identity, kubes
from fleetkeeper.adapters.kube.answers import Answer, connection_setback, setback
from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.connection import Connection, Endpoint
from fleetkeeper.adapters.kube.credentials import Credential
from fleetkeeper.adapters.kube.deadline import Cancelled, Deadline, bounded_by
from fleetkeeper.adapters.kube.documents import around, structs
from fleetkeeper.adapters.kube.endpoints import Resource
from fleetkeeper.adapters.kube.limits import Limits, Pace
from fleetkeeper.adapters.kube.reading import Reader, decode
from fleetkeeper.adapters.kube.traces import AGGREGATED
from fleetkeeper.config import KubernetesSettings
from fleetkeeper.core import model
from fleetkeeper.core.api_rows import Apis
from fleetkeeper.core.api_search import live_kinds
from fleetkeeper.core.eks_objects import ADDON_OBJECTS, PROXY_CONFIGS, SYSTEM
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Clock, Cloud
from fleetkeeper.engine.probing import CONNECT, CREDENTIAL, RESOLVE, TLS, Probe, Right
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError, Refused, Unreachable

_WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"  # from Kubernetes 1.28 on
_MAY_I = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_ANONYMOUS = "system:anonymous"

# An object that is not there: RBAC decides before the API server looks, so "not found" proves the right.
_NOTHING = "fleetkeeper-doctor"
_NAMESPACE = "kube-system"

_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

_LISTED = (
    endpoints.NODES,
    endpoints.NAMESPACES,
    endpoints.PODS,
    endpoints.DEPLOYMENTS,
    endpoints.STATEFUL_SETS,
    endpoints.DAEMON_SETS,
    endpoints.REPLICA_SETS,
    endpoints.JOBS,
    endpoints.CRON_JOBS,
    endpoints.CRDS,
    endpoints.SCALERS,
    endpoints.BUDGETS,
    endpoints.VOLUMES,
    endpoints.VALIDATING,
    endpoints.MUTATING,
    endpoints.API_SERVICES,
    endpoints.ENDPOINT_SLICES,
)
_DEPLOYED = endpoints.GITOPS["Application"]
"""Of what deploys charts; Flux's kind is among those that are listed for their traces."""

_READ_ONE_BY_ONE = (endpoints.PODS, endpoints.JOBS)
_SETTINGS = sorted(
    {each.name for each in ADDON_OBJECTS if each.kind == "ConfigMap"} | {name for name, _ in PROXY_CONFIGS}
)
_HOLDS_RELEASES = (endpoints.SECRETS, endpoints.CONFIG_MAPS)


class KubeProber:
    """KubeProbes for the clusters that KubeAccess opens, found and checked by its rules."""

    def __init__(self, settings: KubernetesSettings, token_for: kubes.TokenFor, clock: Clock, pace: Pace) -> None:
        self._opener = _Opener(settings, token_for, clock, pace)

    def standalone(self) -> tuple[str, ...]:
        return self._opener.standalone()

    def of_eks(self, cloud: Cloud, id: model.ClusterId, control_plane: model.ControlPlane) -> "ApiServer":
        found = self._opener.of_eks(cloud, id, control_plane)
        assert isinstance(found, ApiServer)
        return found

    def of_kubeconfig(self, name: str) -> "ApiServer":
        return self._opener.unasked(name)


class _Opener(kubes.KubeAccess):
    """Opens an ApiServer wherever KubeAccess opens a reader."""

    def _open(self, endpoint: Endpoint, credential: Credential) -> "ApiServer":
        return ApiServer(_ProbeConnection(endpoint, credential), self._limits, self._pace, self._clock)

    def unasked(self, name: str) -> "ApiServer":
        """A standalone cluster before any call: which cluster it is does not matter for the way to it."""
        row = next((c for c in self._settings.clusters if c.name == name and not c.arn), None)
        if row is None:
            raise ReadError(f"no cluster {name} is configured", GapReason.NOT_CONFIGURED)
        context = self._context(row)
        kubes.refuse_insecure(context)
        try:
            identity.address(context.server)
        except ValueError as error:
            raise ReadError(f"the kubeconfig of {name}: {error}", GapReason.WRONG_ENDPOINT) from error
        found = self._open_context(context, row)
        assert isinstance(found, ApiServer)
        return found


class _ProbeConnection(Connection):
    """A connection that can also be tried layer by layer, and that can ask a review of our own rights."""

    def __init__(self, endpoint: Endpoint, credential: Credential) -> None:
        super().__init__(endpoint, credential)
        self._host, self._port, _ = identity.address(endpoint.server)
        self._server_name = endpoint.tls_server_name or self._host

    @property
    def proxied(self) -> bool:
        return bool(self._hop()[2])

    def resolve(self) -> tuple[str, list[str]]:
        """The host that is spoken to first, and its addresses."""
        host, port, _ = self._hop()
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return host, list(dict.fromkeys(str(address[4][0]) for address in found))

    def connect(self, seconds: float) -> str:
        host, port, _ = self._hop()
        socket.create_connection((host, port), seconds).close()
        return f"{host}:{port}"

    def shake_hands(self, seconds: float) -> str:
        """The TLS version; through a proxy any HTTP answer at all, which nobody gives before TLS stands."""
        if self.proxied:
            timeout = urllib3.Timeout(connect=seconds, read=seconds)
            self.get(endpoints.VERSION, {}, timeout).close()
            return "through the proxy"
        with (
            socket.create_connection((self._host, self._port), seconds) as plain,
            self._trust.wrap_socket(plain, server_hostname=self._server_name) as secured,
        ):
            return secured.version() or ""

    def post(self, target: str, body: bytes, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        """A review: the API server answers it and stores nothing. We never post anything else."""
        return self._pool.request(
            "POST",
            self._base + target,
            body=body,
            headers={
                "User-Agent": f"fleetkeeper/{__version__}",
                "Accept": "application/json",
                "Content-Type": "application/json",
                **self._credential.headers(),
            },
            preload_content=False,
            redirect=False,
            retries=False,
            timeout=timeout,
        )

    def _hop(self) -> tuple[str, int, bool]:
        """Host and port that we connect to, and whether that is a proxy."""
        proxy = getattr(self._pool, "proxy", None) or getattr(self._pool, "proxy_url", None)
        if not proxy:
            return self._host, self._port, False
        parts = urlsplit(str(proxy))
        return parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 1080), True


class _User(Struct, gc=False):
    username: str = ""
    groups: list[str] | None = None


class _Status(Struct, gc=False):
    user: _User = field(name="userInfo", default_factory=_User)
    allowed: bool = False


class _Review(Struct, gc=False):
    status: _Status


_REVIEW = msgspec.json.Decoder(_Review)


class ApiServer(KubeReader):
    """One API server, asked as an observation asks it, and about our own rights."""

    def __init__(self, connection: _ProbeConnection, limits: Limits, pace: Pace, clock: Clock) -> None:
        once = replace(limits, attempts=1, list_seconds=limits.request_seconds)
        super().__init__(Reader(connection, once, pace, clock))
        self._connection, self._limits, self._pace, self._clock = connection, once, pace, clock

    def path(self) -> tuple[Probe, ...]:
        return (
            Probe(RESOLVE, self._resolve),
            Probe(CONNECT, self._connect),
            Probe(TLS, self._shake_hands),
            Probe(CREDENTIAL, self._who_am_i),
        )

    def reads(self, helm_secrets: bool) -> tuple[Probe, ...]:
        kube_system = endpoints.NAMESPACES.path(name=_NAMESPACE)
        return (
            Probe(f"get {endpoints.VERSION}", self.git_version),
            Probe(f"get {endpoints.DISCOVERY}", self._discover),
            Probe(f"get {endpoints.METRICS}", self._measure),
            *(Probe(f"list {_name(r)}", partial(self._list, r)) for r in _LISTED),
            Probe(f"list {_name(_DEPLOYED)}", partial(self._look, _DEPLOYED.by_metadata)),
            Probe(f"get {_name(endpoints.NAMESPACES)}", partial(self._get, kube_system)),
            *(Probe(f"get {_name(r)}", partial(self._get, r.path(_NAMESPACE, _NOTHING))) for r in _READ_ONE_BY_ONE),
            *(Probe(f"get configmaps/{name}", partial(self._get, _settings(name))) for name in _SETTINGS),
            *(self._releases() if helm_secrets else ()),
        )

    def traced(self, apis: Apis) -> tuple[Probe, ...]:
        """A version that is not served here proves the right as well: RBAC knows groups and no versions."""
        kinds = live_kinds(apis, Minor.parse(self.git_version()), self.crds())
        places = {(_group(place), kind.resource): place for kind in kinds for place in reversed(kind.places)}
        found = (endpoints.traced(place, resource, "") for (_, resource), place in places.items())
        return tuple(Probe(f"list {_name(each)}", partial(self._look, each)) for each in found)

    def may(self, right: Right) -> bool:
        full, _, group = right.resource.partition(".")
        resource, _, subresource = full.partition("/")
        asked = {"verb": right.verb, "group": group, "resource": resource, "subresource": subresource}
        return self._review(_MAY_I, "SelfSubjectAccessReview", {"spec": {"resourceAttributes": asked}}).allowed

    def _resolve(self) -> str:
        with self._translated("resolve the endpoint"):
            host, addresses = self._connection.resolve()
        return f"{host} is {', '.join(addresses[:3])}" + (" (the proxy)" if self._connection.proxied else "")

    def _connect(self) -> str:
        with self._translated("connect to the endpoint"):
            return self._connection.connect(self._limits.connect_seconds)

    def _shake_hands(self) -> str:
        with self._translated("TLS with the endpoint"):
            return self._connection.shake_hands(self._limits.connect_seconds)

    def _who_am_i(self) -> str:
        try:
            user = self._review(_WHO_AM_I, "SelfSubjectReview", {}).user
        except ReadError as error:
            if error.reason is GapReason.NOT_FOUND:  # before 1.28: any review proves the credential
                self.may(Right("list", "nodes"))
                return "accepted"
            if error.reason is GapReason.FORBIDDEN and _ANONYMOUS not in error.detail:
                return "accepted; who we are may not be asked"
            raise
        if user.username == _ANONYMOUS:
            raise Refused("the API server takes us for anonymous: there is no credential", GapReason.UNAUTHENTICATED)
        groups = [group for group in user.groups or () if group != "system:authenticated"]
        return f"as {user.username}, in {', '.join(groups) if groups else 'no group'}"

    def _discover(self) -> str:
        self._reader.get(endpoints.DISCOVERY, around.Discovery, AGGREGATED)
        return ""

    def _measure(self) -> str:
        self._reader.text(endpoints.METRICS)
        return ""

    def _list(self, resource: Resource[Any], selector: str = "") -> str:
        more = f"&labelSelector={quote(selector)}" if selector else ""
        self._reader.get(f"{resource.path()}?limit=1{more}", structs.ListOf[structs.Object], _METADATA_LIST)
        return ""

    def _look(self, resource: Resource[Any]) -> str:
        try:
            return self._list(resource)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
        return "not served here; the call itself is allowed"

    def _get(self, path: str) -> str:
        try:
            self._reader.get(path, structs.Object, _METADATA)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
        return ""

    def _releases(self) -> Iterator[Probe]:
        for resource in _HOLDS_RELEASES:
            yield Probe(f"list {_name(resource)}", partial(self._list, resource, helm.SELECTOR))
            yield Probe(f"get {_name(resource)}", partial(self._get, resource.path(_NAMESPACE, _NOTHING)))

    def _review(self, path: str, kind: str, more: Mapping[str, object]) -> _Status:
        group_version = path.removeprefix("/apis/").rpartition("/")[0]
        answer = self._post(path, {"kind": kind, "apiVersion": group_version, **more})
        if answer.status not in (200, 201):
            raise setback(answer, path, self._clock).error
        return decode(_REVIEW, answer.body, path).status

    def _post(self, path: str, document: Mapping[str, object]) -> Answer:
        deadline = Deadline.after(self._pace, self._limits.request_seconds)
        with self._translated(path), bounded_by(deadline):
            left = deadline.left()
            timeout = urllib3.Timeout(connect=min(left, self._limits.connect_seconds), read=left)
            response = self._connection.post(path, json.dumps(document).encode(), timeout)
            try:
                body = response.read(self._limits.error_bytes + 1, decode_content=False)
            finally:
                response.close()
        if len(body) > self._limits.error_bytes:
            raise InvalidAnswer(f"{path}: the answer is too large for a review")
        return Answer(response.status, response.headers, body)

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise connection_setback(error, what).error from error
        except Cancelled as error:
            raise Unreachable(f"{what}: given up, because fleetkeeper is stopping") from error


def _settings(name: str) -> str:
    return endpoints.CONFIG_MAPS.path(SYSTEM, name)


def _group(place: str) -> str:
    return place.rpartition("/")[0]


def _name(resource: Resource[Any]) -> str:
    """As kubectl and RBAC write it: deployments.apps, pods."""
    group, _, version = resource.group_version.rpartition("/")
    return f"{resource.plural}.{group}" if version and group else resource.plural
