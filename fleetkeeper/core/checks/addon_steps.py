"""FK207: an addon that moves one minor at a time has several to go before it suits the target.

Its row in compat/addons has the rule one-minor-at-a-time: a jump may lose what a version between would have converted.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.addon_versions import Rule
from fleetkeeper.core.checks import check
from fleetkeeper.core.checks.addon_incompatible import version_of
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.eks_addons import best, offered
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import Addon, FoundBy
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.versions import Minor, Version
from fleetkeeper.core.wording import counted, read, some

SHOWN = 12


@check("FK207", "An addon moves one minor at a time", needs=(parts.ADDONS,))
def addon_steps(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A warning with the minors in between; silent where one step is enough, or none is needed."""
    for addon in snap.addons:
        row, version = compat.addon(addon.id), version_of(addon.version)
        if row is None or version is None or Rule.ONE_MINOR_AT_A_TIME not in row.rules:
            continue
        goal = _goal(snap, hop, compat, addon, version)
        steps = _steps(version.minor, goal) if goal else []
        if len(steps) < 2:
            continue
        yield Finding(
            code="FK207",
            severity=Severity.WARNING,
            subject=Subject("Addon", addon.where),
            key=addon.id,
            message=f"{row.name} {addon.version} has {counted(len(steps), 'step')} to {steps[-1]}, which {hop.target}"
            " asks for, and moves one minor at a time",
            fix=f"before {hop}: upgrade it to {some(map(str, steps), SHOWN)} in turn, and see it healthy after each",
            minor=hop.target,
            evidence=(read(snap, parts.ADDONS, addon.found_by.value, f"{addon.where} {addon.version}"),),
        )


def _goal(snap: Snapshot, hop: Hop, compat: Compat, addon: Addon, version: Version) -> Minor | None:
    """The minor of the addon that the target asks for; None while the installed one will do, or nobody says."""
    if addon.found_by is FoundBy.EKS:
        target = offered(snap.addon_releases, addon.where, hop.target)
        source = offered(snap.addon_releases, addon.where, hop.source)
        both = {text: default for text, default in target.items() if text in source}
        wanted = None if addon.version in target else version_of(best(both or target))
    else:
        fit = compat.accepts(addon.id, version, hop.target).answer is not False
        versions = None if fit else compat.addon_fix(addon.id, hop.target, above=version)
        starts = [bound.version for bound in versions.bounds if bound.operator in (">=", "=")] if versions else []
        wanted = max(starts, default=None)
    return wanted.minor if wanted else None


def _steps(now: Minor, goal: Minor) -> list[Minor]:
    """Every minor after the present one up to the goal; of another major none, for nobody says what lies between."""
    if now.major != goal.major:
        return []
    return [Minor(now.major, minor) for minor in range(now.minor + 1, goal.minor + 1)]
