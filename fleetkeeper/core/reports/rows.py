"""Reports as flat rows, which JSON, YAML and the other formats are made of."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleetkeeper.core.assess import NOT_SEEN, Verdict
from fleetkeeper.core.finding import Evidence, Severity
from fleetkeeper.core.finding import Subject as Found
from fleetkeeper.core.fleet import subject as named
from fleetkeeper.core.owner_keys import owner_named
from fleetkeeper.core.readiness import Action, ClusterReport, Entry, HopReadiness, Subject
from fleetkeeper.core.waivers import Waiver
from fleetkeeper.core.wording import some


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver; until is the first day without it."""

    reason: str
    approver: str
    until: str
    ticket: str
    origin: str

    @classmethod
    def of(cls, waiver: Waiver | None) -> "WaiverRow | None":
        if waiver is None:
            return None
        return cls(waiver.reason, waiver.approver, waiver.expires.isoformat(), waiver.ticket, waiver.origin)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding of one cluster. hop is "1.34 → 1.35", "" outside of hops; holds: the hop has to wait for it."""

    fingerprint: str
    cluster: str
    arn: str
    account: str
    region: str
    hop: str
    code: str
    severity: Severity
    blocks: bool
    holds: bool
    state: str
    key: str
    kind: str
    namespace: str
    name: str
    message: str
    fix: str
    breaks: str
    minor: str
    deadline: datetime | None
    owner: str
    owner_keys: Mapping[str, str]
    evidence: tuple[Evidence, ...]
    first_seen: datetime
    last_seen: datetime
    since: datetime
    times: int
    proven_at: datetime | None
    waiver: WaiverRow | None
    waiver_ended: WaiverRow | None
    is_known: bool = False  # it stands in the baseline

    @property
    def about(self) -> str:
        return str(Found(self.kind, self.name, self.namespace))

    @property
    def where(self) -> str:
        return named(self.cluster, self.account, self.region)


@dataclass(frozen=True, slots=True)
class HopRow:
    """One hop. counts are by severity, without what is waived; waived counts the rest."""

    source: str
    target: str
    verdict: str
    counts: Mapping[str, int]
    waived: int
    findings: tuple[FindingRow, ...]

    @property
    def holding(self) -> tuple[FindingRow, ...]:
        return tuple(each for each in self.findings if each.holds)


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One thing to do. hop is the target of the first hop that waits for it.

    mends counts the findings that this very fix mends, alike those of the same check that need one like it.
    """

    fix: str
    hop: str
    mends: int
    alike: int
    code: str
    owner: str
    deadline: datetime | None


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One cluster. at "" was never seen; target "" is not known. stay holds what no hop waits for."""

    cluster: str
    arn: str
    account: str
    region: str
    environment: str
    ring: str
    at: str
    target: str
    deadline: datetime | None
    reason: str
    verdict: str
    assessed_at: datetime
    hops: tuple[HopRow, ...]
    stay: tuple[FindingRow, ...]
    first: tuple[ActionRow, ...]

    @property
    def where(self) -> str:
        return named(self.cluster, self.account, self.region)

    @property
    def findings(self) -> tuple[FindingRow, ...]:
        """Each once, for the first hop that has it."""
        every = [*(each for hop in self.hops for each in hop.findings), *self.stay]
        return _once(every)

    @property
    def holding(self) -> tuple[FindingRow, ...]:
        """What some hop has to wait for, or what hides which hops there are, each once."""
        waiting = [each for hop in self.hops for each in hop.findings] if self.at else [*self.stay]
        return _once(each for each in waiting if each.holds)

    @property
    def next_step(self) -> str:
        """What to do first; "" when nothing waits."""
        return self.first[0].fix if self.first else next((each.fix for each in self.holding), "")

    @property
    def in_the_way(self) -> str:
        """What the nearest hop waits for first, in a few words: its check and its object; "" when nothing waits."""
        first = next(iter(self.holding), None)
        if first is None:
            return ""
        about = first.about if first.name else first.key.replace("_", " ") or first.about
        said = f"{first.code} {about}{' not seen' if first.code == NOT_SEEN else ''}"
        more = len(self.holding) - 1
        return f"{said}, and {more} more" if more else said

    @property
    def failing(self) -> tuple[FindingRow, ...]:
        """What exit code 3 is for: of those, what no baseline has."""
        return tuple(each for each in self.holding if not each.is_known)


def by_urgency(reports: Iterable[ReportRow]) -> tuple[ReportRow, ...]:
    """What is blocked first, then what is unknown; of those, the nearest deadline."""
    return tuple(sorted(reports, key=_urgency))


def _urgency(row: ReportRow) -> tuple[object, ...]:
    deadline = row.deadline.timestamp() if row.deadline else float("inf")
    return ([each.value for each in Verdict].index(row.verdict), not row.hops, deadline, row.cluster, row.arn)


Known = frozenset[tuple[str, str]]
"""(ARN, fingerprint) of what a baseline has."""


def _once(rows: Iterable[FindingRow]) -> tuple[FindingRow, ...]:
    found: dict[str, FindingRow] = {}
    for each in rows:
        found.setdefault(each.fingerprint, each)
    return tuple(found.values())


def report_row(report: ClusterReport, known: Known = frozenset()) -> ReportRow:
    cluster, policy = report.cluster, report.policy
    scope, placement = cluster.scope, cluster.placement
    return ReportRow(
        cluster=cluster.name,
        arn=cluster.id.arn,
        account=scope.account if scope else "",
        region=scope.region if scope else "",
        environment=placement.environment,
        ring=placement.ring,
        at=str(report.at or ""),
        target=str(policy.target or ""),
        deadline=policy.deadline,
        reason=policy.reason,
        verdict=report.verdict.value,
        assessed_at=report.assessed_at,
        hops=tuple(_hop(each, cluster, known) for each in report.hops),
        stay=tuple(finding_row(cluster, each, known=known) for each in report.stay),
        first=tuple(_action(each) for each in report.first),
    )


def finding_row(cluster: Subject, entry: Entry, hop: str = "", known: Known = frozenset()) -> FindingRow:
    finding, scope = entry.finding, cluster.scope
    return FindingRow(
        fingerprint=finding.fingerprint,
        cluster=cluster.name,
        arn=cluster.id.arn,
        account=scope.account if scope else "",
        region=scope.region if scope else "",
        hop=hop,
        code=finding.code,
        severity=finding.severity,
        blocks=finding.blocks,
        holds=entry.holds,
        state=entry.state.value,
        key=finding.key,
        kind=finding.subject.kind,
        namespace=finding.subject.namespace,
        name=finding.subject.name,
        message=finding.message,
        fix=finding.fix,
        breaks=finding.breaks.value,
        minor=str(finding.minor or ""),
        deadline=finding.deadline,
        owner=owner_named(finding.owner),
        owner_keys=finding.owner,
        evidence=finding.evidence,
        first_seen=entry.first_seen,
        last_seen=entry.last_seen,
        since=entry.since,
        times=entry.times,
        proven_at=entry.proven_at,
        waiver=WaiverRow.of(entry.waiver),
        waiver_ended=WaiverRow.of(entry.ended),
        is_known=(cluster.id.arn, finding.fingerprint) in known,
    )


def _hop(hop: HopReadiness, cluster: Subject, known: Known) -> HopRow:
    counted = Counter(each.finding.severity.value for each in hop.entries if each.waiver is None)
    return HopRow(
        source=str(hop.hop.source),
        target=str(hop.hop.target),
        verdict=hop.verdict.value,
        counts={each.value: counted[each.value] for each in Severity},
        waived=sum(1 for each in hop.entries if each.waiver),
        findings=tuple(finding_row(cluster, each, str(hop.hop), known) for each in hop.entries),
    )


def _action(action: Action) -> ActionRow:
    findings = [each.finding for each in action.entries]
    mended = sum(1 for each in findings if each.fix == action.fix)
    owners = dict.fromkeys(filter(None, (owner_named(each.owner) for each in findings)))
    return ActionRow(
        fix=action.fix,
        hop=str(action.hop.target),
        mends=mended,
        alike=len(findings) - mended,
        code=findings[0].code,
        owner=some(owners),
        deadline=min((each.deadline for each in findings if each.deadline), default=None),
    )
