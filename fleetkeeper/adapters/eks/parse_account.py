"""boto3's answers about updates, subnets, launch templates, keys and quotas into core values; errors as in `parse`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fleetkeeper.adapters.eks.fields import count, listed, mapping, moment, text
from fleetkeeper.adapters.eks.parse import member, name
from fleetkeeper.core import observed
from fleetkeeper.core.versions import Minor
from fleetkeeper.engine.writers import InsightsRefresh

RUNNING = "InProgress"
"""The status of an update that has not ended."""

# CloudWatch has the usage of every minute (CloudWatch User Guide, usage metrics, 2026); the largest of five counts.
USAGE_PERIOD = timedelta(minutes=5)


def update(body: Mapping[str, Any]) -> observed.EksUpdate:
    """DescribeUpdate's `update`."""
    params = {text(p.get("type")): text(p.get("value")) for p in map(mapping, listed(body.get("params")))}
    minor = params.get("Version", "")
    return observed.EksUpdate(
        id=name(body["id"]),
        kind=text(body.get("type")),
        status=text(body.get("status")),
        created_at=moment(body.get("createdAt")),
        minor=Minor.parse(minor) if minor else None,
        errors=tuple(
            f"{text(e.get('errorCode'))}: {text(e.get('errorMessage'))}"
            for e in map(mapping, listed(body.get("errors")))
        ),
        addon_version=params.get("AddonVersion", ""),
        release=params.get("ReleaseVersion", ""),
    )


def insights_refresh(body: Mapping[str, Any]) -> InsightsRefresh:
    """DescribeInsightsRefresh's whole answer."""
    status = name(body["status"])
    return InsightsRefresh(
        status, moment(body.get("startedAt")), moment(body.get("endedAt")), text(body.get("message"))
    )


def subnet(body: Mapping[str, Any]) -> observed.Subnet:
    free = count(member(body, "AvailableIpAddressCount"))
    return observed.Subnet(name(body["SubnetId"]), text(body.get("AvailabilityZone")), free)


@dataclass(frozen=True, slots=True)
class Template:
    """A launch template with the numbers of its default and its newest version."""

    id: str
    name: str
    default: int
    latest: int

    def number(self, version: str) -> int:
        """The version that a group names: a number, $Latest, $Default, or "", which is the default."""
        if version == "$Latest":
            return self.latest
        return self.default if version in ("", "$Default") else int(version)


def template(body: Mapping[str, Any]) -> Template:
    return Template(
        name(body["LaunchTemplateId"]),
        text(body.get("LaunchTemplateName")),
        count(member(body, "DefaultVersionNumber")),
        count(member(body, "LatestVersionNumber")),
    )


def image(body: Mapping[str, Any]) -> str:
    """The image of an entry of DescribeLaunchTemplateVersions, "" where it names none."""
    return text(mapping(body.get("LaunchTemplateData")).get("ImageId"))


@dataclass(frozen=True, slots=True)
class Image:
    id: str
    name: str
    created_at: datetime


def machine_image(body: Mapping[str, Any]) -> Image:
    """An entry of DescribeImages, which writes its time as text."""
    created = datetime.fromisoformat(name(body["CreationDate"])).astimezone(UTC)
    return Image(name(body["ImageId"]), text(body.get("Name")), created)


def key_state(body: Mapping[str, Any]) -> str:
    """DescribeKey's `KeyMetadata`."""
    return name(body["KeyState"])


@dataclass(frozen=True, slots=True)
class ListedQuota:
    """A quota and, as CloudWatch takes it, the metric that counts its use; None where AWS counts none."""

    quota: observed.Quota
    metric: Mapping[str, Any] | None


def quota(body: Mapping[str, Any]) -> ListedQuota:
    """An entry of ListServiceQuotas."""
    value = member(body, "Value")
    if not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    usage = mapping(body.get("UsageMetric"))
    dimensions = [{"Name": text(k), "Value": text(v)} for k, v in mapping(usage.get("MetricDimensions")).items()]
    metric = {
        "Namespace": text(usage.get("MetricNamespace")),
        "MetricName": text(usage.get("MetricName")),
        "Dimensions": dimensions,
    }
    found = observed.Quota(text(body.get("ServiceCode")), name(body["QuotaCode"]), text(body.get("QuotaName")), value)
    return ListedQuota(found, metric if usage else None)


def usage(body: Mapping[str, Any]) -> tuple[str, float | None]:
    """An entry of GetMetricData: its id, and the first of its values."""
    values = listed(body.get("Values"))
    return name(body["Id"]), float(values[0]) if values else None
