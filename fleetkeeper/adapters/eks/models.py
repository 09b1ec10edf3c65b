"""botocore's descriptions of the APIs, without what nobody here calls of the largest ones."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.loaders import Loader

# Whole, EC2's takes 40 MiB and a third of a second for twenty clients; these few operations a tenth of that (2026-11).
KEPT: Mapping[str, frozenset[str]] = {
    "ec2": frozenset({"DescribeSubnets", "DescribeLaunchTemplates", "DescribeLaunchTemplateVersions"}),
    "iam": frozenset({"GetRole"}),
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
