"""FK206: a Helm release of a chart that no row of compat names, so that nothing is known of it on the target.

Most charts run on any minor, so this is counted and never blocks; a row in compat/addons makes it known.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.model import FoundBy
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read

PREFIX = "helm:"


@check("FK206", "A Helm chart is not listed", needs=(parts.ADDONS,), each_hop=False)
def unlisted_chart(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """One unknown for each release."""
    for addon in snap.addons:
        if addon.found_by is not FoundBy.HELM or compat.addon(addon.id) is not None:
            continue
        chart = addon.id.removeprefix(PREFIX)
        namespace, _, name = addon.where.partition("/")
        yield Finding(
            code="FK206",
            severity=Severity.UNKNOWN,
            subject=Subject("HelmRelease", name, namespace),
            message=f"nothing is known of the chart {chart}" + (f" (app {addon.version})" if addon.version else ""),
            fix=f"ask its maintainers whether it runs on {hop.target}, and write compat/addons/{chart}.toml",
            breaks=Breaks.NOTHING,
            evidence=(read(snap, parts.ADDONS, addon.found_by.value, f"{addon.where} of {chart}"),),
        )
