"""Which versions of an addon go with which minors of Kubernetes, and how sure and how binding that is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from fleetkeeper.core.rows import Source
from fleetkeeper.core.versions import Minor, Version


class Strength(StrEnum):
    """How binding a row is, in the order in which rows are asked.

    required: upstream or the chart refuses or breaks otherwise. supported: upstream's table of support. none: upstream
    says that there is no constraint, which no narrower test takes back. recommended: a pairing that works at some risk
    otherwise. tested: outside is untested, not unsupported. advisory: told, never judged. heuristic: inferred by
    others from dates of releases; never blocks.
    """

    REQUIRED = "required"
    SUPPORTED = "supported"
    NONE = "none"
    RECOMMENDED = "recommended"
    TESTED = "tested"
    ADVISORY = "advisory"
    HEURISTIC = "heuristic"


@dataclass(frozen=True, slots=True)
class Bound:
    """One comparator of a range: operator is >=, >, <=, < or =.

    A vendor's build of a version is that version to a bound that names no build: 1.14.3-eksbuild.2 is =1.14.3.
    """

    operator: str
    version: Version

    def accepts(self, version: Version) -> bool:
        if not self.version.build:
            version = replace(version, build=0)
        match self.operator:
            case ">=":
                return not version < self.version
            case ">":
                return self.version < version
            case "<=":
                return not self.version < version
            case "<":
                return version < self.version
        return version == self.version

    def __str__(self) -> str:
        return f"{self.operator}{self.version}"


@dataclass(frozen=True, slots=True)
class Range:
    """Comparators that all must hold; none is every version. of_chart: of the chart's version, not the addon's."""

    bounds: tuple[Bound, ...] = ()
    of_chart: bool = False

    @classmethod
    def parse(cls, text: str) -> "Range":
        """Read `>=2.0.0,<2.2.0`, `chart >=1.2`, `*`; ValueError with the text otherwise."""
        of_chart, rest = text.startswith("chart "), text.removeprefix("chart ").strip()
        if rest == "*":
            return cls((), of_chart)
        return cls(tuple(_bound(part.strip(), text) for part in rest.split(",")), of_chart)

    def accepts(self, version: Version) -> bool:
        return all(bound.accepts(version) for bound in self.bounds)

    @property
    def is_empty(self) -> bool:
        """Whether a lower bound lies above an upper one, so that no version at all is in it."""
        lower = [bound for bound in self.bounds if bound.operator in (">=", ">", "=")]
        upper = [bound for bound in self.bounds if bound.operator in ("<=", "<", "=")]
        return any(_apart(low, high) for low in lower for high in upper)

    def __str__(self) -> str:
        return f"{'chart ' if self.of_chart else ''}{','.join(map(str, self.bounds)) or '*'}"


def _bound(part: str, text: str) -> Bound:
    for operator in (">=", "<=", ">", "<", "="):
        if part.startswith(operator):
            return Bound(operator, Version.parse(part.removeprefix(operator).strip()))
    raise ValueError(f"{text!r} is not a range such as >=2.0.0,<2.2.0")


def _apart(low: Bound, high: Bound) -> bool:
    return high.version < low.version or (
        high.version == low.version and not (low.accepts(high.version) and high.accepts(low.version))
    )


@dataclass(frozen=True, slots=True)
class VersionRow:
    """Versions of an addon and the minors that they go with, both inclusive; None is no bound that was published."""

    versions: Range
    strength: Strength
    source: Source
    oldest: Minor | None = None
    newest: Minor | None = None
    note: str = ""

    def covers(self, on: Minor) -> bool:
        return not self.starts_after(on) and (self.newest is None or on <= self.newest)

    def starts_after(self, on: Minor) -> bool:
        """Whether a minor is too old for these versions; for newer ones of the addon it will be so too."""
        return self.oldest is not None and on < self.oldest


@dataclass(frozen=True, slots=True)
class EndOfLife:
    """Versions that nobody mends any more since a day; versions of every range: the addon itself is retired."""

    versions: Range
    day: date
    source: Source
    note: str = ""


class Rule(StrEnum):
    """What an addon asks of its own upgrade, besides the versions that go with a minor."""

    ONE_MINOR_AT_A_TIME = "one-minor-at-a-time"
    EQUAL_MINOR = "equal-minor"  # its own minor is the cluster's
    NOT_AHEAD = "not-ahead"  # never newer than the API server


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whether a version goes with a minor. answer None: nobody says so. row is what decided, None where none did."""

    answer: bool | None
    reason: str
    strength: Strength | None = None
    row: VersionRow | None = None


_OUTSIDE = {
    Strength.RECOMMENDED: "another pairing is recommended",
    Strength.TESTED: "it was not tested there",
    Strength.HEURISTIC: "it is not inferred either",
    Strength.NONE: "nobody says so",
}


def accepts(
    rows: Sequence[VersionRow], freshest: Version | None, version: Version, on: Minor, chart: Version | None = None
) -> Acceptance:
    """What the rows of an addon say of a version on a minor, the most binding row first.

    A version past the minor of the freshest that was known when the rows were collected is unknown, unless a row
    without an upper bound covers it. A recommended, tested or heuristic range that does not cover the minor leaves it
    unknown.
    """
    speaking = [row for row in rows if _speaks(row, version, chart)]
    newer = freshest is not None and freshest.minor < version.minor
    for strength in Strength:
        found = [row for row in speaking if row.strength is strength]
        if found and strength is not Strength.ADVISORY:
            return _said(found, freshest if newer else None, version, on)
    return Acceptance(None, f"no row of compat covers version {version}")


def _speaks(row: VersionRow, version: Version, chart: Version | None) -> bool:
    if row.versions.of_chart:
        return chart is not None and row.versions.accepts(chart)
    return row.versions.accepts(version)


def _said(found: Sequence[VersionRow], passed: Version | None, version: Version, on: Minor) -> Acceptance:
    """By rows of one strength that speak of a version; passed is the freshest known one where the version is newer."""
    covering = [row for row in found if row.covers(on)]
    lasting = [row for row in covering if passed is None or _lasts(row) or _names(row, passed)]
    if lasting:
        return Acceptance(True, _says(lasting[0]), lasting[0].strength, lasting[0])
    row = (covering or found)[0]
    if passed is not None and not all(each.starts_after(on) or _names(each, passed) for each in found):
        return Acceptance(None, f"{version} is newer than what the rows know ({passed})", row.strength, row)
    if row.strength in (Strength.REQUIRED, Strength.SUPPORTED):
        return Acceptance(False, _says(row), row.strength, row)
    return Acceptance(None, f"{_OUTSIDE[row.strength]}: {_says(row)}", row.strength, row)


def _names(row: VersionRow, passed: Version) -> bool:
    """Whether it is of versions past the freshest of the others: whoever wrote it knew them."""
    return passed.minor < _least(row.versions).minor


def _lasts(row: VersionRow) -> bool:
    """Whether it holds for versions that nobody knew of when it was written."""
    return row.strength is Strength.NONE or (row.newest is None and not _is_closed(row.versions))


def _is_closed(versions: Range) -> bool:
    return any(bound.operator in ("<", "<=", "=") for bound in versions.bounds)


def _says(row: VersionRow) -> str:
    """`versions >=2.4.0,<2.5.0 go with 1.19 and newer (supported)`."""
    if row.oldest and row.newest:
        minors = f"{row.oldest} to {row.newest}" if row.oldest != row.newest else str(row.oldest)
    elif row.oldest:
        minors = f"{row.oldest} and newer"
    else:
        minors = f"{row.newest} and older" if row.newest else "every minor"
    return f"versions {row.versions} go with {minors} ({row.strength.value})"


def lowest_accepted(rows: Sequence[VersionRow], on: Minor, above: Version | None = None) -> Range | None:
    """The range of addon versions nearest above a version that goes with a minor; None where no row says one.

    A range that a more binding row takes back is none: the least of its versions must be accepted by all rows.
    """
    binding = (Strength.REQUIRED, Strength.SUPPORTED, Strength.RECOMMENDED, Strength.TESTED)
    fitting = [row for row in rows if row.strength in binding and row.covers(on) and not row.versions.of_chart]
    fitting = [row for row in fitting if above is None or not _ends_before(row.versions, above)]
    sure = [row.versions for row in fitting if accepts(rows, None, _least(row.versions), on).answer is not False]
    return min(sure, key=_least, default=None)


def _ends_before(versions: Range, version: Version) -> bool:
    tops = [bound for bound in versions.bounds if bound.operator in ("<", "<=", "=")]
    return any(bound.version < version or (bound.operator == "<" and bound.version == version) for bound in tops)


def _least(versions: Range) -> Version:
    return max(
        (bound.version for bound in versions.bounds if bound.operator in (">=", ">", "=")),
        default=Version.parse("0.0.0"),
    )
