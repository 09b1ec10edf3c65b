"""Judges one cluster for the hops to a target minor: every check, and an unknown for whatever could not be seen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fleetkeeper.core import parts
from fleetkeeper.core.checks import Check, all_checks
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import CLUSTER, Evidence, Finding, Severity
from fleetkeeper.core.fleet import fix_for
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor
from fleetkeeper.errors import GapReason

NOT_SEEN = "FK000"
"""The code of a part that could not be seen."""


class Verdict(StrEnum):
    """Whether a hop may begin, the worst first."""

    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class HopReport:
    """One hop with all that was found for it, the gravest first. waived findings are among them, and do not count."""

    hop: Hop
    verdict: Verdict
    findings: tuple[Finding, ...]


def hops_to(source: Minor, target: Minor) -> tuple[Hop, ...]:
    """Every step of one minor on the way; none when the cluster is there already."""
    hops: list[Hop] = []
    while source < target:
        hops.append(Hop(source, source.next(), first=not hops))
        source = source.next()
    return tuple(hops)


def assess(
    snapshot: Snapshot, hops: Iterable[Hop], compat: Compat, checks: Sequence[Check] | None = None
) -> tuple[HopReport, ...]:
    """A report for every hop. checks None: all that there are."""
    chosen = all_checks() if checks is None else checks
    return tuple(_report(snapshot, hop, compat, chosen) for hop in hops)


def _report(snapshot: Snapshot, hop: Hop, compat: Compat, checks: Sequence[Check]) -> HopReport:
    asked = [each for each in checks if each.each_hop or hop.first]
    found = {(each.fingerprint, each.minor): each for each in _findings(snapshot, hop, compat, asked)}
    findings = tuple(sorted(found.values(), key=_gravity))
    return HopReport(hop, verdict_of(findings), findings)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Blocked by what is known to break, unknown while something grave could not be judged."""
    blocking = {each.severity for each in findings if each.blocks}
    if blocking - {Severity.UNKNOWN}:
        return Verdict.BLOCKED
    return Verdict.UNKNOWN if blocking else Verdict.READY


def _findings(snapshot: Snapshot, hop: Hop, compat: Compat, checks: Sequence[Check]) -> Iterator[Finding]:
    unseen: dict[str, list[Check]] = {}
    for each in checks:
        lacks = [part for part in each.needs if snapshot.missing(part)]
        for part in lacks:
            unseen.setdefault(part, []).append(each)
        if not lacks:
            yield from each.look(snapshot, hop, compat)
    for part, affected in unseen.items():
        yield not_seen(snapshot, part, affected)


def not_seen(snapshot: Snapshot, part: str, affected: Sequence[Check]) -> Finding:
    """One unknown for a part, whatever number of checks it keeps from judging."""
    gap = snapshot.missing(part)
    reason, detail = (gap.reason, gap.detail) if gap else (GapReason.NOT_READ, "")
    asked = reason is not GapReason.NOT_CONFIGURED
    codes = ", ".join(each.code for each in affected)
    return Finding(
        code=NOT_SEEN,
        severity=Severity.UNKNOWN,
        subject=CLUSTER,
        key=part,
        message=f"{part.replace('_', ' ')} could not be seen ({reason.value}), so {codes} cannot be judged",
        fix=detail if not asked else fix_for(reason, snapshot.cluster.name),
        blocks=asked and any(each.critical for each in affected),
        evidence=(Evidence("read", f"{reason.value}: {detail}", gap.since if gap and snapshot.part(part) else None),),
    )


_ORDER = {severity: number for number, severity in enumerate(Severity)}


def _gravity(finding: Finding) -> tuple[object, ...]:
    return (not finding.blocks, _ORDER[finding.severity], finding.code, finding.subject, finding.key)


NEEDED = (*parts.CLUSTER_PARTS, *parts.SCOPE_PARTS)
"""The parts that checks may ask for."""
