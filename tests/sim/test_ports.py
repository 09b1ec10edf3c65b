"""The ports over a world read the same values as the adapters read from it over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

import pytest

from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.adapters.eks.clouds import EksClouds
from fleetkeeper.adapters.kube.kubes import KubeAccess
from fleetkeeper.adapters.kube.limits import WallPace
from fleetkeeper.clock import SystemClock
from fleetkeeper.config import AwsAccount, AwsSettings, KubernetesSettings, Secret
from fleetkeeper.core.api_search import LiveKind
from fleetkeeper.core.eks_objects import ADDON_OBJECTS
from fleetkeeper.core.gitops import RESOURCES
from fleetkeeper.core.observed import HelmUse
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Cloud, Kube
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim import scenario_file
from fleetkeeper.sim.aws import DEMO_ACCESS_KEY, DEMO_SECRET_KEY
from fleetkeeper.sim.build import build
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.faults import Fault
from fleetkeeper.sim.objects import gitops
from fleetkeeper.sim.ports import WorldClock, WorldClouds, WorldKubes
from fleetkeeper.sim.server import Simulator
from fleetkeeper.sim.world import SimCluster, World

CLUSTERS = ("commerce-prod-eu", "edge", "data", "factory", "preview", "search", "tooling", "commerce-dev")
CLOUD_READS = ("cluster", "addons", "node_groups", "fargate_profiles", "insights")
KUBE_READS = (
    *("git_version", "nodes", "workloads", "pods", "pod_notes", "namespaces", "crds", "budgets", "volumes", "webhooks"),
    *("api_services", "api_use", "proxy_mode"),
)


@dataclass(frozen=True, slots=True)
class Sides:
    """One world, read by the adapters over HTTP and by the ports directly."""

    world: World
    http_clouds: list[Cloud]
    http_kubes: KubeAccess
    living: LivingWorld

    def clouds(self, cluster: SimCluster) -> tuple[Cloud, Cloud]:
        scope = (cluster.account, cluster.region)
        found = [*self.http_clouds, *WorldClouds(self.living).open()[0]]
        http, direct = [each for each in found if (each.scope.account, each.scope.region) == scope]
        return http, direct


@pytest.fixture(scope="module")
def sides(environment: None) -> Iterator[Sides]:
    world = build(scenario_file.load(scenario_file.find("demo")))
    living = LivingWorld(world, virtual=True)
    with Simulator(world) as simulator:
        world.faults = []
        regions = tuple(sorted({region for each in world.accounts.values() for region in each.regions}))
        accounts = tuple(
            AwsAccount(each.id, each.name, external_id=Secret(each.external_id)) for each in world.accounts.values()
        )
        settings = AwsSettings(
            regions=regions, accounts=accounts, endpoint_url=simulator.aws_url, requests_per_second=100_000
        )
        clouds = EksClouds(settings, SystemClock(), Event())
        kubes = KubeAccess(KubernetesSettings(()), clouds.token, SystemClock(), WallPace(Event()))
        yield Sides(world, list(clouds.open()[0]), kubes, living)


@pytest.fixture(scope="module")
def environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", DEMO_ACCESS_KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", DEMO_SECRET_KEY)
        yield


@pytest.mark.parametrize("read", CLOUD_READS)
@pytest.mark.parametrize("key", CLUSTERS)
def test_the_cloud_of_a_world_reads_what_the_adapter_reads(sides: Sides, key: str, read: str) -> None:
    cluster = sides.world.clusters[key]
    http, direct = sides.clouds(cluster)
    assert getattr(direct, read)(cluster.name) == getattr(http, read)(cluster.name)


@pytest.mark.parametrize("read", KUBE_READS)
@pytest.mark.parametrize("key", CLUSTERS)
def test_the_kube_of_a_world_reads_what_the_adapter_reads(sides: Sides, key: str, read: str) -> None:
    cluster = sides.world.clusters[key]
    http, direct = sides.clouds(cluster)
    reader = sides.http_kubes.of_eks(http, *http.cluster(cluster.name))
    assert (
        getattr(WorldKubes(sides.living).of_eks(direct, *direct.cluster(cluster.name)), read)()
        == getattr(reader, read)()
    )
    reader.close()


@pytest.mark.parametrize("key", ["commerce-prod-eu", "tooling"])
def test_helm_releases_are_the_same_and_known_ones_are_kept(sides: Sides, key: str) -> None:
    cluster = sides.world.clusters[key]
    http, direct = sides.clouds(cluster)
    reader = sides.http_kubes.of_eks(http, *http.cluster(cluster.name))
    kube = WorldKubes(sides.living).of_eks(direct, *direct.cluster(cluster.name))
    found = kube.helm_releases({})
    assert found == reader.helm_releases({})
    assert kube.helm_releases({each.key: each for each in found})[0] is found[0]
    reader.close()


@pytest.mark.parametrize("key", CLUSTERS)
def test_what_a_cluster_needs_of_its_account_is_the_same(sides: Sides, key: str) -> None:
    cluster = sides.world.clusters[key]
    http, direct = sides.clouds(cluster)
    groups = http.node_groups(cluster.name)
    _, control_plane = http.cluster(cluster.name)
    assert direct.prerequisites(control_plane, groups) == http.prerequisites(control_plane, groups)
    assert direct.launch_templates(cluster.name, groups, ()) == http.launch_templates(cluster.name, groups, ())
    templates = http.launch_templates(cluster.name, groups, ())
    images = direct.images(cluster.name, groups, templates, ())
    assert images == http.images(cluster.name, groups, templates, ())
    assert all(each.created_at for each in images)
    assert direct.updates(cluster.name, {}) == http.updates(cluster.name, {})


@pytest.mark.parametrize("key", CLUSTERS)
def test_what_the_objects_of_addons_were_changed_in_is_the_same(sides: Sides, key: str) -> None:
    with both(sides, key) as (direct, http):
        assert direct.customised(ADDON_OBJECTS) == http.customised(ADDON_OBJECTS)


@pytest.mark.parametrize("key", CLUSTERS)
def test_traces_of_old_versions_are_the_same(sides: Sides, key: str) -> None:
    """With kinds whose present version stands for an old one, so that there are traces to tell."""
    kinds = (
        LiveKind("Deployment", "deployments", ("apps/v2", "apps/v1"), frozenset({"apps/v1", "extensions/v1beta1"})),
        LiveKind("Certificate", "certificates", ("cert-manager.io/v1",), frozenset({"cert-manager.io/v1alpha2"})),
        LiveKind("Widget", "widgets", ("example.com/v1",), frozenset({"example.com/v1beta1"})),
    )
    with both(sides, key) as (direct, http):
        found = direct.object_traces(kinds)
        assert found
        assert found == http.object_traces(kinds)


@pytest.mark.parametrize("key", ["commerce-prod-eu", "tooling"])
def test_what_helm_releases_hold_is_the_same_and_known_ones_are_kept(sides: Sides, key: str) -> None:
    names = frozenset({("apps/v1", "Deployment"), ("batch/v1beta1", "CronJob")})
    with both(sides, key) as (direct, http):
        found = direct.helm_use(HelmUse(), names)
        assert found.charts
        assert found.traces
        assert found == http.helm_use(HelmUse(), names) == http.helm_use(found, names)


@contextmanager
def both(sides: Sides, key: str) -> Iterator[tuple[Kube, Kube]]:
    """The Kube port of a cluster over its world, and over HTTP."""
    cluster = sides.world.clusters[key]
    cloud, own = sides.clouds(cluster)
    reader = sides.http_kubes.of_eks(cloud, *cloud.cluster(cluster.name))
    try:
        yield WorldKubes(sides.living).of_eks(own, *own.cluster(cluster.name)), reader
    finally:
        reader.close()


@pytest.mark.parametrize("read", ["cluster_names", "auto_scaling_groups", "cluster_versions", "quotas"])
def test_what_a_scope_shares_is_the_same(sides: Sides, read: str) -> None:
    for direct in WorldClouds(sides.living).open()[0]:
        http = next(each for each in sides.http_clouds if each.scope == direct.scope)
        assert getattr(direct, read)() == getattr(http, read)()


def test_calls_in_the_audit_log_are_the_same(sides: Sides) -> None:
    http, direct = sides.clouds(sides.world.clusters["commerce-prod-eu"])
    until = sides.world.epoch - timedelta(minutes=5, microseconds=1)
    window = (until - timedelta(hours=6, milliseconds=300), until)
    found = direct.audit_calls("commerce", *window)

    assert found == http.audit_calls("commerce", *window)
    assert [(call.user, call.count) for call in found] == [("system:serviceaccount:checkout:discovery", 72)]


def test_a_cluster_without_an_audit_log_is_the_same(sides: Sides) -> None:
    for cloud in sides.clouds(sides.world.clusters["edge"]):
        with pytest.raises(ReadError, match="logs:StartQuery of edge") as failed:
            cloud.audit_calls("edge", sides.world.epoch - timedelta(hours=1), sides.world.epoch)
        assert failed.value.reason is GapReason.NOT_FOUND


def test_addon_releases_are_the_same(sides: Sides) -> None:
    http, direct = sides.clouds(sides.world.clusters["edge"])
    assert isinstance(http, EksCloud)
    assert direct.addon_releases(Minor(1, 34)) == http.addon_releases(Minor(1, 34))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("unreachable", GapReason.UNREACHABLE),
        ("drop-before", GapReason.UNREACHABLE),
        ("drop-after", GapReason.UNREACHABLE),
        ("timeout", GapReason.TIMEOUT),
        ("throttle", GapReason.THROTTLED),
        ("error", GapReason.SERVER_ERROR),
        ("forbid", GapReason.FORBIDDEN),
        ("garbage", GapReason.INVALID_ANSWER),
    ],
)
def test_a_fault_of_the_world_is_a_read_error_of_its_reason(kind: str, reason: GapReason) -> None:
    world = build(scenario_file.load(scenario_file.find("three")))
    living = LivingWorld(world, virtual=True)
    cluster = world.clusters["shop"]
    world.faults = [Fault("kube", kind, cluster="shop")]
    cloud = next(c for c in WorldClouds(living).open()[0] if cluster.name in c.cluster_names())
    kube = WorldKubes(living).of_eks(cloud, *cloud.cluster(cluster.name))
    with pytest.raises(ReadError) as refused:
        kube.nodes()
    assert refused.value.reason is reason


def test_time_passes_only_when_the_timeline_is_advanced() -> None:
    living = LivingWorld(build(scenario_file.load(scenario_file.find("three"))), virtual=True)
    clock = WorldClock(living)
    assert clock.now() == living.world.epoch
    living.timeline.advance(timedelta(hours=3))
    assert clock.now() == living.world.epoch + timedelta(hours=3)


@pytest.mark.parametrize(
    ("key", "deployed"),
    [
        pytest.param("tooling", [("grafana", "10.1.*", "10.1.4", True)], id="by Argo CD"),
        pytest.param("commerce-dev", [("podinfo", "6.9.2", "6.9.1", False)], id="by Flux"),
        pytest.param("edge", [], id="by nothing"),
    ],
)
def test_what_a_scenario_deploys_is_the_same(
    sides: Sides, key: str, deployed: list[tuple[str, str, str, bool]]
) -> None:
    with both(sides, key) as (direct, http):
        found = direct.gitops(direct.crds())
        assert found == http.gitops(http.crds())
    assert [(each.chart, each.version, each.deployed, each.ready) for each in found] == deployed


def test_what_deploys_charts_is_the_same(sides: Sides) -> None:
    cluster = sides.world.clusters["data"]
    definitions = {kind: gitops.definition(kind) for kind in RESOURCES}
    argo = gitops.application("web", "podinfo", "6.5.0", "shop") | {"status": gitops.synced("6.5.0", "Degraded")}
    flux = gitops.helm_release("shop", "podinfo", "6.*", "shop")
    flux["metadata"]["generation"] = 4
    flux |= {"status": gitops.released("podinfo", "6.4.1", 4, False, "timed out")}
    with both(sides, "data") as (direct, http):
        assert direct.gitops(direct.crds()) == http.gitops(http.crds()) == ()
        for definition in definitions.values():
            cluster.put("apiextensions.k8s.io/customresourcedefinitions", definition)
        cluster.put("argoproj.io/applications", argo)
        cluster.put("helm.toolkit.fluxcd.io/helmreleases", flux)
        found = direct.gitops(direct.crds())
        assert found == http.gitops(http.crds())
    assert [(each.kind, each.release, each.deployed, each.state) for each in found] == [
        ("Application", "web", "6.5.0", "Synced, Degraded"),
        ("HelmRelease", "shop", "6.4.1", "not ready (UpgradeFailed: timed out)"),
    ]
