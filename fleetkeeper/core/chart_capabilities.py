"""What a chart may ask of the cluster that it is rendered for: which API versions a minor serves, and which no more."""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetkeeper.core.api_rows import ApiRow, Apis
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class Capabilities:
    """served are `policy/v1` and `policy/v1/PodDisruptionBudget`, as charts ask for them; gone are `policy/v1beta1`.

    Both hold only what the rows of API versions know: a custom resource is in neither.
    """

    minor: Minor
    served: tuple[str, ...]
    gone: frozenset[str]


def capabilities(apis: Apis, minor: Minor) -> Capabilities:
    """A version of a group is gone when each kind of it that is known is gone."""
    kinds = set(_served(apis, minor))
    versions = {version for version, _ in kinds}
    known = {row.api_version for row in apis.rows if row.is_gone(minor)}
    served = versions | {f"{version}/{kind}" for version, kind in kinds}
    return Capabilities(minor, tuple(sorted(served)), frozenset(known - versions))


def _served(apis: Apis, minor: Minor) -> Iterator[tuple[str, str]]:
    """(apiVersion, kind) of the rows, and of what they name as successors."""
    for row in apis.rows:
        if _is_served(row, minor):
            yield row.api_version, row.kind
        if row.replacement is None or (row.available is not None and row.available > minor):
            continue
        group, version, kind = row.replacement
        successor = apis.find(group, version, kind)
        if successor is None or _is_served(successor, minor):
            yield (f"{group}/{version}" if group else version), kind


def _is_served(row: ApiRow, minor: Minor) -> bool:
    is_there = row.introduced is None or row.introduced <= minor
    return is_there and row.served_by_default and not row.virtual and not row.is_gone(minor)
