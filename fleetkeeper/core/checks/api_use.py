"""FK301: something uses an API that the target minor no longer serves; told once per caller or object, by what breaks.

A live caller (audit log, EKS insight, the API server's metric) or a recent writer (managed fields) breaks at the
upgrade. What a person or a pipeline wrote breaks at its next deploy. last-applied alone says how an object was
written once and breaks nothing: the API server converts what it has stored. An object of a kind without a successor
is lost. (https://kubernetes.io/docs/reference/using-api/deprecation-guide/, read 2026-11-20)
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from fleetkeeper.core import observed, parts
from fleetkeeper.core.api_words import instead, removed
from fleetkeeper.core.callers import is_tool, state_of
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat, Confidence
from fleetkeeper.core.evidence import LAST_APPLIED, MANAGED_FIELDS, STORED, Caller, Uses, gather
from fleetkeeper.core.finding import Breaks, Evidence, Finding, LiveUse, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot

FRESH = timedelta(days=90)
"""A write that is not older is by a writer that still lives; what wrote before may be long gone."""


@check("FK301", "An API that the target removes is in use", needs=(parts.OBJECT_TRACES, parts.API_USE, parts.WORKLOADS))
def api_use(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for uses in gather(snap, compat, hop):
        for subject, caller in uses.callers.items():
            yield _by_caller(snap, hop, uses, subject, caller, compat)
        for subject, traces in uses.written.items():
            yield _by_object(snap, hop, uses, subject, traces, compat)


def _by_caller(snap: Snapshot, hop: Hop, uses: Uses, subject: Subject, caller: Caller, compat: Compat) -> Finding:
    """A workload that was named: what it runs has to change."""
    evidence = (*_newest_first(caller.evidence), *uses.calls)
    called = [each for each in caller.evidence if each.source != MANAGED_FIELDS]
    is_live = bool(called or uses.calls) or any(_is_fresh(snap, each) for each in caller.evidence)
    workload, wanted = caller.workload, instead(uses.row, compat.apis, hop.target)
    return Finding(
        code="FK301",
        severity=Severity.BLOCKER if is_live else Severity.WARNING,
        subject=subject,
        key=_key(uses),
        message=f"{subject} uses {removed(uses.row)}{'' if is_live else ', though not lately'}",
        fix=f"update {subject} to a version that uses {wanted}, before the control plane moves",
        blocks=is_live,
        breaks=Breaks.AT_UPGRADE,
        minor=hop.target,
        evidence=evidence,
        owner=workload.owner,
        use=LiveUse(
            callers=(subject,),
            state=state_of((subject,), snap.workloads),
            last=max((each.at for each in caller.evidence if each.at), default=uses.last_call),
            schedules=(workload.schedule,) if workload.schedule else (),
        ),
    )


def _by_object(
    snap: Snapshot, hop: Hop, uses: Uses, subject: Subject, traces: Sequence[observed.ObjectTrace], compat: Compat
) -> Finding:
    """An object whose writer is no workload that we know: its source has to change.

    No live use: once it is written in another version its managed fields say so, and whoever still calls is FK303.
    """
    writes = [_evidence(snap, each) for each in traces if each.source == MANAGED_FIELDS]
    breaks, severity = _judged(snap, uses, traces, writes)
    blocks = severity is Severity.BLOCKER
    applied = [_evidence(snap, each) for each in traces if each.source != MANAGED_FIELDS]
    return Finding(
        code="FK301",
        severity=severity,
        subject=subject,
        key=_key(uses),
        message=f"{subject} {_how(breaks, traces)} {removed(uses.row)}",
        fix=_fix(breaks, subject, instead(uses.row, compat.apis, hop.target), traces),
        blocks=blocks,
        breaks=breaks,
        minor=hop.target,
        evidence=(*_newest_first(writes), *applied, *(uses.calls if writes else ())),
        owner=traces[0].owner,
    )


def _judged(
    snap: Snapshot, uses: Uses, traces: Sequence[observed.ObjectTrace], writes: Sequence[Evidence]
) -> tuple[Breaks, Severity]:
    if uses.row.replacement is None and not uses.row.scheduled and any(each.source == STORED for each in traces):
        return Breaks.LOST, Severity.BLOCKER
    if not writes:
        return Breaks.NOTHING, Severity.INFO
    is_called = bool(uses.calls)
    if all(is_tool(each.manager) for each in traces if each.source == MANAGED_FIELDS):
        return Breaks.AT_DEPLOY, Severity.WARNING
    is_fresh = is_called or any(_is_fresh(snap, each) for each in writes)
    return Breaks.AT_UPGRADE, Severity.BLOCKER if is_fresh else Severity.WARNING


def _how(breaks: Breaks, traces: Sequence[observed.ObjectTrace]) -> str:
    match breaks:
        case Breaks.LOST:
            return "is stored in"
        case Breaks.NOTHING:
            return "was once applied as"
    names = sorted({each.manager or "somebody" for each in traces if each.source == MANAGED_FIELDS})
    return f"is written by {', '.join(names[:3])} as"


def _fix(breaks: Breaks, subject: Subject, wanted: str, traces: Sequence[observed.ObjectTrace]) -> str:
    match breaks:
        case Breaks.LOST:
            return f"move what {subject} does to {wanted}, then delete it"
        case Breaks.NOTHING:
            return f"nothing breaks; write the manifest of {subject} as {wanted} when you touch it"
        case Breaks.AT_DEPLOY:
            return f"write the manifest of {subject} as {wanted} and apply it once, before its next deploy"
    names = sorted({each.manager for each in traces if each.manager})
    return f"update {' and '.join(names) or 'what writes it'} to write {subject} as {wanted}"


def _evidence(snap: Snapshot, trace: observed.ObjectTrace) -> Evidence:
    if trace.source == LAST_APPLIED:
        return Evidence(LAST_APPLIED, f"kubectl.kubernetes.io/last-applied-configuration has {trace.api_version}")
    if trace.source == STORED:
        return Evidence(STORED, f"it is there, as {trace.api_version}", snap.now)
    age = snap.now - trace.at if trace.at else None
    sure = Confidence.HIGH if age is not None and age <= FRESH else Confidence.LOW
    return Evidence(MANAGED_FIELDS, f"{trace.manager or 'somebody'} wrote it as {trace.api_version}", trace.at, sure)


def _is_fresh(snap: Snapshot, evidence: Evidence) -> bool:
    return evidence.at is not None and snap.now - evidence.at <= FRESH


def _newest_first(evidence: Sequence[Evidence]) -> list[Evidence]:
    return sorted(evidence, key=lambda each: (each.at is None, -each.at.timestamp() if each.at else 0.0, each.text))


def _key(uses: Uses) -> str:
    return f"{uses.row.group}/{uses.row.version}/{uses.row.kind}"
