"""What compat knows as lists for people and machines: one line for each row, all of it text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from fleetkeeper.core.addon_versions import Strength, VersionRow
from fleetkeeper.core.compat import AddonRow, ApiRow, BehaviourRow, Compat, MinorRow
from fleetkeeper.core.rows import Source
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row comes from; file is the compat file that holds it."""

    source: str
    date: str
    confidence: str
    file: str


@dataclass(frozen=True, slots=True)
class MinorLine:
    """A minor with its days, "" for one that nobody published. An end is the first day without support."""

    minor: str
    upstream_release: str
    upstream_maintenance: str
    upstream_end: str
    eks_release: str
    eks_end_of_standard: str
    eks_end_of_extended: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ApiLine:
    """An API version that goes; "" is a minor that nobody named, or no successor."""

    api_version: str
    kind: str
    deprecated: str
    removed: str
    replacement: str
    note: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class BehaviourLine:
    """A change that is no API; check names the detector that finds who it hits, "" for one that people must read."""

    id: str
    minor: str
    type: str
    text: str
    check: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class AddonLine:
    """An addon with the number of its rows; goes_with are the ranges that go with the asked minor."""

    id: str
    name: str
    critical: str
    freshest: str
    rules: tuple[str, ...]
    versions: int
    goes_with: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A range of an addon's versions and the minors that it goes with; "" is no bound.

    strength is "end of life" for a range that gets no more fixes, and then day is since when.
    """

    range: str
    oldest: str
    newest: str
    strength: str
    day: str
    note: str
    origin: Origin


END_OF_LIFE = "end of life"
_SAYS_YES = frozenset(Strength) - {Strength.ADVISORY, Strength.HEURISTIC}


def minor_lines(compat: Compat, on: Minor | None = None) -> tuple[MinorLine, ...]:
    """Every minor, newest first, or one of them."""
    rows = [row for row in compat.minor_rows if on is None or row.minor == on]
    return tuple(_minor(row) for row in sorted(rows, key=lambda row: row.minor, reverse=True))


def api_lines(compat: Compat, on: Minor | None = None) -> tuple[ApiLine, ...]:
    """API versions by the minor that removes them, or those that one minor deprecates or removes."""
    rows = [row for row in compat.apis.rows if on is None or on in (row.removed, row.deprecated)]
    last = Minor(99, 0)
    return tuple(_api(row) for row in sorted(rows, key=lambda row: (row.removed or last, row.api_version, row.kind)))


def behaviour_lines(compat: Compat, on: Minor | None = None) -> tuple[BehaviourLine, ...]:
    """Changes by minor, newest first, or those of one minor."""
    rows = [row for row in compat.behaviours if on is None or row.minor == on]
    return tuple(_behaviour(row) for row in sorted(rows, key=lambda row: (row.minor, row.id), reverse=True))


def addon_lines(compat: Compat, on: Minor | None = None) -> tuple[AddonLine, ...]:
    """Every addon by its id, with what goes with a minor where one is asked for."""
    return tuple(_addon(row, on) for row in sorted(compat.addons, key=lambda row: row.id))


def version_lines(row: AddonRow, on: Minor | None = None) -> tuple[VersionLine, ...]:
    """The rows of one addon, or those that go with a minor, and then the ends of these lines."""
    chosen = [each for each in row.versions if on is None or each.covers(on)]
    said = [_version(each) for each in chosen]
    shown = {each.versions for each in chosen}
    ends = [end for end in row.ends if on is None or end.versions in shown or not end.versions.bounds]
    ends.sort(key=lambda end: end.day, reverse=True)
    over = [
        VersionLine(str(end.versions), "", "", END_OF_LIFE, end.day.isoformat(), end.note, _origin(end.source))
        for end in ends
    ]
    return (*said, *over)


def _goes_with(rows: Sequence[VersionRow], on: Minor | None) -> Iterable[str]:
    if on is not None:
        yield from (str(row.versions) for row in rows if row.strength in _SAYS_YES and row.covers(on))


def _origin(source: Source) -> Origin:
    return Origin(source.text, source.date.isoformat(), source.confidence.value, source.file)


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _minor(row: MinorRow) -> MinorLine:
    return MinorLine(
        str(row.minor),
        _day(row.upstream_release),
        _day(row.upstream_maintenance),
        _day(row.upstream_end),
        _day(row.eks_release),
        _day(row.eks_end_of_standard),
        _day(row.eks_end_of_extended),
        _origin(row.source),
    )


def _api(row: ApiRow) -> ApiLine:
    group, version, kind = row.replacement or ("", "", "")
    successor = f"{group}/{version} {kind}".lstrip("/").strip()
    return ApiLine(
        row.api_version, row.kind, _text(row.deprecated), _text(row.removed), successor, row.note, _origin(row.source)
    )


def _behaviour(row: BehaviourRow) -> BehaviourLine:
    return BehaviourLine(row.id, str(row.minor), row.type, row.text, row.check, _origin(row.source))


def _addon(row: AddonRow, on: Minor | None) -> AddonLine:
    return AddonLine(
        id=row.id,
        name=row.name,
        critical=row.critical.value if row.critical else "",
        freshest=_text(row.freshest),
        rules=tuple(rule.value for rule in row.rules),
        versions=len(row.versions),
        goes_with=tuple(_goes_with(row.versions, on)),
        origin=_origin(row.source),
    )


def _version(row: VersionRow) -> VersionLine:
    return VersionLine(
        str(row.versions), _text(row.oldest), _text(row.newest), row.strength.value, "", row.note, _origin(row.source)
    )
