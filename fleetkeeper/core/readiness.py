"""Is a cluster ready for its next minors: every hop with its verdict, what stands in the way, and what to do first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fleetkeeper.core import model
from fleetkeeper.core.assess import NOT_SEEN, HopReport, Verdict, verdict_of
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.lifecycle import State, Tracked, quiet_until
from fleetkeeper.core.snapshot import Hop, Policy
from fleetkeeper.core.tracking import Tracking
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.waivers import Deciding, Waiver
from fleetkeeper.core.wording import day

FIRST = 3
"""How many things to do first are told."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding with its life and what was decided about it. finding carries the severity that counts.

    proven_at is when the quiet of an unconfirmed one will have proven it fixed, None while that cannot be said.
    ended is a waiver that covers it no longer.
    """

    finding: Finding
    state: State
    since: datetime
    first_seen: datetime
    last_seen: datetime
    times: int = 1
    proven_at: datetime | None = None
    waiver: Waiver | None = None
    ended: Waiver | None = None

    @property
    def holds(self) -> bool:
        """Whether the hop has to wait for it."""
        return self.finding.blocks and self.waiver is None


@dataclass(frozen=True, slots=True)
class HopReadiness:
    """One hop, the gravest entries first; waived ones are among them, and do not count."""

    hop: Hop
    verdict: Verdict
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """A kind of thing to do: the fix of its first entry, and all entries that one like it mends.

    What could not be seen is alike by its fix, all else by its check and severity. hop is the first that waits for it.
    """

    fix: str
    hop: Hop
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """The cluster that a report is about. attributes are what selectors and waivers know it by."""

    id: model.ClusterId
    name: str
    scope: model.Scope | None
    placement: model.Placement
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """One cluster, judged at a time. at is its minor, None when its control plane was never seen.

    hops lead to the policy's target; there are none for a cluster that is there. stay is what was found of the cluster
    as it is where no hop carries it: nothing waits for it now, but the next rotation or hop would.
    """

    cluster: Subject
    at: Minor | None
    policy: Policy
    assessed_at: datetime
    hops: tuple[HopReadiness, ...]
    stay: tuple[Entry, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of the hops; unknown where there is nothing to say which hops there are."""
        if self.at is None or self.policy.target is None:
            return Verdict.UNKNOWN
        verdicts = {each.verdict for each in self.hops}
        return next((each for each in Verdict if each in verdicts), Verdict.READY)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything that was found, each once: for the first hop that has it."""
        every = [*(each for hop in self.hops for each in hop.entries), *self.stay]
        return _once(every)

    @property
    def holding(self) -> tuple[Entry, ...]:
        """What some hop has to wait for, each once; of a cluster without a minor, all that hides it."""
        hops = [each for hop in self.hops for each in hop.entries if each.holds]
        found = hops if self.hops or self.at else [each for each in self.stay if each.holds]
        return _once(found)

    @property
    def first(self) -> tuple[Action, ...]:
        """The few things to do first: what the nearest hop waits for, and of that what mends the most."""
        return _actions(self.hops)[:FIRST]


def _once(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    found: dict[str, Entry] = {}
    for each in entries:
        found.setdefault(each.finding.fingerprint, each)
    return tuple(found.values())


@dataclass(slots=True)
class Tally:
    """Counts over a fleet: clusters by verdict, and findings that are not waived by (severity, code)."""

    verdicts: Counter[str] = field(default_factory=lambda: Counter({each.value: 0 for each in Verdict}))
    findings: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, report: ClusterReport) -> None:
        self.verdicts[report.verdict.value] += 1
        found = (each.finding for each in report.entries if each.waiver is None)
        self.findings.update((each.severity.value, each.code) for each in found)

    @property
    def severities(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for (severity, _), count in self.findings.items():
            counted[severity] += count
        return counted


def report_of(
    cluster: Subject,
    at: Minor | None,
    policy: Policy,
    reports: Sequence[HopReport],
    tracking: Tracking,
    decisions: Deciding,
) -> ClusterReport:
    """The report of a cluster: what this look found and what earlier ones did and nobody has refuted."""
    judge = _Judge(tracking, decisions, cluster.attributes)
    wanted = [each for each in reports if at and policy.target and each.hop.target <= policy.target]
    hops = tuple(_hop(each, wanted, tracking, judge) for each in wanted)
    rest = () if wanted else (*(f for each in reports for f in each.findings), *_carried(tracking, None, reports))
    stay = judge.entries(rest)
    return ClusterReport(cluster, at, policy, tracking.at, hops, stay)


def _hop(report: HopReport, wanted: Sequence[HopReport], tracking: Tracking, judge: "_Judge") -> HopReadiness:
    entries = judge.entries((*report.findings, *_carried(tracking, report.hop, wanted)))
    return HopReadiness(report.hop, verdict_of(e.finding for e in entries if e.waiver is None), entries)


def _carried(tracking: Tracking, hop: Hop | None, reports: Iterable[HopReport]) -> Iterator[Finding]:
    """What no hop found now, and what still counts: for the hop at which it breaks, else for the first."""
    found = {each.fingerprint for report in reports for each in report.findings}
    for key, tracked in tracking.findings.items():
        minor = tracked.finding.minor
        own = minor is None if hop is None else (minor == hop.target if minor else hop.first)
        if own and tracked.counts and key not in found:
            yield tracked.finding


@dataclass(frozen=True, slots=True)
class _Judge:
    tracking: Tracking
    decisions: Deciding
    attributes: Mapping[str, str]

    def entries(self, findings: Iterable[Finding]) -> tuple[Entry, ...]:
        told = (self._told(each) for each in findings)
        return entries_of(told, self.decisions, self.attributes, self.tracking.at)

    def _told(self, finding: Finding) -> Tracked:
        """What is known of a finding; one that was seen now speaks for itself, in the words of this hop."""
        now = self.tracking.at
        tracked = self.tracking.findings.get(finding.fingerprint, Tracked(finding, State.OPEN, now, now, now))
        return replace(tracked, finding=finding) if tracked.last_seen == now else tracked


def entries_of(
    findings: Iterable[Tracked], decisions: Deciding, attributes: Mapping[str, str], now: datetime
) -> tuple[Entry, ...]:
    """Findings of one cluster as they count, the gravest first."""
    made = (_entry(each, decisions, attributes, now) for each in findings)
    return tuple(sorted(made, key=gravity))


def _entry(tracked: Tracked, decisions: Deciding, attributes: Mapping[str, str], now: datetime) -> Entry:
    quiet = tracked.quiet_since if tracked.state is State.UNCONFIRMED else None
    proven_at = quiet_until(tracked.finding.use, quiet) if quiet else None
    (judged,) = decisions.judge([_as_proven(tracked, proven_at)], attributes, now)
    return Entry(
        finding=judged.finding,
        state=tracked.state,
        since=tracked.since,
        first_seen=tracked.first_seen,
        last_seen=tracked.last_seen,
        times=tracked.times,
        proven_at=proven_at,
        waiver=judged.waiver,
        ended=judged.ended,
    )


def _as_proven(tracked: Tracked, proven_at: datetime | None) -> Finding:
    """An unconfirmed finding is unknown and holds as before; one that is proven fixed only tells of old evidence."""
    finding = tracked.finding
    match tracked.state:
        case State.UNCONFIRMED:
            wait = f"wait until {day(proven_at)}" if proven_at else "let the API server's metrics be seen"
            fix = f"{wait}: its caller changed, and quiet proves it; if it calls again, {finding.fix}"
            return replace(finding, severity=Severity.UNKNOWN, fix=fix)
        case State.RESOLVED:
            return replace(finding, severity=Severity.INFO, blocks=False)
    return finding


_ORDER = {severity: number for number, severity in enumerate(Severity)}


def gravity(entry: Entry) -> tuple[object, ...]:
    """What holds comes first, then the severity; waived findings are the last of theirs."""
    finding = entry.finding
    return (not entry.holds, _ORDER[finding.severity], finding.code, finding.subject, finding.key)


def _actions(hops: Sequence[HopReadiness]) -> tuple[Action, ...]:
    found: dict[tuple[Hop, str, Severity, str], Action] = {}
    seen: set[str] = set()
    for each in hops:
        for entry in (e for e in each.entries if e.holds and e.finding.fingerprint not in seen):
            finding = entry.finding
            seen.add(finding.fingerprint)
            own = finding.fix if finding.code == NOT_SEEN else ""
            kind = (each.hop, finding.code, finding.severity, own)
            known = found.get(kind, Action(finding.fix, each.hop, ()))
            found[kind] = replace(known, entries=(*known.entries, entry))
    return tuple(sorted(found.values(), key=_urgency))


def _urgency(action: Action) -> tuple[object, ...]:
    """A known break before an unknown: what is done for the one may well show the other."""
    worst = min(_ORDER[each.finding.severity] for each in action.entries)
    return (action.hop.target, worst, -len(action.entries), action.fix)
