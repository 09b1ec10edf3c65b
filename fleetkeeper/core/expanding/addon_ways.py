"""Which versions of one EKS addon go with which minor, and through which of them it gets to another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleetkeeper.core.addon_versions import Rule
from fleetkeeper.core.compat import AddonRow, Compat
from fleetkeeper.core.eks_addons import is_asked, offered
from fleetkeeper.core.expanding.prospect import parsed
from fleetkeeper.core.model import AddonRelease
from fleetkeeper.core.skew import window
from fleetkeeper.core.versions import Minor, Version

BOUND = frozenset({Rule.NOT_AHEAD, Rule.EQUAL_MINOR})
"""Rules of addons that belong to one minor, so that EKS's list of another one says nothing against them."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a version of an addon goes with a minor; None: nobody says so, which is never taken for yes."""

    answer: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Way:
    """The versions on the way to a goal, the goal last; short: why it cannot get there, "" when it can."""

    versions: tuple[str, ...] = ()
    short: str = ""


@dataclass(frozen=True, slots=True)
class Ways:
    """One EKS addon, by what EKS offers and what compat knows."""

    name: str
    releases: tuple[AddonRelease, ...]
    compat: Compat

    @property
    def row(self) -> AddonRow | None:
        return self.compat.addon_of_eks(self.name)

    @property
    def is_critical(self) -> bool:
        return self.row is not None and self.row.critical is not None

    @property
    def is_bound(self) -> bool:
        """Whether it belongs to one minor by its rule."""
        return self.row is not None and bool(BOUND & set(self.row.rules))

    def has(self, rule: Rule) -> bool:
        return self.row is not None and rule in self.row.rules

    def listed(self, minor: Minor) -> dict[str, bool]:
        """The versions that EKS offers for a minor; True for its default there."""
        return offered(self.releases, self.name, minor)

    def fits(self, text: str, minor: Minor) -> Fit:
        """Whether a version that is installed may stay while the control plane is at a minor."""
        version, row = parsed(text), self.row
        if version is None:
            return Fit(None, f"its version {text} has no order")
        if row is not None and BOUND & set(row.rules):
            return self._bound(row, version, minor)
        refused = self.refused(version, minor)
        if refused:
            return Fit(False, refused)
        if text in self.listed(minor):
            return Fit(True, f"EKS offers it for {minor}")
        if not is_asked(self.releases, minor):
            return Fit(None, f"EKS was not asked yet which addon versions go with {minor}")
        return Fit(False, f"EKS does not offer it for {minor}")

    def refused(self, version: Version, minor: Minor) -> str:
        """What compat says against a version on a minor, "" when it says nothing."""
        row = self.row
        said = self.compat.accepts(row.id, version, minor) if row else None
        return said.reason if said and said.answer is False else ""

    def choices(self, minor: Minor) -> dict[Version, str]:
        """What may be installed while the control plane is at a minor."""
        return {version: text for text in self.listed(minor) if (version := self._choice(text, minor))}

    def _choice(self, text: str, minor: Minor) -> Version | None:
        version, row = parsed(text), self.row
        if version is None or row is None:
            return version
        if BOUND & set(row.rules) and version.minor > minor:
            return None
        return None if self.refused(version, minor) else version

    def _bound(self, row: AddonRow, version: Version, minor: Minor) -> Fit:
        if Rule.EQUAL_MINOR in row.rules:
            return Fit(True, f"it follows right after the control plane is at {minor}")
        if version.minor > minor:
            return Fit(False, f"it is newer than {minor}, and must never be ahead of the API server")
        allowed = window(self.compat, row.id, version.minor, minor)
        if allowed is None:
            return Fit(None, f"no row of the skew policy tells of {version.minor}")
        if version.minor < allowed.oldest:
            return Fit(False, f"{minor} takes none older than {allowed.oldest}")
        return Fit(True, f"{minor} takes it back to {allowed.oldest}")

    def way(self, at: Version, goal: Version, choices: Mapping[Version, str]) -> Way:
        """From one version up to another, one of each minor between where the addon's rule wants that."""
        found: list[str] = []
        while self.has(Rule.ONE_MINOR_AT_A_TIME) and at.minor.next() < goal.minor:
            missing = at.minor.next()
            between = [version for version in choices if version.minor == missing]
            if not between:
                short = f"{self.name} moves one minor at a time, and EKS offers none of {missing} on the way to {goal}"
                return Way(tuple(found), short)
            at = max(between)
            found.append(choices[at])
        return Way((*found, choices[goal]))

    def back(self, at: Version, goal: Version, choices: Mapping[Version, str]) -> Way:
        """Down to a version, one of each minor between where the addon's rule wants that."""
        found: list[str] = []
        while self.has(Rule.ONE_MINOR_AT_A_TIME) and goal.minor.next() < at.minor:
            between = [version for version in choices if version.minor == at.minor.previous()]
            if not between:
                missing = at.minor.previous()
                return Way(tuple(found), f"{self.name} moves one minor at a time, and EKS offers none of {missing}")
            at = max(between)
            found.append(choices[at])
        return Way((*found, choices[goal]))

    def reach(self, text: str, minors: Iterable[Minor]) -> int:
        """With how many minors in a row a version goes."""
        count = 0
        for minor in minors:
            if self.fits(text, minor).answer is not True:
                break
            count += 1
        return count
