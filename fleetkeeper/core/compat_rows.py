"""Strict reading of compat documents into rows: mistakes are noted in the document, for all to be reported at once."""

import re
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import TypeVar

from fleetkeeper.core.compat import Confidence, MinorRow, SkewRow, Source
from fleetkeeper.core.versions import Minor
from fleetkeeper.documents import Table

Step = TypeVar("Step", date, Minor)

_ID = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)*", re.ASCII)
_MINOR = re.compile(r"1\.\d{1,3}", re.ASCII)
_CONFIDENCE = {confidence.value: confidence for confidence in Confidence}


def minor_row(table: Table) -> MinorRow | None:
    """One [[minor]]; None after a mistake that leaves no row."""
    minor = table.parsed("minor", exact_minor)
    source = row_source(table)
    days = {
        "upstream_release": _day(table, "upstream_release"),
        "upstream_maintenance": _day(table, "upstream_maintenance"),
        "upstream_end": _day(table, "upstream_end"),
        "eks_release": _day(table, "eks_release"),
        "eks_end_of_standard": _day(table, "eks_end_of_standard"),
        "eks_end_of_extended": _day(table, "eks_end_of_extended"),
    }
    for provider in ("upstream", "eks"):
        check_order(table, [(key, day) for key, day in days.items() if key.startswith(provider)])
    if days["eks_end_of_extended"] and not days["eks_end_of_standard"]:
        table.mistake("eks_end_of_extended", "stands without eks_end_of_standard")
    return MinorRow(minor, source, **days) if minor else None


def check_order(table: Table, steps: Iterable[tuple[str, Step | None]]) -> None:
    """Note what does not come after the one before it; a step that is None is not known, and left out."""
    known = [(key, step) for key, step in steps if step is not None]
    for (earlier, start), (later, end) in pairwise(known):
        if end <= start:
            table.mistake(later, f"must come after {earlier}")


def skew_row(table: Table) -> SkewRow | None:
    """One [[skew]]; `from` is a word of Python, so the row calls it start."""
    row = SkewRow(
        id=table.text("id", check=wrong_id),
        component=table.text("component", check=wrong_id),
        reference=table.text("reference", check=wrong_id),
        older=table.integer("older", minimum=0, maximum=9),
        newer=table.integer("newer", minimum=0, maximum=9),
        source=row_source(table),
        start=table.parsed("from", exact_minor, optional=True),
        before=table.parsed("before", exact_minor, optional=True),
    )
    return row if row.id else None


def row_source(table: Table) -> Source:
    """What every row says of itself."""
    confidence = table.text("confidence", choices=tuple(_CONFIDENCE))
    return Source(
        text=table.text("source"),
        date=table.day("date"),
        confidence=_CONFIDENCE.get(confidence, Confidence.LOW),
        file=table.file,
    )


def _day(table: Table, key: str) -> date | None:
    return table.day(key) if table.has(key) else None


def exact_minor(text: str) -> Minor:
    """A minor and nothing else, quoted in TOML: unquoted, 1.30 is the number 1.3."""
    if not _MINOR.fullmatch(text):
        raise ValueError(f'{text!r} is not a Kubernetes minor such as "1.36"')
    return Minor.parse(text)


def wrong_id(text: str) -> str:
    return "" if _ID.fullmatch(text) else "must be lower-case letters, digits and single hyphens"
