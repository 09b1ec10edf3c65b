"""FK312: a pod template asks for a label, taint or annotation that the target no longer sets or obeys.

A required label that no new node has leaves the pods Pending once the old nodes are gone. A preference, a toleration or
an annotation that nothing heeds any more changes silently where and how the pods run.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.behaviours import evidence, is_due, severity_of
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import BehaviourRow, Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.observed import PersistentVolume
from fleetkeeper.core.pods import PodTemplate
from fleetkeeper.core.snapshot import Hop, Snapshot

NEEDS = (parts.WORKLOADS, parts.PODS, parts.VOLUMES)
NEEDED = frozenset({"In", "Exists", "Gt", "Lt"})
"""Operators that only a node with the label meets."""


@check("FK312", "A label, taint or annotation that the target removes", needs=NEEDS)
def removed_key(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    rows = [row for row in compat.behaviours if row.key and is_due(row, hop)]
    for workload in (*snap.workloads, *(snap.pods.ownerless if snap.pods else ())):
        subject = Subject(workload.kind, workload.name, workload.namespace)
        for row in rows:
            how = _how(workload.template, row.key) if workload.template else ""
            if how:
                yield _finding(row, subject, how, dict(workload.owner))
    for volume in snap.volumes:
        for row in rows:
            if _asks(volume, row.key):
                yield _finding(row, Subject("PersistentVolume", volume.name), REQUIRES, {})


REQUIRES, PREFERS, EXCLUDES = "requires nodes with", "prefers nodes with", "keeps off nodes with"
TOLERATES, CARRIES = "tolerates the taint", "carries the annotation"


def _how(template: PodTemplate, key: str) -> str:
    """The gravest way in which the template uses the key; "" when it does not."""
    required = {term.operator in NEEDED for term in template.node_terms if _is(term.key, key)}
    uses = {
        REQUIRES: True in required,
        PREFERS: any(_is(term.key, key) for term in template.preferred_terms),
        CARRIES: any(_is(name, key) for name in template.annotations),
        TOLERATES: any(_is(each.key, key) for each in template.tolerations),
        EXCLUDES: False in required,
    }
    return next((how for how, is_so in uses.items() if is_so), "")


def _asks(volume: PersistentVolume, key: str) -> bool:
    return any(_is(each, key) for each in volume.keys)


def _is(name: str, key: str) -> bool:
    """A key that ends with a slash is a prefix."""
    return name.startswith(key) if key.endswith("/") else name == key


def _finding(row: BehaviourRow, subject: Subject, how: str, owner: dict[str, str]) -> Finding:
    severity = severity_of(row)
    if severity is Severity.BLOCKER and how != REQUIRES:
        severity = Severity.WARNING
    if how in (TOLERATES, EXCLUDES):
        severity = Severity.INFO
    return Finding(
        code="FK312",
        severity=severity,
        subject=subject,
        key=row.key,
        message=f"{how} {row.key}: {row.text}",
        fix="take out what names it"
        if how in (TOLERATES, EXCLUDES)
        else "name its successor instead, before nodes move",
        blocks=severity is Severity.BLOCKER,
        breaks=Breaks.AT_NODES,
        minor=row.minor,
        evidence=(evidence(row),),
        owner=owner,
    )
