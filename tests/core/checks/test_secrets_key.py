"""FK503 by the state of the key."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Breaks, Finding, Severity
from fleetkeeper.core.observed import ClusterPrerequisites
from tests.core.checks.snapshots import found, snapshot

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1"


def judged(state: str, key: str = KEY) -> tuple[Finding, ...]:
    return found("FK503", snapshot({parts.PREREQUISITES: ClusterPrerequisites(kms_key=key, kms_state=state)}))


@pytest.mark.parametrize(
    ("state", "fix"),
    [
        ("Disabled", f"aws kms enable-key --key-id {KEY}"),
        ("PendingDeletion", f"aws kms cancel-key-deletion --key-id {KEY}, then aws kms enable-key --key-id {KEY}"),
        ("PendingImport", f"import the key material again: aws kms import-key-material --key-id {KEY}"),
        ("Unavailable", f"reconnect the key store of {KEY}"),
        ("Updating", f"see aws kms describe-key --key-id {KEY}"),
    ],
)
def test_a_key_that_is_not_enabled_blocks(state: str, fix: str) -> None:
    (finding,) = judged(state)
    assert (finding.severity, finding.blocks, finding.fix) == (Severity.BLOCKER, True, fix)
    assert finding.message == f"the KMS key {KEY} of the secrets is {state}"


def test_a_key_that_will_be_deleted_takes_the_secrets_with_it() -> None:
    (finding,) = judged("PendingDeletion")
    assert finding.breaks is Breaks.LOST


def test_a_key_that_we_may_not_see_is_unknown() -> None:
    (finding,) = judged("")
    assert (finding.severity, finding.blocks) == (Severity.UNKNOWN, False)
    assert "allow kms:DescribeKey" in finding.fix


def test_an_enabled_key_and_a_cluster_without_one_are_not_told() -> None:
    assert judged("Enabled") == ()
    assert judged("", "") == ()
