"""What EKS answers of its minors and addons, as rows for the operator's own folder of compat data.

Rows that EKS told are marked by their source, so that the next answer takes their place; every other row of a file
stays as people wrote it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import unified_diff

from fleetkeeper.core.addon_versions import Strength
from fleetkeeper.core.compat import AddonRow, Compat, Confidence, MinorRow, Source
from fleetkeeper.core.model import AddonRelease, SupportedVersion
from fleetkeeper.core.versions import Minor, Version

OF_VERSIONS = "eks:DescribeClusterVersions"
OF_ADDONS = "eks:DescribeAddonVersions"

_HEADER = re.compile(r"^(?=\[)", re.MULTILINE)
_MINOR = re.compile(r'^minor\s*=\s*"([^"]*)"', re.MULTILINE)
_TOLD = re.compile(rf'^source\s*=\s*"{OF_ADDONS}', re.MULTILINE)
_DAYS = (
    "upstream_release",
    "upstream_maintenance",
    "upstream_end",
    "eks_release",
    "eks_end_of_standard",
    "eks_end_of_extended",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What EKS answered in one scope on one day. minors are those that releases were asked for, oldest first."""

    scope: str
    day: date
    versions: tuple[SupportedVersion, ...]
    minors: tuple[Minor, ...]
    releases: tuple[AddonRelease, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A line of versions of an addon, such as 1.20, and the first and last of the adjoining minors that have it."""

    line: Minor
    oldest: Minor
    newest: Minor

    @property
    def range(self) -> str:
        return f">={self.line}.0,<{self.line.next()}.0"


@dataclass(frozen=True, slots=True)
class Edit:
    """One file of the folder as it would become. before is the text that counts now, from wherever it is read."""

    name: str
    before: str
    after: str

    def diff(self) -> str:
        """A unified diff, "" where nothing changes."""
        before, after = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        return "".join(unified_diff(before, after, f"a/{self.name}", f"b/{self.name}"))


# ---- minors


def changed_minors(compat: Compat, offer: Offer) -> tuple[tuple[MinorRow | None, MinorRow], ...]:
    """Each minor whose days on EKS are others than those known, or that was not known: the row before, and after."""
    found = []
    for version in sorted(offer.versions, key=lambda version: version.minor):
        before = compat.minor_row(version.minor)
        source = Source(f"{OF_VERSIONS} in {offer.scope}", offer.day, Confidence.HIGH)
        known = before or MinorRow(version.minor, source)
        after = replace(
            known,
            eks_end_of_standard=_day(version.end_of_standard) or known.eks_end_of_standard,
            eks_end_of_extended=_day(version.end_of_extended) or known.eks_end_of_extended,
        )
        if after != before:
            found.append((before, replace(after, source=_with(source, before))))
    return tuple(found)


def kubernetes_edit(text: str, changes: Sequence[tuple[MinorRow | None, MinorRow]]) -> Edit:
    """The folder's kubernetes.toml with the changed rows. A row that another file had stands in `before` to compare."""
    own = {_minor_of(table) for table in _tables(text)}
    hidden = {row.minor: minor_block(row) for row, _ in changes if row and row.minor not in own}
    after = {row.minor: minor_block(row) for _, row in changes}
    return Edit("kubernetes.toml", with_minors(text, hidden), with_minors(text, after))


def with_minors(text: str, blocks: Mapping[Minor, str]) -> str:
    """A kubernetes.toml with these [[minor]] tables in place of those of the same minors, or behind all others."""
    left = dict(blocks)
    found = []
    for table in _tables(text):
        minor = _minor_of(table)
        block = left.pop(minor, "") if minor else ""
        found.append(block + _rest(table) if block else table)
    return _appended("".join(found), left.values())


def _minor_of(table: str) -> Minor | None:
    named = _MINOR.search(table) if table.startswith("[[minor]]") else None
    return Minor.parse(named[1]) if named else None


def minor_block(row: MinorRow) -> str:
    days = [(name, getattr(row, name)) for name in _DAYS]
    lines = [f'minor = "{row.minor}"', *(f"{name} = {day}" for name, day in days if day)]
    return "\n".join(("[[minor]]", *lines, *_of(row.source), ""))


def _with(source: Source, before: MinorRow | None) -> Source:
    """Days that EKS does not tell are still those of the row before."""
    kept = before.source.text.partition("; the rest: ")[2] or before.source.text if before else ""
    return replace(source, text=f"{source.text}; the rest: {kept}" if kept else source.text)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


# ---- addons


def spans(offer: Offer, eks_addon: str) -> tuple[Span, ...]:
    """The lines of versions that EKS offers of an addon, newest first; a minor between that lacks one parts it."""
    lines: dict[Minor, set[Minor]] = {}
    for release in offer.releases:
        line = _line(release.version) if release.addon == eks_addon else None
        if line is not None:
            lines.setdefault(line, set()).update(minor for minor, _ in release.minors if minor in offer.minors)
    return tuple(span for line in sorted(lines, reverse=True) for span in _runs(line, lines[line], offer.minors))


def changed_spans(row: AddonRow, offer: Offer) -> tuple[Span, ...] | None:
    """The spans of an addon where they are others than EKS's last answer that is among its rows; None where not."""
    found = spans(offer, row.detect.eks_addon) if row.detect.eks_addon else ()
    known = {(str(r.versions), r.oldest, r.newest) for r in row.versions if r.source.text.startswith(OF_ADDONS)}
    return found if found and known != {(s.range, s.oldest, s.newest) for s in found} else None


def addon_text(text: str, found: Sequence[Span], offer: Offer) -> str:
    """An addon's document with what EKS offers now in place of what it offered before."""
    kept = []
    for table in _tables(text):
        told = table.startswith("[[versions]]") and _TOLD.search(table)
        kept.append(_rest(table).lstrip("\n") if told else table)
    return _appended("".join(kept), (_span_block(span, offer) for span in found))


def _span_block(span: Span, offer: Offer) -> str:
    """Outside of what EKS offers is untested: EKS stops to offer a version for reasons of its own, too."""
    source = Source(f"{OF_ADDONS} in {offer.scope}", offer.day, Confidence.HIGH)
    lines = (
        "[[versions]]",
        f'range = "{span.range}"',
        f'oldest = "{span.oldest}"',
        f'newest = "{span.newest}"',
        f'strength = "{Strength.TESTED.value}"',
        *_of(source),
        "",
    )
    return "\n".join(lines)


def _line(version: str) -> Minor | None:
    try:
        return Version.parse(version).minor
    except ValueError:
        return None


def _runs(line: Minor, having: set[Minor], asked: Sequence[Minor]) -> Iterator[Span]:
    run: list[Minor] = []
    for minor in asked:
        if minor in having:
            run.append(minor)
        elif run:
            yield Span(line, run[0], run[-1])
            run = []
    if run:
        yield Span(line, run[0], run[-1])


# ---- text


def _of(source: Source) -> tuple[str, ...]:
    text = json.dumps(source.text, ensure_ascii=False)  # a string of JSON is one of TOML
    return f'confidence = "{source.confidence.value}"', f"source = {text}", f"date = {source.date}"


def _tables(text: str) -> list[str]:
    """A document cut before each header; the first piece is what stands before all of them."""
    return _HEADER.split(text)


def _rest(table: str) -> str:
    """The empty lines and comments at the end of a table, which belong to the next one."""
    lines = table.splitlines(keepends=True)
    kept: list[str] = []
    while lines and (not lines[-1].strip() or lines[-1].startswith("#")):
        kept.insert(0, lines.pop())
    return "".join(kept)


def _appended(text: str, tables: Iterable[str]) -> str:
    """A document with more tables, an empty line before each."""
    for table in tables:
        text = f"{text.rstrip()}\n\n{table}".lstrip()
    return text
