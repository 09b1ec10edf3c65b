"""Makes a World from a Scenario: clusters as EKS has them, and their Kubernetes objects as recipes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import cycle

from fleetkeeper.sim import build_eks
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.objects import extensions, gitops, helm, karpenter, nodes, platform, software, workloads
from fleetkeeper.sim.objects.recipes import Identity, Kept, Recipe, RecipeObjects
from fleetkeeper.sim.objects.workloads import Ground
from fleetkeeper.sim.scenario import AccountSpec, ClusterSpec, Look, Scenario, WorkloadSpec
from fleetkeeper.sim.world import SimAccount, SimCluster, World


def build(scenario: Scenario) -> World:
    """The fleet of a scenario. Objects are shared between clusters of one look, and made when first asked for."""
    world = World(
        epoch=scenario.epoch,
        management_account=scenario.management_account,
        accounts={spec.id: _account(spec) for spec in scenario.accounts},
        name=scenario.name,
        scale=scenario.scale,
    )
    world.faults = [replace(fault, set_at=scenario.epoch) for fault in scenario.faults]
    places = cycle([(spec.id, region) for spec in scenario.accounts for region in spec.regions])
    kept = Kept()
    for spec in scenario.clusters:
        looks: dict[str, _Shared] = {}
        for number in range(spec.count or 1):
            account, region = (spec.account, spec.region) if spec.account else next(places)
            shared = looks.get(region)
            if shared is None:
                shared = looks[region] = _Shared(spec.key, spec.look, region, scenario.epoch)
            _add(world, spec, number, _Place(world.accounts[account], region), shared, kept)
    return world


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a cluster goes."""

    account: SimAccount
    region: str


class _Shared:
    """What the clusters of one look in one region have in common."""

    def __init__(self, seed: str, look: Look, region: str, epoch: datetime) -> None:
        self.places = nodes.places(seed, look, region)
        self.recipes = tuple(_recipes(seed, look, region, self.places, epoch))


def _account(spec: AccountSpec) -> SimAccount:
    return SimAccount(
        id=spec.id,
        name=spec.name,
        ou=spec.ou,
        tags=dict(spec.tags),
        regions=list(spec.regions),
        role_name=spec.role_name,
        external_id=spec.external_id,
    )


def _add(world: World, spec: ClusterSpec, number: int, scope: _Place, shared: _Shared, kept: Kept) -> None:
    look = spec.look
    key = spec.key.format(n=number) if spec.count else spec.key
    offered = catalog().minor(str(look.version))
    cluster = SimCluster(
        key=key,
        name=spec.name.format(n=number) if spec.count else spec.name,
        account=scope.account.id,
        region=scope.region,
        partition=_partition(scope.region),
        version=str(look.version),
        patch=look.patch or f"v{offered.patch if offered else f'{look.version}.0'}-eks-3cfe0ce",
        platform_version=look.platform_version or (offered.platform if offered else "eks.1"),
        created_at=world.epoch - timedelta(days=look.age_days, seconds=number),
        support_type=look.support_type,
        status=look.status,
        auto_mode=look.auto_mode,
        authentication_mode=look.authentication_mode,
        audit_logs=look.audit_logs,
        tags=dict(look.tags),
        own_ca=look.own_ca,
    )
    identity = Identity(key, world.epoch)
    cluster.objects = RecipeObjects(shared.recipes, identity, kept)
    build_eks.fill(cluster, look, shared.places, scope.account, identity)
    build_eks.set_prerequisites(world, cluster, look)
    world.clusters[key] = cluster
    world.faults += [replace(fault, cluster=key, set_at=world.epoch) for fault in look.faults.values()]


def _partition(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")


def _recipes(seed: str, look: Look, region: str, places: list[nodes.NodePlace], now: datetime) -> Iterator[Recipe]:
    ground = Ground(tuple(places), now)
    running = list(_workloads(look, region))
    used = {workload.namespace for workload in running} | {release.namespace for release in look.helm.values()}
    yield from platform.namespaces(look, used | extensions.namespaces(look) | gitops.namespaces(look), now)
    yield from platform.rbac(look)
    yield from platform.classes()
    yield from nodes.recipes(seed, look, places, region, now)
    yield from karpenter.recipes(look)
    yield from extensions.recipes(look)
    yield from gitops.recipes(look)
    for name in dict.fromkeys(_software_names(look)):
        yield from software.crds(name)
    for workload in running:
        yield from workloads.recipes(workload, ground)
    for release in look.helm.values():
        installed = software.installed(release.chart, release.app_version, region, release.namespace)
        yield from helm.recipes(release, installed, now)


def _software_names(look: Look) -> Iterator[str]:
    yield from look.addons
    yield from look.software
    if look.auto_mode:
        yield "auto-mode"
    yield from (release.chart for release in look.helm.values())


def _workloads(look: Look, region: str) -> Iterator[WorkloadSpec]:
    """All workloads of a look; the scenario's own replace those of the catalogue that have the same name."""
    found: dict[tuple[str, str, str], WorkloadSpec] = {}
    for name, version in (*_addon_versions(look), *look.software.items()):
        for workload in software.installed(name, version, region):
            found[(workload.namespace, workload.kind, workload.name)] = workload
    for release in look.helm.values():
        for workload in software.installed(release.chart, release.app_version, region, release.namespace):
            found[(workload.namespace, workload.kind, workload.name)] = _by_helm(
                workload, release.release, release.namespace
            )
    for workload in look.workloads.values():
        found[(workload.namespace, workload.kind, workload.name)] = workload
    yield from found.values()


def _addon_versions(look: Look) -> Iterator[tuple[str, str]]:
    for addon in look.addons.values():
        yield addon.name, build_eks.addon_version(addon, look.version)


def _by_helm(workload: WorkloadSpec, release: str, namespace: str) -> WorkloadSpec:
    labels = {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": release}
    annotations = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
    return replace(workload, labels=labels, annotations=annotations, manager="helm")
