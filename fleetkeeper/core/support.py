"""Until when a Kubernetes minor is supported, and how many days that leaves."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleetkeeper.core.compat import Compat
from fleetkeeper.core.model import SupportedVersion
from fleetkeeper.core.versions import Minor


class Phase(StrEnum):
    """Where a minor stands in its life."""

    STANDARD = "standard"
    EXTENDED = "extended"
    UNSUPPORTED = "unsupported"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Support:
    """The support of a minor at one moment.

    ends_at is when the present phase ends, or ended for UNSUPPORTED; None when nobody said when. days_left counts whole
    days until then: 0 within the last 24 hours and after it, None without a date. source is whose dates these are.
    """

    minor: Minor
    phase: Phase
    ends_at: datetime | None = None
    days_left: int | None = None
    source: str = ""


# DescribeClusterVersions' versionStatus; used only where an answer has no dates, for it ages and dates do not.
_SAID = {
    "STANDARD_SUPPORT": Phase.STANDARD,
    "EXTENDED_SUPPORT": Phase.EXTENDED,
    "UNSUPPORTED": Phase.UNSUPPORTED,
}


def support_of(minor: Minor, cloud: Iterable[SupportedVersion] | None, compat: Compat, now: datetime) -> Support:
    """The support of a minor on EKS at `now`, by what the cloud answered (None: not asked) before compat's dates."""
    return support_at(now, minor, (*(cloud or ()), compat.support(minor)))


def support_at(now: datetime, minor: Minor, sources: Iterable[SupportedVersion | None]) -> Support:
    """Judge by the first source that has dates for the minor; without any, by the first that says a status."""
    known = [source for source in sources if source is not None and source.minor == minor]
    for source in known:
        if source.end_of_standard or source.end_of_extended:
            return _by_dates(now, source)
    for source in known:
        if (said := _said(source)) is not Phase.UNKNOWN:
            return Support(minor, said, source=source.source)
    return Support(minor, Phase.UNKNOWN)


def _by_dates(now: datetime, source: SupportedVersion) -> Support:
    """The day of an end is already without that support: EKS bills extended support from 00:00 UTC of it."""
    standard, extended = source.end_of_standard, source.end_of_extended
    if standard is not None and now < standard:
        return _until(now, source, Phase.STANDARD, standard)
    if extended is not None and now < extended:
        # Without an end of standard support this side of it cannot be told by date.
        return _until(now, source, Phase.EXTENDED if standard else _said(source), extended)
    return _until(now, source, Phase.UNSUPPORTED, extended or standard)


def _until(now: datetime, source: SupportedVersion, phase: Phase, end: datetime | None) -> Support:
    days = max(0, (end - now).days) if end else None
    return Support(source.minor, phase, end, days, source.source)


def _said(source: SupportedVersion) -> Phase:
    return _SAID.get(source.status.upper(), Phase.UNKNOWN)
