"""FK110 by the updates and the status."""

from dataclasses import replace

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.finding import Finding, Severity
from fleetkeeper.core.observed import EksUpdate
from fleetkeeper.core.versions import Minor
from tests.core.checks.snapshots import NOW, control_plane, found, snapshot


def judged(status: str, *updates: EksUpdate) -> tuple[Finding, ...]:
    plane = replace(control_plane(), status=status)
    return found("FK110", snapshot({parts.CONTROL_PLANE: plane, parts.UPDATES: updates}))


def test_a_running_update_blocks_and_is_named_once() -> None:
    (finding,) = judged("UPDATING", EksUpdate("u-1", "VersionUpdate", "InProgress", NOW, Minor(1, 35)))
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert finding.message == "VersionUpdate to 1.35 is in progress since 2026-11-20 09:00 UTC"
    assert "--update-id u-1" in finding.fix


def test_a_running_update_blocks_while_the_cluster_is_said_to_be_active() -> None:
    (finding,) = judged("ACTIVE", EksUpdate("u-1", "LoggingUpdate", "InProgress", None))
    assert finding.message == "LoggingUpdate is in progress"


@pytest.mark.parametrize(
    ("status", "fix"),
    [
        pytest.param("UPDATING", "wait: aws eks wait cluster-active --name shop", id="it will pass"),
        pytest.param("FAILED", "open an AWS support case: a FAILED control plane takes no update", id="it will not"),
    ],
)
def test_a_control_plane_that_is_not_active_blocks(status: str, fix: str) -> None:
    (finding,) = judged(status)
    assert finding.blocks
    assert finding.message == f"the control plane is {status}, not ACTIVE"
    assert finding.fix == fix


@pytest.mark.parametrize("over", ["Successful", "Failed", "Cancelled"])
def test_an_update_that_is_over_is_not_told(over: str) -> None:
    assert judged("ACTIVE", EksUpdate("u-1", "VersionUpdate", over, NOW)) == ()
