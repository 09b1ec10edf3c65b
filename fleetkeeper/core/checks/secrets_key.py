"""FK503: the KMS key that encrypts the cluster's secrets is not enabled, or could not be looked at.

The cluster role has to be able to use the key at an update (EKS best practices, upgrades, 2026-05), and with a key that
was deleted the secrets are gone. What EKS itself sees of the key is FK104, so a key of
another account that we may not describe is unknown and does not block.
"""

from collections.abc import Iterator

from fleetkeeper.core import parts
from fleetkeeper.core.checks import check
from fleetkeeper.core.compat import Compat
from fleetkeeper.core.finding import Breaks, Finding, Severity, Subject
from fleetkeeper.core.snapshot import Hop, Snapshot
from fleetkeeper.core.wording import read

FIXES = {
    "Disabled": "aws kms enable-key --key-id {key}",
    "PendingDeletion": "aws kms cancel-key-deletion --key-id {key}, then aws kms enable-key --key-id {key}",
    "PendingImport": "import the key material again: aws kms import-key-material --key-id {key}",
    "Unavailable": "reconnect the key store of {key}",
}


@check("FK503", "The key of the secrets is not enabled", needs=(parts.PREREQUISITES,), each_hop=False)
def secrets_key(snap: Snapshot, hop: Hop, compat: Compat) -> Iterator[Finding]:
    """A blocker for every state but Enabled."""
    seen = snap.prerequisites
    if seen is None or not seen.kms_key or seen.kms_state == "Enabled":
        return
    state = seen.kms_state
    yield Finding(
        code="FK503",
        severity=Severity.BLOCKER if state else Severity.UNKNOWN,
        subject=Subject("Key", seen.kms_key),
        message=f"the KMS key {seen.kms_key} of the secrets " + (f"is {state}" if state else "could not be looked at"),
        fix=FIXES.get(state, "see aws kms describe-key --key-id {key}").format(key=seen.kms_key)
        if state
        else "allow kms:DescribeKey on it, in the key's own policy too if it is of another account",
        blocks=bool(state),
        breaks=Breaks.LOST if state == "PendingDeletion" else Breaks.AT_UPGRADE,
        evidence=(read(snap, parts.PREREQUISITES, "KMS", f"DescribeKey: {state or 'not seen'}"),),
    )
