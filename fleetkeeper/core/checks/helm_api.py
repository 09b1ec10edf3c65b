"""FK302: a Helm release holds an API that the target minor no longer serves, so `helm upgrade` will fail afterwards.

Helm reads the manifest of the newest deployed revision before it upgrades, and fails with "no matches for kind" on an
API that is gone (https://helm.sh/docs/topics/kubernetes_apis/, read 2026-11-20). What runs is not touched by the
upgrade of the control plane. An older revision breaks only a rollback of the release.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from fleetkeeper.core import observed, parts
from fleetkeeper.core.api_words import instead, name
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import ApiRow, Compat
from fleetkeeper.core.finding import Breaks, Evidence, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some

Hit = tuple[observed.ReleaseTrace, ApiRow]


@check("FK302", "A Helm release holds an API that the target removes", needs=(parts.HELM_USE,))
def helm_api(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    releases: dict[tuple[str, str], list[Hit]] = defaultdict(list)
    for trace in snap.helm_use.traces:
        group, _, version = trace.api_version.rpartition("/")
        row = compat.api(group, version, trace.kind)
        if row is not None and row.removed is not None and row.removed <= hop.target:
            releases[trace.namespace, trace.release].append((trace, row))
    for (namespace, release), hits in releases.items():
        newest = [hit for hit in hits if hit[0].latest]
        # What was gone before this hop already is told by the first hop alone.
        if hop.first or any(row.removed == hop.target for _, row in hits):
            yield _finding(
                Subject("HelmRelease", release, namespace), hop, newest or hits, compat, is_latest=bool(newest)
            )


def _finding(subject: Subject, hop: Hop, hits: Sequence[Hit], compat: Compat, *, is_latest: bool) -> Finding:
    objects = [f"{name(row)} {trace.object_name}".strip() for trace, row in hits]
    wanted = "; ".join(sorted({f"{name(row)} → {instead(row, compat.apis, hop.target)}" for _, row in hits}))
    gone = any(row.removed is not None and row.removed < hop.target for _, row in hits)
    when = "already fails" if gone else f"fails once the cluster is on {hop.target}"
    if is_latest:
        message = f"its manifest holds {some(objects)}, so `helm upgrade` of {subject.name} {when}"
        fix = f"before the upgrade: deploy a version of the chart that writes {wanted}, or run `helm mapkubeapis`"
    else:
        message = f"an older revision holds {some(objects)}: only a rollback to it fails"
        fix = f"nothing to do, unless you mean to roll {subject.name} back; then {wanted}"
    return Finding(
        code="FK302",
        severity=Severity.WARNING if is_latest else Severity.INFO,
        subject=subject,
        key="latest" if is_latest else "older",
        message=message,
        fix=fix,
        breaks=Breaks.AT_DEPLOY if is_latest else Breaks.AT_ROLLBACK,
        minor=min((row.removed for _, row in hits if row.removed), default=hop.target),
        evidence=tuple(Evidence("Helm release", f"revision {trace.revision}: {name(row)}") for trace, row in hits[:20]),
    )
