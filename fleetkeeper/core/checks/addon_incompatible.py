"""FK201: an addon that EKS does not manage does not go with the target minor, or nobody says that it does.

The rows of compat/addons say which versions go with which minors, and how binding that is. EKS addons are judged by
what EKS offers (FK202), kube-proxy by the skew policy (FK109), an addon of the cluster's own minor by FK210.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import Acceptance, Range, Rule, Strength
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import AddonRow, Compat, Confidence
from fleetkeeper.core.finding import Evidence, Finding, Severity, Subject
from fleetkeeper.core.model import Addon, FoundBy
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Version
from fleetkeeper.core.wording import read

ELSEWHERE = frozenset({Rule.EQUAL_MINOR, Rule.NOT_AHEAD})


@dataclass(frozen=True, slots=True)
class _Way:
    """The versions that go with the target; early when they go with the present minor too."""

    versions: Range
    early: bool


@check("FK201", "An addon does not go with the target", needs=(parts.ADDONS,), critical=True)
def addon_incompatible(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker by a hard requirement, or by a support table of what a cluster cannot do without; else it warns."""
    for addon in snap.addons:
        row = compat.addon(addon.id)
        if row is None or addon.found_by is FoundBy.EKS or ELSEWHERE & set(row.rules):
            continue
        version = version_of(addon.version)
        if version is None:
            said, way = Acceptance(None, "its version is not known"), None
        else:
            said = compat.accepts(addon.id, version, hop.target, _chart(snap, addon))
            way = _way(compat, row, hop, version)
        if not said.answer:
            yield _finding(snap, hop, addon, row, said, way)


def version_of(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None


def _chart(snap: Snapshot, addon: Addon) -> Version | None:
    """The version of the chart that installed the addon, for rows that number charts."""
    if addon.found_by is not FoundBy.HELM:
        return None
    found = (each for each in snap.helm_releases if f"{each.namespace}/{each.name}" == addon.where)
    return next((version_of(each.chart_version) for each in found), None)


def _way(compat: Compat, row: AddonRow, hop: Hop, version: Version) -> _Way | None:
    versions = compat.addon_fix(row.id, hop.target, above=version)
    if versions is None:
        return None
    return _Way(versions, any(each.versions == versions and each.covers(hop.source) for each in row.versions))


def _finding(snap: Snapshot, hop: Hop, addon: Addon, row: AddonRow, said: Acceptance, way: _Way | None) -> Finding:
    severity = _severity(row, said, way)
    goes = "does not go with" if said.answer is False else "is not known to go with"
    source = said.row.source if said.row else row.source
    return Finding(
        code="FK201",
        severity=severity,
        subject=Subject("Addon", addon.where),
        key=addon.id,
        message=f"{' '.join(filter(None, (row.name, addon.version)))} {goes} {hop.target}: {said.reason}",
        fix=_fix(hop, row, way),
        blocks=severity is Severity.BLOCKER or (severity is Severity.UNKNOWN and row.critical is not None),
        minor=hop.target,
        evidence=(
            read(snap, parts.ADDONS, addon.found_by.value, f"{addon.where} {addon.version}"),
            Evidence("compat", f"{source.text} ({source.date})", confidence=source.confidence),
        ),
    )


def _severity(row: AddonRow, said: Acceptance, way: _Way | None) -> Severity:
    """What can be mended only after the hop must not keep the hop from beginning; nor must hearsay."""
    if said.answer is None:
        return Severity.UNKNOWN
    binding = said.strength is Strength.REQUIRED or row.critical is not None
    sure = said.row is None or said.row.source.confidence is not Confidence.LOW
    late = way is not None and not way.early
    return Severity.BLOCKER if binding and sure and not late else Severity.WARNING


def _fix(hop: Hop, row: AddonRow, way: _Way | None) -> str:
    if way is None:
        return f"ask {row.name} which version goes with {hop.target}, and write it into compat/addons/{row.id}.toml"
    return f"{'before' if way.early else 'right after'} {hop}: upgrade {row.name} to one of {way.versions}"
