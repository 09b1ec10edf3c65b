"""update-nodegroup and what stands in the way of a drain: named with its budget and owner, before, during and after."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from fleetkeeper.core.verdict import Act, Blocked, Done, Failed, Residue, Wait
from fleetkeeper.sim.world import SimUpdateConfig
from tests.engine.steps.nodes import (
    NEW,
    OLD,
    annotate,
    deploy,
    inside,
    join,
    join_group,
    kubelets,
    put_budget,
    two_budgets,
)
from tests.engine.steps.rolling import begin, begun, behind, group, later, walk
from tests.engine.steps.walking import Place, Walk
from tests.sim.controllers.behaving import BUDGETS, DAEMONS, SHOP


@pytest.fixture
def place() -> Place:
    return behind()


def a_budget_never_lets_go(place: Place) -> None:
    deploy(place, "api", 2)
    put_budget(place, "api", minAvailable="100%")
    annotate(place, BUDGETS, SHOP, "api", owner="team-shop")


@pytest.mark.parametrize(
    ("change", "says", "owner", "fix"),
    [
        pytest.param(
            a_budget_never_lets_go,
            r"EKS could not drain main: shop/api-.* of Deployment/api on ip-.*: PDB shop/api allows 0 more .*, 2 of 2",
            "team-shop", r"let PDB shop/api \(minAvailable 100%\) spare one pod",
            id="a budget that is never met",
        ),
        pytest.param(
            two_budgets, r"2 PodDisruptionBudgets take it \(shop/api and shop/other\)", "", "leave one of shop/api and",
            id="two budgets on one pod",
        ),
    ],
)  # fmt: skip
def test_what_can_never_be_drained_blocks_before_eks_is_asked(
    place: Place, change: Callable[[Place], None], says: str, owner: str, fix: str
) -> None:
    change(place)
    run = walk(place)
    blocked = run.ticks(3)
    assert isinstance(blocked, Blocked), blocked
    assert re.search(says, blocked.why), blocked
    assert blocked.owner == owner
    assert re.search(fix, blocked.fix), blocked
    assert begun(place) == 0


def test_a_budget_of_pods_elsewhere_and_one_of_a_daemon_set_hold_nothing_up(place: Place) -> None:
    join_group(place, "custom")
    elsewhere = {"nodeSelector": {"eks.amazonaws.com/nodegroup": "custom"}}
    deploy(place, "far", 1, pod=elsewhere)
    put_budget(place, "far", minAvailable=1)
    deploy(place, "agent", resource=DAEMONS)
    put_budget(place, "agent", minAvailable="100%")
    run = walk(place)
    assert isinstance(run.tick(), Act)
    assert isinstance(later(run, 40), Done)


def test_a_budget_of_a_node_that_is_new_already_holds_nothing_up(place: Place) -> None:
    labels = {"eks.amazonaws.com/nodegroup": "main", "done": "yes"}
    join(place, "i-0aaaaaaaaaaaaaaa9", 150, NEW, **labels)
    place.later(seconds=20)
    deploy(place, "api", 1, pod={"nodeSelector": {"done": "yes"}})
    put_budget(place, "api", minAvailable=1)
    assert isinstance(walk(place).look(), Act)


def test_a_pod_that_is_blocked_during_the_roll_is_named_with_its_budget_and_owner(place: Place) -> None:
    """EKS itself names neither. The diagnosis is there at the first look after the drain began."""
    deploy(place, "api", 2)
    put_budget(place, "api", maxUnavailable=1)
    annotate(place, BUDGETS, SHOP, "api", owner="team-shop")
    run = begin(place)
    assert isinstance(later(run, 2), Wait)
    inside(place).change(BUDGETS, "api", maxUnavailable=0)
    place.later(seconds=20)
    wait = later(run, 1)
    assert isinstance(wait, Wait), wait
    assert re.search(
        r"shop/api-\S+ of Deployment/api on ip-\S+: PDB shop/api allows 0 more disruptions, 2 of 2 must be healthy",
        wait.why,
    ), wait
    assert "EKS gives up 15 minutes after it began to drain a node" in wait.why
    assert wait.owner == "team-shop"


def fail_by_eviction(place: Place) -> tuple[Walk, Failed]:
    deploy(place, "api", 2)
    put_budget(place, "api", maxUnavailable=1)
    annotate(place, BUDGETS, SHOP, "api", owner="team-shop")
    run = begin(place)
    later(run, 2)
    inside(place).change(BUDGETS, "api", maxUnavailable=0)
    failed = later(run, 40)
    assert isinstance(failed, Failed), failed
    return run, failed


def test_when_eks_gives_up_the_last_diagnosis_is_told_with_what_to_do(place: Place) -> None:
    _, failed = fail_by_eviction(place)
    assert "PodEvictionFailure" in failed.why
    assert re.search(r"last seen in the way, at \d\d:\d\d UTC: shop/api-\S+ of Deployment/api", failed.why), failed
    assert "PDB shop/api allows 0 more disruptions" in failed.why
    assert "let PDB shop/api (maxUnavailable 0) spare one pod" in failed.fix
    assert "(ask team-shop)" in failed.fix
    assert "then retry" in failed.fix
    assert not failed.final


def test_a_retry_blocks_as_long_as_the_budget_stands_and_ends_well_after(place: Place) -> None:
    run, _ = fail_by_eviction(place)
    run.retry()
    assert isinstance(run.tick(), Blocked)
    inside(place).change(BUDGETS, "api", maxUnavailable=1)
    place.later(seconds=5)
    assert isinstance(run.ticks(2), Act)
    assert isinstance(later(run, 40), Done)
    assert (begun(place), kubelets(place)) == (2, [NEW] * 2)


def test_after_a_roll_that_broke_off_an_abort_tells_that_the_group_is_mixed(place: Place) -> None:
    group(place).update_config = SimUpdateConfig(strategy="MINIMAL")
    deploy(place, "api", 2, pod={"affinity": apart("api")})
    put_budget(place, "api", maxUnavailable=1)
    run = begin(place)
    while kubelets(place) != [OLD, NEW]:
        later(run, 0.34)
    inside(place).change(BUDGETS, "api", maxUnavailable=0)
    assert isinstance(later(run, 60), Failed)
    left = run.undo()
    assert isinstance(left, Residue)
    assert "main is mixed: 1 of 2 nodes run 1.35, and EKS calls it 1.34" in left.what


def apart(app: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
