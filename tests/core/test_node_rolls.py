"""The diagnosis of a roll in words: how far it is, and what is left on nodes that take no pods any more."""

from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.live import LiveNode, LivePod
from fleetkeeper.core.model import ComputeKind, Node
from fleetkeeper.core.node_rolls import GIVES_UP, GroupNodes, diagnosed
from fleetkeeper.core.observed import Budget
from fleetkeeper.core.pods import Labels
from fleetkeeper.core.versions import Minor

TO = Minor(1, 35)
OLD_LEFT = "0 nodes Ready at 1.35, 1 older, cordoned: old-1"
_NODE = Node(
    "old-1", "1", "v1.34.1", "", "linux", "amd64", "", "", ComputeKind.MANAGED, "main", ready=True, schedulable=False,
    instance_type="m5.large", zone="a", provider_id="", created_at=None,
)  # fmt: skip


def node(name: str, **other: Any) -> LiveNode:
    return LiveNode(replace(_NODE, name=name, **other))


NEW = node("new-1", kubelet="v1.35.8", schedulable=True)
CLOSED = Budget("shop", "web", selector=Labels(), minimum="1", expected=1, desired=1, healthy=1)


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        pytest.param(GroupNodes(unseen="no answer"), "its nodes cannot be seen: no answer", id="no look"),
        pytest.param(GroupNodes(), "0 nodes Ready at 1.35, 0 older", id="no nodes"),
        pytest.param(
            GroupNodes((NEW, node("old-1"))), "1 node Ready at 1.35, 1 older, cordoned: old-1", id="nothing is left"
        ),
        pytest.param(
            GroupNodes((node("new-2", kubelet="v1.35.8", ready=False, schedulable=True),)),
            "0 nodes Ready at 1.35, 0 older",
            id="a new one that is not Ready",
        ),
        pytest.param(
            GroupNodes((node("old-1"),), (LivePod("shop", "web-1", "old-1"),)),
            f"{OLD_LEFT}; 1 pod still there: shop/web-1",
            id="a pod on its way",
        ),
        pytest.param(
            GroupNodes((node("old-1"),), (LivePod("shop", "web-1", "old-1", tolerant=True),)),
            f"{OLD_LEFT}; shop/web-1 on old-1: tolerates every taint, so that it may come"
            " back to a node that is drained",
            id="a pod that tolerates everything",
        ),
        pytest.param(
            GroupNodes((node("old-1"),), (LivePod("shop", "web-1", "old-1"),), (CLOSED,)),
            f"{OLD_LEFT}; shop/web-1 on old-1: PDB shop/web allows 0 more disruptions,"
            f" 1 of 1 must be healthy; {GIVES_UP}",
            id="a pod that a budget keeps",
        ),
        pytest.param(
            GroupNodes((node("old-1", schedulable=True),), (LivePod("shop", "web-1", "old-1"),), (CLOSED,)),
            "0 nodes Ready at 1.35, 1 older",
            id="a pod that nobody moves yet",
        ),
    ],
)
def test_a_look_in_words(seen: GroupNodes, text: str) -> None:
    assert diagnosed(seen, TO).text == text


def test_a_group_of_many_nodes_is_looked_at_less_often() -> None:
    assert diagnosed(GroupNodes((NEW,)), TO).is_cheap
    assert not diagnosed(GroupNodes(tuple(node(f"old-{number}") for number in range(21))), TO).is_cheap
