"""FK311: a CRD serves a version that its own author has marked as deprecated.

The next release of the addon may drop it; who writes objects in it has to move first. Where it is the version that is
stored, no other has taken its place yet.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some


@check("FK311", "A CRD serves a deprecated version", needs=(parts.CRDS,), each_hop=False)
def crd_deprecated_version(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """Nothing is said of a CRD that has no other version to move to."""
    for crd in snap.crds:
        served = [each for each in crd.versions if each[1]]
        old = [name for name, _, _, is_deprecated in served if is_deprecated]
        left = [name for name, _, _, is_deprecated in served if not is_deprecated]
        if not old or not left:
            continue
        is_stored = any(is_storage for name, _, is_storage, _ in served if name in old)
        yield Finding(
            code="FK311",
            severity=Severity.WARNING if is_stored else Severity.INFO,
            subject=Subject("CustomResourceDefinition", crd.name),
            key=",".join(old),
            message=f"{some(old)} of {crd.group} is deprecated" + (" and still what is stored" if is_stored else ""),
            fix=f"write {crd.kind} as {crd.group}/{left[-1]} in manifests and charts",
            breaks=Breaks.AT_DEPLOY,
        )
