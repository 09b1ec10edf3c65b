"""What an observation does to what is stored of its part. Pure; every rule about gaps and order is here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.adapters.store import items
from fleetkeeper.adapters.store.codec import encode
from fleetkeeper.core.model import Gap
from fleetkeeper.engine.ports import Observation


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of one part, without its value. digest and observed_at are None when it was never read well."""

    digest: bytes | None
    observed_at: datetime | None
    gap: Gap | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An observation that is ready to be stored: encoded before any transaction begins. body is None for a gap."""

    seen: Observation
    body: bytes | None
    digest: bytes | None

    @classmethod
    def of(cls, seen: Observation) -> "Prepared":
        """Raises TypeError for a value that is not of the part's type, and for neither a value nor a gap."""
        if seen.gap is not None:
            return cls(seen, None, None)
        return cls(seen, *encode(seen.part, seen.value))


def merge(stored: Stored | None, new: Prepared) -> Stored:
    """What is stored after the observation; the same as before when it says nothing new or comes too late."""
    before = stored or Stored(None, None, None)
    if before.observed_at is not None and new.seen.at < before.observed_at:
        return before
    if new.seen.gap is not None:
        return Stored(before.digest, before.observed_at, _lasting(before.gap, new.seen.gap))
    failed_since = before.gap if before.gap is not None and before.gap.since > new.seen.at else None
    return Stored(new.digest, new.seen.at, failed_since)


def _lasting(before: Gap | None, now: Gap) -> Gap:
    """The same reason keeps its first time, however often it repeats."""
    if before is None or before.reason is not now.reason:
        return now
    return Gap(now.reason, now.detail, min(before.since, now.since))


@dataclass(frozen=True, slots=True)
class Difference:
    """What history has to record of one part: rows to close, items to open, and rows whose text only grew or shrank."""

    closed: tuple[int, ...]
    opened: Mapping[str, str]
    rewritten: Mapping[int, str]


def differ(part: str, still: Mapping[str, tuple[int, str]], now: Mapping[str, str]) -> Difference:
    """still: item → (row, text) of the open rows; now: item → text."""
    moved = {key for key in still.keys() & now.keys() if items.changed(part, still[key][1], now[key])}
    closed = tuple(row for key, (row, _) in still.items() if key in moved or key not in now)
    opened = {key: text for key, text in now.items() if key in moved or key not in still}
    rewritten = {
        row: now[key] for key, (row, text) in still.items() if key in now and key not in moved and text != now[key]
    }
    return Difference(closed, opened, rewritten)
