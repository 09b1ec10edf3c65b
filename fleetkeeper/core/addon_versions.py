"""Which versions of an addon go with which minors of Kubernetes, and how sure and how binding that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from fleetkeeper.core.rows import Source
from fleetkeeper.core.versions import Minor, Version


class Strength(StrEnum):
    """How binding a row is.

    required: upstream or the chart refuses or breaks otherwise. supported: upstream's table of support. recommended: a
    pairing that works at some risk otherwise. tested: outside is untested, not unsupported. advisory: told, never
    judged. heuristic: inferred by others from dates of releases; never blocks. none: no constraint exists.
    """

    REQUIRED = "required"
    SUPPORTED = "supported"
    RECOMMENDED = "recommended"
    TESTED = "tested"
    ADVISORY = "advisory"
    HEURISTIC = "heuristic"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Bound:
    """One comparator of a range: operator is >=, >, <=, < or =."""

    operator: str
    version: Version

    def accepts(self, version: Version) -> bool:
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
        return (self.oldest is None or self.oldest <= on) and (self.newest is None or on <= self.newest)


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


def accepts(
    rows: Sequence[VersionRow], freshest: Version | None, version: Version, on: Minor, chart: Version | None = None
) -> Acceptance:
    """What the rows of an addon say of a version on a minor, the most binding row first.

    A version past the freshest that was known when the rows were collected is unknown, unless a row without an upper
    bound covers it. A tested or heuristic range that does not cover the minor leaves it unknown.
    """
    speaking = [row for row in rows if _speaks(row, version, chart)]
    for strength in Strength:
        found = [row for row in speaking if row.strength is strength]
        if not found or strength is Strength.ADVISORY:
            continue
        covering = next((row for row in found if row.covers(on)), None)
        if covering is not None:
            return _unless_newer(Acceptance(True, _says(covering), strength, covering), freshest, version)
        if strength in (Strength.REQUIRED, Strength.SUPPORTED):
            return Acceptance(False, _says(found[0]), strength, found[0])
        return Acceptance(None, f"not {strength.value} there: {_says(found[0])}", strength, found[0])
    return Acceptance(None, f"no row of compat covers version {version}")


def _speaks(row: VersionRow, version: Version, chart: Version | None) -> bool:
    if row.versions.of_chart:
        return chart is not None and row.versions.accepts(chart)
    return row.versions.accepts(version)


def _unless_newer(said: Acceptance, freshest: Version | None, version: Version) -> Acceptance:
    row = said.row
    if freshest is None or not freshest < version or row is None:
        return said
    if row.strength is Strength.NONE or (row.newest is None and not _is_closed(row.versions)):
        return said
    return Acceptance(None, f"{version} is newer than what the rows know ({freshest})", row.strength, row)


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
    """The range of addon versions nearest above a version that goes with a minor; None where no row says one."""
    binding = (Strength.REQUIRED, Strength.SUPPORTED, Strength.RECOMMENDED, Strength.TESTED)
    fitting = [row for row in rows if row.strength in binding and row.covers(on) and not row.versions.of_chart]
    fitting = [row for row in fitting if above is None or not _ends_before(row.versions, above)]
    return min((row.versions for row in fitting), key=_start, default=None)


def _ends_before(versions: Range, version: Version) -> bool:
    tops = [bound for bound in versions.bounds if bound.operator in ("<", "<=", "=")]
    return any(bound.version < version or (bound.operator == "<" and bound.version == version) for bound in tops)


def _start(versions: Range) -> Version:
    return max(
        (bound.version for bound in versions.bounds if bound.operator in (">=", ">", "=")),
        default=Version.parse("0.0.0"),
    )
