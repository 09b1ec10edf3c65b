"""A simulated EKS over a real control plane: what UpdateClusterVersion and a roll of nodes do to the real thing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.store import schema
from fleetkeeper.adapters.store.store import SqlStore
from fleetkeeper.config import StoreSettings
from fleetkeeper.core import parts
from fleetkeeper.core.model import SeenCluster
from fleetkeeper.onboarding import shipped
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY
from fleetkeeper.sim.control_plane import build, cache, modules
from fleetkeeper.sim.control_plane.identity import Identity
from fleetkeeper.sim.control_plane.plane import ControlPlane, Options
from tests.control_plane import readers
from tests.control_plane.shop import Object, Shop, shop_of
from tests.control_plane.test_plane import is_ready
from tests.engine.live import Live, connected
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("adjacent_minors")

OLDER, NEWER = build.DEFAULT_MINORS
ALONE = Options(controllers=False, scheduler=False, kwok=False)
MINUTES_IN_SECONDS = 120.0  # 15 minutes pass in 7.5 seconds, in which KWOK and the controllers do their work
AT_ONCE = 2000.0  # 8 minutes pass in a quarter of a second: an API server takes longer to change
RBAC = "/apis/rbac.authorization.k8s.io/v1"
CLASSES = "/apis/storage.k8s.io/v1/volumeattributesclasses"
POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.fixture(autouse=True)
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    settings = StoreSettings(f"sqlite:///{tmp_path}/fleet.db")
    schema.upgrade(settings)
    found = SqlStore(settings)
    yield found
    found.close()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Shared by tests that leave its minor as it is; each has a namespace."""
    with shop_of(MINUTES_IN_SECONDS) as found:
        install_reader(found.plane)
        yield found


def install_reader(plane: ControlPlane) -> None:
    """The RBAC that is shipped, in place of the scenario's own of the same names."""
    for manifest in yaml.safe_load_all(shipped.rbac(helm_secrets=True)):
        namespace = manifest["metadata"].get("namespace")
        path = f"{RBAC}/{f'namespaces/{namespace}/' if namespace else ''}{manifest['kind'].lower()}s"
        plane.request("DELETE", f"{path}/{manifest['metadata']['name']}")
        plane.create(path, manifest)


@pytest.fixture
def namespace(shop: Shop) -> Iterator[str]:
    name = f"test-{uuid4().hex[:8]}"
    shop.plane.create_namespace(name)
    yield name
    # A namespace goes away in its time; a budget must not stand in the way of the next test.
    assert shop.plane.request("DELETE", f"/apis/policy/v1/namespaces/{name}/poddisruptionbudgets").ok
    assert shop.plane.request("DELETE", f"/api/v1/namespaces/{name}").ok


def eks_token(found: Live) -> str:
    """A bearer token as fleetkeeper makes it."""
    clouds = found.keeper.ports.clouds
    assert isinstance(clouds, EksClouds)
    (prod,) = (cloud for cloud in clouds.open()[0] if cloud.scope.account == "111122223333")
    return clouds.token(prod, "shop")[0]


# Who one is


def test_eks_names_the_real_api_server(shop: Shop) -> None:
    described = shop.described()
    assert described["endpoint"] == shop.plane.server
    assert described["version"] == OLDER
    assert shop.git_version().startswith(f"v{OLDER}.")


def test_the_real_api_server_takes_an_eks_token_for_the_groups_of_its_access_entry(shop: Shop, store: SqlStore) -> None:
    token = eks_token(connected(shop.simulator, store))
    review = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
    said = shop.plane.request("POST", REVIEWS, review, identity=Identity("", token=token)).json()["status"]["userInfo"]
    assert said["username"] == "arn:aws:sts::111122223333:assumed-role/fleetkeeper-reader/fleetkeeper"
    assert set(said["groups"]) == {shipped.GROUP, "system:authenticated"}


@pytest.mark.parametrize("token", ["nonsense", "k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8"])
def test_a_token_that_names_nobody_is_unauthorized(shop: Shop, token: str) -> None:
    assert shop.plane.request("GET", "/api/v1/nodes", identity=Identity("", token=token)).status == 401


def test_without_an_access_entry_a_good_token_is_unauthorized(shop: Shop, store: SqlStore) -> None:
    token = eks_token(connected(shop.simulator, store))
    kept, shop.cluster.access = shop.cluster.access, {}
    try:
        assert shop.plane.request("GET", "/api/v1/nodes", identity=Identity("", token=token)).status == 401
    finally:
        shop.cluster.access = kept


def test_the_objects_of_the_scenario_are_there(shop: Shop) -> None:
    shop.settled()
    deployments = {each["metadata"]["name"] for each in shop.items("/apis/apps/v1/deployments")}
    assert {"coredns", "cert-manager"} <= deployments
    assert {node["metadata"]["labels"]["eks.amazonaws.com/nodegroup"] for node in shop.nodes().values()} == {"general"}
    assert all(map(is_ready, shop.nodes().values()))


# Another minor, and back


def test_an_upgrade_and_the_way_back_keep_the_workloads(store: SqlStore) -> None:
    with shop_of(AT_ONCE) as shop:
        install_reader(shop.plane)
        pods = shop.settled()
        keeper = connected(shop.simulator, store)
        before = observed(keeper)
        assert read_version(shop, keeper).startswith(f"v{OLDER}.")

        upgrade = shop.move(NEWER)
        assert (upgrade["type"], upgrade["status"], upgrade["errors"]) == ("VersionUpdate", "Successful", [])
        assert shop.git_version() == f"v{shop.plane.version}"
        assert (shop.described()["status"], shop.described()["version"]) == ("ACTIVE", NEWER)
        after = observed(keeper)
        assert read_version(shop, keeper) == f"v{shop.plane.version}"
        assert shop.pods().keys() == pods

        shop.plane.create(
            CLASSES, {"metadata": {"name": "gold"}, "driverName": "ebs.csi.aws.com", "parameters": {"type": "io2"}}
        )
        shop.plane.create(POLICIES, policy("stamp"))
        rollback = shop.move(OLDER)
        assert (rollback["type"], rollback["status"], rollback["errors"]) == ("VersionRollback", "Successful", [])
        assert shop.git_version().startswith(f"v{OLDER}.")
        assert shop.pods().keys() == pods
        # 1.36 stores a class in another version than 1.35, which reads it; a kind that 1.35 does not serve is hidden.
        assert shop.plane.request("GET", f"{CLASSES}/gold").ok
        assert shop.plane.request("GET", f"{POLICIES}/stamp").status == 404

    for seen, minor in ((before, OLDER), (after, NEWER)):
        assert seen.gaps == {}
        assert str(seen.value(parts.CONTROL_PLANE).version) == minor
        assert len(seen.value(parts.NODES)) == 2
        assert {release.chart for release in seen.value(parts.HELM_RELEASES)} == {"cert-manager"}
    assert {each.uid for each in after.value(parts.WORKLOADS)} == {each.uid for each in before.value(parts.WORKLOADS)}


def observed(keeper: Live) -> SeenCluster:
    """The shop as fleetkeeper sees it now."""
    keeper.clock.turn(minutes=5)
    keeper.observe()
    (seen,) = keeper.rows().values()
    return seen


def read_version(shop: Shop, keeper: Live) -> str:
    """The real API server's version by fleetkeeper's reader, with a token of EKS."""
    with readers.reading(shop.plane, Identity("", token=eks_token(keeper))) as kube:
        return kube.git_version()


def policy(name: str) -> Object:
    """A MutatingAdmissionPolicy, which is v1 from 1.36 on and not served by default before."""
    made = {"resources": ["configmaps"], "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    change = {"expression": "Object{metadata: Object.metadata{labels: {'stamped': 'yes'}}}"}
    spec = {
        "matchConstraints": {"resourceRules": [made]},
        "reinvocationPolicy": "Never",
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": change}],
    }
    return {"metadata": {"name": name}, "spec": spec}


def test_an_api_server_that_does_not_start_fails_the_update_and_the_old_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_newer_minor(tmp_path, monkeypatch)
    with shop_of(AT_ONCE, ALONE) as shop:
        kept = shop.plane.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "kept"}})
        update = shop.move(NEWER)
        assert update["status"] == "Failed"
        assert "this minor is broken" in update["errors"][0]["errorMessage"]
        assert (shop.described()["status"], shop.described()["version"]) == ("ACTIVE", OLDER)
        assert shop.git_version().startswith(f"v{OLDER}.")
        found = shop.plane.request("GET", "/api/v1/namespaces/default/configmaps/kept").json()
        assert found["metadata"]["uid"] == kept["metadata"]["uid"]


def broken_newer_minor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is built, but for an API server of the newer minor that ends at once."""
    real, own = cache.builds(), folder / "control-plane"
    own.mkdir()
    for name in (OLDER, *modules.COMPANIONS):
        built = modules.locked(name).cache_name
        (own / built).symlink_to(real / built)
    programs = own / modules.locked(NEWER).cache_name / "bin"
    programs.mkdir(parents=True)
    (programs / "kube-apiserver").write_text("#!/bin/sh\necho this minor is broken\nexit 3\n")
    (programs / "kube-apiserver").chmod(0o755)
    monkeypatch.setenv("FLEETKEEPER_CACHE", str(folder))


# Nodes


def test_a_roll_replaces_the_nodes_and_its_evictions_keep_the_budget(shop: Shop, namespace: str) -> None:
    pods, old, running = shop.web(namespace, web=1), shop.nodes(), [2]
    update = shop.roll()

    def rolled() -> Any:
        running.append(sum(map(is_ready, shop.pods(namespace).values())))
        return shop.outcome(update, nodegroupName="general")

    seen = wait_until(rolled, "the roll has ended")
    assert (seen["status"], seen["errors"]) == ("Successful", [])
    group = shop.eks.describe_nodegroup(clusterName="shop", nodegroupName="general")["nodegroup"]
    kubelet = f"v{group['releaseVersion'].partition('-')[0]}-"
    wait_until(lambda: len(shop.nodes()) == 2, "surplus nodes are gone")
    new = shop.nodes()
    assert not new.keys() & old.keys()
    assert all(node["status"]["nodeInfo"]["kubeletVersion"].startswith(kubelet) for node in new.values())
    wait_until(lambda: sum(map(is_ready, shop.pods(namespace).values())) == 2, "both pods run again")
    moved = shop.pods(namespace)
    assert not moved.keys() & pods.keys()
    assert {pod["spec"]["nodeName"] for pod in moved.values()} <= new.keys()
    assert min(running) >= 1


def test_a_budget_without_room_fails_the_roll_and_its_pods_stay(shop: Shop, namespace: str) -> None:
    pods, old = shop.web(namespace, web=2), shop.nodes()
    begun = shop.simulator.timeline.now()
    seen = shop.ended(shop.roll(), nodegroupName="general")
    assert (seen["status"], [each["errorCode"] for each in seen["errors"]]) == ("Failed", ["PodEvictionFailure"])
    assert shop.simulator.timeline.now() - begun >= timedelta(minutes=17)  # 2 until the first drain, which has 15
    assert seen["errors"][0]["resourceIds"][0] in {pod["spec"]["nodeName"] for pod in pods.values()}
    wait_until(lambda: shop.nodes().keys() == old.keys(), "the new nodes are gone again")
    assert not [name for name, node in shop.nodes().items() if node["spec"].get("unschedulable")]
    assert shop.pods(namespace).keys() == pods.keys()


@pytest.mark.parametrize(
    ("budgets", "why"),
    [
        pytest.param(
            {"web": 2},
            "Cannot evict pod as it would violate the pod's disruption budget. "
            "The disruption budget web needs 2 healthy pods and has 2 currently",
            id="a budget without room",
        ),
        pytest.param(
            {"web": 0, "twin": 0},
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            id="two budgets of one pod",
        ),
    ],
)
def test_the_real_eviction_api_says_why_a_pod_stays(
    shop: Shop, namespace: str, budgets: dict[str, int], why: str
) -> None:
    pods = shop.web(namespace, **budgets)
    for node in {pod["spec"]["nodeName"] for pod in pods.values()}:
        with shop.simulator.world.lock:
            seen = shop.simulator.workers.evict_all(shop.cluster, node)
        assert {pod.reason for pod in seen.blocked if pod.namespace == namespace} == {why}
    assert shop.pods(namespace).keys() == pods.keys()


def test_a_roll_goes_on_when_the_api_server_is_replaced_meanwhile() -> None:
    with shop_of(MINUTES_IN_SECONDS) as shop:
        old = shop.nodes()
        roll = shop.roll()
        upgrade = shop.move(NEWER)
        rolled = shop.ended(roll, nodegroupName="general")
        assert (upgrade["status"], rolled["status"], rolled["errors"]) == ("Successful", "Successful", [])
        wait_until(lambda: len(shop.nodes()) == 2, "surplus nodes are gone")
        assert not shop.nodes().keys() & old.keys()
        assert all(map(is_ready, shop.nodes().values()))
        wait_until(lambda: mirrored(shop) == shop.nodes().keys(), "EKS sees the nodes that are there")


def mirrored(shop: Shop) -> set[str]:
    """The nodes that the simulated EKS looks at."""
    with shop.simulator.world.lock:
        return {name for _, name in shop.cluster.objects["/nodes"]}
