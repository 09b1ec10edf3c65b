"""The smallest call for each permission in AWS, tried once and without retries (the CloudProbes port)."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

from fleetkeeper.adapters.eks.audit_log import QUERY, log_group
from fleetkeeper.adapters.eks.cloud import EksCloud
from fleetkeeper.adapters.eks.failures import Unreadable, translated
from fleetkeeper.adapters.eks.pages import permission
from fleetkeeper.adapters.eks.sessions import RoleCredentials, Sessions
from fleetkeeper.config import AwsSettings
from fleetkeeper.core.model import Scope
from fleetkeeper.engine.ports import Cloud
from fleetkeeper.engine.probing import ASSUME, IDENTITY, Probe
from fleetkeeper.errors import GapReason, InvalidAnswer, ReadError

# What is asked for where there is nothing to ask for. IAM decides before EKS looks, so "not found" proves the right.
_NOTHING = "fleetkeeper-doctor"
_NO_ID = "00000000-0000-0000-0000-000000000000"


class EksProbes:
    """CloudProbes over boto3, on sessions of its own, for the clouds that EksClouds opens."""

    def __init__(self, settings: AwsSettings, cancel: threading.Event) -> None:
        self._sessions = Sessions(settings, cancel)
        self._own = Scope("self", self._sessions.region, settings.partition)

    def caller(self) -> Probe:
        return Probe(IDENTITY, lambda: self._identity(self._sessions.base(), self._own))

    def clock_skew(self) -> timedelta:
        before = datetime.now(UTC)
        with translated("read the clock of AWS"):
            headers = _headers(self._sessions.client(self._sessions.base(), "sts", self._own))
            # The header has whole seconds: half of one is what it lacks on average.
            theirs = parsedate_to_datetime(headers["date"]) + timedelta(seconds=0.5)
            return theirs - (before + (datetime.now(UTC) - before) / 2)

    def sign_in(self, cloud: Cloud) -> Probe:
        assert isinstance(cloud, EksCloud)
        session = cloud.session
        # Not get_credentials(): without a role it would look for credentials here, and may fail outside the attempt.
        assumes = isinstance(session._credentials, RoleCredentials)
        return Probe(ASSUME if assumes else IDENTITY, partial(self._account_identity, session, cloud.scope))

    def reads(self, cloud: Cloud, cluster: str, audit_logs: bool) -> tuple[Probe, ...]:
        assert isinstance(cloud, EksCloud)
        scope_probes = _ScopeProbes(partial(self._sessions.client, cloud.session), cloud.scope)
        logs = scope_probes.of_logs(cluster or _NOTHING) if audit_logs else ()
        return (*scope_probes.all(cluster or _NOTHING), *logs)

    def _identity(self, session: botocore.session.Session, scope: Scope) -> str:
        with translated("get caller identity"):
            return str(self._sessions.client(session, "sts", scope).get_caller_identity()["Arn"])

    def _account_identity(self, session: botocore.session.Session, scope: Scope) -> str:
        """Who reads the account; credentials of another one read that other one, and nobody would notice."""
        arn = self._identity(session, scope)
        account = ":".join(arn.split(":")[4:5])
        if account != scope.account:
            raise ReadError(f"the credentials are those of account {account}: {arn}", GapReason.FORBIDDEN)
        return arn


@dataclass(frozen=True, slots=True)
class _ScopeProbes:
    """The reads of one account in one region. A list that is tried leaves an item for the description after it."""

    client: Callable[[str, Scope], Any]
    scope: Scope
    found: dict[str, str] = field(default_factory=dict)

    def all(self, cluster: str) -> tuple[Probe, ...]:
        listed, described, whole = partial(self._listed, cluster), partial(self._described, cluster), self._whole
        return (
            whole("eks", "list_clusters", "clusters", maxResults=1),
            self._probe("eks", "describe_cluster", lambda: {"name": cluster}, "cluster"),
            listed("list_addons", "addons"),
            described("describe_addon", "addon", "addonName", "addons"),
            listed("list_nodegroups", "nodegroups"),
            described("describe_nodegroup", "nodegroup", "nodegroupName", "nodegroups"),
            listed("list_fargate_profiles", "fargateProfileNames"),
            described("describe_fargate_profile", "fargateProfile", "fargateProfileName", "fargateProfileNames"),
            listed("list_insights", "insights"),
            described("describe_insight", "insight", "id", "insights"),
            self._probe("eks", "list_updates", lambda: {"name": cluster, "maxResults": 1}, "updateIds"),
            self._probe(
                "eks", "describe_update", lambda: {"name": cluster, "updateId": self._one("updateIds")}, "update"
            ),
            *self._of_the_account(),
            whole("eks", "describe_cluster_versions", "clusterVersions", maxResults=1),
            whole("eks", "describe_addon_versions", "addons", maxResults=1),
            whole("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", MaxRecords=1),
        )

    def _of_the_account(self) -> tuple[Probe, ...]:
        """What an upgrade needs there; the role and the key are those of the cluster that was described."""
        whole = self._whole
        return (
            whole("ec2", "describe_subnets", "Subnets", MaxResults=5),
            whole("ec2", "describe_images", "Images", Owners=["self"], MaxResults=5),
            whole("ec2", "describe_launch_templates", "LaunchTemplates", MaxResults=1),
            whole(
                "ec2", "describe_launch_template_versions", "LaunchTemplateVersions", Versions=["$Latest"], MaxResults=1
            ),
            self._probe("iam", "get_role", lambda: {"RoleName": self.found.get("roleArn", _NOTHING)}, "Role"),
            self._probe("kms", "describe_key", lambda: {"KeyId": self._one("keyArn")}, "KeyMetadata"),
            whole("service-quotas", "list_service_quotas", "Quotas", ServiceCode="ec2", MaxResults=1),
            self._probe("cloudwatch", "get_metric_data", _one_metric, "MetricDataResults"),
        )

    def of_logs(self, cluster: str) -> tuple[Probe, ...]:
        """A query of one second, which reads next to nothing, and is stopped."""
        query = partial(self._one, "queryId")
        return (
            self._probe("logs", "start_query", partial(_one_second, cluster), "queryId"),
            self._probe("logs", "get_query_results", lambda: {"queryId": query()}, "status"),
            self._probe("logs", "stop_query", lambda: {"queryId": query()}, "success"),
        )

    def _one(self, items: str) -> str:
        """An id that was found, or one that nothing has."""
        return self.found.get(items, _NO_ID)

    def _whole(self, service: str, operation: str, member: str, **arguments: Any) -> Probe:
        return self._probe(service, operation, lambda: arguments, member)

    def _listed(self, cluster: str, operation: str, member: str) -> Probe:
        return self._probe("eks", operation, lambda: {"clusterName": cluster, "maxResults": 1}, member)

    def _described(self, cluster: str, operation: str, member: str, key: str, items: str) -> Probe:
        nothing = _NO_ID if key == "id" else _NOTHING
        return self._probe(
            "eks", operation, lambda: {"clusterName": cluster, key: self.found.get(items, nothing)}, member
        )

    def _probe(self, service: str, operation: str, arguments: Callable[[], Mapping[str, Any]], member: str) -> Probe:
        action = permission(service, operation)
        return Probe(action, lambda: self._tried(service, operation, arguments(), member))

    def _tried(self, service: str, operation: str, arguments: Mapping[str, Any], member: str) -> str:
        try:
            with translated(f"{operation.replace('_', ' ')} in {self.scope}"):
                answer = getattr(self.client(service, self.scope), operation)(**arguments)[member]
                self.found.update(_left_by(member, answer))
        except ReadError as error:
            if error.reason is GapReason.NOT_FOUND:
                return "nothing there to read; the call itself is allowed"
            if operation == "stop_query" and isinstance(error, InvalidAnswer) and not isinstance(error, Unreadable):
                return "the query had ended; the call itself is allowed"
            if isinstance(error, InvalidAnswer) and {_NOTHING, _NO_ID} & set(map(str, arguments.values())):
                raise ReadError(
                    f"not proven, for there is nothing to read: {error.detail}", GapReason.NOT_CONFIGURED
                ) from error
            raise
        return ""


def _left_by(member: str, answer: Any) -> dict[str, str]:
    """What an answer leaves for the calls after it: a list's first item, a query's id, or a cluster's role and key."""
    if isinstance(answer, list) and answer:
        return {member: str(answer[0]["id"] if isinstance(answer[0], dict) and "id" in answer[0] else answer[0])}
    if member == "queryId":
        return {member: str(answer)}
    if member != "cluster":
        return {}
    keys = [each["provider"]["keyArn"] for each in answer.get("encryptionConfig") or ()]
    return {"roleArn": answer["roleArn"].rpartition("/")[2]} | ({"keyArn": keys[0]} if keys else {})


def _one_metric() -> dict[str, Any]:
    """The usage of the quota that every account has; what the answer is does not matter."""
    dimensions = {"Service": "EC2", "Type": "Resource", "Resource": "vCPU", "Class": "Standard/OnDemand"}
    metric = {
        "Namespace": "AWS/Usage",
        "MetricName": "ResourceCount",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    query = {"Id": "q0", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Maximum"}}
    now = datetime.now(UTC)
    return {"MetricDataQueries": [query], "StartTime": now - timedelta(hours=1), "EndTime": now}


def _one_second(cluster: str) -> dict[str, Any]:
    """A minute ago, so that it is over also by a clock that goes slow."""
    moment = int((datetime.now(UTC) - timedelta(minutes=1)).timestamp())
    return {
        "logGroupName": log_group(cluster),
        "startTime": moment,
        "endTime": moment,
        "queryString": QUERY,
    }


def _headers(sts: Any) -> Mapping[str, str]:
    """Those of any answer, also of a refusal, which is what a wrong clock gets."""
    try:
        answer = sts.get_caller_identity()
    except ClientError as error:
        answer = error.response
    headers: Mapping[str, str] = answer["ResponseMetadata"]["HTTPHeaders"]
    return headers
