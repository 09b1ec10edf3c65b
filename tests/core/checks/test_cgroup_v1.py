"""FK313 by the images of nodes."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from fleetkeeper.core.model import ComputeKind, Node
from tests.core.checks.behaviour_rows import change, row
from tests.core.checks.nodes import node
from tests.core.checks.snapshots import HOP, NO_ROWS, found, snapshot
from tests.core.checks.workloads import unseen

CHANGE = change(row("cgroup-v1"))


@pytest.mark.parametrize(
    ("image", "severity", "says"),
    [
        pytest.param("Amazon Linux 2", Severity.BLOCKER, "runs with cgroup v1", id="al2"),
        pytest.param("Ubuntu 20.04.6 LTS", Severity.BLOCKER, "runs with cgroup v1", id="ubuntu 20.04"),
        pytest.param("Red Hat Enterprise Linux 8.10 (Ootpa)", Severity.BLOCKER, "runs with cgroup v1", id="rhel 8"),
        pytest.param("Debian GNU/Linux 10 (buster)", Severity.BLOCKER, "runs with cgroup v1", id="debian 10"),
        pytest.param("Our Own Linux", Severity.UNKNOWN, "may run with cgroup v1", id="an image without a release"),
        pytest.param("Red Hat Enterprise Linux CoreOS 9.6", Severity.UNKNOWN, "may run", id="a name that goes on"),
        pytest.param("SUSE Linux Enterprise Server 15 SP6", Severity.UNKNOWN, "may run", id="an image not known"),
    ],
)
def test_an_image_with_the_old_cgroups_blocks(image: str, severity: Severity, says: str) -> None:
    nodes = (node("a", os_image=image), node("b", os_image=image, kubelet="none"), node("c"))
    (finding,) = found("FK313", snapshot({parts.NODES: nodes}), compat=CHANGE)
    assert (finding.severity, finding.blocks, finding.key) == (severity, True, image)
    assert f"{image} on 2 nodes (a, b) {says}" in finding.message
    assert "kubelet of 1.35 does not start" in finding.message


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(node(), id="al2023"),
        pytest.param(node(os_image="Bottlerocket OS 1.49.0 (aws-k8s-1.34)"), id="bottlerocket"),
        pytest.param(node(os_image="Ubuntu 24.04.3 LTS"), id="ubuntu 24.04"),
        pytest.param(node(os_image="Red Hat Enterprise Linux 9.6 (Plow)"), id="rhel 9"),
        pytest.param(node(os_image="Amazon Linux 2", kind=ComputeKind.FARGATE), id="fargate"),
        pytest.param(node(os_image="Windows Server 2022 Datacenter", os="windows"), id="windows"),
        pytest.param(node(os_image="Amazon Linux 2", kubelet="v1.35.1"), id="its kubelet is that new already"),
    ],
)
def test_a_node_that_will_start_is_not_told(made: Node) -> None:
    assert found("FK313", snapshot({parts.NODES: (made,)}), compat=CHANGE) == ()


def test_no_node_is_told_before_the_change() -> None:
    assert found("FK313", snapshot({parts.NODES: (node(os_image="Amazon Linux 2"),)}), compat=NO_ROWS) == ()


def test_nodes_that_were_not_seen_block_as_unknown() -> None:
    assert unseen("FK313", parts.NODES, HOP, CHANGE) is Verdict.UNKNOWN
