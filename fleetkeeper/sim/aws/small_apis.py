"""Three small APIs around clusters: Auto Scaling groups, the SSM parameters of machine images, and Service Quotas."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.catalog import catalog, load
from fleetkeeper.sim.aws.ec2 import fits_tags
from fleetkeeper.sim.aws.fleet import Group, clusters_for, groups_of, subnets_of
from fleetkeeper.sim.aws.images import FAMILIES, Family, ami_id, eks_image, latest_release
from fleetkeeper.sim.aws.paging import BadToken, page

_GROUPS_PAGE = 50  # of DescribeAutoScalingGroups; at most 100
_PATH_PAGE = 10  # of GetParametersByPath, also its maximum
_QUOTAS_PAGE = 100


def _describe_groups(call: Call) -> dict[str, Any]:
    filters, asked = call.params.get("Filters", []), call.params.get("AutoScalingGroupNames", [])
    chosen = [
        group
        for cluster in clusters_for(call, filters)
        for group in groups_of(cluster)
        if (not asked or group.name in asked) and _fits(filters, group.tags)
    ]
    size = min(call.params.get("MaxRecords", _GROUPS_PAGE), 100)
    try:
        groups, token = page(chosen, lambda group: group.name, call.params.get("NextToken"), size)
    except BadToken as error:
        raise AwsError("InvalidNextToken", "The NextToken value is not valid.") from error
    return {"AutoScalingGroups": [_group(call, each) for each in groups]} | ({"NextToken": token} if token else {})


def _fits(filters: list[dict[str, Any]], tags: Mapping[str, str]) -> bool:
    for each in filters:
        if each["Name"] == "tag-value" and not set(tags.values()) & set(each.get("Values", [])):
            return False
    return fits_tags(filters, tags)


def _group(call: Call, group: Group) -> dict[str, Any]:
    template = {
        "LaunchTemplateId": group.template["id"],
        "LaunchTemplateName": group.template["name"],
        "Version": group.template["version"],
    }
    zones = sorted({subnet.zone for subnet in subnets_of(call.world, group.cluster).values()})
    owner = f"arn:{call.partition}:autoscaling:{call.region}:{call.account}:autoScalingGroup"
    return {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": f"{owner}:00000000-0000-0000-0000-000000000000:autoScalingGroupName/{group.name}",
        "LaunchTemplate": template,
        "MinSize": group.minimum,
        "MaxSize": group.maximum,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": 300,
        "AvailabilityZones": zones,
        "HealthCheckType": "EC2",
        "CreatedTime": group.created_at,
        "VPCZoneIdentifier": ",".join(group.subnets),
        "Instances": [_member(group, name, zone, template) for name, zone in list(group.instances.items())],
        "Tags": [_tag(group, key, value) for key, value in group.tags.items()],
        "NewInstancesProtectedFromScaleIn": False,
        "SuspendedProcesses": [_suspended(name) for name in group.suspended],
    }


def _suspended(name: str) -> dict[str, str]:
    return {"ProcessName": name, "SuspensionReason": "User suspended"}


def _member(group: Group, instance: str, zone: str, template: dict[str, str]) -> dict[str, Any]:
    return {
        "InstanceId": instance,
        "InstanceType": group.instance_type,
        "AvailabilityZone": zone,
        "LifecycleState": group.life.get(instance, "InService"),
        "HealthStatus": "Healthy",
        "LaunchTemplate": template,
        "ProtectedFromScaleIn": False,
    }


def _tag(group: Group, key: str, value: str) -> dict[str, Any]:
    place = {"ResourceId": group.name, "ResourceType": "auto-scaling-group"}
    return {**place, "Key": key, "Value": value, "PropagateAtLaunch": True}


def _parameters(call: Call) -> dict[str, str]:
    """Every public parameter of machine images, by name, as it stands now."""
    now = call.world.now()
    found: dict[str, str] = {}
    for minor in catalog().released(now):
        for family in FAMILIES:
            if family.serves(minor.name):
                release = latest_release(family.ami_type, minor.name, now)
                path = family.path.format(minor=minor.name)
                found |= {f"{path}{tail}": text for tail, text in _image_texts(call, family, minor.name, release)}
    return found


def _image_texts(call: Call, family: Family, minor: str, release: str) -> list[tuple[str, str]]:
    image = ami_id(call.region, family.ami_type, release)
    if family.is_bottlerocket:
        return [("/image_id", image), ("/image_version", release)]
    name = eks_image(call.region, family.ami_type, minor, release).name
    whole = {"schema_version": "2", "image_id": image, "image_name": name, "release_version": release}
    return [
        ("", json.dumps(whole)),
        ("/image_id", image),
        ("/image_name", name),
        ("/release_version", release),
    ]


def _parameter(call: Call, name: str, value: str) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "String",
        "Value": value,
        "Version": 1,
        "LastModifiedDate": call.world.epoch,
        "ARN": f"arn:{call.partition}:ssm:{call.region}::parameter{name}",
        "DataType": "aws:ec2:image" if name.endswith("/image_id") else "text",
    }


def _get_parameter(call: Call) -> dict[str, Any]:
    name = call.params["Name"]
    value = _parameters(call).get(name)
    if value is None:
        raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
    return {"Parameter": _parameter(call, name, value)}


def _get_parameters(call: Call) -> dict[str, Any]:
    known, names = _parameters(call), call.params["Names"]
    return {
        "Parameters": [_parameter(call, name, known[name]) for name in names if name in known],
        "InvalidParameters": [name for name in names if name not in known],
    }


def _get_parameters_by_path(call: Call) -> dict[str, Any]:
    prefix, deep = call.params["Path"].rstrip("/") + "/", call.params.get("Recursive", False)
    known = _parameters(call)
    chosen = [name for name in known if name.startswith(prefix) and (deep or "/" not in name[len(prefix) :])]
    size = min(call.params.get("MaxResults", _PATH_PAGE), _PATH_PAGE)
    try:
        names, token = page(chosen, str, call.params.get("NextToken"), size)
    except BadToken as error:
        raise AwsError("InvalidNextToken", "The specified token is not valid.") from error
    answer = {"Parameters": [_parameter(call, name, known[name]) for name in names]}
    return answer | ({"NextToken": token} if token else {})


@cache
def _quota_data() -> dict[str, Any]:
    return load("quotas.toml")


def _quota(call: Call, row: Mapping[str, Any], value: float) -> dict[str, Any]:
    answer = {
        "ServiceCode": row["service"],
        "ServiceName": _quota_data()["services"][row["service"]],
        "QuotaArn": f"arn:{call.partition}:servicequotas:{call.region}:{call.account}:{row['service']}/{row['code']}",
        "QuotaCode": row["code"],
        "QuotaName": row["name"],
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }
    if "usage_class" not in row:
        return answer
    dimensions = {"Class": row["usage_class"], "Resource": "vCPU", "Service": "EC2", "Type": "Resource"}
    metric = {"MetricNamespace": "AWS/Usage", "MetricName": "ResourceCount", "MetricDimensions": dimensions}
    return answer | {"UsageMetric": {**metric, "MetricStatisticRecommendation": "Maximum"}}


def _applied(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    return _quota(call, row, call.world.quotas.get((call.account, call.region, row["code"]), row["value"]))


def quota_rows(service: str) -> list[Mapping[str, Any]]:
    """The quotas of a service code, as the catalogue has them."""
    rows = [row for row in _quota_data()["quota"] if row["service"] == service]
    if not rows:
        raise AwsError(
            "NoSuchResourceException", f"The request failed because the specified service {service} is unknown."
        )
    return rows


def _list_quotas(call: Call) -> dict[str, Any]:
    wanted = call.params.get("QuotaCode")
    rows = [row for row in quota_rows(call.params["ServiceCode"]) if wanted in {None, row["code"]}]
    size = call.params.get("MaxResults", _QUOTAS_PAGE)
    try:
        chosen, token = page(rows, lambda row: str(row["code"]), call.params.get("NextToken"), size)
    except BadToken as error:
        raise AwsError("InvalidPaginationTokenException", "The NextToken is not valid.") from error
    return {"Quotas": [_applied(call, row) for row in chosen]} | ({"NextToken": token} if token else {})


def _one_quota(call: Call) -> Mapping[str, Any]:
    row = next((row for row in quota_rows(call.params["ServiceCode"]) if row["code"] == call.params["QuotaCode"]), None)
    if row is None:
        raise AwsError("NoSuchResourceException", f"The quota {call.params['QuotaCode']} does not exist.")
    return row


def _get_quota(call: Call) -> dict[str, Any]:
    return {"Quota": _applied(call, _one_quota(call))}


def _get_default_quota(call: Call) -> dict[str, Any]:
    row = _one_quota(call)
    return {"Quota": _quota(call, row, row["default"])}


def _list_default_quotas(call: Call) -> dict[str, Any]:
    return {"Quotas": [_quota(call, row, row["default"]) for row in quota_rows(call.params["ServiceCode"])]}


def autoscaling() -> dict[str, Operation]:
    return {"DescribeAutoScalingGroups": _describe_groups}


def ssm() -> dict[str, Operation]:
    return {
        "GetParameter": _get_parameter,
        "GetParameters": _get_parameters,
        "GetParametersByPath": _get_parameters_by_path,
    }


def service_quotas() -> dict[str, Operation]:
    return {
        "GetAWSDefaultServiceQuota": _get_default_quota,
        "GetServiceQuota": _get_quota,
        "ListAWSDefaultServiceQuotas": _list_default_quotas,
        "ListServiceQuotas": _list_quotas,
    }
