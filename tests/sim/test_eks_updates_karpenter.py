"""Karpenter's nodes after the minor has moved: they drift by alias, within the budgets of their pool."""

from collections.abc import Iterator
from typing import Any

import pytest

from fleetkeeper.sim.aws.karpenter import allowed
from fleetkeeper.sim.aws.workers import NodeOrder
from tests.sim.eks_writes import READY, Driven, driven, join, put_bare_pod, put_budget

KEEP = "karpenter.sh/do-not-disrupt"


def put_pool(run: Driven, nodes: str = "1", **template: str) -> None:
    reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}
    spec: dict[str, Any] = {"disruption": {"budgets": [{"nodes": nodes}]}}
    spec["template"] = {"spec": {"nodeClassRef": reference, **template}}
    pool = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"}, "spec": spec}
    run.cluster.put("karpenter.sh/nodepools", pool)


def put_class(run: Driven, **term: str) -> None:
    made = {"apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"}}
    run.cluster.put("karpenter.k8s.aws/ec2nodeclasses", {**made, "spec": {"amiSelectorTerms": [term]}})


@pytest.fixture
def run() -> Iterator[Driven]:
    """Four nodes of one pool whose image follows an alias, one at a time."""
    with driven() as made:
        put_pool(made)
        put_class(made, alias="bottlerocket@latest")
        for number in range(4):
            labels = {"karpenter.sh/nodepool": "general", "team": "shop"}
            join(made, NodeOrder(f"i-{number}", "eu-west-1b", f"10.1.0.{number}", "v1.34.11-eks-1", labels))
        made.later(seconds=READY)
        yield made


def new(run: Driven) -> int:
    return sum(kubelet.startswith("v1.35") for kubelet in run.kubelets())


def test_nodes_drift_one_by_one_after_the_minor_moved(run: Driven) -> None:
    run.upgrade()
    run.later(minutes=8 + 5)
    assert (new(run), len(run.nodes())) == (0, 4)
    for moved in range(1, 5):
        run.later(seconds=90)  # to boot; then the old one has nothing to drain
        assert (new(run), len(run.nodes())) == (moved, 5)
        run.later(seconds=11)
        assert (new(run), len(run.nodes())) == (moved, 4)
        run.later(seconds=19)  # the next look
    assert {node["metadata"]["labels"]["team"] for node in run.nodes().values()} == {"shop"}


def test_a_budget_of_nothing_holds_them_until_it_is_opened(run: Driven) -> None:
    put_pool(run, "0")
    run.upgrade()
    run.later(hours=3)
    assert new(run) == 0
    put_pool(run, "100%")
    run.later(minutes=3)
    assert new(run) == 4


def test_a_fixed_image_does_not_drift(run: Driven) -> None:
    put_class(run, id="ami-1")
    run.upgrade()
    run.later(hours=1)
    assert new(run) == 0


def test_a_node_that_must_not_be_disrupted_stays(run: Driven) -> None:
    kept = min(run.nodes())
    node = run.nodes()[kept]
    run.cluster.put("/nodes", {**node, "metadata": {**node["metadata"], "annotations": {KEEP: "true"}}})
    run.upgrade()
    run.later(hours=1)
    assert new(run) == 3
    assert kept in run.nodes()


@pytest.mark.parametrize(("grace", "left"), [({}, True), ({"terminationGracePeriod": "30m"}, False)])
def test_a_blocked_pod_holds_its_node_unless_the_pool_has_a_grace_period(
    run: Driven, grace: dict[str, str], left: bool
) -> None:
    put_pool(run, "100%", **grace)
    node = min(run.nodes())
    put_bare_pod(run, node)
    put_budget(run, minAvailable=1)
    run.upgrade()
    run.later(minutes=8 + 5 + 20)
    assert node in run.nodes()
    run.later(hours=2)
    assert (node in run.nodes()) is left


@pytest.mark.parametrize(
    ("budgets", "free"),
    [
        ([{"nodes": "10%"}], 1),
        ([{"nodes": "25%"}, {"nodes": "2"}], 2),
        ([{"nodes": "0", "reasons": ["Drifted"]}, {"nodes": "5"}], 0),
        ([{"nodes": "0", "reasons": ["Empty"]}, {"nodes": "5"}], 5),
        ([], 1),
    ],
    ids=["rounded up", "the strictest", "of this reason", "of another reason", "the default"],
)
def test_budgets(budgets: list[dict[str, Any]], free: int) -> None:
    assert allowed({"spec": {"disruption": {"budgets": budgets}}}, 10) == free
