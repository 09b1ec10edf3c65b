"""What the executor does in an account: live reads and updates, by a role of its own (CloudWriter)."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Any, TypeVar

import botocore.session

from fleetkeeper.adapters.eks import parse, parse_account
from fleetkeeper.adapters.eks.disruptions import Disruptions
from fleetkeeper.adapters.eks.failures import translated
from fleetkeeper.adapters.eks.fields import mapping
from fleetkeeper.adapters.eks.instances import Instances
from fleetkeeper.adapters.eks.pages import MOST_PAGES, permission
from fleetkeeper.adapters.eks.sessions import Sessions
from fleetkeeper.adapters.eks.token import cluster_token
from fleetkeeper.adapters.eks.trail import Trail
from fleetkeeper.config import AwsAccount, AwsSettings
from fleetkeeper.core import model, observed
from fleetkeeper.core.aws_trouble import HealthIssue, ZonalShift
from fleetkeeper.core.insights import Insight, InsightStatus
from fleetkeeper.core.model import Scope
from fleetkeeper.engine.writers import (
    AddonUpdate,
    InsightsRefresh,
    Instance,
    NodeGroupUpdate,
    ScalingGroup,
    Target,
    VersionUpdate,
)
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError

T = TypeVar("T")

_NAMES = ("name", "clusterName", "addonName", "nodegroupName", "fargateProfileName")
_KEPT = 2000
"""Updates that have ended, per account and region: EKS never changes one again."""


class EksWriters:
    """Makes writers by account and region. sessions are the reader's, so that both draw on one rate limit; the role,
    and with it the credentials, is the executor's alone."""

    def __init__(self, settings: AwsSettings, sessions: Sessions) -> None:
        self._settings, self._sessions = settings, sessions
        self._lock = Lock()
        self._writers: dict[Scope, EksWriter] = {}

    def of(self, scope: Scope) -> "EksWriter":
        with self._lock:
            found = self._writers.get(scope)
            if found is None:
                found = self._writers[scope] = EksWriter(self._sessions, self._session(scope), scope)
            return found

    def _session(self, scope: Scope) -> botocore.session.Session:
        """Always an assumed role: what the process itself runs with may only read."""
        known = next((each for each in self._settings.accounts if each.id == scope.account), AwsAccount(scope.account))
        name = self._settings.executor_role_name
        role = known.executor_role_arn or f"arn:{scope.partition}:iam::{scope.account}:role/{name}"
        secret = known.external_id or self._settings.external_id
        return self._sessions.assumed(role, secret.value if secret else "")


class EksWriter:
    """One account in one region. Each call is one request: the engine comes again by itself, so nothing is retried."""

    def __init__(self, sessions: Sessions, session: botocore.session.Session, scope: Scope) -> None:
        self._sessions, self._session, self._scope = sessions, session, scope
        self._lock = Lock()
        self._ended: dict[tuple[str, str], observed.EksUpdate] = {}
        self._trail = Trail(sessions, session, scope)
        self._disruptions = Disruptions(sessions, session, scope)
        self._instances = Instances(sessions, session, scope)
        self._callers: dict[tuple[str, str, datetime, str], str] = {}

    def control_plane(self, cluster: str) -> tuple[model.ClusterId, model.ControlPlane]:
        scope = self._scope
        id, found = self._asked("describe_cluster", "cluster", parse.cluster, name=cluster)
        if id.arn != f"arn:{scope.partition}:eks:{scope.region}:{scope.account}:cluster/{cluster}":
            raise InvalidAnswer(f"asked for {cluster} of {scope} ({scope.partition}), got {id.arn}")
        return id, found

    def addon(self, cluster: str, addon: str) -> model.ManagedAddon | None:
        """None when the cluster has none of this name; a ReadError when there is no such cluster."""
        return self._if_there(cluster, "describe_addon", "addon", parse.addon, addonName=addon)

    def node_group(self, cluster: str, group: str) -> model.NodeGroup | None:
        """None when the cluster has none of this name; a ReadError when there is no such cluster."""
        return self._if_there(cluster, "describe_nodegroup", "nodegroup", parse.node_group, nodegroupName=group)

    def fargate_profiles(self, cluster: str) -> tuple[model.FargateProfile, ...]:
        names = self._listed("list_fargate_profiles", "fargateProfileNames", parse.name, clusterName=cluster)
        operation, member = "describe_fargate_profile", "fargateProfile"
        return tuple(
            self._asked(operation, member, parse.fargate_profile, clusterName=cluster, fargateProfileName=name)
            for name in names
        )

    def insights(self, cluster: str) -> tuple[Insight, ...]:
        return tuple(
            listed
            if listed.status is InsightStatus.PASSING
            else self._asked("describe_insight", "insight", parse.insight, clusterName=cluster, id=listed.id)
            for listed in self._listed("list_insights", "insights", parse.insight, clusterName=cluster)
        )

    def insights_refresh(self, cluster: str) -> InsightsRefresh | None:
        return self._if_there(cluster, "describe_insights_refresh", "", parse_account.insights_refresh)

    def refresh_insights(self, cluster: str) -> None:
        self._asked("start_insights_refresh", "", lambda _: None, clusterName=cluster)

    def update_version(self, update: VersionUpdate, token: str) -> str:
        minutes = update.timeout_minutes
        more = {} if minutes is None else {"rollbackConfig": {"timeoutMinutes": minutes}}
        return self._started(
            "update_cluster_version", name=update.cluster, version=str(update.to), clientRequestToken=token, **more
        )

    def cancel_update(self, cluster: str, id: str) -> None:
        self._asked("cancel_update", "", lambda _: None, name=cluster, updateId=id)

    def update_node_group(self, update: NodeGroupUpdate, token: str) -> str:
        more: dict[str, Any] = {} if update.to is None else {"version": str(update.to)}
        if update.release:
            more["releaseVersion"] = update.release
        if update.launch_template:
            id, _, version = update.launch_template.partition(":")
            more["launchTemplate"] = {"id": id, "version": version}
        return self._started(
            "update_nodegroup_version",
            clusterName=update.cluster,
            nodegroupName=update.group,
            clientRequestToken=token,
            **more,
        )

    def update_addon(self, update: AddonUpdate, token: str) -> str:
        more = {} if update.configuration is None else {"configurationValues": update.configuration}
        return self._started(
            "update_addon",
            clusterName=update.cluster,
            addonName=update.addon,
            addonVersion=update.version,
            resolveConflicts=update.resolve,
            clientRequestToken=token,
            **more,
        )

    def scaling_group(self, name: str) -> ScalingGroup | None:
        return self._instances.scaling_group(name)

    def instances(self, ids: Collection[str]) -> tuple[Instance, ...]:
        return self._instances.instances(ids)

    def set_desired(self, group: str, desired: int) -> None:
        self._instances.set_desired(group, desired)

    def terminate(self, instance: str) -> None:
        self._instances.terminate(instance)

    def suspend(self, group: str, processes: Collection[str]) -> None:
        self._instances.suspend(group, processes)

    def resume(self, group: str, processes: Collection[str]) -> None:
        self._instances.resume(group, processes)

    def targets(self, target_groups: Collection[str]) -> tuple[Target, ...]:
        return self._instances.targets(target_groups)

    def deregister(self, target: Target) -> None:
        self._instances.deregister(target)

    def node_group_document(self, cluster: str, group: str) -> Mapping[str, Any] | None:
        return self._if_there(cluster, "describe_nodegroup", "nodegroup", mapping, nodegroupName=group)

    def create_node_group(self, cluster: str, asked: Mapping[str, Any], token: str) -> None:
        self._asked(
            "create_nodegroup", "nodegroup", parse.node_group, clusterName=cluster, clientRequestToken=token, **asked
        )

    def scale_node_group(self, cluster: str, group: str, minimum: int, maximum: int, desired: int, token: str) -> str:
        size = {"minSize": minimum, "maxSize": maximum, "desiredSize": desired}
        return self._started(
            "update_nodegroup_config",
            clusterName=cluster,
            nodegroupName=group,
            scalingConfig=size,
            clientRequestToken=token,
        )

    def delete_node_group(self, cluster: str, group: str) -> None:
        self._asked("delete_nodegroup", "nodegroup", parse.node_group, clusterName=cluster, nodegroupName=group)

    def updates(self, cluster: str, addon: str = "", node_group: str = "") -> tuple[observed.EksUpdate, ...]:
        found = [self.update(cluster, id, addon, node_group) for id in self._ids(cluster, addon, node_group)]
        oldest = datetime.min.replace(tzinfo=UTC)
        return tuple(sorted(found, key=lambda each: each.created_at or oldest, reverse=True))

    def update(self, cluster: str, id: str, addon: str = "", node_group: str = "") -> observed.EksUpdate:
        with self._lock:
            known = self._ended.get((cluster, id))
        if known is not None:
            return known
        of = _subject(addon, node_group)
        found = self._asked("describe_update", "update", parse_account.update, name=cluster, updateId=id, **of)
        if found.status != parse_account.RUNNING:
            with self._lock:
                while len(self._ended) >= _KEPT:
                    del self._ended[next(iter(self._ended))]
                self._ended[cluster, id] = found
        return found

    def health_issues(self) -> tuple[HealthIssue, ...] | None:
        return self._disruptions.health_issues()

    def zonal_shifts(self) -> tuple[ZonalShift, ...]:
        return self._disruptions.zonal_shifts()

    def who(self, cluster: str, operation: str, since: datetime, part: str = "") -> str:
        """Whoever is known stays known; CloudTrail is asked again only while it knows nobody."""
        key = cluster, operation, since, part
        with self._lock:
            known = self._callers.get(key, "")
        if known:
            return known
        try:
            with translated(f"read who called {operation} for {cluster}"):
                found = self._trail.first(cluster, operation, since, part)
        except ReadError:
            return ""
        with self._lock:
            while len(self._callers) >= _KEPT:
                del self._callers[next(iter(self._callers))]
            self._callers[key] = found
        return found

    def token(self, cluster: str) -> tuple[str, datetime]:
        """A bearer token for a cluster, signed with the executor's credentials, and its end."""
        with translated(f"sign a token of the executor for {cluster} in {self._scope}"):
            sts = self._sessions.client(self._session, "sts", self._scope)
            return cluster_token(self._session, sts.meta.endpoint_url, self._scope, cluster, datetime.now(UTC))

    def _ids(self, cluster: str, addon: str, node_group: str) -> tuple[str, ...]:
        return self._listed("list_updates", "updateIds", parse.name, name=cluster, **_subject(addon, node_group))

    def _listed(self, operation: str, member: str, parsed: Callable[[Any], T], **arguments: str) -> tuple[T, ...]:
        found: list[T] = []
        token = ""
        for _ in range(MOST_PAGES):
            more = {"nextToken": token} if token else {}
            page, token = self._asked(operation, "", partial(_page, member, parsed), **arguments, **more)
            found += page
            if not token:
                return tuple(found)
        cluster = arguments.get("name") or arguments["clusterName"]
        raise InvalidAnswer(f"{permission('eks', operation)} of {cluster} in {self._scope}: the list never ends")

    def _if_there(
        self, cluster: str, operation: str, member: str, parsed: Callable[[Mapping[str, Any]], T], **arguments: str
    ) -> T | None:
        try:
            return self._asked(operation, member, parsed, clusterName=cluster, **arguments)
        except ReadError as error:
            if error.reason is not GapReason.NOT_FOUND:
                raise
        self.control_plane(cluster)  # EKS answers both with one code: this one is raised when the cluster is gone
        return None

    def _started(self, operation: str, **arguments: Any) -> str:
        return self._asked(operation, "update", parse_account.update, **arguments).id

    def _asked(self, operation: str, member: str, parsed: Callable[[Mapping[str, Any]], T], **arguments: Any) -> T:
        def call() -> T:
            answer = getattr(self._sessions.client(self._session, "eks", self._scope), operation)(**arguments)
            return parsed(parse.member(answer, member) if member else answer)

        names = [arguments[key] for key in _NAMES if key in arguments]
        action = f"{permission('eks', operation)} of {'/'.join(names)} in {self._scope}"
        return self._sessions.once(self._session, action, self._scope, call)


def _subject(addon: str, node_group: str) -> dict[str, str]:
    return {key: value for key, value in (("addonName", addon), ("nodegroupName", node_group)) if value}


def _page(member: str, parsed: Callable[[Any], T], answer: Mapping[str, Any]) -> tuple[list[T], str]:
    items = parse.member(answer, member)
    if not isinstance(items, list):
        raise TypeError(f"{member} is {type(items).__name__}, not a list")
    return [parsed(each) for each in items], parse.token(answer.get("nextToken"))
