"""FK310: objects of a CRD may be stored in a version that is no longer served, which stops the CRD's next upgrade.

The API server refuses a CRD that drops a version while status.storedVersions names it (Kubernetes documentation,
Versions in CustomResourceDefinitions, 2026), so the addon's own upgrade fails half-way.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import some


@check("FK310", "A CRD stores a version that is not served", needs=(parts.CRDS,), each_hop=False)
def crd_stored_version(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    for crd in snap.crds:
        served = {name for name, is_served, _, _ in crd.versions if is_served}
        gone = [name for name in crd.stored if name not in served]
        keeps = next((name for name, _, is_storage, _ in crd.versions if is_storage), "")
        if not gone:
            continue
        patch = f'{{"status":{{"storedVersions":["{keeps}"]}}}}'
        yield Finding(
            code="FK310",
            severity=Severity.WARNING,
            subject=Subject("CustomResourceDefinition", crd.name),
            key=",".join(gone),
            message=f"objects may still be stored in {some(gone)}, which is not served; the storage version is {keeps}",
            fix=f"write every {crd.kind} once (kubectl get {crd.name} -A -o json | kubectl replace -f -), then "
            f"kubectl patch crd {crd.name} --subresource status --type merge -p '{patch}'",
            breaks=Breaks.AT_DEPLOY,
        )
