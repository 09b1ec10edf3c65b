"""FK209: one addon is installed twice in a cluster, and the two may fight over the same objects.

An addon that EKS and Helm both install is rewritten by whoever comes last; an update of one undoes the other's.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import Addon
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import counted, read, some


@check("FK209", "An addon is installed more than once", needs=(parts.ADDONS,), each_hop=False)
def addon_duplicate(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A warning for what a cluster cannot do without; else told only, for two ingress controllers may be meant."""
    installed: dict[str, list[Addon]] = {}
    for addon in snap.addons:
        installed.setdefault(addon.id, []).append(addon)
    for id, addons in sorted(installed.items()):
        row = compat.addon(id)
        if row is None or len(addons) == 1:
            continue
        where = some(f"{each.found_by.value} {each.where} {each.version or 'of no known version'}" for each in addons)
        yield Finding(
            code="FK209",
            severity=Severity.WARNING if row.critical else Severity.INFO,
            subject=Subject("Addon", id),
            message=f"{row.name} is installed {counted(len(addons), 'time')}: {where}",
            fix="keep one of them and remove the others, or upgrade each for itself if they are meant",
            breaks=Breaks.AT_UPGRADE if row.critical else Breaks.NOTHING,
            evidence=(read(snap, parts.ADDONS, "addons", where),),
        )
