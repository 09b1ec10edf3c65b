"""The RBAC that is shipped for the reader: on a real API server it is enough, none of it is idle, and nothing more."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from fleetkeeper.adapters.kube.limits import WallPace
from fleetkeeper.adapters.kube.probes import ApiServer, KubeProber
from fleetkeeper.adapters.library import read_compat
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import KubeCluster, KubernetesSettings
from fleetkeeper.core.api_search import LiveKind
from fleetkeeper.engine.probing import Probe
from fleetkeeper.errors import GapReason, ReadError, Refused
from fleetkeeper.onboarding import shipped
from fleetkeeper.sim.control_plane.identity import Identity
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.control_plane import readers
from tests.control_plane.readers import PATHS, READS, create, reading
from tests.control_plane.test_reader import deprecated_calls
from tests.waiting import wait_until

RBAC = "/apis/rbac.authorization.k8s.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PUBLIC = ("system:public-info-viewer", "system:discovery")  # bindings that a hardened cluster has not
TRACES = "fleetkeeper-trace-reader"
RELEASE = "sh.helm.release.v1.web.v1"
APIS = read_compat().apis
Object = dict[str, Any]
Right = tuple[str, str, str]
"""Group, resource (or path) and verb."""

NEEDED_BY: dict[Right, str] = {
    ("", "/version", "get"): "version",
    ("", "/apis", "get"): "object traces",
    ("", "/metrics", "get"): "api use",
    ("", "persistentvolumes", "list"): "volumes",
    ("policy", "poddisruptionbudgets", "list"): "budgets",
    ("autoscaling", "horizontalpodautoscalers", "list"): "workloads",
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "list"): "webhooks",
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "list"): "webhooks",
    ("discovery.k8s.io", "endpointslices", "list"): "webhooks",
    ("apiregistration.k8s.io", "apiservices", "list"): "api services",
    ("argoproj.io", "applications", "list"): "gitops",
    ("", "nodes", "list"): "nodes",
    ("", "namespaces", "get"): "identity",
    ("", "namespaces", "list"): "namespaces",
    ("", "pods", "get"): "pods",
    ("", "pods", "list"): "pods",
    ("batch", "jobs", "get"): "workloads",
    ("batch", "jobs", "list"): "workloads",
    ("batch", "cronjobs", "list"): "workloads",
    ("apps", "deployments", "list"): "workloads",
    ("apps", "statefulsets", "list"): "workloads",
    ("apps", "daemonsets", "list"): "workloads",
    ("apps", "replicasets", "list"): "workloads",
    ("apiextensions.k8s.io", "customresourcedefinitions", "list"): "crds",
    ("", "secrets", "get"): "helm releases",
    ("", "secrets", "list"): "helm releases",
    ("", "configmaps", "get"): "helm releases",
    ("", "configmaps", "list"): "helm releases",
}
"""Which reads each right is there for, the first of them by name."""

AS_WELL = {"pods": {"pod notes"}, "helm releases": {"helm use"}, "workloads": {"customised"}, "crds": {"gitops"}}
"""Reads that need some of the same rights: of the same list, of the same records."""


def manifests(helm_secrets: bool) -> list[Object]:
    return list(yaml.safe_load_all(shipped.rbac(helm_secrets)))


def rights(helm_secrets: bool) -> list[Right]:
    """Every right that the shipped roles give, one by one, but for those to list objects for their traces."""
    roles = [m for m in manifests(helm_secrets) if m["kind"] == "ClusterRole"]
    return [right for role in roles if role["metadata"]["name"] != TRACES for right in rights_of(role)]


def rights_of(*roles: Object) -> list[Right]:
    found: list[Right] = []
    for role in roles:
        for rule in role["rules"]:
            assert not rule.get("resourceNames")
            found += [("", path, verb) for path in rule.get("nonResourceURLs", ()) for verb in rule["verbs"]]
            for group in rule.get("apiGroups", ()):
                found += [(group, resource, verb) for resource in rule.get("resources", ()) for verb in rule["verbs"]]
    return found


ALL = rights(helm_secrets=True)
READER = rights(helm_secrets=False)
TRACE_ROLE = next(m for m in manifests(helm_secrets=False) if m["metadata"]["name"] == TRACES)


@pytest.fixture(scope="module")
def plane(plane_minor: str) -> Iterator[ControlPlane]:
    """A hardened API server with something for each read, and the shipped RBAC without the opt-in role."""
    with ControlPlane(plane_minor, Options(controllers=False, scheduler=False, kwok=False)) as found:
        for name in PUBLIC:
            assert found.request("DELETE", f"{RBAC}/clusterrolebindings/{name}").ok
        fill(found)
        for manifest in manifests(helm_secrets=False):
            inside = f"/namespaces/{manifest['metadata']['namespace']}" if "namespace" in manifest["metadata"] else ""
            found.create(f"{RBAC}{inside}/{manifest['kind'].lower()}s", manifest)
        yield found


@pytest.fixture
def user(plane: ControlPlane) -> Identity:
    """A member of the group that the shipped RBAC names, once it holds."""
    found = plane.mint("fleetkeeper", shipped.GROUP)
    wait_until(lambda: plane.request("GET", "/api/v1/nodes", identity=found).ok, "the shipped role holds")
    return found


@pytest.mark.parametrize("name", [name for name in READS if "helm" not in name])
def test_with_the_shipped_role_every_read_works(plane: ControlPlane, user: Identity, name: str) -> None:
    with reading(plane, user) as kube:
        assert READS[name](kube)


def test_without_the_opt_in_role_no_release_is_read(plane: ControlPlane, user: Identity) -> None:
    with reading(plane, user) as kube, pytest.raises(Refused, match='cannot list resource "secrets"') as refused:
        kube.helm_releases({})

    assert refused.value.reason is GapReason.FORBIDDEN


@pytest.mark.parametrize("holder", ["Secret", "ConfigMap"])
def test_with_the_opt_in_role_releases_are_read(plane: ControlPlane, holder: str) -> None:
    with allowed(plane, ALL) as user, release_in(plane, holder), reading(plane, user) as kube:
        assert [release.chart for release in kube.helm_releases({})] == ["nginx"]


def test_for_traces_each_kind_that_is_served_needs_its_right(plane: ControlPlane) -> None:
    served = [right for right in rights_of(TRACE_ROLE) if is_served(plane, right)]
    stranger = plane.mint(f"discovering-{uuid4().hex[:8]}", "discoverers")
    role = {"metadata": {"name": stranger.user}, "rules": [as_rule(("", "/apis", "get"))]}
    plane.create(f"{RBAC}/clusterroles", role)
    group = "rbac.authorization.k8s.io"
    plane.create(
        f"{RBAC}/clusterrolebindings",
        {
            "metadata": {"name": stranger.user},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": stranger.user},
            "subjects": [{"apiGroup": group, "kind": "User", "name": stranger.user}],
        },
    )
    wait_until(lambda: plane.request("GET", "/apis", identity=stranger).ok, "the role holds")

    assert len(served) > 5
    with allowed(plane, READER) as user, reading(plane, user) as kube, reading(plane, stranger) as without:
        for group, resource, _ in served:
            kind = LiveKind("Any", resource, (f"{group}/v1",), frozenset())
            assert kube.object_traces([kind]) == ()
            with pytest.raises(Refused, match=f'cannot list resource "{resource}"'):
                without.object_traces([kind])


def is_served(plane: ControlPlane, right: Right) -> bool:
    group, resource, _ = right
    return plane.request("GET", f"/apis/{group}/v1/{resource}").ok


@contextmanager
def doctored(plane: ControlPlane, user: Identity, folder: Path) -> Iterator[ApiServer]:
    """The doctor's probes of a plane, by a kubeconfig of this user."""
    path = folder / "kubeconfig"
    path.write_text(plane.kubeconfig(user), encoding="utf-8")
    settings = KubernetesSettings((KubeCluster("edge", kubeconfig=str(path)),))
    prober = KubeProber(settings, lambda *_: ("", datetime.now(UTC)), SystemClock(), WallPace(threading.Event()))
    probes = prober.of_kubeconfig("edge")
    try:
        yield probes
    finally:
        probes.close()


def refused_to(probes: Iterable[Probe]) -> dict[str, GapReason]:
    refused = {}
    for probe in probes:
        try:
            probe.attempt()
        except ReadError as error:
            refused[probe.permission] = error.reason
    return refused


def test_the_doctor_finds_nothing_missing_of_the_shipped_role_and_calls_nothing_deprecated(
    plane: ControlPlane, user: Identity, tmp_path: Path
) -> None:
    before = deprecated_calls(plane)
    with doctored(plane, user, tmp_path) as probes:
        traced = probes.traced(APIS)
        assert refused_to((*probes.reads(helm_secrets=False), *traced)) == {}

    assert len(traced) > 5
    assert deprecated_calls(plane) == before


def test_the_doctor_names_each_right_that_is_missing(plane: ControlPlane, tmp_path: Path) -> None:
    known = [("", "/version", "get"), ("apiextensions.k8s.io", "customresourcedefinitions", "list")]
    with only(plane, known) as user, doctored(plane, user, tmp_path) as probes:
        wanted = (*probes.reads(helm_secrets=True), *probes.traced(APIS))
        given = {"get /version", "list customresourcedefinitions.apiextensions.k8s.io"}
        missing = {probe.permission for probe in wanted} - given
        assert refused_to(wanted) == dict.fromkeys(missing, GapReason.FORBIDDEN)


@contextmanager
def only(plane: ControlPlane, some: list[Right]) -> Iterator[Identity]:
    """A new user with these rights alone."""
    user = plane.mint(f"only-{uuid4().hex[:8]}")
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "ClusterRole", "name": user.user}
    subject = {"apiGroup": group, "kind": "User", "name": user.user}
    rules = [as_rule(right) for right in some]
    plane.create(f"{RBAC}/clusterroles", {"metadata": {"name": user.user}, "rules": rules})
    binding = {"metadata": {"name": user.user}, "roleRef": role, "subjects": [subject]}
    plane.create(f"{RBAC}/clusterrolebindings", binding)
    wait_until(lambda: plane.request("GET", "/version", identity=user).ok, "the role holds")
    try:
        yield user
    finally:
        plane.request("DELETE", f"{RBAC}/clusterrolebindings/{user.user}")
        plane.request("DELETE", f"{RBAC}/clusterroles/{user.user}")


def test_each_right_is_known_by_the_read_that_needs_it() -> None:
    assert set(ALL) == set(NEEDED_BY)
    assert len(ALL) == len(set(ALL))


@pytest.mark.parametrize("right", ALL, ids=lambda right: f"{right[2]} {right[1]}")
def test_without_this_right_exactly_one_read_breaks(plane: ControlPlane, right: Right) -> None:
    _, resource, verb = right
    holder = "ConfigMap" if resource == "configmaps" else "Secret"
    with allowed(plane, [r for r in ALL if r != right]) as user, release_in(plane, holder):
        broken = broken_reads(plane, user)

    needed = NEEDED_BY[right]
    assert needed in broken
    assert set(broken) <= {needed, *AS_WELL.get(needed, ())}
    assert broken[NEEDED_BY[right]].startswith(GapReason.FORBIDDEN)
    what = f"path \\{resource}" if resource.startswith("/") else f'{verb} resource "{resource}"'
    assert what.replace("\\", '"') in broken[NEEDED_BY[right]]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/namespaces/default/pods/bare/eviction"),
        ("PATCH", "/api/v1/nodes/node-1"),
        ("GET", "/api/v1/nodes/node-1"),
        ("DELETE", "/api/v1/nodes/node-1"),
        ("DELETE", "/api/v1/namespaces/default/pods/bare"),
        ("POST", "/api/v1/namespaces/default/pods"),
        ("GET", "/api/v1/namespaces/default/pods/bare/log"),
        ("POST", "/api/v1/namespaces/default/pods/bare/exec"),
        ("PATCH", "/apis/apps/v1/namespaces/default/deployments/app"),
        ("PATCH", "/apis/apps/v1/namespaces/default/deployments/app/scale"),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token"),
        ("GET", "/api/v1/secrets"),
        ("GET", "/api/v1/namespaces/default/secrets/plain"),
        ("GET", "/api/v1/configmaps"),
        ("GET", "/api/v1/pods?watch=1"),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/fleetkeeper-reader"),
        ("GET", "/api/v1/namespaces/kube-system/configmaps/other"),
        ("GET", "/api/v1/namespaces/default/configmaps/coredns"),
        ("GET", "/metrics/slis"),
    ],
)
def test_the_shipped_role_does_not_allow(plane: ControlPlane, user: Identity, method: str, path: str) -> None:
    answer = plane.request(method, path, {} if method in ("POST", "PATCH") else None, identity=user)

    assert answer.status == 403
    assert answer.json()["reason"] == "Forbidden"


@pytest.mark.parametrize("helm_secrets", [False, True], ids=["without secrets", "with secrets"])
def test_all_that_the_roles_give_is_get_and_list(plane: ControlPlane, helm_secrets: bool) -> None:
    review = {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "spec": {"namespace": "default"},
    }
    with allowed(plane, ALL if helm_secrets else READER) as user:
        found = plane.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review, identity=user)

    given = [rule for rule in found.json()["status"]["resourceRules"] if not is_about_oneself(rule)]
    assert given
    assert {verb for rule in given for verb in rule["verbs"]} == {"get", "list"}
    assert not any("*" in (*rule["apiGroups"], *rule["resources"]) for rule in given)


def is_about_oneself(rule: Object) -> bool:
    """Every authenticated user may ask what it is and may (system:basic-user)."""
    return set(rule["apiGroups"]) <= {"authorization.k8s.io", "authentication.k8s.io"}


def broken_reads(plane: ControlPlane, user: Identity) -> dict[str, str]:
    """The reads that are refused to this user, and what we then say."""
    broken: dict[str, str] = {}
    with reading(plane, user) as kube:
        for name, read in READS.items():
            try:
                read(kube)
            except Refused as refused:
                broken[name] = f"{refused.reason}: {refused.detail}"
    return broken


@contextmanager
def allowed(plane: ControlPlane, some: list[Right]) -> Iterator[Identity]:
    """A new user with these rights, who may list for traces and read the settings of addons."""
    name = f"some-{uuid4().hex[:8]}"
    user = plane.mint(name)
    group = "rbac.authorization.k8s.io"
    rules = [as_rule(right) for right in some] + TRACE_ROLE["rules"]
    subject = {"apiGroup": group, "kind": "User", "name": name}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": name}
    plane.create(f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    plane.create(f"{RBAC}/clusterrolebindings", {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
    settings = {"apiGroup": group, "kind": "Role", "name": "fleetkeeper-reader"}
    inside = f"{RBAC}/namespaces/kube-system/rolebindings"
    plane.create(inside, {"metadata": {"name": name}, "roleRef": settings, "subjects": [subject]})
    # Any one right of the role tells that all of it is known: roles and bindings come to the authorizer whole.
    paths = ("/api/v1/nodes", "/api/v1/pods")
    wait_until(lambda: any(plane.request("GET", path, identity=user).ok for path in paths), "the role holds")
    try:
        yield user
    finally:
        plane.request("DELETE", f"{inside}/{name}")
        plane.request("DELETE", f"{RBAC}/clusterrolebindings/{name}")
        plane.request("DELETE", f"{RBAC}/clusterroles/{name}")


def as_rule(right: Right) -> Object:
    group, resource, verb = right
    if resource.startswith("/"):
        return {"nonResourceURLs": [resource], "verbs": [verb]}
    return {"apiGroups": [group], "resources": [resource], "verbs": [verb]}


@contextmanager
def release_in(plane: ControlPlane, holder: str) -> Iterator[None]:
    """One Helm release, kept in a Secret or a ConfigMap."""
    make = readers.release_secret if holder == "Secret" else readers.release_config_map
    create(plane, holder, "default", make("web", "default", 1, "nginx"))
    try:
        yield
    finally:
        plane.request("DELETE", f"{PATHS[holder].format('default')}/{RELEASE}")


def fill(plane: ControlPlane) -> None:
    plane.add_nodes(["node-1"])
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        create(plane, kind, "default", readers.templated("app"))
    create(plane, "CronJob", "default", readers.cron_job("nightly"))
    create(plane, "Job", "default", readers.job("once"))
    create(plane, "Pod", "default", readers.pod("bare"))
    create(plane, "Secret", "default", {"metadata": {"name": "plain"}, "stringData": {"key": "hidden"}})
    plane.create(CRDS, readers.crd("example.com"))
    readers.around(plane)
