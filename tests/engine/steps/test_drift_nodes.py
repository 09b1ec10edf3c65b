"""drift-nodes: Karpenter replaces what it calls Drifted, within budgets that are opened for it and closed again."""

from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.node_opening import OPENED_BY, OPENED_FROM, OPENED_WITH
from fleetkeeper.core.verdict import Act, Blocked, Done, Residue, Skip, Undone, Wait
from fleetkeeper.errors import ParamError, ReadError
from fleetkeeper.sim.aws.backstage import Backstage
from fleetkeeper.sim.aws.karpenter import follow
from fleetkeeper.sim.aws.living_workers import LivingWorkers
from fleetkeeper.sim.aws.node_claims import CLAIMS
from fleetkeeper.sim.faults import Fault
from tests.contract.karpenter_crds import node_claim, node_claim_crd
from tests.engine.steps.nodes import (
    POOLS,
    annotate,
    budgets,
    change_budgets,
    deploy,
    inside,
    join_pool,
    pods,
    pool,
    put_budget,
    put_pool,
    serve_karpenter,
)
from tests.engine.steps.walking import Place, Walk
from tests.sim.controllers.behaving import NODES

SHUT: dict[str, Any] = {"nodes": "0"}
SHUT_FOR_DRIFT: dict[str, Any] = {"nodes": "0", "reasons": ["Drifted"]}
ALL: dict[str, Any] = {"nodes": "100%"}
_CRDS = "apiextensions.k8s.io/customresourcedefinitions"


def drifting(*owned: dict[str, Any], drifted: str = "AMIDrift", **more: Any) -> Place:
    """Three nodes of a pool with the owner's budgets; all of them are Drifted, and Karpenter looks at them."""
    place = Place()
    serve_karpenter(place)
    inside(place).live.objects.create(_CRDS, node_claim_crd())
    put_pool(place, budgets=list(owned), **more)
    for name in join_pool(place):
        inside(place).live.objects.create(CLAIMS, node_claim(name, drifted=drifted))
    follow(Backstage(place.living.world, place.living.timeline, LivingWorkers(place.living)), place.cluster)
    return place


def drift(place: Place, **params: Any) -> Walk:
    return place.walk("drift-nodes", pools=("general",), **params)


def walked(run: Walk, place: Place, minutes: float) -> Any:
    """The verdict after so long, looked at every half minute as the engine does, or the last one."""
    verdict: Any = None
    for _ in range(round(minutes * 2)):
        try:
            verdict = run.tick()
        except ReadError:
            continue
        if isinstance(verdict, Done | Skip):
            break
        place.later(seconds=30)
    return verdict


def names(place: Place) -> set[str]:
    return {name for _, name in place.cluster.objects[NODES]}


def notes(place: Place) -> dict[str, str]:
    found: dict[str, str] = pool(place)["metadata"].get("annotations") or {}
    return found


def test_the_budget_is_opened_for_drift_alone_and_closed_again_at_the_end() -> None:
    place = drifting(SHUT)
    before, run = names(place), drift(place, nodes="1")
    act = run.look()
    assert isinstance(act, Act)
    assert "open the budgets of NodePool general for drift, 1 at once" in act.what
    run.ticks(2)
    assert budgets(place) == [
        {"nodes": "0", "reasons": ["Empty", "Underutilized"]},
        {"nodes": "1", "reasons": ["Drifted"]},
    ]
    done = walked(run, place, 60)
    assert isinstance(done, Done)
    assert "no node of NodePool general is Drifted any more, of 3" in done.note
    assert names(place).isdisjoint(before)
    assert len(names(place)) == 3
    assert (budgets(place), notes(place)) == ([SHUT], {})


def test_a_wait_tells_how_many_are_left_and_why_they_drift() -> None:
    place = drifting(SHUT_FOR_DRIFT)
    run = drift(place)
    run.ticks(2)
    wait = run.tick()
    assert isinstance(wait, Wait)
    assert "3 of 3 nodes of NodePool general still Drifted (AMIDrift)" in wait.why


def test_budgets_that_let_nodes_go_are_left_as_they_are() -> None:
    place = drifting(ALL)
    run = drift(place)
    assert isinstance(run.tick(), Wait)
    assert isinstance(walked(run, place, 60), Done)
    assert not run.intended
    assert budgets(place) == [ALL]


def test_a_budget_with_a_schedule_is_its_owners_quiet_time_and_stays() -> None:
    quiet = {"nodes": "0", "schedule": "0 9 * * 1-5", "duration": "8h"}
    place = drifting(SHUT_FOR_DRIFT, quiet)
    run = drift(place)
    run.ticks(2)
    assert budgets(place) == [quiet, {"nodes": "10%", "reasons": ["Drifted"]}]
    wait = run.tick()
    assert isinstance(wait, Wait)
    assert 'lets nothing go (nodes 0, on "0 9 * * 1-5" for 8h)' in wait.why


def test_nodes_that_karpenter_does_not_call_drifted_are_left() -> None:
    place = drifting(SHUT, drifted="")
    skip = drift(place).tick()
    assert isinstance(skip, Skip)
    assert "calls none of 3 nodes of NodePool general Drifted" in skip.why
    assert budgets(place) == [SHUT]


@pytest.mark.parametrize("ticks_before", [1, 2, 3], ids=["after the intent", "after the act", "in mid-drift"])
def test_a_crash_goes_on_and_closes_what_was_open(ticks_before: int) -> None:
    place = drifting(SHUT)
    run = drift(place)
    run.forgets = True
    run.ticks(ticks_before)
    again = replace(run)
    assert isinstance(walked(again, place, 60), Done)
    assert (budgets(place), notes(place)) == ([SHUT], {})


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_opens_and_closes_once(kind: str) -> None:
    place = drifting(SHUT)
    place.living.world.faults = [Fault("kube", kind, verb="patch", count=2)]
    run = drift(place)
    run.ticks(6)
    assert len(budgets(place)) == 2
    assert isinstance(walked(run, place, 60), Done)
    assert budgets(place) == [SHUT]


def test_an_abort_closes_the_budget_in_mid_drift_and_says_so() -> None:
    place = drifting(SHUT, ALL)
    run = drift(place)
    run.ticks(3)
    undone = run.undo()
    assert isinstance(undone, Undone)
    assert "NodePool general: its budgets are as they were" in undone.note
    assert (budgets(place), notes(place)) == ([SHUT, ALL], {})
    assert isinstance(run.undo(), Undone)


def test_budgets_that_somebody_changed_meanwhile_are_theirs_and_are_told() -> None:
    place = drifting(SHUT)
    run = drift(place)
    run.ticks(2)
    change_budgets(place, {"nodes": "2"})
    residue = run.undo()
    assert isinstance(residue, Residue)
    assert "somebody changed the budgets of NodePool general (nodes 2)" in residue.what
    assert (budgets(place), notes(place)) == ([{"nodes": "2"}], {})


def test_a_pool_that_somebody_closed_again_is_not_fought_over() -> None:
    place = drifting(SHUT)
    annotate(place, POOLS, "", "general", **{"argocd.argoproj.io/tracking-id": "x"})
    run = drift(place)
    run.ticks(2)
    change_budgets(place, SHUT)
    blocked = run.tick()
    assert isinstance(blocked, Blocked)
    assert "argocd.argoproj.io keeps it, and puts back what is changed here" in blocked.why


def test_the_opening_of_another_run_blocks() -> None:
    place = drifting(SHUT)
    annotate(place, POOLS, "", "general", **{OPENED_BY: "run-7/shop", OPENED_FROM: "[]", OPENED_WITH: "[]"})
    blocked = drift(place).tick()
    assert isinstance(blocked, Blocked)
    assert "opened by run-7/shop, and not by this run" in blocked.why


def test_a_blocked_pod_is_named_and_what_the_grace_period_does_to_it() -> None:
    place = drifting(SHUT, terminationGracePeriod="48h")
    deploy(place, "web", 2)
    put_budget(place, "web", maxUnavailable=0)
    run = drift(place)
    act = run.look()
    assert isinstance(act, Act)
    grace = "its terminationGracePeriod deletes pods that are still there, budgets or not (general after 48h)"
    assert grace in act.what
    run.ticks(2)
    wait = walked(run, place, 5)
    assert isinstance(wait, Wait)
    assert "PDB shop/web allows 0 more disruptions" in wait.why
    assert grace in wait.why
    blocked = walked(run, place, 45)
    assert isinstance(blocked, Blocked)
    assert "nothing has moved for 30m" in blocked.why


def test_no_pod_and_no_claim_is_ever_deleted_by_us() -> None:
    place = drifting(SHUT)
    deploy(place, "web", 2)
    put_budget(place, "web", maxUnavailable=0)
    before = {each["metadata"]["uid"] for each in pods(place)}
    run = drift(place)
    walked(run, place, 40)
    run.undo()
    assert {each["metadata"]["uid"] for each in pods(place)} == before
    assert len(place.cluster.objects[CLAIMS]) >= 3


def test_without_karpenter_there_is_nothing_to_do() -> None:
    assert isinstance(drift(Place()).tick(), Skip)


@pytest.mark.parametrize("nodes", ["0", "none", "200%", "0%"])
def test_a_budget_that_lets_nothing_go_or_is_none_is_refused(nodes: str) -> None:
    with pytest.raises(ParamError) as refused:
        drift(Place(), nodes=nodes)
    assert "must be a number of nodes" in refused.value.wrong["nodes"]
