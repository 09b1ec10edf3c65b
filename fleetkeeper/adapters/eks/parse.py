"""boto3's answers into core values; a wrong type or a missing field raises one of Python's own errors, see failures."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fleetkeeper.core import model
from fleetkeeper.core.versions import Minor


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(v) for v in _list(value))


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {type(value).__name__}")
    return value


def _dict(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {type(value).__name__}")
    return value


def _tags(value: object) -> dict[str, str]:
    return {_text(k): _text(v) for k, v in _dict(value).items()}


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise TypeError(f"expected a time, got {type(value).__name__}")
    return value.astimezone(UTC)


def _count(value: object) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    return value


def _issues(health: object) -> tuple[model.Issue, ...]:
    return tuple(
        model.Issue(_text(i.get("code")), _text(i.get("message")), _texts(i.get("resourceIds")))
        for i in map(_dict, _list(_dict(health).get("issues")))
    )


def name(item: object) -> str:
    """An item of a list of names, or a member that nothing can be without."""
    if not isinstance(item, str) or not item:
        raise TypeError(f"expected a name, got {item!r}")
    return item


def member(body: Mapping[str, Any], wanted: str) -> Any:
    """What an answer is about. botocore reads a body that broke off as an empty success: that must not be `nothing`."""
    if wanted not in body:
        raise ValueError(f"there is no {wanted} in it; it broke off, or a proxy answered")
    return body[wanted]


def token(value: object) -> str:
    """The token of a next page, "" where there is none."""
    return _text(value)


def _pem(data: str) -> str:
    """The certificate authority as PEM text; a cluster that is still being created has none yet."""
    try:
        return base64.b64decode(data, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"certificateAuthority is not base64 of PEM: {error}") from error


def cluster(body: Mapping[str, Any]) -> tuple[model.ClusterId, model.ControlPlane]:
    """DescribeCluster's `cluster`."""
    created = _time(body["createdAt"])
    if created is None:
        raise ValueError("a cluster without createdAt")
    logging = [_dict(s) for s in _list(_dict(body.get("logging")).get("clusterLogging"))]
    return (
        model.ClusterId(name(body["arn"]), created),
        model.ControlPlane(
            name=name(body["name"]),
            version=Minor.parse(_text(body["version"])),
            status=_text(body.get("status")),
            endpoint=_text(body.get("endpoint")),
            ca_pem=_pem(_text(_dict(body.get("certificateAuthority")).get("data"))),
            platform_version=_text(body.get("platformVersion")),
            support_type=_text(_dict(body.get("upgradePolicy")).get("supportType")),
            auto_mode=_dict(body.get("computeConfig")).get("enabled") is True,
            authentication_mode=_text(_dict(body.get("accessConfig")).get("authenticationMode")),
            audit_logs=any(s.get("enabled") is True and "audit" in _texts(s.get("types")) for s in logging),
            issues=_issues(body.get("health")),
            subnets=_texts(_dict(body.get("resourcesVpcConfig")).get("subnetIds")),
            tags=_tags(body.get("tags")),
        ),
    )


def addon(body: Mapping[str, Any]) -> model.ManagedAddon:
    return model.ManagedAddon(
        name=name(body["addonName"]),
        version=_text(body.get("addonVersion")),
        status=_text(body.get("status")),
        issues=_issues(body.get("health")),
        configuration=_text(body.get("configurationValues")),
        role_arn=_text(body.get("serviceAccountRoleArn")),
    )


def node_group(body: Mapping[str, Any]) -> model.NodeGroup:
    version = _text(body.get("version"))
    scaling = _dict(body.get("scalingConfig"))
    template = _dict(body.get("launchTemplate"))
    groups = _list(_dict(body.get("resources")).get("autoScalingGroups"))
    return model.NodeGroup(
        name=name(body["nodegroupName"]),
        status=_text(body.get("status")),
        version=Minor.parse(version) if version else None,
        release_version=_text(body.get("releaseVersion")),
        ami_type=_text(body.get("amiType")),
        capacity_type=_text(body.get("capacityType")),
        instance_types=_texts(body.get("instanceTypes")),
        desired=_count(scaling.get("desiredSize")),
        minimum=_count(scaling.get("minSize")),
        maximum=_count(scaling.get("maxSize")),
        subnets=_texts(body.get("subnets")),
        auto_scaling_groups=tuple(_text(_dict(g).get("name")) for g in groups),
        launch_template=f"{_text(template.get('id'))}:{_text(template.get('version'))}" if template else "",
        issues=_issues(body.get("health")),
        labels=_tags(body.get("labels")),
        tags=_tags(body.get("tags")),
    )


def fargate_profile(body: Mapping[str, Any]) -> model.FargateProfile:
    selectors = tuple(
        (_text(_dict(s).get("namespace")), _tags(_dict(s).get("labels"))) for s in _list(body.get("selectors"))
    )
    return model.FargateProfile(name(body["fargateProfileName"]), _text(body.get("status")), selectors)


def insight(body: Mapping[str, Any]) -> model.Insight:
    """An entry of ListInsights, or DescribeInsight's `insight`, which also has the deprecations."""
    status = _dict(body.get("insightStatus"))
    said = _text(status.get("status"))
    minor = _text(body.get("kubernetesVersion"))
    details = _list(_dict(body.get("categorySpecificSummary")).get("deprecationDetails"))
    return model.Insight(
        id=name(body["id"]),
        name=_text(body.get("name")),
        category=_text(body.get("category")),
        status=model.InsightStatus(said) if said in set(model.InsightStatus) else model.InsightStatus.UNKNOWN,
        minor=Minor.parse(minor) if minor else None,
        reason=_text(status.get("reason")),
        refreshed_at=_time(body.get("lastRefreshTime")),
        deprecations=tuple(_deprecation(_dict(d)) for d in details),
    )


def _deprecation(body: Mapping[str, Any]) -> model.Deprecation:
    return model.Deprecation(
        usage=_text(body.get("usage")),
        replaced_with=_text(body.get("replacedWith")),
        stop_serving=_text(body.get("stopServingVersion")),
        clients=tuple(
            model.ClientStat(
                _text(c.get("userAgent")), _count(c.get("numberOfRequestsLast30Days")), _time(c.get("lastRequestTime"))
            )
            for c in map(_dict, _list(body.get("clientStats")))
        ),
    )


_CLUSTER_TAG = "kubernetes.io/cluster/"


def auto_scaling_group(body: Mapping[str, Any]) -> model.AutoScalingGroup | None:
    """A group of DescribeAutoScalingGroups; None when no tag ties it to a cluster."""
    tags = {_text(t.get("Key")): _text(t.get("Value")) for t in map(_dict, _list(body.get("Tags")))}
    cluster = next((k.removeprefix(_CLUSTER_TAG) for k in tags if k.startswith(_CLUSTER_TAG)), "")
    if not cluster:
        return None
    template = _dict(body.get("LaunchTemplate"))
    return model.AutoScalingGroup(
        name=name(body["AutoScalingGroupName"]),
        cluster=cluster,
        desired=_count(body.get("DesiredCapacity")),
        instances=tuple(_text(_dict(i).get("InstanceId")) for i in _list(body.get("Instances"))),
        node_group=tags.get("eks:nodegroup-name", ""),
        launch_template=f"{_text(template.get('LaunchTemplateId'))}:{_text(template.get('Version'))}"
        if template
        else "",
    )


def supported_version(body: Mapping[str, Any], source: str) -> model.SupportedVersion:
    return model.SupportedVersion(
        minor=Minor.parse(_text(body["clusterVersion"])),
        end_of_standard=_time(body.get("endOfStandardSupportDate")),
        end_of_extended=_time(body.get("endOfExtendedSupportDate")),
        status=_text(body.get("versionStatus")),
        source=source,
    )


def addon_releases(body: Mapping[str, Any]) -> tuple[model.AddonRelease, ...]:
    addon = name(body["addonName"])
    return tuple(
        model.AddonRelease(
            addon,
            name(v["addonVersion"]),
            tuple(
                (Minor.parse(_text(c.get("clusterVersion"))), c.get("defaultVersion") is True)
                for c in map(_dict, _list(v.get("compatibilities")))
                if c.get("clusterVersion")
            ),
        )
        for v in map(_dict, _list(body.get("addonVersions")))
    )


@dataclass(frozen=True, slots=True)
class Unit:
    """A root or an organizational unit."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account of an organization; one that is not active (suspended, closing) cannot be read."""

    id: str
    name: str
    active: bool


def unit(body: Mapping[str, Any]) -> Unit:
    """An entry of ListRoots or ListOrganizationalUnitsForParent."""
    return Unit(name(body["Id"]), _text(body.get("Name")))


def listed_account(body: Mapping[str, Any]) -> ListedAccount:
    """An entry of ListAccountsForParent. `State` took the place of `Status`, which is retired on 2026-09-09.

    docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html (2026-11)
    """
    state = _text(body.get("State")) or _text(body.get("Status"))
    return ListedAccount(name(body["Id"]), _text(body.get("Name")), state == "ACTIVE")


def tag(body: Mapping[str, Any]) -> tuple[str, str]:
    return name(body["Key"]), _text(body.get("Value"))
