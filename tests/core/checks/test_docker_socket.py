"""FK320 by mounts and runtimes."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.pods import Volume
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.nodes import node
from tests.core.checks.snapshots import NO_ROWS, found, snapshot
from tests.core.checks.workloads import unseen, workload

CHANGE = change(row("dockershim", minor="1.24"))


@pytest.mark.parametrize("path", ["/var/run/docker.sock", "/run/docker.sock"])
def test_a_mounted_socket_is_told(path: str) -> None:
    agent = workload("agent", "DaemonSet", None, volumes=(Volume("docker", "hostPath", path),))
    (finding,) = found("FK320", snapshot({parts.WORKLOADS: (agent,)}), compat=CHANGE)
    assert (finding.severity, str(finding.subject)) == (Severity.WARNING, "DaemonSet shop/agent")
    assert "mounts docker.sock, behind which nothing answers" in finding.message


def test_nodes_with_docker_block() -> None:
    (finding,) = found("FK320", snapshot({parts.NODES: (node(runtime="docker://20.10.17"),)}), compat=CHANGE)
    assert (finding.severity, finding.blocks) == (Severity.BLOCKER, True)
    assert "1 node (node-a) run Docker, which kubelet 1.24 cannot use" in finding.message


def test_containers_without_docker_are_not_told() -> None:
    values = {parts.WORKLOADS: (workload(volumes=(Volume("a", "hostPath", "/data"),)),), parts.NODES: (node(),)}
    assert found("FK320", snapshot(values), compat=CHANGE) == ()


def test_nothing_is_told_without_the_change() -> None:
    assert found("FK320", snapshot({parts.NODES: (node(runtime="docker://20.10.17"),)}), compat=NO_ROWS) == ()


def test_workloads_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK320", parts.WORKLOADS) is Verdict.READY
