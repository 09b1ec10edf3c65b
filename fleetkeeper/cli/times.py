"""Times as people type them: a date, a time with zone, or a span back from now."""

import re
from datetime import UTC, datetime, timedelta

from fleetkeeper.errors import UsageError

_SPAN = re.compile(r"(\d{1,6})\s*(min|m|h|d|w)", re.ASCII)
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORMS = "write 7d, 12h, 2026-11-20 or 2026-11-20T09:00Z"


def moment(text: str, now: datetime) -> datetime | None:
    """`7d`, `12h`, `30min` before now; `2026-11-20` or `2026-11-20T09:00Z` (UTC when no zone is given); "" is None."""
    text = text.strip()
    if not text:
        return None
    try:
        if found := _SPAN.fullmatch(text):
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        parsed = datetime.fromisoformat(text)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except OverflowError:
        raise UsageError(f"{text!r} is too long ago: {_FORMS}") from None
    except ValueError:
        raise UsageError(f"{text!r} is no time: {_FORMS}") from None
