"""What clusters need of their account and region: subnets, role, key, launch templates, and room in the quotas."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

import structlog

from fleetkeeper.adapters.eks import parse, parse_account
from fleetkeeper.adapters.eks.pages import Listing, Pages
from fleetkeeper.adapters.eks.parse_account import ListedQuota, Template
from fleetkeeper.core import model, observed
from fleetkeeper.core.capacity import counts_instances
from fleetkeeper.core.group_images import group_images, unseen
from fleetkeeper.errors import GapReason, ReadError

T = TypeVar("T")

_log = structlog.get_logger("observe")

_SILENT = frozenset({GapReason.UNREACHABLE, GapReason.TIMEOUT})
_USAGE_WINDOW = timedelta(hours=1)
DELETED = "Deleted"
"""The state of a key that KMS does not know any more, beside those that KMS itself has."""


class Once(Generic[T]):
    """The answer of one read for all threads that ask: the first one reads, the others wait. So is its failure."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._answer: Future[T] | None = None

    def __call__(self) -> T:
        with self._lock:
            if self._answer is None:
                self._answer = Future()
                try:
                    self._answer.set_result(self._read())
                except Exception as error:
                    self._answer.set_exception(error)
            return self._answer.result()


class AccountReads:
    """Reads of one account and region for as many clusters as ask; what they share is listed once."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self.groups = Once(self._read_groups)
        self._subnets = Once(self._read_subnets)
        self._templates = Once(self._read_templates)
        self._silent: set[str] = set()
        self._lock = threading.Lock()
        self._images: dict[str, parse_account.Image] = {}

    def prerequisites(
        self, control_plane: model.ControlPlane, node_groups: Iterable[model.NodeGroup]
    ) -> observed.ClusterPrerequisites:
        """A ReadError when the subnets cannot be listed; a role or key that cannot be looked at is only unknown.

        So are the subnets of self-managed groups where Auto Scaling tells nothing.
        """
        known = self._subnets()
        of_nodes = dict.fromkeys(subnet for group in node_groups for subnet in group.subnets)
        with suppress(ReadError):
            of_nodes |= dict.fromkeys(id for group in self._self_managed(control_plane.name) for id in group.subnets)
        return observed.ClusterPrerequisites(
            subnets=tuple(known[id] for id in control_plane.subnets if id in known),
            node_subnets=tuple(known[id] for id in of_nodes if id in known),
            role_arn=control_plane.role_arn,
            role_exists=self._role_exists(control_plane.role_arn),
            kms_key=control_plane.kms_key,
            kms_state=self._key_state(control_plane.kms_key),
        )

    def launch_templates(
        self, name: str, node_groups: Iterable[model.NodeGroup], known: Iterable[observed.LaunchTemplate]
    ) -> tuple[observed.LaunchTemplate, ...]:
        """Without those that EC2 does not know any more, which EKS reports as an issue of their group."""
        users = [(g.name, g.launch_template, g.custom_ami) for g in node_groups if g.launch_template]
        users += [(g.name, g.launch_template, True) for g in self._self_managed(name) if g.launch_template]
        templates = self._templates() if users else {}
        images = {(each.id, each.in_use): each.image for each in known if each.image}
        found = []
        for group, named, custom in users:
            id, _, version = named.partition(":")
            if id in templates:
                used = _in_use(templates[id], version, group)
                image = (images.get((id, used.in_use)) or self._image(id, used.in_use)) if custom else ""
                found.append(replace(used, image=image))
        return tuple(found)

    def images(
        self,
        name: str,
        node_groups: Iterable[model.NodeGroup],
        templates: Iterable[observed.LaunchTemplate],
        known: Iterable[observed.GroupImage],
    ) -> tuple[observed.GroupImage, ...]:
        """created_at None of an image that nobody has any more, or that we may not look at."""
        found = group_images(node_groups, templates, known)
        with self._lock:  # clusters have images in common, which are asked for once
            self._look_up(name, unseen(found))
            seen = tuple(self._images.values())
        return tuple(replace(each, created_at=each.created_at or _age(each, seen)) for each in found)

    def _self_managed(self, cluster: str) -> Iterator[model.AutoScalingGroup]:
        return (each for each in self.groups() if each.cluster == cluster and not each.node_group)

    def _look_up(self, cluster: str, wanted: Iterable[observed.GroupImage]) -> None:
        """What no cluster asked for before, in two requests. By filters: for them an id that is gone is no error."""
        known = tuple(self._images.values())
        missing = [each for each in wanted if _age(each, known) is None]
        if ids := sorted({each.image for each in missing if each.image}):
            self._keep_images(cluster, {"Filters": [{"Name": "image-id", "Values": ids}]})
        if names := sorted({each.name for each in missing if each.name}):
            self._keep_images(cluster, {"Filters": [{"Name": "name", "Values": names}], "Owners": ["amazon"]})

    def _keep_images(self, cluster: str, arguments: Mapping[str, Any]) -> None:
        listing = Listing("ec2", "describe_images", "Images", arguments, of=f"the groups of {cluster}")
        nothing: list[parse_account.Image] = []
        found = self._seen(
            "ec2", lambda: list(self._pages.items(listing, parse_account.machine_image)), nothing, nothing
        )
        self._images |= {each.id: each for each in found}

    def quotas(self) -> tuple[observed.Quota, ...]:
        """used None where CloudWatch has no number of it, or does not let us look."""
        listing = Listing("service-quotas", "list_service_quotas", "Quotas", {"ServiceCode": "ec2", "MaxResults": 100})
        found = [q for q in self._pages.items(listing, parse_account.quota) if counts_instances(q.quota.name)]
        nothing: Mapping[str, float] = {}
        used = self._seen("cloudwatch", lambda: self._usage(found), nothing, nothing)
        return tuple(replace(each.quota, used=used.get(f"q{number}")) for number, each in enumerate(found))

    def _usage(self, quotas: list[ListedQuota]) -> Mapping[str, float]:
        """The newest counts of the last hour, by q and the number of the quota."""
        queries = [_query(f"q{number}", each.metric) for number, each in enumerate(quotas) if each.metric]
        if not queries:
            return {}
        now = datetime.now(UTC)
        span = {"StartTime": now - _USAGE_WINDOW, "EndTime": now, "ScanBy": "TimestampDescending"}
        listing = Listing("cloudwatch", "get_metric_data", "MetricDataResults", {"MetricDataQueries": queries, **span})
        results = list(self._pages.items(listing, parse_account.usage))
        return {id: value for id, value in reversed(results) if value is not None}

    def _read_groups(self) -> tuple[model.AutoScalingGroup, ...]:
        operation = "describe_auto_scaling_groups"
        listing = Listing("autoscaling", operation, "AutoScalingGroups", {"MaxRecords": 100})
        return tuple(g for g in self._pages.items(listing, parse.auto_scaling_group) if g is not None)

    def _read_subnets(self) -> dict[str, observed.Subnet]:
        listing = Listing("ec2", "describe_subnets", "Subnets", {"MaxResults": 1000})
        return {each.id: each for each in self._pages.items(listing, parse_account.subnet)}

    def _read_templates(self) -> dict[str, Template]:
        listing = Listing("ec2", "describe_launch_templates", "LaunchTemplates", {"MaxResults": 200})
        return {each.id: each for each in self._pages.items(listing, parse_account.template)}

    def _image(self, template: str, version: int) -> str:
        arguments = {"LaunchTemplateId": template, "Versions": [str(version)]}
        operation, member = "describe_launch_template_versions", "LaunchTemplateVersions"
        listing = Listing("ec2", operation, member, arguments, of=f"{template}:{version}")

        def read() -> str:
            images: Iterator[str] = self._pages.items(listing, parse_account.image)
            return next(images, "")

        return self._seen("ec2", read, "", "")

    def _role_exists(self, arn: str) -> bool | None:
        """None when it was not seen. IAM names a role by the end of its ARN; no two differ in their path alone."""
        if not arn:
            return None
        name = arn.rpartition("/")[2]
        listing = Listing("iam", "get_role", "Role", {"RoleName": name}, of=name)
        return self._seen(
            "iam", lambda: self._pages.one(listing, lambda role: bool(parse.name(role["Arn"]))), False, None
        )

    def _key_state(self, key: str) -> str:
        if not key:
            return ""
        listing = Listing("kms", "describe_key", "KeyMetadata", {"KeyId": key}, of=key)
        return self._seen("kms", lambda: self._pages.one(listing, parse_account.key_state), DELETED, "")

    def _seen(self, service: str, read: Callable[[], T], gone: T, unseen: T) -> T:
        """What was read; `gone` when AWS does not know it, `unseen` when we could not look, which must cost no more.

        A service that does not answer (IAM has no endpoint in most private networks) is asked once, not per cluster.
        """
        if service in self._silent:
            return unseen
        try:
            return read()
        except ReadError as error:
            if self._pages.sessions.stopping:
                raise
            if error.reason is GapReason.NOT_FOUND:
                return gone
            if error.reason in _SILENT:
                self._silent.add(service)
            _log.info("not_looked_at", reason=error.reason.value, detail=error.detail, scope=str(self._pages.scope))
            return unseen


def _age(image: observed.GroupImage, seen: Iterable[parse_account.Image]) -> datetime | None:
    """When it was made; of several that the pattern of a name takes, the oldest."""
    ages = (
        each.created_at
        for each in seen
        if (each.id == image.image if image.image else bool(image.name) and fnmatchcase(each.name, image.name))
    )
    return min(ages, default=None)


def _in_use(template: Template, version: str, group: str) -> observed.LaunchTemplate:
    in_use = template.number(version)
    return observed.LaunchTemplate(template.id, template.name, in_use, template.default, template.latest, group)


def _query(id: str, metric: Mapping[str, Any]) -> dict[str, Any]:
    period = int(parse_account.USAGE_PERIOD.total_seconds())
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Maximum"}}
