"""FK414 by the folders of the node."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.pods import Volume
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen, workload


def test_a_folder_that_is_kept_is_told() -> None:
    volumes = (Volume("a", "hostPath", "/mnt/cache"), Volume("b", "hostPath", "/etc/ssl"))
    (finding,) = found("FK414", snapshot({parts.WORKLOADS: (workload(volumes=volumes),)}))
    assert finding.severity is Severity.INFO
    assert finding.message.startswith("mounts /mnt/cache of its node")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("/var/run/docker.sock", "Deployment", id="a socket"),
        pytest.param("/proc", "Deployment", id="the system"),
        pytest.param("/", "Deployment", id="the whole node, to look at"),
        pytest.param("/mnt/cache", "DaemonSet", id="a daemon set works on the node"),
    ],
)
def test_a_folder_that_nothing_is_kept_in_is_not_told(path: str, kind: str) -> None:
    made = workload(kind=kind, volumes=(Volume("a", "hostPath", path), Volume("b", "emptyDir")))
    assert found("FK414", snapshot({parts.WORKLOADS: (made,)})) == ()


def test_workloads_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK414", parts.WORKLOADS) is Verdict.READY
