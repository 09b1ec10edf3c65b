"""EKS and Auto Scaling of one account in one region, read page by page within its rate limit."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import botocore.session

from fleetkeeper.adapters.eks import audit_log, parse, parse_account
from fleetkeeper.adapters.eks.account import AccountReads
from fleetkeeper.adapters.eks.pages import Listing, Pages, permission
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.core import model, observed
from fleetkeeper.core.insights import Insight, InsightStatus
from fleetkeeper.core.versions import Minor

T = TypeVar("T")


class EksCloud:
    """The Cloud port over boto3. Cheap to make: clients are created at the first call."""

    def __init__(
        self, sessions: Sessions, session: botocore.session.Session, scope: model.Scope, account: model.Account
    ) -> None:
        self._sessions = sessions
        self._session = session
        self._scope = scope
        self._account = account
        self._pages = Pages(sessions, session, scope)
        self._account_reads = AccountReads(self._pages)

    @property
    def scope(self) -> model.Scope:
        return self._scope

    @property
    def account(self) -> model.Account:
        return self._account

    @property
    def session(self) -> botocore.session.Session:
        return self._session

    def cluster_names(self) -> tuple[str, ...]:
        return tuple(self._pages.items(Listing("eks", "list_clusters", "clusters"), parse.name))

    def cluster(self, name: str) -> tuple[model.ClusterId, model.ControlPlane]:
        return self._described("describe_cluster", "cluster", partial(self._own, name), name=name)

    def addons(self, name: str) -> tuple[model.ManagedAddon, ...]:
        return tuple(
            self._described("describe_addon", "addon", parse.addon, clusterName=name, addonName=addon)
            for addon in self._listed("list_addons", "addons", name, parse.name)
        )

    def node_groups(self, name: str) -> tuple[model.NodeGroup, ...]:
        return tuple(
            self._described("describe_nodegroup", "nodegroup", parse.node_group, clusterName=name, nodegroupName=group)
            for group in self._listed("list_nodegroups", "nodegroups", name, parse.name)
        )

    def fargate_profiles(self, name: str) -> tuple[model.FargateProfile, ...]:
        describe = partial(self._described, "describe_fargate_profile", "fargateProfile", parse.fargate_profile)
        return tuple(
            describe(clusterName=name, fargateProfileName=profile)
            for profile in self._listed("list_fargate_profiles", "fargateProfileNames", name, parse.name)
        )

    def insights(self, name: str) -> tuple[Insight, ...]:
        return tuple(
            listed
            if listed.status is InsightStatus.PASSING
            else self._described("describe_insight", "insight", parse.insight, clusterName=name, id=listed.id)
            for listed in self._listed("list_insights", "insights", name, parse.insight)
        )

    def updates(self, name: str, known: Mapping[str, observed.EksUpdate]) -> tuple[observed.EksUpdate, ...]:
        listing = Listing("eks", "list_updates", "updateIds", {"name": name}, of=name)
        return tuple(self._update(name, id, known.get(id)) for id in self._pages.items(listing, parse.name))

    def prerequisites(
        self, control_plane: model.ControlPlane, node_groups: Iterable[model.NodeGroup]
    ) -> observed.ClusterPrerequisites:
        return self._account_reads.prerequisites(control_plane, node_groups)

    def launch_templates(
        self, name: str, node_groups: Iterable[model.NodeGroup], known: Iterable[observed.LaunchTemplate]
    ) -> tuple[observed.LaunchTemplate, ...]:
        return self._account_reads.launch_templates(name, node_groups, known)

    def images(
        self,
        name: str,
        node_groups: Iterable[model.NodeGroup],
        templates: Iterable[observed.LaunchTemplate],
        known: Iterable[observed.GroupImage],
    ) -> tuple[observed.GroupImage, ...]:
        return self._account_reads.images(name, node_groups, templates, known)

    def audit_calls(self, name: str, since: datetime, until: datetime) -> tuple[observed.AuditCall, ...]:
        return audit_log.audit_calls(self._pages, name, since, until)

    def auto_scaling_groups(self) -> tuple[model.AutoScalingGroup, ...]:
        return self._account_reads.groups()

    def cluster_versions(self) -> tuple[model.SupportedVersion, ...]:
        parsed = partial(parse.supported_version, source=f"eks:DescribeClusterVersions in {self._scope}")
        listing = Listing("eks", "describe_cluster_versions", "clusterVersions", {"includeAll": True})
        return tuple(self._pages.items(listing, parsed))

    def addon_releases(self, minor: Minor) -> tuple[model.AddonRelease, ...]:
        wanted = {"kubernetesVersion": str(minor)}
        listing = Listing("eks", "describe_addon_versions", "addons", wanted, of=str(minor))
        return tuple(release for releases in self._pages.items(listing, parse.addon_releases) for release in releases)

    def quotas(self) -> tuple[observed.Quota, ...]:
        return self._account_reads.quotas()

    def _update(self, cluster: str, id: str, known: observed.EksUpdate | None) -> observed.EksUpdate:
        if known is not None and known.status != parse_account.RUNNING:
            return known
        return self._described("describe_update", "update", parse_account.update, name=cluster, updateId=id)

    def _own(self, name: str, body: Mapping[str, Any]) -> tuple[model.ClusterId, model.ControlPlane]:
        """The cluster that was asked for, and no other: what is stored under its ARN must never be another's."""
        id, control_plane = parse.cluster(body)
        scope = self._scope
        if id.arn != f"arn:{scope.partition}:eks:{scope.region}:{scope.account}:cluster/{name}":
            raise ValueError(f"asked for {name} of {scope} ({scope.partition}), got {id.arn}")
        return id, control_plane

    def _listed(self, operation: str, member: str, cluster: str, parsed: Callable[[Any], T]) -> Iterator[T]:
        return self._pages.items(Listing("eks", operation, member, {"clusterName": cluster}, of=cluster), parsed)

    def _described(self, operation: str, member: str, parsed: Callable[[Mapping[str, Any]], T], **arguments: str) -> T:
        def call() -> T:
            client = self._sessions.client(self._session, "eks", self._scope)
            return parsed(parse.member(getattr(client, operation)(**arguments), member))

        action = f"{permission('eks', operation)} of {'/'.join(arguments.values())} in {self._scope}"
        return self._sessions.read(self._session, action, self._scope, call)
