"""FK412 by the zones of volumes and nodes."""

import pytest

from fleetkeeper.core import parts
from fleetkeeper.core.assess import Verdict
from fleetkeeper.core.finding import Finding
from fleetkeeper.core.model import Node
from fleetkeeper.core.observed import PersistentVolume
from tests.core.checks.nodes import node
from tests.core.checks.snapshots import found, snapshot
from tests.core.checks.workloads import unseen


def volume(number: int = 0, zone: str = "eu-west-1a", **more: object) -> PersistentVolume:
    made = {"zones": (zone,), "claim": f"shop/data-db-{number}", **more}
    return PersistentVolume(f"pv-{number}", "ebs.csi.aws.com", **made)  # type: ignore[arg-type]


def judged(volumes: tuple[PersistentVolume, ...], nodes: tuple[Node, ...]) -> tuple[Finding, ...]:
    return found("FK412", snapshot({parts.VOLUMES: volumes, parts.NODES: nodes}))


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        pytest.param((node(),), "where only node node-a takes pods", id="one node"),
        pytest.param((node(), node("node-b", zone="eu-west-1b")), "only node node-a", id="the other is elsewhere"),
        pytest.param((node(), node("node-b", schedulable=False)), "only node node-a", id="the other is cordoned"),
        pytest.param((node(), node("node-b", ready=False)), "only node node-a", id="the other is not ready"),
        pytest.param((node(zone="eu-west-1b"),), "where no node takes pods", id="none"),
    ],
)
def test_a_zone_without_a_spare_node_is_told(nodes: tuple[Node, ...], says: str) -> None:
    (finding,) = judged(tuple(volume(number) for number in range(5)), nodes)
    assert "5 volumes (shop/data-db-0, shop/data-db-1, shop/data-db-2 and 2 more) can only be in eu-west-1a" in (
        finding.message
    )
    assert says in finding.message
    assert "second node in eu-west-1a" in finding.fix


@pytest.mark.parametrize(
    ("volumes", "nodes"),
    [
        pytest.param((volume(),), (node(), node("node-b")), id="two nodes"),
        pytest.param((volume(zones=()),), (node(),), id="a volume of no zone"),
        pytest.param((volume(claim=""),), (node(),), id="a volume that nobody uses"),
        pytest.param(
            (volume(zones=("eu-west-1a", "eu-west-1b")),),
            (node(), node("b", zone="eu-west-1b")),
            id="a regional volume",
        ),
    ],
)
def test_a_volume_that_finds_a_node_is_not_told(volumes: tuple[PersistentVolume, ...], nodes: tuple[Node, ...]) -> None:
    assert judged(volumes, nodes) == ()


def test_volumes_that_were_not_seen_are_unknown_and_block_nothing() -> None:
    assert unseen("FK412", parts.VOLUMES) is Verdict.READY
