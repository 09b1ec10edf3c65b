"""FK202: EKS does not offer the installed version of an EKS addon for the target minor.

EKS updates no addon by itself when the control plane moves (update-cluster, 2025), and lists in DescribeAddonVersions
which versions it takes for which minor. A version that is good on both minors is installed before the hop.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.eks_addons import best, is_asked, offered
from fleetkeeper.core.finding import Finding, Severity, Subject
from fleetkeeper.core.model import ManagedAddon
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read

NEEDS = (parts.MANAGED_ADDONS, parts.ADDON_RELEASES)


@check("FK202", "An EKS addon is not offered for the target", needs=NEEDS, critical=True)
def eks_addon_incompatible(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker that names a version good on both minors; a warning where only an update right after the hop helps."""
    asked = is_asked(snap.addon_releases, hop.target)
    for addon in snap.managed_addons:
        target = offered(snap.addon_releases, addon.name, hop.target)
        if addon.version in target:
            continue
        if not asked:
            yield _unknown(snap, hop, compat, addon)
        elif not target:
            yield _gone(snap, hop, addon)
        else:
            yield _old(snap, hop, addon, target)


def _old(snap: Snapshot, hop: Hop, addon: ManagedAddon, target: dict[str, bool]) -> Finding:
    source = offered(snap.addon_releases, addon.name, hop.source)
    both = best({version: default for version, default in target.items() if version in source})
    update = f"aws eks update-addon --cluster-name {snap.cluster.name} --addon-name {addon.name} --addon-version"
    return Finding(
        code="FK202",
        severity=Severity.BLOCKER if both else Severity.WARNING,
        subject=Subject("Addon", addon.name),
        message=f"{addon.name} {addon.version} is not offered for {hop.target}; "
        + (f"{both} is, and for {hop.source} too" if both else f"no version is offered for {hop.source} and it"),
        fix=f"before {hop}: {update} {both} --resolve-conflicts PRESERVE"
        if both
        else f"right after {hop}: {update} {best(target)} --resolve-conflicts PRESERVE",
        blocks=bool(both),
        minor=hop.target,
        evidence=(read(snap, parts.ADDON_RELEASES, "EKS", "DescribeAddonVersions"),),
    )


def _gone(snap: Snapshot, hop: Hop, addon: ManagedAddon) -> Finding:
    return Finding(
        code="FK202",
        severity=Severity.BLOCKER,
        subject=Subject("Addon", addon.name),
        message=f"{addon.name} is not offered for {hop.target} in any version (installed: {addon.version})",
        fix=f"wait for EKS to offer it, or take it over: aws eks delete-addon --cluster-name {snap.cluster.name}"
        f" --addon-name {addon.name} --preserve",
        blocks=True,
        minor=hop.target,
        evidence=(read(snap, parts.ADDON_RELEASES, "EKS", "DescribeAddonVersions"),),
    )


def _unknown(snap: Snapshot, hop: Hop, compat: Compat, addon: ManagedAddon) -> Finding:
    row = compat.addon_of_eks(addon.name)
    return Finding(
        code="FK202",
        severity=Severity.UNKNOWN,
        subject=Subject("Addon", addon.name),
        message=f"whether {addon.name} {addon.version} is offered for {hop.target} was not asked of EKS",
        fix=f"aws eks describe-addon-versions --addon-name {addon.name} --kubernetes-version {hop.target}",
        blocks=row is not None and row.critical is not None,
        minor=hop.target,
        evidence=(read(snap, parts.ADDON_RELEASES, "EKS", "DescribeAddonVersions"),),
    )
