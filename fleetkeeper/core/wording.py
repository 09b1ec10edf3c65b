"""The wording that findings share: a few examples and the count of the rest, and evidence with the time of its read."""

from collections.abc import Iterable
from datetime import datetime

from fleetkeeper.core.finding import Evidence
from fleetkeeper.core.snapshot import Snapshot

EXAMPLES = 3


def some(texts: Iterable[str], limit: int = EXAMPLES) -> str:
    """The first few in their order, then how many more there are: `a, b, c and 7 more`."""
    each = list(texts)
    shown = ", ".join(each[:limit])
    return f"{shown} and {len(each) - limit} more" if len(each) > limit else shown


def counted(number: int, noun: str) -> str:
    """`1 node`, `2 nodes`; for nouns whose plural is made with an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def lowered(text: str) -> str:
    """With a small letter to begin with, for the middle of a sentence; `EKS will ...` keeps its own."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def read(snap: Snapshot, part: str, source: str, text: str) -> Evidence:
    """Evidence that a part holds: true when the part was last read well."""
    seen = snap.part(part)
    return Evidence(source, text, seen.observed_at if seen else None)
