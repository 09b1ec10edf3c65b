"""Every permission in a cluster is proven by a request of its own, and so is each step of the way there."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from fleetkeeper.adapters.kube.probes import ApiServer, KubeProber
from fleetkeeper.adapters.library import read_compat
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.core.model import ClusterId, ControlPlane
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Cloud
from fleetkeeper.engine.probing import CONNECT, CREDENTIAL, RESOLVE, TLS, Right
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.onboarding import shipped
from fleetkeeper.sim.kube.api import Request, attributes
from fleetkeeper.sim.kube.certificates import Authority
from fleetkeeper.sim.loopback import Listener, Loopback, Receive, Scope, Send
from tests.adapters.kube import kubeconfigs
from tests.adapters.kube.support import NOW, StillClock, TestPace
from tests.onboarding import kube_reads

ID = ClusterId("arn:aws:eks:eu-west-1:111122223333:cluster/shop", NOW)
RBAC = shipped.rbac(helm_secrets=True)
APIS = read_compat().apis
OLDEST, NEWEST = 30, 44  # minors that are asked for their APIs: every row of the shipped data is on some way


def written(*roles: str) -> list[str]:
    """The rights of ClusterRoles as the doctor names them."""
    rights = sorted(right for role in roles for right in kube_reads.granted(RBAC, role))
    return [f"{verb} {resource if not group else f'{resource}.{group}'}" for verb, group, resource in rights]


def named() -> list[str]:
    """Those of the Role, which are for single objects."""
    (role,) = (d for d in kube_reads.documents(RBAC) if d["kind"] == "Role")
    return [
        f"{verb} {resource}/{name}"
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
        for name in rule["resourceNames"]
    ]


SETTINGS = {right.rpartition("/")[2] for right in named()}
READS = [*written("fleetkeeper-reader", "fleetkeeper-helm-reader"), *named()]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@dataclass
class Server:
    """An API server without objects: it knows one token, forbids what it is told to, and answers reviews."""

    url: str = ""
    ca_pem: str = ""
    token: str = "good"
    forbidden: set[str] = field(default_factory=set)  # "list nodes"
    may: set[str] = field(default_factory=set)
    groups: list[str] = field(default_factory=lambda: ["fleetkeeper:readers", "system:authenticated"])
    user: str = "reader"
    before_128: bool = False
    minor: str = "1.35"
    unserved: set[str] = field(default_factory=set)
    definitions: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: str, token: str, body: bytes) -> tuple[int, dict[str, Any]]:
        self.asked.append((method, path))
        if token != f"Bearer {self.token}":
            return 401, {"kind": "Status", "message": "Unauthorized"}
        if method == "POST":
            return self._review(path, json.loads(body))
        asked = attributes(Request.parse(method, path, query, {}))
        what = f"{asked.verb} {asked.resource or asked.path}" + (f".{asked.group}" if asked.group else "")
        if asked.resource == "configmaps" and asked.name in SETTINGS:  # a right of its own, by the name
            what = f"{what}/{asked.name}"
        if what in self.forbidden:
            return 403, {"kind": "Status", "message": f"cannot {what}"}
        if path == "/apis":
            return 200, {"kind": "APIGroupDiscoveryList", "items": []}
        if path == "/version":
            return 200, {"gitVersion": f"v{self.minor}.2"}
        if path == "/metrics":
            return 200, {}
        if asked.resource == "customresourcedefinitions":
            return 200, {"kind": "CustomResourceDefinitionList", "metadata": {}, "items": self.definitions}
        if asked.verb == "list" and asked.resource not in self.unserved:
            return 200, {"kind": "PartialObjectMetadataList", "metadata": {}, "items": None}
        if asked.name == "kube-system":
            return 200, {"kind": "PartialObjectMetadata", "metadata": {"name": "kube-system"}}
        return 404, {"kind": "Status", "message": "not found"}

    def _review(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        kind = {"selfsubjectreviews": "SelfSubjectReview", "selfsubjectaccessreviews": "SelfSubjectAccessReview"}
        assert body["kind"] == kind[path.rpartition("/")[2]]
        if body["kind"] == "SelfSubjectReview":
            if self.before_128:
                return 404, {"kind": "Status", "message": "the server could not find the requested resource"}
            return 201, {"status": {"userInfo": {"username": self.user, "groups": self.groups}}}
        asked = body["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (asked["resource"], asked["subresource"])))
        right = Right(asked["verb"], ".".join(filter(None, (resource, asked["group"]))))
        return 201, {"status": {"allowed": str(right) in self.may}}


@contextmanager
def serving() -> Iterator[Server]:
    server, authority = Server(), Authority.new()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        token = headers.get("authorization", "")
        status, document = server.answer(scope["method"], scope["path"], query, token, body)
        head = [(b"content-type", b"text/plain" if scope["path"] == "/metrics" else b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    listener = Listener(app, authority.server_context())
    server.url, server.ca_pem = f"https://127.0.0.1:{listener.port}", authority.ca_pem()
    loopback = Loopback("api-server", [listener])
    try:
        yield server
    finally:
        loopback.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def prober(*rows: KubeCluster, token: str = "good") -> KubeProber:
    settings = KubernetesSettings(rows)
    return KubeProber(settings, lambda *_: (token, NOW + timedelta(hours=1)), StillClock(), TestPace(step=0.001))


@contextmanager
def opened(server: Server, token: str = "good", endpoint: str = "", ca_pem: str = "") -> Iterator[ApiServer]:
    address, trust = endpoint or server.url, ca_pem or server.ca_pem
    control_plane = ControlPlane("shop", Minor(1, 35), "ACTIVE", address, trust)
    found = prober(token=token).of_eks(cast(Cloud, None), ID, control_plane)
    try:
        yield found
    finally:
        found.close()


def outcomes(probes: Any) -> dict[str, str]:
    found = {}
    for probe in probes:
        try:
            found[probe.permission] = f"passes {probe.attempt()}".strip()
        except ReadError as error:
            found[probe.permission] = error.reason.value
    return found


def test_the_way_is_proven_step_by_step(server: Server) -> None:
    with opened(server) as probes:
        found = outcomes(probes.path())

    assert list(found) == [RESOLVE, CONNECT, TLS, CREDENTIAL]
    assert found[RESOLVE] == "passes 127.0.0.1 is 127.0.0.1"
    assert found[CONNECT] == f"passes {server.url.removeprefix('https://')}"
    assert found[TLS].startswith("passes TLSv1.")
    assert found[CREDENTIAL] == "passes as reader, in fleetkeeper:readers"


def test_a_name_that_nobody_knows_does_not_resolve(server: Server) -> None:
    with opened(server, endpoint="https://cluster.invalid:443") as probes:
        assert outcomes(probes.path())[RESOLVE] == "unreachable"


def test_a_port_where_nobody_listens_does_not_connect(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with opened(server, endpoint=f"https://127.0.0.1:{port}") as probes:
        found = outcomes(probes.path())

    assert (found[RESOLVE][:6], found[CONNECT]) == ("passes", "unreachable")


def test_the_certificate_of_another_cluster_is_refused(server: Server) -> None:
    with opened(server, ca_pem=Authority.new().ca_pem()) as probes:
        _, connect, tls, _ = probes.path()
        connect.attempt()
        with pytest.raises(ReadError, match="certificate was refused") as refused:
            tls.attempt()

    assert refused.value.reason is GapReason.UNREACHABLE
    assert server.asked == []


def test_a_token_that_nobody_knows_is_not_authenticated(server: Server) -> None:
    with opened(server, token="bad") as probes:
        assert outcomes(probes.path())[CREDENTIAL] == "unauthenticated"


def test_to_be_taken_for_anonymous_is_no_credential(server: Server) -> None:
    server.user = "system:anonymous"
    with opened(server) as probes:
        assert outcomes(probes.path())[CREDENTIAL] == "unauthenticated"


def test_before_1_28_any_review_proves_the_credential(server: Server) -> None:
    server.before_128 = True
    with opened(server) as probes:
        assert outcomes(probes.path())[CREDENTIAL] == "passes accepted"


def test_the_reads_are_exactly_the_rules_of_the_roles(server: Server) -> None:
    with opened(server) as probes:
        assert sorted(p.permission for p in probes.reads(helm_secrets=True)) == sorted(READS)
        without = [p.permission for p in probes.reads(helm_secrets=False)]

    assert [right for right in READS if right not in without] == [
        r for r in READS if r.endswith(("secrets", "configmaps"))
    ]


def test_the_lists_of_apis_that_go_away_are_exactly_the_rules_of_the_role(server: Server) -> None:
    server.definitions = [definition(row.group, kind) for row in APIS.third_party for kind in row.kinds]
    asked = set()
    for minor in range(OLDEST, NEWEST + 1):
        server.minor = f"1.{minor}"
        with opened(server) as probes:
            asked |= {p.permission for p in probes.traced(APIS)}

    assert sorted(asked) == sorted(written("fleetkeeper-trace-reader"))


def definition(group: str, kind: str) -> dict[str, Any]:
    """A CRD that serves a version after all that go away; its plural is as the addons build theirs."""
    singular = kind.lower()
    for ending, plural in (("ay", "ays"), ("y", "ies"), ("ss", "sses"), ("s", "s"), ("", "s")):
        if singular.endswith(ending):
            singular = singular.removesuffix(ending) + plural
            break
    versions = [{"name": "v99", "served": True, "storage": True}]
    spec = {"group": group, "names": {"kind": kind, "plural": singular}, "versions": versions}
    return {"metadata": {"name": f"{singular}.{group}"}, "spec": spec}


@pytest.mark.parametrize("minor", ["1.30", "1.33", "1.36"])
def test_looking_for_what_goes_away_calls_none_of_it(server: Server, minor: str) -> None:
    server.minor, server.definitions = minor, [definition("cert-manager.io", "Certificate")]
    with opened(server) as probes:
        found = outcomes(probes.traced(APIS))

    assert set(found.values()) == {"passes"}
    assert len(found) > 5
    at = Minor.parse(minor)
    old = {(row.api_version, row.resource) for row in APIS.rows if row.deprecated and row.deprecated <= at}
    called = {path.removeprefix("/apis/").rpartition("/")[::2] for _, path in server.asked}
    assert not called & old


def test_a_list_that_is_forbidden_fails_alone_and_one_that_is_not_served_passes(server: Server) -> None:
    right, unserved = "list flowschemas.flowcontrol.apiserver.k8s.io", "list servicecidrs.networking.k8s.io"
    server.minor, server.forbidden, server.unserved = "1.31", {right}, {"servicecidrs"}
    with opened(server) as probes:
        found = outcomes(probes.traced(APIS))

    assert {what for what, said in found.items() if not said.startswith("passes")} == {right}
    assert found[unserved] == "passes not served here; the call itself is allowed"


def test_without_definitions_it_is_not_known_what_to_look_for(server: Server) -> None:
    server.forbidden = {"list customresourcedefinitions.apiextensions.k8s.io"}
    with opened(server) as probes, pytest.raises(ReadError):
        probes.traced(APIS)


@pytest.mark.parametrize("right", READS)
def test_a_read_that_is_forbidden_fails_alone(server: Server, right: str) -> None:
    server.forbidden = {right}
    with opened(server) as probes:
        found = outcomes(probes.reads(helm_secrets=True))

    assert {what: said for what, said in found.items() if not said.startswith("passes")} == {right: "forbidden"}


@pytest.mark.parametrize(
    "right",
    [Right("create", "pods/eviction"), Right("patch", "deployments.apps"), Right("get", "secrets")],
    ids=str,
)
def test_a_right_is_asked_for_and_never_used(server: Server, right: Right) -> None:
    with opened(server) as probes:
        before = probes.may(right)
        server.may = {str(right)}
        after = probes.may(right)

    assert (before, after) == (False, True)
    assert server.asked == [("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")] * 2


def test_a_kubeconfig_that_is_not_the_clusters_is_refused_before_any_call(server: Server, tmp_path: Path) -> None:
    path = kubeconfigs.write(tmp_path, "https://127.0.0.1:1", server.ca_pem, token="good")
    row = KubeCluster("shop", arn=ID.arn, kubeconfig=str(path))
    plane = ControlPlane("shop", Minor(1, 35), "ACTIVE", server.url, server.ca_pem)

    with pytest.raises(ReadError) as refused:
        prober(row).of_eks(cast(Cloud, None), ID, plane)

    assert refused.value.reason is GapReason.WRONG_ENDPOINT
    assert server.asked == []


def test_a_cluster_that_only_a_kubeconfig_knows_is_opened_without_a_call(server: Server, tmp_path: Path) -> None:
    path = kubeconfigs.write(tmp_path, server.url, server.ca_pem, token="good")
    probes = prober(KubeCluster("edge", kubeconfig=str(path)))

    found = probes.of_kubeconfig("edge")

    assert (probes.standalone(), server.asked) == (("edge",), [])
    assert outcomes(found.path())[CREDENTIAL] == "passes as reader, in fleetkeeper:readers"
    found.close()


@pytest.mark.parametrize("changes", [{"insecure": True}, {"server": "http://plain.example"}], ids=str)
def test_a_kubeconfig_that_proves_nothing_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"server": "https://edge.example", "ca": "", "token": "good"} | changes
    path = kubeconfigs.write(tmp_path, **arguments)

    with pytest.raises(ReadError) as refused:
        prober(KubeCluster("edge", kubeconfig=str(path))).of_kubeconfig("edge")

    assert refused.value.reason is GapReason.WRONG_ENDPOINT
