"""VersionRollback through boto3: the seven days and the other conditions, what force overrides, and Auto Mode."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from fleetkeeper.sim.aws.workers import NodeOrder
from fleetkeeper.sim.eks_state import SimUpgrade
from fleetkeeper.sim.world import SimInsight
from tests.sim.eks_writes import NODE_REMOVAL, Driven, driven, join, refused
from tests.sim.worlds import a_cluster


@pytest.fixture
def run() -> Iterator[Driven]:
    """A cluster that has come from 1.34 to 1.35 just now; its node groups stayed behind."""
    with driven() as made:
        made.upgrade()
        made.later(minutes=8)
        yield made


def back(run: Driven, **more: Any) -> Any:
    return run.eks.update_cluster_version(name="shop", version="1.34", **more)["update"]


def test_a_rollback_is_an_update_of_its_own_type(run: Driven) -> None:
    run.later(days=6)
    update = back(run)
    assert (update["type"], update["status"]) == ("VersionRollback", "InProgress")
    assert run.status() == ("UPDATING", "1.35")
    run.later(minutes=8)
    assert run.status() == ("ACTIVE", "1.34")
    assert run.update(update["id"])["status"] == "Successful"
    listed = run.eks.list_insights(clusterName="shop")["insights"]
    assert {each["category"] for each in listed} == {"UPGRADE_READINESS"}
    assert "1.35" in {each["kubernetesVersion"] for each in listed}


def test_only_one_step_back(run: Driven) -> None:
    back(run)
    run.later(minutes=8)
    refused("InvalidParameterException", run.eks.update_cluster_version, name="shop", version="1.32")
    answer = refused("InvalidRequestException", run.eks.update_cluster_version, name="shop", version="1.33")
    assert "in-place upgrade" in answer["Error"]["Message"]


def a_day_late(run: Driven) -> None:
    run.later(days=7, seconds=1)


def made_so(run: Driven) -> None:
    run.cluster.eks.upgrade = None


def end_of_extended(run: Driven) -> None:
    done = run.cluster.eks.upgrade
    assert done is not None
    run.cluster.eks.upgrade = SimUpgrade(done.previous, done.completed_at, forced=True)


def newer_feature(run: Driven) -> None:
    run.cluster.eks.newer_features.append("example")


def standard_policy(run: Driven) -> None:
    """1.34 leaves standard support on 2 December 2026."""
    run.later(days=13)
    run.cluster.eks.upgrade = SimUpgrade("1.34", run.world.now() - timedelta(days=1))


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        (a_day_late, "7 days"),
        (made_so, "in-place upgrade"),
        (end_of_extended, "end of extended support"),
        (newer_feature, "features that are enabled: example"),
        (standard_policy, "extended support, and the upgrade policy is STANDARD"),
    ],
)
def test_what_force_does_not_override(run: Driven, obstacle: Callable[[Driven], None], words: str) -> None:
    obstacle(run)
    for force in (False, True):
        arguments = {"name": "shop", "version": "1.34", "force": force}
        answer = refused("InvalidRequestException", run.eks.update_cluster_version, **arguments)
        assert words in answer["Error"]["Message"]


def test_a_target_in_extended_support_needs_the_policy(run: Driven) -> None:
    standard_policy(run)
    run.eks.update_cluster_config(name="shop", upgradePolicy={"supportType": "EXTENDED"})
    run.later(minutes=1)
    assert back(run)["type"] == "VersionRollback"


@pytest.mark.parametrize(
    ("status", "blocks"), [("ERROR", True), ("UNKNOWN", True), ("WARNING", False), ("PASSING", False)]
)
def test_insights_block_unless_forced(run: Driven, status: str, blocks: bool) -> None:
    run.cluster.insights["r"] = SimInsight("r", "Incompatible API usage", "ROLLBACK_READINESS", status, "1.34", "why")
    if blocks:
        refused("InvalidStateException", run.eks.update_cluster_version, name="shop", version="1.34")
    assert back(run, force=True)["status"] == "InProgress"


def test_nodes_and_addons_that_went_ahead_are_found_by_insights(run: Driven) -> None:
    run.cluster.node_groups["main"].version = "1.35"
    run.cluster.addons["coredns"].version = "v1.14.3-eksbuild.11"
    run.eks.start_insights_refresh(clusterName="shop")
    run.later(minutes=2)
    sieve = {"categories": ["ROLLBACK_READINESS"], "statuses": ["ERROR"]}
    listed = run.eks.list_insights(clusterName="shop", filter=sieve)["insights"]
    assert "Kubelet version rollback compatibility" in {each["name"] for each in listed}
    refused("InvalidStateException", run.eks.update_cluster_version, name="shop", version="1.34")


def test_fargate_pods_of_the_current_minor_block_the_way_back(run: Driven) -> None:
    labels = {"eks.amazonaws.com/compute-type": "fargate"}
    join(run, NodeOrder("fargate-1", "eu-west-1a", "10.2.0.1", "v1.35.8-eks-1", labels))
    run.eks.start_insights_refresh(clusterName="shop")
    run.later(minutes=2)
    refused("InvalidStateException", run.eks.update_cluster_version, name="shop", version="1.34")
    assert back(run, force=True)["status"] == "InProgress"


@pytest.mark.parametrize("minutes", [119, 10081])
def test_a_timeout_has_its_bounds(run: Driven, minutes: int) -> None:
    arguments = {"name": "shop", "version": "1.34", "rollbackConfig": {"timeoutMinutes": minutes}}
    refused("InvalidParameterException", run.eks.update_cluster_version, **arguments)


def test_a_rollback_of_another_kind_of_cluster_cannot_be_cancelled(run: Driven) -> None:
    refused("InvalidRequestException", run.eks.cancel_update, name="shop", updateId=back(run)["id"])


def a_pool(nodes: str = "1") -> dict[str, Any]:
    reference = {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"}
    template = {"spec": {"nodeClassRef": reference}}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": "general-purpose"},
        "spec": {"disruption": {"budgets": [{"nodes": nodes}]}, "template": template},
    }


@pytest.fixture
def auto() -> Iterator[Driven]:
    """An Auto Mode cluster that has come to 1.35, with two nodes that are there too."""
    cluster = a_cluster()
    cluster.auto_mode = True
    cluster.node_groups.clear()
    with driven(cluster) as made:
        cluster.put("karpenter.sh/nodepools", a_pool())
        for number in (1, 2):
            labels = {"karpenter.sh/nodepool": "general-purpose", "eks.amazonaws.com/compute-type": "auto"}
            join(made, NodeOrder(f"i-{number}", "eu-west-1a", f"10.0.0.{number}", "v1.34.11-eks-1", labels))
        made.upgrade()
        made.later(minutes=8)
        yield made


def minors(run: Driven) -> list[str]:
    return [kubelet[:5] for kubelet in run.kubelets()]


def test_auto_mode_rolls_its_nodes_at_once(auto: Driven) -> None:
    auto.later(seconds=90)
    assert minors(auto) == ["v1.34", "v1.34", "v1.35"]
    auto.later(seconds=NODE_REMOVAL)
    assert minors(auto) == ["v1.34", "v1.35"]
    auto.later(minutes=3)
    assert minors(auto) == ["v1.35", "v1.35"]


def test_auto_mode_rolls_back_its_nodes_first(auto: Driven) -> None:
    auto.later(minutes=10)
    update = back(auto)
    assert auto.status() == ("ACTIVE", "1.35")
    refused("ResourceInUseException", auto.eks.update_cluster_version, name="shop", version="1.36")
    addon = {"clusterName": "shop", "addonName": "coredns"}
    refused("ResourceInUseException", auto.eks.update_addon, **addon)
    auto.later(minutes=4)
    assert (minors(auto), auto.status()) == (["v1.34", "v1.34"], ("UPDATING", "1.35"))
    refused("InvalidRequestException", auto.eks.cancel_update, name="shop", updateId=update["id"])
    auto.later(minutes=8)
    assert auto.status() == ("ACTIVE", "1.34")


def test_a_rollback_of_auto_mode_is_cancelled_while_nodes_roll(auto: Driven) -> None:
    auto.later(minutes=10)
    update = back(auto)
    auto.later(seconds=90 + NODE_REMOVAL)
    assert minors(auto) == ["v1.34", "v1.35"]
    seen = auto.eks.cancel_update(name="shop", updateId=update["id"], clientRequestToken="c-1")["update"]
    assert (seen["status"], seen["cancellation"]) == ("Cancelled", {"status": "Successful"})
    again = auto.eks.cancel_update(name="shop", updateId=update["id"], clientRequestToken="c-1")["update"]
    assert again["status"] == "Cancelled"
    auto.later(minutes=10)
    assert (minors(auto), auto.status()) == (["v1.35", "v1.35"], ("ACTIVE", "1.35"))


def test_a_rollback_of_auto_mode_runs_out_of_time(auto: Driven) -> None:
    auto.later(minutes=10)
    auto.cluster.put("karpenter.sh/nodepools", a_pool("0"))
    update = back(auto, force=True, rollbackConfig={"timeoutMinutes": 120})
    auto.later(minutes=121)
    seen = auto.update(update["id"])
    assert (seen["status"], seen["errors"][0]["errorCode"], auto.status()) == ("Failed", "Unknown", ("ACTIVE", "1.35"))


def test_nodes_that_leave_together_are_replaced_once(auto: Driven) -> None:
    auto.later(minutes=10)
    auto.cluster.put("karpenter.sh/nodepools", a_pool("100%"))
    back(auto)
    auto.later(seconds=119)
    assert (minors(auto), auto.status()) == (["v1.34", "v1.34"], ("ACTIVE", "1.35"))
    auto.later(seconds=1)
    assert auto.status() == ("UPDATING", "1.35")


def test_a_budget_of_nothing_is_an_error_of_the_way_back(auto: Driven) -> None:
    auto.later(minutes=10)
    auto.cluster.put("karpenter.sh/nodepools", a_pool("0"))
    auto.eks.start_insights_refresh(clusterName="shop")
    auto.later(minutes=2)
    refused("InvalidStateException", auto.eks.update_cluster_version, name="shop", version="1.34")
