"""FK204: fields of an EKS addon's objects were changed by somebody else, and an update with OVERWRITE would lose them.

EKS owns the fields that it applies; with resolveConflicts OVERWRITE it takes back those that others changed, with NONE
the update fails on them, with PRESERVE they stay (UpdateAddon, botocore 1.44.5).
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.observed import Customised
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.text import safe
from fleetkeeper.core.wording import counted, read, some


@check("FK204", "An EKS addon was customised in the cluster", needs=(parts.CUSTOMISED,), each_hop=False)
def eks_addon_customised(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """One warning for each addon, with the fields."""
    by_addon: dict[str, list[Customised]] = {}
    for each in snap.customised:
        by_addon.setdefault(each.addon, []).append(each)
    for addon, fields in sorted(by_addon.items()):
        managers = some(dict.fromkeys(safe(each.manager, 80) for each in fields))
        yield Finding(
            code="FK204",
            severity=Severity.WARNING,
            subject=Subject("Addon", addon),
            message=f"{counted(len(fields), 'field')} of {addon} set by {managers} would be lost"
            f" by an update with OVERWRITE: {some(sorted(map(_field, fields)))}",
            fix=f"move them into its configuration (aws eks update-addon --cluster-name {snap.cluster.name}"
            f" --addon-name {addon} --configuration-values), or update with --resolve-conflicts PRESERVE",
            breaks=Breaks.LOST,
            evidence=(read(snap, parts.CUSTOMISED, "managed fields", managers),),
        )


def _field(each: Customised) -> str:
    return f"{Subject(each.kind, each.name, each.namespace)} {safe(each.field, 120)}"
