"""botocore's descriptions of the APIs, without what nobody here calls of those that few operations are called of."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.loaders import Loader

# For twenty clients each, these take 20 MiB; whole they take 75, of which EC2's alone 43 (2026-11).
KEPT: Mapping[str, frozenset[str]] = {
    "arc-zonal-shift": frozenset({"ListAutoshifts", "ListZonalShifts"}),
    "autoscaling": frozenset(
        {
            "DescribeAutoScalingGroups",
            "DescribeAutoScalingInstances",
            "DescribeLifecycleHooks",
            "DescribeScheduledActions",
            "ResumeProcesses",
            "SetDesiredCapacity",
            "SuspendProcesses",
            "TerminateInstanceInAutoScalingGroup",
        }
    ),
    "cloudtrail": frozenset({"LookupEvents"}),
    "cloudwatch": frozenset({"GetMetricData"}),
    "ec2": frozenset(
        {
            "DescribeInstances",
            "DescribeLaunchTemplateVersions",
            "DescribeLaunchTemplates",
            "DescribeSubnets",
        }
    ),
    "elbv2": frozenset({"DeregisterTargets", "DescribeTargetHealth"}),
    "health": frozenset({"DescribeEvents"}),
    "iam": frozenset({"GetRole"}),
    "kms": frozenset({"DescribeKey"}),
    "service-quotas": frozenset({"ListServiceQuotas"}),
}


class SmallLoader(Loader):  # type: ignore[misc]  # botocore has no types
    """botocore's loader; the models of the services in KEPT have only the operations that are named there."""

    def __init__(self) -> None:
        super().__init__()
        self._small: dict[str, dict[str, Any]] = {}

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> dict[str, Any]:
        if type_name != "service-2" or service_name not in KEPT:
            model: dict[str, Any] = super().load_service_model(service_name, type_name, api_version)
            return model
        if service_name not in self._small:
            # Another loader reads it, for a loader keeps for ever what it has read.
            whole = Loader().load_service_model(service_name, type_name, api_version)
            self._small[service_name] = small(whole, KEPT[service_name])
        return self._small[service_name]


def small(model: Mapping[str, Any], operations: frozenset[str]) -> dict[str, Any]:
    """The model with these operations alone, and the shapes that they reach."""
    kept = {name: each for name, each in model["operations"].items() if name in operations}
    shapes: dict[str, Any] = {}
    waiting = [shape for each in kept.values() for shape in _of_operation(each)]
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting += _of_shape(shapes[name])
    return {**model, "operations": kept, "shapes": shapes}


def _of_operation(operation: Mapping[str, Any]) -> Iterator[str]:
    for each in (operation.get("input"), operation.get("output"), *operation.get("errors", ())):
        if each:
            yield each["shape"]


def _of_shape(shape: Mapping[str, Any]) -> Iterator[str]:
    for each in (
        *shape.get("members", {}).values(),
        *(shape[part] for part in ("member", "key", "value") if part in shape),
    ):
        yield each["shape"]
