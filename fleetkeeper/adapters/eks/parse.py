"""boto3's answers into core values; a wrong type or a missing field raises one of Python's own errors, see failures."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleetkeeper.adapters.eks.fields import count, listed, mapping, moment, tags, text, texts
from fleetkeeper.core import model
from fleetkeeper.core.insights import ClientStat, Deprecation, Insight, InsightStatus
from fleetkeeper.core.versions import Minor


def _issues(health: object) -> tuple[model.Issue, ...]:
    return tuple(
        model.Issue(text(i.get("code")), text(i.get("message")), texts(i.get("resourceIds")))
        for i in map(mapping, listed(mapping(health).get("issues")))
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
    return text(value)


def _pem(data: str) -> str:
    """The certificate authority as PEM text; a cluster that is still being created has none yet."""
    try:
        return base64.b64decode(data, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"certificateAuthority is not base64 of PEM: {error}") from error


def cluster(body: Mapping[str, Any]) -> tuple[model.ClusterId, model.ControlPlane]:
    """DescribeCluster's `cluster`."""
    created = moment(body["createdAt"])
    if created is None:
        raise ValueError("a cluster without createdAt")
    logging = [mapping(s) for s in listed(mapping(body.get("logging")).get("clusterLogging"))]
    return (
        model.ClusterId(name(body["arn"]), created),
        model.ControlPlane(
            name=name(body["name"]),
            version=Minor.parse(text(body["version"])),
            status=text(body.get("status")),
            endpoint=text(body.get("endpoint")),
            ca_pem=_pem(text(mapping(body.get("certificateAuthority")).get("data"))),
            platform_version=text(body.get("platformVersion")),
            support_type=text(mapping(body.get("upgradePolicy")).get("supportType")),
            auto_mode=mapping(body.get("computeConfig")).get("enabled") is True,
            authentication_mode=text(mapping(body.get("accessConfig")).get("authenticationMode")),
            audit_logs=any(s.get("enabled") is True and "audit" in texts(s.get("types")) for s in logging),
            issues=_issues(body.get("health")),
            subnets=texts(mapping(body.get("resourcesVpcConfig")).get("subnetIds")),
            tags=tags(body.get("tags")),
            role_arn=text(body.get("roleArn")),
            kms_key=next((key for each in listed(body.get("encryptionConfig")) if (key := _key(mapping(each)))), ""),
        ),
    )


def _key(encryption: Mapping[str, Any]) -> str:
    return text(mapping(encryption.get("provider")).get("keyArn"))


def addon(body: Mapping[str, Any]) -> model.ManagedAddon:
    return model.ManagedAddon(
        name=name(body["addonName"]),
        version=text(body.get("addonVersion")),
        status=text(body.get("status")),
        issues=_issues(body.get("health")),
        configuration=text(body.get("configurationValues")),
        role_arn=text(body.get("serviceAccountRoleArn")),
    )


def node_group(body: Mapping[str, Any]) -> model.NodeGroup:
    version = text(body.get("version"))
    scaling = mapping(body.get("scalingConfig"))
    template = mapping(body.get("launchTemplate"))
    groups = listed(mapping(body.get("resources")).get("autoScalingGroups"))
    rolling = mapping(body.get("updateConfig"))
    return model.NodeGroup(
        name=name(body["nodegroupName"]),
        status=text(body.get("status")),
        version=Minor.parse(version) if version else None,
        release_version=text(body.get("releaseVersion")),
        ami_type=text(body.get("amiType")),
        capacity_type=text(body.get("capacityType")),
        instance_types=texts(body.get("instanceTypes")),
        desired=count(scaling.get("desiredSize")),
        minimum=count(scaling.get("minSize")),
        maximum=count(scaling.get("maxSize")),
        subnets=texts(body.get("subnets")),
        auto_scaling_groups=tuple(text(mapping(g).get("name")) for g in groups),
        launch_template=f"{text(template.get('id'))}:{text(template.get('version'))}" if template else "",
        issues=_issues(body.get("health")),
        labels=tags(body.get("labels")),
        tags=tags(body.get("tags")),
        max_unavailable=_unavailable(rolling),
        update_strategy=text(rolling.get("updateStrategy")),
    )


def _unavailable(rolling: Mapping[str, Any]) -> str:
    """updateConfig has a number or a percentage; none of them where it was never set."""
    if share := count(rolling.get("maxUnavailablePercentage")):
        return f"{share}%"
    number = count(rolling.get("maxUnavailable"))
    return str(number) if number else ""


def fargate_profile(body: Mapping[str, Any]) -> model.FargateProfile:
    selectors = tuple(
        (text(mapping(s).get("namespace")), tags(mapping(s).get("labels"))) for s in listed(body.get("selectors"))
    )
    return model.FargateProfile(name(body["fargateProfileName"]), text(body.get("status")), selectors)


def insight(body: Mapping[str, Any]) -> Insight:
    """An entry of ListInsights, or DescribeInsight's `insight`, which also has the deprecations."""
    status = mapping(body.get("insightStatus"))
    said = text(status.get("status"))
    minor = text(body.get("kubernetesVersion"))
    details = listed(mapping(body.get("categorySpecificSummary")).get("deprecationDetails"))
    return Insight(
        id=name(body["id"]),
        name=text(body.get("name")),
        category=text(body.get("category")),
        status=InsightStatus(said) if said in set(InsightStatus) else InsightStatus.UNKNOWN,
        minor=Minor.parse(minor) if minor else None,
        reason=text(status.get("reason")),
        refreshed_at=moment(body.get("lastRefreshTime")),
        deprecations=tuple(_deprecation(mapping(d)) for d in details),
    )


def _deprecation(body: Mapping[str, Any]) -> Deprecation:
    return Deprecation(
        usage=text(body.get("usage")),
        replaced_with=text(body.get("replacedWith")),
        stop_serving=text(body.get("stopServingVersion")),
        clients=tuple(
            ClientStat(
                text(c.get("userAgent")), count(c.get("numberOfRequestsLast30Days")), moment(c.get("lastRequestTime"))
            )
            for c in map(mapping, listed(body.get("clientStats")))
        ),
    )


_CLUSTER_TAG = "kubernetes.io/cluster/"


def auto_scaling_group(body: Mapping[str, Any]) -> model.AutoScalingGroup | None:
    """A group of DescribeAutoScalingGroups; None when no tag ties it to a cluster."""
    tags = {text(t.get("Key")): text(t.get("Value")) for t in map(mapping, listed(body.get("Tags")))}
    cluster = next((k.removeprefix(_CLUSTER_TAG) for k in tags if k.startswith(_CLUSTER_TAG)), "")
    if not cluster:
        return None
    mixed = mapping(mapping(body.get("MixedInstancesPolicy")).get("LaunchTemplate"))
    template = mapping(body.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification"))
    return model.AutoScalingGroup(
        name=name(body["AutoScalingGroupName"]),
        cluster=cluster,
        desired=count(body.get("DesiredCapacity")),
        instances=tuple(text(mapping(i).get("InstanceId")) for i in listed(body.get("Instances"))),
        node_group=tags.get("eks:nodegroup-name", ""),
        launch_template=f"{text(template.get('LaunchTemplateId'))}:{text(template.get('Version'))}" if template else "",
        subnets=tuple(filter(None, text(body.get("VPCZoneIdentifier")).split(","))),
    )


def supported_version(body: Mapping[str, Any], source: str) -> model.SupportedVersion:
    return model.SupportedVersion(
        minor=Minor.parse(text(body["clusterVersion"])),
        end_of_standard=moment(body.get("endOfStandardSupportDate")),
        end_of_extended=moment(body.get("endOfExtendedSupportDate")),
        status=text(body.get("versionStatus")),
        source=source,
    )


def addon_releases(body: Mapping[str, Any]) -> tuple[model.AddonRelease, ...]:
    addon = name(body["addonName"])
    return tuple(
        model.AddonRelease(
            addon,
            name(v["addonVersion"]),
            tuple(
                (Minor.parse(text(c.get("clusterVersion"))), c.get("defaultVersion") is True)
                for c in map(mapping, listed(v.get("compatibilities")))
                if c.get("clusterVersion")
            ),
        )
        for v in map(mapping, listed(body.get("addonVersions")))
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
    return Unit(name(body["Id"]), text(body.get("Name")))


def listed_account(body: Mapping[str, Any]) -> ListedAccount:
    """An entry of ListAccountsForParent. `State` took the place of `Status`, which is retired on 2026-09-09.

    docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html (2026-11)
    """
    state = text(body.get("State")) or text(body.get("Status"))
    return ListedAccount(name(body["Id"]), text(body.get("Name")), state == "ACTIVE")


def tag(body: Mapping[str, Any]) -> tuple[str, str]:
    return name(body["Key"]), text(body.get("Value"))
