"""Our own reader sees on a real API server what is there, says why where it does not, and calls nothing deprecated."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.adapters.kube import convert, endpoints
from fleetkeeper.adapters.kube.client import KubeReader
from fleetkeeper.adapters.kube.limits import Limits
from fleetkeeper.core.model import ComputeKind, Crd, HelmRelease, Namespace, Workload
from fleetkeeper.errors import GapReason, ReadError, Refused
from fleetkeeper.sim.control_plane.identity import Identity
from fleetkeeper.sim.control_plane.kwok import NodeShape
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.control_plane import readers
from tests.control_plane.readers import connected, create, reading
from tests.waiting import wait_until

ALONE = Options(controllers=False, scheduler=False, kwok=False)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
METRIC = "apiserver_requested_deprecated_apis{"


@pytest.fixture
def kube(control_plane: ControlPlane) -> Iterator[KubeReader]:
    """The Kube port as admin."""
    with reading(control_plane) as reader:
        yield reader


@pytest.fixture
def node(control_plane: ControlPlane, namespace: str) -> Iterator[str]:
    """A Ready node of a managed group, named for the test's namespace."""
    labels = {
        "eks.amazonaws.com/nodegroup": "blue",
        "node.kubernetes.io/instance-type": "m7g.large",
        "topology.kubernetes.io/zone": "eu-west-1b",
    }
    control_plane.add_nodes([namespace], NodeShape(kubelet="v1.34.2-eks-1", architecture="arm64", labels=labels))
    control_plane.wait_for(f"/api/v1/nodes/{namespace}", is_ready)
    yield namespace
    control_plane.request("DELETE", f"/api/v1/nodes/{namespace}")


def test_the_version_is_the_one_that_runs(control_plane: ControlPlane, kube: KubeReader) -> None:
    assert kube.git_version() == f"v{control_plane.version}"


def test_a_cluster_is_identified_by_kube_system(control_plane: ControlPlane, kube: KubeReader) -> None:
    stored = control_plane.request("GET", "/api/v1/namespaces/kube-system").json()["metadata"]
    found = kube.identity()

    assert found.uid == stored["uid"]
    assert found.created_at is not None
    assert found.created_at.tzinfo is not None
    assert f"{found.created_at:%Y-%m-%dT%H:%M:%SZ}" == stored["creationTimestamp"]


def test_a_node_is_read_with_what_its_kubelet_reports(control_plane: ControlPlane, kube: KubeReader, node: str) -> None:
    stored = control_plane.request("GET", f"/api/v1/nodes/{node}").json()
    (found,) = (n for n in kube.nodes() if n.name == node)

    assert (found.uid, found.kubelet, found.arch, found.os) == (
        stored["metadata"]["uid"],
        "v1.34.2-eks-1",
        "arm64",
        "linux",
    )
    assert (found.kind, found.group) == (ComputeKind.MANAGED, "blue")
    assert (found.instance_type, found.zone) == ("m7g.large", "eu-west-1b")
    assert (found.ready, found.schedulable) == (True, True)


def test_a_cordoned_node_takes_no_pods(control_plane: ControlPlane, kube: KubeReader, node: str) -> None:
    cordon = {"spec": {"unschedulable": True}}
    control_plane.request("PATCH", f"/api/v1/nodes/{node}", cordon, content_type="application/merge-patch+json")

    assert [n.schedulable for n in kube.nodes() if n.name == node] == [False]


def test_workloads_are_read_from_their_templates(control_plane: ControlPlane, namespace: str, kube: KubeReader) -> None:
    made = [
        create(control_plane, kind, namespace, obj)
        for kind, obj in (
            (
                "Deployment",
                readers.templated(
                    *("web", "registry.example/web:1", "registry.example/log:2", "registry.example/web:1"),
                    init=("registry.example/init:3",),
                    replicas=0,
                    labels={"team": "shop", "app": "web"},
                    annotations={"a8r.io/owner": "ada"},
                ),
            ),
            ("StatefulSet", {**readers.templated("store", replicas=0)}),
            ("DaemonSet", readers.templated("agent", "registry.example/agent:4")),
            ("ReplicaSet", readers.templated("alone", replicas=0)),
            ("CronJob", readers.cron_job("nightly")),
            ("Job", readers.job("once")),
        )
    ]
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    control_plane.wait_for(path, lambda found: found["status"].get("observedGeneration") == 1)
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": made[4]["metadata"]["uid"]}
    create(control_plane, "Job", namespace, readers.job("nightly-1", ownerReferences=[{**owner, "controller": True}]))
    uids = [stored["metadata"]["uid"] for stored in made]
    app = ("registry.example/app:1",)

    found = {(w.kind, w.name): plain(w) for w in kube.workloads() if w.namespace == namespace}

    assert found == {
        (w.kind, w.name): w
        for w in (
            Workload(
                *("Deployment", namespace, "web", uids[0]),
                images=("registry.example/init:3", "registry.example/web:1", "registry.example/log:2"),
                replicas=0,
                owner={"team": "shop", "a8r.io/owner": "ada"},
            ),
            Workload("StatefulSet", namespace, "store", uids[1], app, 0),
            Workload("DaemonSet", namespace, "agent", uids[2], ("registry.example/agent:4",)),
            Workload("ReplicaSet", namespace, "alone", uids[3], app, 0),
            Workload("CronJob", namespace, "nightly", uids[4], ("registry.example/nightly:7",)),
            Workload("Job", namespace, "once", uids[5], app),
        )
    }


def test_only_pods_without_an_owner_are_read_in_full(
    control_plane: ControlPlane, namespace: str, node: str, kube: KubeReader
) -> None:
    create(control_plane, "Deployment", namespace, readers.templated("web", replicas=3))
    bare = create(control_plane, "Pod", namespace, readers.pod("bare", labels={"team": "ops"}))
    done = create(control_plane, "Pod", namespace, {**readers.pod("done")})
    path = f"/api/v1/namespaces/{namespace}/pods"
    control_plane.wait_for(path, lambda found: running(found) == 5)
    done = control_plane.request("GET", f"{path}/done").json()
    done["status"]["phase"] = "Succeeded"
    assert control_plane.request("PUT", f"{path}/done/status", done).ok

    others = -1
    while (now := _pods_elsewhere(control_plane, namespace)) != others:  # those of earlier tests end when they like
        others, pods = now, kube.pods()

    assert pods.total == others + 4
    assert [plain(w) for w in pods.ownerless if w.namespace == namespace] == [
        Workload("Pod", namespace, "bare", bare["metadata"]["uid"], ("registry.example/tool:2",), None, {"team": "ops"})
    ]


def plain(workload: Workload) -> Workload:
    """Without what an upgrade needs of it, which test_reader_around.py is about."""
    return replace(workload, template=None, selector=None, ready=None, schedule="")


def _pods_elsewhere(control_plane: ControlPlane, namespace: str) -> int:
    """Pods of other namespaces that have not ended."""
    found = control_plane.request("GET", "/api/v1/pods").json()["items"]
    ended = ("Succeeded", "Failed")
    return sum(1 for p in found if p["metadata"]["namespace"] != namespace and p["status"]["phase"] not in ended)


def test_more_pods_without_an_owner_than_are_read_one_by_one(
    control_plane: ControlPlane, namespace: str, kube: KubeReader
) -> None:
    names = [f"bare-{n:02}" for n in range(30)]
    for name in names:
        create(control_plane, "Pod", namespace, readers.pod(name))

    assert sorted(w.name for w in kube.pods().ownerless if w.namespace == namespace) == names


def test_a_namespace_says_who_owns_it(control_plane: ControlPlane, namespace: str, kube: KubeReader) -> None:
    labels = {"metadata": {"labels": {"team": "shop", "tier": "gold"}}}
    path = f"/api/v1/namespaces/{namespace}"
    control_plane.request("PATCH", path, labels, content_type="application/merge-patch+json")

    assert Namespace(namespace, {"team": "shop"}) in kube.namespaces()


def test_a_definition_is_read_with_its_versions(control_plane: ControlPlane, namespace: str, kube: KubeReader) -> None:
    group = f"{namespace}.example.com"
    control_plane.create(CRDS, readers.crd(group))
    control_plane.wait_for(f"{CRDS}/widgets.{group}", lambda found: found["status"].get("storedVersions"))
    versions = (("v1", True, True, False), ("v1beta1", True, False, True), ("v1alpha1", False, False, False))

    (found,) = (c for c in kube.crds() if c.group == group)
    control_plane.request("DELETE", f"{CRDS}/widgets.{group}")

    assert (found.name, found.kind, found.stored) == (f"widgets.{group}", "Widget", ("v1",))
    assert sorted(found.versions) == sorted(versions)
    assert isinstance(found, Crd)


def test_the_newest_deployed_revision_of_a_release_is_read_once(
    control_plane: ControlPlane, namespace: str, kube: KubeReader
) -> None:
    for name, revision, status in (("web", 1, "superseded"), ("web", 2, "deployed"), ("db", 1, "failed")):
        create(control_plane, "Secret", namespace, readers.release_secret(name, namespace, revision, "nginx", status))
    path = f"/api/v1/namespaces/{namespace}/secrets/sh.helm.release.v1.web.v2"
    stored = control_plane.request("GET", path).json()["metadata"]
    key = f"{stored['uid']}@{stored['resourceVersion']}"

    found = [release for release in kube.helm_releases({}) if release.namespace == namespace]
    kept = HelmRelease(namespace, "web", 2, "deployed", "kept", "0", "0", key)

    assert found == [HelmRelease(namespace, "web", 2, "deployed", "nginx", "4.12.3", "1.30.0", key)]
    assert kept in kube.helm_releases({key: kept})


def test_more_releases_than_are_read_one_by_one(control_plane: ControlPlane, namespace: str, kube: KubeReader) -> None:
    for n in range(25):
        create(control_plane, "Secret", namespace, readers.release_secret(f"app-{n:02}", namespace, 1, f"chart-{n}"))

    found = {r.name: r.chart for r in kube.helm_releases({}) if r.namespace == namespace}

    assert found == {f"app-{n:02}": f"chart-{n}" for n in range(25)}


@pytest.mark.parametrize("name", readers.READS)
def test_a_wrong_token_is_the_operators_to_mend(control_plane: ControlPlane, name: str) -> None:
    with reading(control_plane, Identity("stranger", token="wrong")) as kube, pytest.raises(Refused) as refused:
        readers.READS[name](kube)

    assert refused.value.reason is GapReason.UNAUTHENTICATED
    assert "Unauthorized" in refused.value.detail


def test_one_resource_that_is_forbidden_leaves_the_others_in_sight(control_plane: ControlPlane, namespace: str) -> None:
    user = control_plane.mint(f"user-{namespace}")
    grant(control_plane, namespace, user.user, ["nodes", "namespaces"])
    wait_until(lambda: control_plane.request("GET", "/api/v1/nodes", identity=user).ok, "the grant holds")
    with reading(control_plane, user) as kube:
        kube.nodes()
        kube.namespaces()
        with pytest.raises(Refused) as refused:
            kube.pods()

    assert refused.value.reason is GapReason.FORBIDDEN
    assert f'User "{user.user}" cannot list resource "pods" in API group ""' in refused.value.detail


def test_a_list_is_read_page_by_page_to_its_end(control_plane: ControlPlane, namespace: str) -> None:
    names = [f"web-{n:02}" for n in range(60)]
    for name in names:
        create(control_plane, "Deployment", namespace, readers.templated(name, replicas=0))

    with connected(control_plane, limits=Limits(page_items=7, pages=9)) as reader:
        listing = reader.list(endpoints.DEPLOYMENTS, lambda d: convert.templated("Deployment", d).name, namespace)
    with (
        connected(control_plane, limits=Limits(page_items=7, pages=8)) as reader,
        pytest.raises(ReadError, match="more than 8 pages"),
    ):
        reader.list(endpoints.DEPLOYMENTS, lambda d: d.metadata.name, namespace)

    assert list(listing.items) == names
    assert listing.consistent


def test_a_list_goes_on_after_its_token_expired(plane_minor: str) -> None:
    options = Options(False, False, False, api_server_flags=readers.compacting(plane_minor))
    with ControlPlane(plane_minor, options) as plane:
        names = [f"web-{n:02}" for n in range(20)]
        for name in names:
            create(plane, "Deployment", "default", readers.templated(name, replicas=0))
        wait = once(lambda: until_expired(plane))

        with connected(plane, limits=Limits(page_items=8)) as reader:
            listing = reader.list(endpoints.DEPLOYMENTS, lambda d: (wait(), d.metadata.name)[1], "default")

    assert list(listing.items) == names
    assert not listing.consistent


def test_reading_everything_calls_no_deprecated_api(plane_minor: str) -> None:
    options = Options(False, False, False, runtime_config="api/all=true")
    with ControlPlane(plane_minor, options) as plane:
        fill(plane)
        before = deprecated_calls(plane)
        with reading(plane) as kube:
            seen = {name: read(kube) for name, read in readers.READS.items()}
            plane.request("DELETE", "/api/v1/namespaces/default/secrets/sh.helm.release.v1.web.v1")
            seen["helm releases in config maps"] = kube.helm_releases({})
        after = deprecated_calls(plane)
        plane.request("GET", "/api/v1/componentstatuses")
        provoked = deprecated_calls(plane)

    assert all(seen.values())
    assert after == before
    assert {line for line in provoked - after if "componentstatuses" in line}


def fill(plane: ControlPlane) -> None:
    """One object for each request that the reader can make."""
    plane.add_nodes(["node-1"])
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        create(plane, kind, "default", readers.templated("app"))
    create(plane, "CronJob", "default", readers.cron_job("nightly"))
    create(plane, "Job", "default", readers.job("once"))
    for n in range(30):
        create(plane, "Pod", "kube-system", readers.pod(f"bare-{n}"))
    create(plane, "Pod", "default", readers.pod("bare"))
    create(plane, "Secret", "default", readers.release_secret("web", "default", 1, "nginx"))
    create(plane, "ConfigMap", "default", readers.release_config_map("web", "default", 1, "nginx"))
    plane.create(CRDS, readers.crd("example.com"))
    readers.around(plane)


def deprecated_calls(plane: ControlPlane) -> set[str]:
    """The lines of the API server's own metric; which is there once anybody called a deprecated API."""
    return {line for line in plane.request("GET", "/metrics").body.decode().splitlines() if line.startswith(METRIC)}


def until_expired(plane: ControlPlane) -> None:
    """Wait until a continue token of now is too old, and so are all older ones."""
    path = "/apis/apps/v1/namespaces/default/deployments?limit=1"
    token = plane.request("GET", path).json()["metadata"]["continue"]
    create(plane, "Deployment", "default", readers.templated("zz-later", replicas=0))
    plane.request("DELETE", "/apis/apps/v1/namespaces/default/deployments/zz-later")
    wait_until(lambda: plane.request("GET", f"{path}&continue={token}").status == 410, "the token is too old")


def once(act: Any) -> Any:
    """A function that does it at its first call."""
    waiting = [act]
    return lambda: waiting.pop()() if waiting else None


def grant(plane: ControlPlane, name: str, user: str, resources: list[str]) -> None:
    root, group = "/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": resources, "verbs": ["get", "list"]}]
    plane.create(f"{root}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    subject = {"apiGroup": group, "kind": "User", "name": user}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": name}
    plane.create(f"{root}/clusterrolebindings", {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})


def is_ready(found: Any) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in found["status"].get("conditions", ()))


def running(pods: Any) -> int:
    return sum(pod["status"]["phase"] == "Running" for pod in pods["items"])
