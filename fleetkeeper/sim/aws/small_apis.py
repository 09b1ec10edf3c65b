"""Two small APIs around clusters: the SSM parameters of machine images, and Service Quotas."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.catalog import catalog, load
from fleetkeeper.sim.aws.images import FAMILIES, Family, ami_id, eks_image, latest_release
from fleetkeeper.sim.aws.paging import BadToken, page

_PATH_PAGE = 10  # of GetParametersByPath, also its maximum
_QUOTAS_PAGE = 100


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
