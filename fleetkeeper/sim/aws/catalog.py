"""What the simulated EKS offers: minors with their support dates, and addon versions with the minors they serve."""

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class OfferedMinor:
    """A Kubernetes minor of EKS. The dates are the first days of each phase's end, at 00:00 UTC."""

    name: str
    patch: str
    platform: str
    released: datetime
    standard_until: datetime
    extended_until: datetime

    def status(self, now: datetime) -> str:
        """A VersionStatus of the API."""
        if now < self.standard_until:
            return "STANDARD_SUPPORT"
        return "EXTENDED_SUPPORT" if now < self.extended_until else "UNSUPPORTED"


@dataclass(frozen=True, slots=True)
class OfferedVersion:
    """A version of an addon: the minors that it serves, and those whose default it is."""

    version: str
    minors: tuple[str, ...]
    default_of: frozenset[str]


@dataclass(frozen=True, slots=True)
class OfferedAddon:
    """An addon of the catalogue; versions are the newest first."""

    name: str
    kind: str
    owner: str
    publisher: str
    namespace: str
    compute: tuple[str, ...]
    needs_iam: bool
    versions: tuple[OfferedVersion, ...]

    def default(self, minor: str) -> str | None:
        """The version that EKS installs on a minor, None when the addon has none for it."""
        return next((each.version for each in self.versions if minor in each.default_of), None)

    def serving(self, minor: str) -> tuple[str, ...]:
        """The versions for a minor, the newest first."""
        return tuple(each.version for each in self.versions if minor in each.minors)


@dataclass(frozen=True, slots=True)
class Catalog:
    """minors from the oldest to the newest; addons by name."""

    minors: tuple[OfferedMinor, ...]
    addons: dict[str, OfferedAddon]

    def minor(self, name: str) -> OfferedMinor | None:
        return next((each for each in self.minors if each.name == name), None)

    def released(self, now: datetime) -> list[OfferedMinor]:
        """The minors that exist at a time, the newest first."""
        return [each for each in reversed(self.minors) if each.released <= now]


@cache
def catalog() -> Catalog:
    minors = tuple(_minor(row) for row in load("versions.toml")["minor"])
    return Catalog(minors, {row["name"]: _addon(row) for row in load("addons.toml")["addon"]})


def load(name: str) -> dict[str, Any]:
    """A data file of this package."""
    return tomllib.loads(files("fleetkeeper.sim.aws").joinpath("data", name).read_text("utf-8"))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _minor(row: dict[str, Any]) -> OfferedMinor:
    days = (_midnight(row[name]) for name in ("released", "standard_until", "extended_until"))
    return OfferedMinor(row["name"], row["patch"], f"eks.{row['platform']}", *days)


def _between(first: str, last: str) -> tuple[str, ...]:
    minor, found = Minor.parse(first), [first]
    while found[-1] != last:
        minor = minor.next()
        found.append(str(minor))
    return tuple(found)


def _addon(row: dict[str, Any]) -> OfferedAddon:
    versions = (
        OfferedVersion(each["version"], _between(*each["minors"]), frozenset(each["default"]))
        for each in row["versions"]
    )
    return OfferedAddon(
        name=row["name"],
        kind=row["type"],
        owner=row["owner"],
        publisher="eks",
        namespace=row["namespace"],
        compute=tuple(row["compute"]),
        needs_iam=row["needs_iam"],
        versions=tuple(versions),
    )
