"""The findings of one cluster from one assessment to the next, with how far back a use of an API would have shown."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fleetkeeper.core import observed, parts
from fleetkeeper.core.assess import NOT_SEEN, HopReport
from fleetkeeper.core.callers import state_of
from fleetkeeper.core.checks import Check
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.lifecycle import Look, State, Tracked, advance
from fleetkeeper.core.snapshot import Snapshot
from fleetkeeper.core.versions import Minor


@dataclass(frozen=True, slots=True)
class Watch:
    """From when until when no use of a removed API could have been missed; None before the first good look."""

    unbroken_since: datetime | None = None
    seen_until: datetime | None = None

    def after(self, snap: Snapshot) -> "Watch | None":
        """The watch with what the API server's metric says now; None while it cannot be seen.

        The gauge remembers since the start of the API server. One that started after our last good look forgot what
        was called between the two, so the watch begins anew; one that did not covers even a time in which we slept.
        """
        part = snap.part(parts.API_USE)
        use: observed.ApiUse | None = part.value if part else None
        if part is None or use is None or use.since is None or snap.missing(parts.API_USE):
            return None
        is_broken = self.unbroken_since is None or self.seen_until is None or use.since > self.seen_until
        return Watch(use.since if is_broken else self.unbroken_since, part.observed_at)


@dataclass(frozen=True, slots=True)
class Tracking:
    """What is known of a cluster's findings as of the assessment at `at`, by fingerprint. Resolved ones may be left out
    as long as they are not found again."""

    at: datetime
    findings: Mapping[str, Tracked] = field(default_factory=dict)
    watch: Watch = Watch()


def track(snap: Snapshot, reports: Iterable[HopReport], before: Tracking, checks: Sequence[Check]) -> Tracking:
    """The findings after this assessment. What was seen before stays known until its end is proven."""
    known, seen = before.findings, before.watch.after(snap)
    found = tuple(each for each in _gravest(reports) if not _is_silence(known.get(each.fingerprint), each))
    unbroken = seen.unbroken_since if seen else None
    look = Look(snap.now, found, _judged(snap, known, checks), _states(snap, known), unbroken)
    at = snap.control_plane.version if snap.control_plane else None
    after = {
        key: _past(each, at, snap.now) if each.last_seen < snap.now else each
        for key, each in advance(known, look).items()
    }
    return Tracking(snap.now, after, seen or before.watch)


def unseen(snap: Snapshot, found: Container[str], before: Tracking, checks: Sequence[Check]) -> tuple[Finding, ...]:
    """What still counts though it was not found: it could not be looked for. found: fingerprints."""
    known = before.findings
    judged = _judged(snap, known, checks)
    missed = (each for key, each in known.items() if each.counts and key not in found)
    return tuple(each.finding for each in missed if each.finding.code not in judged)


def _gravest(reports: Iterable[HopReport]) -> tuple[Finding, ...]:
    """One finding for each fingerprint: that of the first hop for which it is at its worst."""
    found: dict[str, Finding] = {}
    for finding in (each for report in reports for each in report.findings):
        other = found.get(finding.fingerprint)
        if other is None or _weight(finding) < _weight(other):
            found[finding.fingerprint] = finding
    return tuple(found.values())


def _is_silence(before: Tracked | None, now: Finding) -> bool:
    """A live use that is only told as something milder, for what showed it is forgotten: no sight of it, and no end."""
    was = before.finding if before and before.counts else None
    return was is not None and was.use is not None and was.blocks and not now.blocks


_ORDER = {severity: number for number, severity in enumerate(Severity)}


def _weight(finding: Finding) -> tuple[bool, int]:
    return not finding.blocks, _ORDER[finding.severity]


def _judged(snap: Snapshot, known: Mapping[str, Tracked], checks: Sequence[Check]) -> frozenset[str]:
    """The codes whose silence means something; of a check that is no more, nobody would ever speak again."""
    blind = {each.code for each in checks if any(snap.missing(part) for part in each.needs)}
    return frozenset({NOT_SEEN, *(each.code for each in checks), *(t.finding.code for t in known.values())} - blind)


def _states(snap: Snapshot, known: Mapping[str, Tracked]) -> dict[str, str]:
    """What the callers of live uses run now, by fingerprint; nothing while the workloads cannot be seen."""
    if snap.missing(parts.WORKLOADS):
        return {}
    uses = {key: each.finding.use for key, each in known.items() if each.counts}
    return {key: state_of(use.callers, snap.workloads) for key, use in uses.items() if use and use.callers}


def _past(tracked: Tracked, at: Minor | None, now: datetime) -> Tracked:
    """The cluster is at the minor at which it would have broken: whether somebody still calls is settled."""
    minor = tracked.finding.minor
    if not tracked.counts or tracked.finding.use is None or at is None or minor is None or minor > at:
        return tracked
    return replace(tracked, state=State.RESOLVED, since=now)
