"""FK423 by what nodes take."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Severity
from tests.core.checks.nodes import node
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen


@pytest.mark.parametrize(
    ("spare", "severity"),
    [pytest.param(True, Severity.INFO, id="some"), pytest.param(False, Severity.WARNING, id="the whole group")],
)
def test_cordoned_nodes_are_told_by_group(spare: bool, severity: Severity) -> None:
    nodes = (node("a", schedulable=False), node("b", schedulable=spare))
    (finding,) = found("FK423", snapshot({parts.NODES: nodes}))
    assert finding.severity is severity
    assert f"{1 if spare else 2} of 2 nodes cordoned by somebody else (a" in finding.message
    assert "kubectl uncordon a" in finding.fix


def test_nodes_that_take_pods_are_not_told() -> None:
    assert found("FK423", snapshot({parts.NODES: (node(),)})) == ()


def test_nodes_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK423", parts.NODES) is Verdict.READY
