"""The rows of compat/apis.toml: API versions that Kubernetes or an addon deprecates and removes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from fleetkeeper.core.rows import Source
from fleetkeeper.core.versions import Minor, Version


@dataclass(frozen=True, slots=True)
class ApiRow:
    """One built-in kind in one API version. group is "" for core.

    removed is the first minor that no longer serves it, None for one that is deprecated and stays. replacement is
    (group, version, kind), None where there is no successor; available is the first minor that serves it. virtual: no
    object of it is ever stored (a review, a subresource's body). served_by_default: without --runtime-config.
    scheduled: the removal is only what the deprecation policy foresees, and has moved before.
    """

    group: str
    version: str
    kind: str
    resource: str  # the plural, in lower case
    source: Source
    introduced: Minor | None = None
    deprecated: Minor | None = None
    removed: Minor | None = None
    replacement: tuple[str, str, str] | None = None
    available: Minor | None = None
    served_by_default: bool = True
    virtual: bool = False
    scheduled: bool = False
    note: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def is_gone(self, target: Minor) -> bool:
        return self.removed is not None and self.removed <= target

    def matters(self, target: Minor) -> bool:
        """Whether the target no longer serves it, or warns of it."""
        return self.is_gone(target) or (self.deprecated is not None and self.deprecated <= target)


@dataclass(frozen=True, slots=True)
class ThirdPartyApiRow:
    """An API version of an addon's own. project is the addon's id; deprecated_in and removed_in are its versions."""

    project: str
    group: str
    version: str
    kinds: tuple[str, ...]
    replacement: str
    source: Source
    deprecated_in: Version | None = None
    removed_in: Version | None = None
    note: str = ""


@dataclass(frozen=True)
class Apis:
    """All rows, indexed. Without slots, for the indexes are built at first use and kept."""

    rows: tuple[ApiRow, ...] = ()
    third_party: tuple[ThirdPartyApiRow, ...] = ()

    def find(self, group: str, version: str, kind: str) -> ApiRow | None:
        return self._by_kind.get((group, version, kind))

    def of_resource(self, group: str, version: str, resource: str) -> ApiRow | None:
        """By the plural as paths and the metric have it."""
        return self._by_resource.get((group, version, resource))

    def lasting(self, row: ApiRow, target: Minor) -> ApiRow:
        """The row whose replacement is one to write for the target: a successor may be gone or going itself."""
        seen = {row}  # an operator's rows may name each other
        while row.replacement and (after := self.find(*row.replacement)) and after not in seen:
            seen.add(after)
            is_served = after.replacement is not None and (after.available is None or after.available <= target)
            if not (after.is_gone(target) or (after.matters(target) and is_served)):
                break
            row = after
        return row

    def of_third_party(self, group: str, version: str, kind: str) -> ThirdPartyApiRow | None:
        return self._by_third_party.get((group, version, kind))

    @cached_property
    def _by_kind(self) -> Mapping[tuple[str, str, str], ApiRow]:
        return {(row.group, row.version, row.kind): row for row in self.rows}

    @cached_property
    def _by_resource(self) -> Mapping[tuple[str, str, str], ApiRow]:
        return {(row.group, row.version, row.resource): row for row in _stored_last(self.rows)}

    @cached_property
    def _by_third_party(self) -> Mapping[tuple[str, str, str], ThirdPartyApiRow]:
        return {(row.group, row.version, kind): row for row in self.third_party for kind in row.kinds}


def _stored_last(rows: Iterable[ApiRow]) -> list[ApiRow]:
    """Kinds that are stored win over the bodies of their subresources, which share their plural."""
    return sorted(rows, key=lambda row: not row.virtual)
