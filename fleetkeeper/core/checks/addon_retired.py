"""FK205: an addon, or the line of versions that is installed, gets no more fixes.

The days are those of compat/addons, each with its source. What runs keeps running, also on the target, until a
vulnerability or a removed API is found that nobody mends any more.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import EndOfLife
from fleetkeeper.core.checks import check
from fleetkeeper.core.checks.addon_incompatible import version_of
from fleetkeeper.core.compat import AddonRow, Compat
from fleetkeeper.core.finding import Breaks, Evidence, Finding, Severity, Subject
from fleetkeeper.core.model import Addon
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import day, read

SOON = timedelta(days=90)


@check("FK205", "An addon gets no more fixes", needs=(parts.ADDONS,), each_hop=False)
def addon_retired(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A warning once the day is past, told from ninety days before it on."""
    for addon in snap.addons:
        row = compat.addon(addon.id)
        end = _end(row, addon) if row else None
        if row is None or end is None or _moment(end) - snap.now > SOON:
            continue
        past = _moment(end) <= snap.now
        what = row.name if not end.versions.bounds else f"{row.name} {addon.version}"
        yield Finding(
            code="FK205",
            severity=Severity.WARNING if past else Severity.INFO,
            subject=Subject("Addon", addon.where),
            key=addon.id,
            message=f"{what} {'has got no more fixes since' if past else 'gets no more fixes from'} {day(_moment(end))}"
            + (f": {end.note}" if end.note else ""),
            fix=f"move to what takes the place of {row.name}" if not end.versions.bounds else "upgrade to a later line",
            breaks=Breaks.AT_DATE,
            deadline=_moment(end),
            evidence=(
                read(snap, parts.ADDONS, addon.found_by.value, f"{addon.where} {addon.version}"),
                Evidence("compat", f"{end.source.text} ({end.source.date})", confidence=end.source.confidence),
            ),
        )


def _end(row: AddonRow, addon: Addon) -> EndOfLife | None:
    """The earliest that holds: of the whole addon, or of a range that has the installed version."""
    version = version_of(addon.version)
    holding = [
        end
        for end in row.ends
        if not end.versions.of_chart
        and (not end.versions.bounds or (version is not None and end.versions.accepts(version)))
    ]
    return min(holding, key=lambda end: end.day, default=None)


def _moment(end: EndOfLife) -> datetime:
    return datetime.combine(end.day, time(), UTC)
