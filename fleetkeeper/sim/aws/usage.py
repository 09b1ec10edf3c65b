"""CloudWatch's AWS/Usage metrics: the vCPUs that an account runs in a region, by the class that a quota counts."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from fleetkeeper.core.capacity import quota_of, vcpus
from fleetkeeper.core.observed import Quota
from fleetkeeper.sim.aws.call import AwsError, Call, Operation
from fleetkeeper.sim.aws.fleet import Group, groups_of
from fleetkeeper.sim.aws.small_apis import quota_rows
from fleetkeeper.sim.world import World

_MOST_QUERIES = 500


def _get_metric_data(call: Call) -> dict[str, Any]:
    queries = call.params["MetricDataQueries"]
    if len(queries) > _MOST_QUERIES:
        raise AwsError(
            "ValidationError", f"The collection MetricDataQueries must not have a size over {_MOST_QUERIES}."
        )
    used = used_vcpus(call.world, call.account, call.region)
    return {"MetricDataResults": [_result(call, each, used) for each in queries], "Messages": []}


def _result(call: Call, query: Mapping[str, Any], used: Mapping[str, int]) -> dict[str, Any]:
    """One point, as of five minutes ago; none for a metric that nobody writes, such as a class without instances."""
    metric = query["MetricStat"]["Metric"]
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
    wanted = {"Service": "EC2", "Resource": "vCPU", "Type": "Resource", "Class": dimensions.get("Class")}
    known = (metric["Namespace"], metric["MetricName"]) == ("AWS/Usage", "ResourceCount") and dimensions == wanted
    value = used.get(str(dimensions.get("Class"))) if known else None
    at = (call.world.now() - timedelta(minutes=5)).replace(second=0, microsecond=0)
    return {
        "Id": query["Id"],
        "Label": str(dimensions.get("Class", metric["MetricName"])),
        "Timestamps": [] if value is None else [at],
        "Values": [] if value is None else [float(value)],
        "StatusCode": "Complete",
    }


def used_vcpus(world: World, account: str, region: str) -> dict[str, int]:
    """Usage class ("Standard/OnDemand") → vCPUs of the running instances of an account and region."""
    rows = [row for row in quota_rows("ec2") if "usage_class" in row]
    quotas = {row["code"]: Quota("ec2", row["code"], row["name"], row["value"]) for row in rows}
    classes = {row["code"]: row["usage_class"] for row in rows}
    found: dict[str, int] = {}
    for cluster in world.of_scope(account, region):
        for group in groups_of(cluster):
            quota = quota_of(group.instance_type, quotas.values(), spot=group.spot)
            if quota is not None and group.instances:
                found[classes[quota.code]] = found.get(classes[quota.code], 0) + _cores(group)
    return found


def _cores(group: Group) -> int:
    return (vcpus(group.instance_type) or 0) * len(group.instances)


def operations() -> dict[str, Operation]:
    return {"GetMetricData": _get_metric_data}
