"""What every row of compat says of itself: where it comes from, from which day, and how sure it is."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Confidence(StrEnum):
    """How sure a row is: read at its source, read in part, or general knowledge."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a row comes from, and the day of that source. file is the compat file that holds the row."""

    text: str
    date: date
    confidence: Confidence
    file: str = ""
