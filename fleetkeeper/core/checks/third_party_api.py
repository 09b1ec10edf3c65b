"""FK304: an API version of an addon's own, which a release of that addon removes, is still written.

It breaks when the addon is upgraded past that release, which the target minor may ask for.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat, ThirdPartyApiRow
from fleetkeeper.core.evidence import MANAGED_FIELDS
from fleetkeeper.core.finding import Breaks, Evidence, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot


@check("FK304", "An API version that an addon removes is in use", needs=(parts.OBJECT_TRACES,), each_hop=False)
def third_party_api(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for trace in snap.object_traces:
        group, _, version = trace.api_version.rpartition("/")
        row = compat.third_party_api(group, version, trace.kind)
        if row is None or row.removed_in is None:
            continue
        wrote = trace.source == MANAGED_FIELDS
        told = (
            f"{trace.manager or 'somebody'} wrote it as {trace.api_version}"
            if wrote
            else f"applied as {trace.api_version}"
        )
        yield Finding(
            code="FK304",
            severity=Severity.WARNING if wrote else Severity.INFO,
            subject=Subject(trace.kind, trace.name, trace.namespace),
            key=f"{row.group}/{row.version}/{trace.kind}",
            message=f"uses {trace.api_version} {trace.kind}, which {row.project} {row.removed_in} removes",
            fix=f"write it as {row.replacement} before {row.project} is upgraded{_reached(snap, row)}",
            breaks=Breaks.AT_DEPLOY if wrote else Breaks.NOTHING,
            evidence=(Evidence(trace.source, told, trace.at),),
            owner=trace.owner,
        )


def _reached(snap: Snapshot, row: ThirdPartyApiRow) -> str:
    found = next((each for each in snap.addons if each.id == row.project), None)
    return f" (it is at {found.version})" if found and found.version else ""
