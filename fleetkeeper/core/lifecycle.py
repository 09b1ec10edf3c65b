"""The life of a finding over many looks: open, unconfirmed, resolved, and open again. Fixed must be proven.

Most findings are resolved when a look that saw everything no longer has them. The live use of an API is not: the API
server's gauge forgets at each restart, and a monthly job is quiet for weeks. Such a finding stays open until its caller
has changed; then it is unconfirmed until no use was seen for max(7 days, the caller's own schedule), without a gap in
what would have shown it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fleetkeeper.core.cron import Cron
from fleetkeeper.core.finding import Finding, LiveUse

QUIET = timedelta(days=7)
AFTER_RUN = timedelta(days=1)
"""How long after its next run a scheduled caller may still be at work: time zones, retries, long runs."""


class State(StrEnum):
    OPEN = "open"
    UNCONFIRMED = "unconfirmed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Tracked:
    """A finding with its history. since is when it came into its state; quiet_since, for an unconfirmed one, when the
    unbroken quiet began that proves it fixed. times counts how often it was opened."""

    finding: Finding
    state: State
    first_seen: datetime
    last_seen: datetime
    since: datetime
    quiet_since: datetime | None = None
    times: int = 1

    @property
    def counts(self) -> bool:
        return self.state is not State.RESOLVED


@dataclass(frozen=True, slots=True)
class Look:
    """One assessment of one cluster: what it found, and how far it could see.

    judged are the codes of the checks that could look, on a resolved finding's part. callers gives what each caller of
    a live use runs now ("" when it is gone), as LiveUse.state. unbroken_since is from when on a use could not have been
    missed: a gap in the evidence starts it anew, None while it cannot be seen at all.
    """

    at: datetime
    findings: tuple[Finding, ...]
    judged: frozenset[str]
    callers: Mapping[str, str]
    unbroken_since: datetime | None


def advance(known: Mapping[str, Tracked], look: Look) -> dict[str, Tracked]:
    """All findings after a look, by fingerprint; those that were resolved before stay, as history."""
    found = {each.fingerprint: each for each in look.findings}
    after = {key: _seen(known.get(key), finding, look) for key, finding in found.items()}
    return after | {key: _unseen(each, look) for key, each in known.items() if key not in found}


def _seen(before: Tracked | None, finding: Finding, look: Look) -> Tracked:
    if before is None:
        return Tracked(finding, State.OPEN, look.at, look.at, look.at)
    if finding.use is not None and before.finding.use is not None:
        return _used(before, finding, finding.use, before.finding.use, look)
    now = replace(before, finding=finding, last_seen=look.at)
    return now if before.state is State.OPEN else _reopened(now, look.at)


def _used(before: Tracked, finding: Finding, use: LiveUse, was: LiveUse, look: Look) -> Tracked:
    """What shows the use may be old (a gauge, an insight of 30 days): only a use after the change counts."""
    now = replace(before, finding=finding, last_seen=look.at)
    if before.state is State.OPEN:
        if was.state and use.state != was.state:
            return replace(now, state=State.UNCONFIRMED, since=look.at, quiet_since=look.unbroken_since and look.at)
        return now
    if _after(use, before.since):
        return _reopened(now, look.at)
    return _quiet(now, look) if before.state is State.UNCONFIRMED else now


def _unseen(before: Tracked, look: Look) -> Tracked:
    if before.state is State.RESOLVED or before.finding.code not in look.judged:
        return before
    use = before.finding.use
    if use is None:
        return replace(before, state=State.RESOLVED, since=look.at)
    if before.state is State.UNCONFIRMED:
        return _quiet(before, look)
    now = look.callers.get(before.finding.fingerprint)
    if not use.state or now is None or now == use.state:
        return before
    return replace(before, state=State.UNCONFIRMED, since=look.at, quiet_since=look.unbroken_since and look.at)


def _quiet(tracked: Tracked, look: Look) -> Tracked:
    """An unconfirmed finding without a new use: resolved when the quiet was long enough, and unbroken."""
    if look.unbroken_since is None:
        return replace(tracked, quiet_since=None)
    start = tracked.quiet_since or look.at
    start = max(start, look.unbroken_since)
    if look.at >= quiet_until(tracked.finding.use, start):
        return replace(tracked, state=State.RESOLVED, since=look.at, quiet_since=start)
    return replace(tracked, quiet_since=start)


def quiet_until(use: LiveUse | None, start: datetime) -> datetime:
    """When a quiet that began at `start` proves that an API is not called any more."""
    ends = [start + QUIET]
    for schedule in use.schedules if use else ():
        run = _next_run(schedule, start)
        ends.append(start + timedelta(days=366) if run is None else run + AFTER_RUN)
    return max(ends)


def _next_run(schedule: str, start: datetime) -> datetime | None:
    """None for a schedule that cannot be read: a year covers all that people write."""
    try:
        return Cron.parse(schedule).next_after(start)
    except ValueError:
        return None


def _after(use: LiveUse, moment: datetime) -> bool:
    return use.last is not None and use.last > moment


def _reopened(tracked: Tracked, at: datetime) -> Tracked:
    return replace(tracked, state=State.OPEN, since=at, quiet_since=None, times=tracked.times + 1)
