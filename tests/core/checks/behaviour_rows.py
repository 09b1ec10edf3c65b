"""Rows of known changes, for tests of the checks that go by them."""

from datetime import date

from fleetkeeper.core.compat import BehaviourRow, Compat, Confidence, Source
from fleetkeeper.core.versions import Minor

TEXT = "it is gone"


def row(
    check: str = "", key: str = "", minor: str = "1.35", type: str = "removed", confidence: Confidence = Confidence.HIGH
) -> BehaviourRow:
    source = Source("release notes", date(2026, 11, 20), confidence)
    return BehaviourRow(
        id=f"{check or key or 'change'}-{minor}",
        minor=Minor.parse(minor),
        type=type,
        text=TEXT,
        source=source,
        check=check,
        key=key,
    )


def change(*rows: BehaviourRow) -> Compat:
    return Compat(behaviours=rows)
