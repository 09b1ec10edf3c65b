"""The engine's ports over a simulated world, without HTTP: for tests of the engine and rehearsals, in virtual time.

What they read is what the adapters read from the same world over the wire; a test holds them to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from fleetkeeper.core import model, observed
from fleetkeeper.core.group_images import group_images, unseen
from fleetkeeper.core.insights import ClientStat, Deprecation, Insight, InsightStatus
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.ports import Cloud, KubeconfigCluster
from fleetkeeper.errors import GapReason, ReadError
from fleetkeeper.sim import ports_account
from fleetkeeper.sim.aws.audit_log import audit_calls
from fleetkeeper.sim.aws.catalog import catalog
from fleetkeeper.sim.aws.eks import role_of
from fleetkeeper.sim.aws.eks_nodes import group_name
from fleetkeeper.sim.aws.fleet import groups_of
from fleetkeeper.sim.controllers.living import LivingWorld
from fleetkeeper.sim.ports_kube import WorldKube, meet
from fleetkeeper.sim.world import SimAddon, SimCluster, SimFargateProfile, SimInsight, SimIssue, SimNodeGroup, World


class WorldClock:
    """The time of a living world."""

    def __init__(self, living: LivingWorld) -> None:
        self._living = living

    def now(self) -> datetime:
        with self._living.world.lock:
            return self._living.timeline.now()


class WorldClouds:
    """Every account and region of the world."""

    def __init__(self, living: LivingWorld) -> None:
        self._living = living

    def open(self) -> tuple[Sequence[Cloud], Mapping[str, model.Gap]]:
        accounts = self._living.world.accounts.values()
        known = (model.Account(each.id, each.name, each.ou, each.tags) for each in accounts)
        pairs = zip(accounts, known, strict=True)
        return [WorldCloud(self._living, account, region) for each, account in pairs for region in each.regions], {}


class WorldKubes:
    """The way to the clusters of the world; none of them is known by a kubeconfig alone."""

    def __init__(self, living: LivingWorld) -> None:
        self._living = living

    def of_eks(self, cloud: Cloud, id: model.ClusterId, control_plane: model.ControlPlane) -> WorldKube:
        world, scope = self._living.world, cloud.scope
        for cluster in world.of_scope(scope.account, scope.region):
            if cluster.arn == id.arn and cluster.name == control_plane.name:
                return WorldKube(world, cluster)
        raise ReadError(id.arn, GapReason.NOT_FOUND)

    def standalone(self) -> tuple[str, ...]:
        return ()

    def of_kubeconfig(self, name: str) -> tuple[KubeconfigCluster, WorldKube]:
        raise ReadError(f"no cluster {name} is configured", GapReason.NOT_CONFIGURED)


class WorldCloud:
    """One account in one region of a world (the Cloud port)."""

    def __init__(self, living: LivingWorld, account: model.Account, region: str) -> None:
        self._living = living
        self._account = account
        self._region = region

    @property
    def scope(self) -> model.Scope:
        partition = next((each.partition for each in self._clusters()), "aws")
        return model.Scope(self._account.id, self._region, partition)

    @property
    def account(self) -> model.Account:
        return self._account

    def cluster_names(self) -> tuple[str, ...]:
        return tuple(sorted(each.name for each in self._clusters()))

    def cluster(self, name: str) -> tuple[model.ClusterId, model.ControlPlane]:
        found = self._read(name, "DescribeCluster")
        return model.ClusterId(found.arn, found.created_at), _control_plane(found)

    def addons(self, name: str) -> tuple[model.ManagedAddon, ...]:
        addons = self._read(name, "DescribeAddon").addons
        return tuple(_addon(addons[each]) for each in sorted(addons))

    def node_groups(self, name: str) -> tuple[model.NodeGroup, ...]:
        found = self._read(name, "DescribeNodegroup")
        return tuple(_node_group(found, found.node_groups[each]) for each in sorted(found.node_groups))

    def fargate_profiles(self, name: str) -> tuple[model.FargateProfile, ...]:
        profiles = self._read(name, "DescribeFargateProfile").fargate_profiles
        return tuple(_fargate_profile(profiles[each]) for each in sorted(profiles))

    def insights(self, name: str) -> tuple[Insight, ...]:
        found = sorted(self._read(name, "ListInsights").insights.values(), key=lambda each: each.id)
        return tuple(_insight(each, self._living.world) for each in found)

    def updates(self, name: str, known: Mapping[str, observed.EksUpdate]) -> tuple[observed.EksUpdate, ...]:
        found = self._read(name, "ListUpdates").eks.updates.values()
        ended = {id for id, each in known.items() if each.status != "InProgress"}
        return tuple(
            known[each.id] if each.id in ended else ports_account.update(each)
            for each in found
            if not each.node_group and not each.addon
        )

    def prerequisites(
        self, control_plane: model.ControlPlane, node_groups: Iterable[model.NodeGroup]
    ) -> observed.ClusterPrerequisites:
        cluster = self._read(control_plane.name, "DescribeSubnets")
        return ports_account.prerequisites(self._living.world, cluster, control_plane, node_groups)

    def launch_templates(
        self, name: str, node_groups: Iterable[model.NodeGroup], known: Iterable[observed.LaunchTemplate]
    ) -> tuple[observed.LaunchTemplate, ...]:
        cluster = self._read(name, "DescribeLaunchTemplates")
        return ports_account.launch_templates(self._living.world, cluster, node_groups, known)

    def images(
        self,
        name: str,
        node_groups: Iterable[model.NodeGroup],
        templates: Iterable[observed.LaunchTemplate],
        known: Iterable[observed.GroupImage],
    ) -> tuple[observed.GroupImage, ...]:
        found = group_images(node_groups, templates, known)
        if not unseen(found):
            return found
        self._read(name, "DescribeImages")
        return ports_account.aged(self._living.world, self._account.id, self._region, found)

    def quotas(self) -> tuple[observed.Quota, ...]:
        return ports_account.quotas(self._living.world, self._account.id, self._region)

    def audit_calls(self, name: str, since: datetime, until: datetime) -> tuple[observed.AuditCall, ...]:
        cluster = self._read(name, "StartQuery")
        if not cluster.audit_logs:
            raise ReadError(f"logs:StartQuery of {name} in {self.scope}", GapReason.NOT_FOUND)
        first, end = since.replace(microsecond=0), min(until.replace(microsecond=0), self._now())
        return audit_calls(cluster, first, end)

    def auto_scaling_groups(self) -> tuple[model.AutoScalingGroup, ...]:
        found = (_groups(each) for each in self._clusters())
        return tuple(sorted((group for groups in found for group in groups), key=lambda group: group.name))

    def cluster_versions(self) -> tuple[model.SupportedVersion, ...]:
        now = self._now()
        return tuple(
            model.SupportedVersion(
                minor=Minor.parse(each.name),
                end_of_standard=each.standard_until,
                end_of_extended=each.extended_until,
                status=each.status(now),
                source=f"eks:DescribeClusterVersions in {self.scope}",
            )
            for each in catalog().released(now)
        )

    def addon_releases(self, minor: Minor) -> tuple[model.AddonRelease, ...]:
        addons = catalog().addons
        return tuple(
            model.AddonRelease(name, each.version, ((minor, str(minor) in each.default_of),))
            for name in sorted(addons)
            for each in addons[name].versions
            if str(minor) in each.minors
        )

    def _now(self) -> datetime:
        with self._living.world.lock:
            return self._living.timeline.now()

    def _clusters(self) -> Iterable[SimCluster]:
        return self._living.world.of_scope(self._account.id, self._region)

    def _read(self, name: str, operation: str) -> SimCluster:
        """The cluster that a read is about, past the faults that it meets."""
        found = next((each for each in self._clusters() if each.name == name), None)
        if found is None:
            raise ReadError(f"eks:{operation} of {name} in {self.scope}", GapReason.NOT_FOUND)
        meet(self._living.world, "aws", found, operation)
        return found


def _issues(issues: Iterable[SimIssue]) -> tuple[model.Issue, ...]:
    return tuple(model.Issue(each.code, each.message, tuple(each.resource_ids)) for each in issues)


def _control_plane(cluster: SimCluster) -> model.ControlPlane:
    return model.ControlPlane(
        name=cluster.name,
        version=Minor.parse(cluster.version),
        status=cluster.status,
        endpoint=cluster.endpoint,
        ca_pem=cluster.ca_pem,
        platform_version=cluster.platform_version,
        support_type=cluster.support_type,
        auto_mode=cluster.auto_mode,
        authentication_mode=cluster.authentication_mode,
        audit_logs=cluster.audit_logs,
        issues=_issues(cluster.issues),
        subnets=tuple(cluster.subnets),
        tags=dict(cluster.tags),
        role_arn=role_of(cluster),
        kms_key=cluster.kms_key,
    )


def _addon(addon: SimAddon) -> model.ManagedAddon:
    return model.ManagedAddon(
        name=addon.name,
        version=addon.version,
        status=addon.status,
        issues=_issues(addon.issues),
        configuration=addon.configuration,
        role_arn=addon.role_arn,
    )


def _node_group(cluster: SimCluster, group: SimNodeGroup) -> model.NodeGroup:
    template, rolling = group.launch_template, group.update_config
    return model.NodeGroup(
        name=group.name,
        status=group.status,
        version=Minor.parse(group.version) if group.version else None,
        release_version=group.release_version,
        ami_type=group.ami_type,
        capacity_type=group.capacity_type,
        instance_types=tuple(group.instance_types),
        desired=group.desired,
        minimum=group.minimum,
        maximum=group.maximum,
        subnets=tuple(group.subnets or cluster.subnets),
        auto_scaling_groups=(group_name(cluster, group),),
        launch_template=f"{template['id']}:{template['version']}" if template else "",
        issues=_issues(group.issues),
        labels=dict(group.labels),
        tags=dict(group.tags),
        max_unavailable=f"{rolling.percent}%" if rolling.percent else str(rolling.nodes),
        update_strategy=rolling.strategy,
    )


def _fargate_profile(profile: SimFargateProfile) -> model.FargateProfile:
    selectors = tuple((each.get("namespace", ""), dict(each.get("labels") or {})) for each in profile.selectors)
    return model.FargateProfile(profile.name, profile.status, selectors)


def _insight(insight: SimInsight, world: World) -> Insight:
    known = insight.status in set(InsightStatus)
    passing = insight.status == InsightStatus.PASSING
    return Insight(
        id=insight.id,
        name=insight.name,
        category=insight.category,
        status=InsightStatus(insight.status) if known else InsightStatus.UNKNOWN,
        minor=Minor.parse(insight.kubernetes_version) if insight.kubernetes_version else None,
        reason=insight.reason,
        refreshed_at=insight.refreshed_at or world.epoch,
        deprecations=() if passing else tuple(_deprecations(insight)),
    )


def _deprecations(insight: SimInsight) -> Iterator[Deprecation]:
    for each in insight.summary.get("deprecationDetails") or ():
        clients = (
            ClientStat(
                client.get("userAgent", ""), client.get("numberOfRequestsLast30Days", 0), client.get("lastRequestTime")
            )
            for client in each.get("clientStats") or ()
        )
        yield Deprecation(
            each.get("usage", ""), each.get("replacedWith", ""), each.get("stopServingVersion", ""), tuple(clients)
        )


def _groups(cluster: SimCluster) -> Iterator[model.AutoScalingGroup]:
    for group in groups_of(cluster):
        yield model.AutoScalingGroup(
            name=group.name,
            cluster=cluster.name,
            desired=group.desired,
            instances=tuple(group.instances),
            node_group=group.tags.get("eks:nodegroup-name", ""),
            launch_template=f"{group.template['id']}:{group.template['version']}",
            subnets=group.subnets,
        )
