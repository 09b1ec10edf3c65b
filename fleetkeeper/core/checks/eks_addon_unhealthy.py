"""FK203: an EKS addon is degraded, or its last change failed, so that an upgrade starts from what is broken already.

DescribeAddon tells status and health.issues (botocore 1.44.5, AddonStatus and AddonIssueCode).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import ManagedAddon
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import read, some

BUSY = frozenset({"CREATING", "UPDATING", "DELETING"})
FIXES = {
    "AccessDenied": "give the role of the addon its rights again",
    "AddonPermissionFailure": "give the addon a role by Pod Identity or IRSA",
    "AddonSubscriptionNeeded": "renew the subscription in AWS Marketplace",
    "AdmissionRequestDenied": "let the admission webhook or policy that the message names take the addon's objects",
    "ClusterUnreachable": "let EKS reach the API server",
    "ConfigurationConflict": "update it with --resolve-conflicts PRESERVE, or remove the field that conflicts",
    "InsufficientNumberOfReplicas": "see why its pods are not ready: events, node space, image pulls",
    "K8sResourceNotFound": "install it again: aws eks create-addon --resolve-conflicts OVERWRITE",
    "UnsupportedAddonModification": "undo the change that EKS does not take",
}
LONGEST = 160  # characters of EKS' own message


@check("FK203", "An EKS addon is not healthy", needs=(parts.MANAGED_ADDONS,), critical=True, each_hop=False)
def eks_addon_unhealthy(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker for what a cluster cannot do without (CNI, DNS, ...), a warning for other addons."""
    for addon in snap.managed_addons:
        if addon.status in ("ACTIVE", "") and not addon.issues:
            continue
        row = compat.addon_of_eks(addon.name)
        grave = row is not None and row.critical is not None and addon.status not in BUSY
        yield Finding(
            code="FK203",
            severity=Severity.BLOCKER if grave else Severity.WARNING,
            subject=Subject("Addon", addon.name),
            message=_message(addon),
            fix=_fix(snap, addon),
            blocks=grave,
            breaks=Breaks.AT_UPGRADE,
            evidence=(read(snap, parts.MANAGED_ADDONS, "EKS", f"DescribeAddon: status {addon.status}"),),
        )


def _message(addon: ManagedAddon) -> str:
    issues = some(f"{issue.code}: {safe(issue.message, LONGEST)}" for issue in addon.issues)
    return f"{addon.name} {addon.version} is {addon.status or 'in no state'}" + (f" with {issues}" if issues else "")


def _fix(snap: Snapshot, addon: ManagedAddon) -> str:
    if addon.status in BUSY and not addon.issues:
        return f"wait: aws eks wait addon-active --cluster-name {snap.cluster.name} --addon-name {addon.name}"
    known = dict.fromkeys(FIXES[issue.code] for issue in addon.issues if issue.code in FIXES)
    describe = f"aws eks describe-addon --cluster-name {snap.cluster.name} --addon-name {addon.name}"
    return "; ".join(known) if known else f"mend what {describe} says"
