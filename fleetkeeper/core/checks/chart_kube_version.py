"""FK208: the chart of a Helm release refuses the target by its kubeVersion, so that `helm upgrade` fails afterwards.

What runs keeps running. Helm compares with the whole version of the API server, and one of EKS counts as a pre-release:
`>=1.25.0` takes none of EKS, `>=1.25.0-0` does (helm/helm issue 10375; core/constraint.py has the rules).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.constraint import Constraint
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.observed import ReleaseChart
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.versions import Minor
from fleetkeeper.core.wording import read

LAST_PATCH = 99
LONGEST = 120  # characters of a constraint


@dataclass(frozen=True, slots=True)
class _Verdict:
    severity: Severity
    says: str
    fix: str


@check("FK208", "A chart refuses the target minor", needs=(parts.HELM_USE, parts.CONTROL_PLANE))
def chart_kube_version(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A warning for the next deploy; told only, where Helm refuses the chart today already."""
    for chart in _newest(snap.helm_use.charts):
        verdict = _judge(snap, hop, chart)
        if verdict is None:
            continue
        yield Finding(
            code="FK208",
            severity=verdict.severity,
            subject=Subject("HelmRelease", chart.release, chart.namespace),
            message=f"chart {chart.chart} {chart.chart_version} {verdict.says}",
            fix=verdict.fix,
            breaks=Breaks.AT_DEPLOY,
            minor=hop.target if verdict.severity is Severity.WARNING else None,
            evidence=(read(snap, parts.HELM_USE, "Helm release", f"revision {chart.revision}"),),
        )


def _newest(charts: Iterable[ReleaseChart]) -> list[ReleaseChart]:
    newest: dict[tuple[str, str], ReleaseChart] = {}
    for chart in charts:
        known = newest.get((chart.namespace, chart.release))
        if known is None or known.revision < chart.revision:
            newest[chart.namespace, chart.release] = chart
    return list(newest.values())


def _judge(snap: Snapshot, hop: Hop, chart: ReleaseChart) -> _Verdict | None:
    """None when Helm takes the chart on the target, or the chart says nothing."""
    if chart.broken:
        look = f"helm -n {chart.namespace} get metadata {chart.release}"
        return _first(hop, Severity.UNKNOWN, f"could not be read: {safe(chart.broken, LONGEST)}", look)
    if not chart.kube_version:
        return None
    wants = f"wants kubeVersion {safe(chart.kube_version, LONGEST)}"
    try:
        constraint = Constraint.parse(chart.kube_version)
    except ValueError:
        return _first(hop, Severity.INFO, f"{wants}, which Helm cannot read and so refuses", "have the chart mended")
    suffix = _suffix(snap)
    taken = _taken(constraint, hop.target, suffix)
    if taken == {True}:
        return None
    if taken == {True, False}:
        return _Verdict(Severity.WARNING, f"{wants}: that hangs on the patch of {hop.target}", _fix(hop, chart))
    if True in _taken(constraint, hop.source, suffix):
        return _Verdict(Severity.WARNING, f"{wants}: Helm refuses it on {hop.target}", _fix(hop, chart))
    if suffix and True in _taken(constraint, hop.target, ""):
        add = "have the chart's kubeVersion end in -0, such as >=1.25.0-0"
        return _first(hop, Severity.INFO, f"{wants}, which takes no version with a suffix ({suffix})", add)
    return _first(hop, Severity.INFO, f"{wants}: Helm refuses it on {hop.source} already", _fix(hop, chart))


def _first(hop: Hop, severity: Severity, says: str, fix: str) -> _Verdict | None:
    """What hangs on no hop is told at the first."""
    return _Verdict(severity, says, fix) if hop.first else None


def _taken(constraint: Constraint, minor: Minor, suffix: str) -> set[bool]:
    """Whether the first and the last patch of a minor are taken, for nobody knows the patch that EKS will run."""
    return {constraint.accepts(f"v{minor}.{patch}{suffix}") for patch in (0, LAST_PATCH)}


def _suffix(snap: Snapshot) -> str:
    """What the API server puts behind its version: as it says itself, or as EKS does."""
    told = snap.control_plane.git_version if snap.control_plane else ""
    if told:
        number, dash, rest = told.partition("-")
        return f"{dash}{rest}" if number else ""
    return "-eks-0000000" if snap.cluster.scope else ""


def _fix(hop: Hop, chart: ReleaseChart) -> str:
    return f"before {hop}: helm -n {chart.namespace} upgrade {chart.release} to a version of the chart that takes both"
