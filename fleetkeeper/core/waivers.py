"""What the operator has decided about findings: waivers with an end, and severities of their own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from typing import Protocol

from fleetkeeper.core.assess import HopReport, verdict_of
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.selector import Selector


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody took it upon themselves that findings do not count, until a day.

    Either fingerprint or code is set; clusters, namespace and name (shell patterns, "" is all) narrow it. The day of
    its end is the first without it.
    """

    reason: str
    approver: str
    expires: date
    fingerprint: str = ""
    code: str = ""
    clusters: Selector = Selector()
    namespace: str = ""
    name: str = ""
    ticket: str = ""
    origin: str = ""  # file:line

    def covers(self, finding: Finding, cluster: Mapping[str, str]) -> bool:
        """Whether it means this finding of this cluster (its attributes, as selectors know them), ended or not."""
        if self.fingerprint and finding.fingerprint != self.fingerprint:
            return False
        if self.code and finding.code != self.code:
            return False
        subject = finding.subject
        fits = _fits(self.namespace, subject.namespace) and _fits(self.name, subject.name)
        return fits and self.clusters.accepts(cluster)

    def holds(self, now: datetime) -> bool:
        return now.date() < self.expires


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding and the waiver that covers it; a waiver that has ended is told, and the finding counts again."""

    finding: Finding
    waiver: Waiver | None = None
    ended: Waiver | None = None

    @property
    def counts(self) -> bool:
        return self.waiver is None


class Deciding(Protocol):
    """Says how findings count: by the operator's settings, and by what was granted since."""

    def judge(self, findings: Iterable[Finding], cluster: Mapping[str, str], now: datetime) -> tuple[Judged, ...]: ...


@dataclass(frozen=True, slots=True)
class Decisions:
    """All of the operator's. severities maps a code to what its findings are to count as; blocking follows it."""

    waivers: tuple[Waiver, ...] = ()
    severities: Mapping[str, Severity] = field(default_factory=dict)

    def judge(self, findings: Iterable[Finding], cluster: Mapping[str, str], now: datetime) -> tuple[Judged, ...]:
        return tuple(self._judged(self._weighed(finding), cluster, now) for finding in findings)

    def report(
        self, report: HopReport, cluster: Mapping[str, str], now: datetime
    ) -> tuple[HopReport, Sequence[Judged]]:
        """The report with the verdict that is left after the waivers, and each finding with its waiver."""
        judged = self.judge(report.findings, cluster, now)
        left = verdict_of(each.finding for each in judged if each.counts)
        return replace(report, verdict=left, findings=tuple(each.finding for each in judged)), judged

    def _weighed(self, finding: Finding) -> Finding:
        """What could not be judged keeps its severity: no setting turns unknown into known."""
        wanted = self.severities.get(finding.code)
        if wanted is None or finding.severity is Severity.UNKNOWN or wanted is finding.severity:
            return finding
        return replace(finding, severity=wanted, blocks=wanted is Severity.BLOCKER)

    def _judged(self, finding: Finding, cluster: Mapping[str, str], now: datetime) -> Judged:
        covering = [waiver for waiver in self.waivers if waiver.covers(finding, cluster)]
        holding = next((waiver for waiver in covering if waiver.holds(now)), None)
        if holding is not None:
            return Judged(finding, holding)
        return Judged(finding, ended=max(covering, key=lambda waiver: waiver.expires, default=None))


def unused(waivers: Iterable[Waiver], judged: Iterable[Judged]) -> tuple[Waiver, ...]:
    """Waivers that cover nothing that was found; they can be removed."""
    used = {id(each.waiver or each.ended) for each in judged}
    return tuple(waiver for waiver in waivers if id(waiver) not in used)


def _fits(pattern: str, text: str) -> bool:
    return not pattern or fnmatchcase(text, pattern)
