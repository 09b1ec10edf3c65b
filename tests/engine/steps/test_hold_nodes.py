"""hold-nodes and its undo: exactly our budget, in front of the owner's, and nobody else's hold is touched."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fleetkeeper.core.node_holds import HELD_BY, HELD_WITH
from fleetkeeper.core.verdict import Act, Blocked, Done, Residue, Skip, Undone, Verdict
from fleetkeeper.engine.karpenter import hold, holder, pools
from fleetkeeper.errors import GapReason, ParamError, ReadError
from fleetkeeper.sim.faults import Fault
from tests.engine.steps.nodes import (
    OLD,
    POOLS,
    annotate,
    budgets,
    change_budgets,
    inside,
    join_pool,
    kubelets,
    pool,
    put_pool,
    serve_karpenter,
    upgrade,
)
from tests.engine.steps.walking import Place, Walk, told

HOLD = {"nodes": "0", "reasons": ["Drifted"]}
OWN = {"nodes": "10%"}
AUTO: dict[str, Any] = {"nodeClassRef": {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"}}


@pytest.fixture
def place() -> Place:
    made = Place()
    serve_karpenter(made)
    return made


def held(place: Place, **params: Any) -> Walk:
    run = place.walk("hold-nodes", **params)
    assert isinstance(run.ticks(2), Act)
    assert isinstance(run.tick(), Done)
    return run


def by(place: Place, other: str) -> None:
    annotate(place, POOLS, "", "general", **{HELD_BY: other, HELD_WITH: '[{"nodes": "0", "reasons": ["Drifted"]}]'})


def no_pools(place: Place) -> None:
    inside(place).live.objects.delete(POOLS, ("", "general"))


def only_built_in(place: Place) -> None:
    no_pools(place)
    put_pool(place, "general-purpose", **AUTO)
    put_pool(place, "system", **AUTO)


def full(place: Place) -> None:
    change_budgets(place, *({"nodes": str(number)} for number in range(1, 51)))


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(lambda _: None, Act, "hold NodePool general", id="a free pool is held"),
        pytest.param(no_pools, Skip, "no NodePools", id="without pools it is skipped"),
        pytest.param(only_built_in, Skip, "belong to Auto Mode, and nobody may edit", id="Auto Mode's own are skipped"),
        pytest.param(
            lambda p: by(p, "run-7/shop"),
            Blocked,
            "held by run-7/shop, and not by this run .*fleetkeeper cleanup run-7",
            id="one that another run holds blocks",
        ),
        pytest.param(full, Blocked, "has 50 budgets", id="one without room for a budget blocks"),
    ],
)
def test_of_what_it_sees(place: Place, change: Callable[[Place], None], kind: type[Verdict], says: str) -> None:
    put_pool(place)
    change(place)
    verdict = place.walk("hold-nodes").look()
    assert isinstance(verdict, kind), verdict
    assert re.search(says, told(verdict)), verdict


def test_without_karpenter_it_is_skipped() -> None:
    verdict = Place().walk("hold-nodes").look()
    assert isinstance(verdict, Skip)
    assert "karpenter.sh/v1" in verdict.why


def test_the_hold_stands_in_front_of_what_was_there_and_says_whose_it_is(place: Place) -> None:
    put_pool(place, budgets=[{"nodes": "20%"}, {"nodes": "0", "schedule": "0 9 * * 1-5", "duration": "8h"}])
    run = held(place)
    assert budgets(place) == [HOLD, {"nodes": "20%"}, {"nodes": "0", "schedule": "0 9 * * 1-5", "duration": "8h"}]
    notes = pool(place)["metadata"]["annotations"]
    assert notes == {HELD_BY: holder(run.subject), HELD_WITH: '[{"nodes": "0", "reasons": ["Drifted"]}]'}


def test_a_pool_that_said_nothing_keeps_its_ten_percent_for_other_reasons(place: Place) -> None:
    put_pool(place)
    objects = inside(place).live.objects
    objects.edit(POOLS, "", "general", lambda o: {**o, "spec": {**o["spec"], "disruption": {"consolidateAfter": "0s"}}})
    run = held(place)
    assert budgets(place) == [HOLD, OWN]
    assert isinstance(run.undo(), Undone)
    assert pool(place)["spec"]["disruption"] == {"consolidateAfter": "0s"}


def test_an_owners_list_that_is_empty_is_empty_again(place: Place) -> None:
    put_pool(place, budgets=[])
    run = held(place)
    assert budgets(place) == [HOLD]
    run.undo()
    assert budgets(place) == []


def test_held_nodes_stay_while_the_control_plane_moves(place: Place) -> None:
    put_pool(place, budgets=[{"nodes": "100%"}])
    join_pool(place)
    held(place)
    upgrade(place)
    place.later(hours=6)
    assert kubelets(place) == [OLD] * 3


def test_only_the_named_pools_are_held(place: Place) -> None:
    put_pool(place)
    put_pool(place, "batch")
    held(place, pools=("batch",))
    assert (budgets(place, "batch"), budgets(place)) == ([HOLD, OWN], [OWN])


def test_pools_of_auto_mode_that_its_owner_made_are_held_and_the_built_in_ones_told(place: Place) -> None:
    put_pool(place, "general-purpose", **AUTO)
    put_pool(place, "own", **AUTO)
    put_pool(place, "system")
    run = place.walk("hold-nodes")
    run.ticks(2)
    done = run.tick()
    assert isinstance(done, Done)
    assert "NodePools own, system: held; NodePool general-purpose belong to Auto Mode" in done.note
    assert (budgets(place, "general-purpose"), budgets(place, "own")) == ([OWN], [HOLD, OWN])


@pytest.mark.parametrize("ticks_before", [0, 1, 2], ids=["before anything", "after the intent", "after the act"])
def test_a_crash_leaves_one_hold(place: Place, ticks_before: int) -> None:
    put_pool(place)
    run = place.walk("hold-nodes")
    if ticks_before:
        run.ticks(ticks_before)
    again = replace(run)
    again.ticks(3)
    assert isinstance(again.tick(), Done)
    assert budgets(place) == [HOLD, OWN]


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "throttle", "error"])
def test_an_answer_that_is_lost_leaves_one_hold(place: Place, kind: str) -> None:
    put_pool(place)
    place.living.world.faults = [Fault("kube", kind, verb="patch", count=2)]
    run = place.walk("hold-nodes")
    run.ticks(6)
    assert isinstance(run.tick(), Done)
    assert budgets(place) == [HOLD, OWN]
    place.living.world.faults = []
    run.undo()
    assert budgets(place) == [OWN]


def test_a_pool_that_somebody_changes_in_between_loses_nothing(place: Place) -> None:
    """The list that the hold was made from is older than the pool: the server refuses, and the next look sees it."""
    put_pool(place)
    run = place.walk("hold-nodes")
    run.tick()
    kube = place.world.writers.kube(run.subject.scope, "shop", run.subject.cluster)
    (old,) = pools(kube, ()) or ()
    change_budgets(place, {"nodes": "3"})
    with pytest.raises(ReadError) as refused:
        hold(kube, old, holder(run.subject))
    assert refused.value.reason is GapReason.IN_USE
    assert budgets(place) == [{"nodes": "3"}]
    assert isinstance(run.tick(), Act)
    assert budgets(place) == [HOLD, {"nodes": "3"}]


def test_a_second_hold_of_the_same_run_finds_the_first(place: Place) -> None:
    put_pool(place)
    held(place)
    assert isinstance(place.walk("hold-nodes").look(), Done)
    assert budgets(place) == [HOLD, OWN]


def test_a_pool_that_is_made_meanwhile_is_held_too(place: Place) -> None:
    put_pool(place)
    run = place.walk("hold-nodes")
    run.ticks(2)
    put_pool(place, "late")
    assert isinstance(run.tick(), Act)
    assert budgets(place, "late") == [HOLD, OWN]


def test_a_hold_that_somebody_takes_off_is_not_put_back_but_told(place: Place) -> None:
    put_pool(place)
    run = place.walk("hold-nodes")
    run.ticks(2)
    annotate(place, POOLS, "", "general", **{"argocd.argoproj.io/tracking-id": "platform:NodePool:general"})
    change_budgets(place, OWN)
    blocked = run.tick()
    assert isinstance(blocked, Blocked)
    assert "argocd.argoproj.io keeps it" in blocked.why
    assert budgets(place) == [OWN]


def test_undoing_takes_away_exactly_ours_and_leaves_what_others_added(place: Place) -> None:
    put_pool(place, budgets=[HOLD, OWN])
    run = held(place)
    annotate(place, POOLS, "", "general", **{"example.com/note": "mine"})
    change_budgets(place, {"nodes": "3"}, HOLD, HOLD, OWN)
    undone = run.undo()
    assert isinstance(undone, Undone)
    assert budgets(place) == [{"nodes": "3"}, HOLD, OWN], "the owner's own budget of the same text stays"
    assert pool(place)["metadata"]["annotations"] == {"example.com/note": "mine"}
    assert isinstance(run.undo(), Undone)
    assert budgets(place) == [{"nodes": "3"}, HOLD, OWN]


def test_undoing_a_hold_that_somebody_changed_leaves_it_and_tells_it(place: Place) -> None:
    put_pool(place)
    run = held(place)
    change_budgets(place, {"nodes": "0", "reasons": ["Drifted", "Empty"]}, OWN)
    left = run.undo()
    assert isinstance(left, Residue)
    assert "nodes 0 for Drifted, Empty, nodes 10%" in left.what
    assert budgets(place) == [{"nodes": "0", "reasons": ["Drifted", "Empty"]}, OWN]
    assert not pool(place)["metadata"].get("annotations")
    assert isinstance(run.undo(), Undone), "a cleanup that tries it once more finds nothing of ours"


def test_undoing_leaves_the_hold_of_another_run(place: Place) -> None:
    put_pool(place, budgets=[HOLD, OWN])
    by(place, "run-7/shop")
    undone = place.walk("hold-nodes").undo()
    assert isinstance(undone, Undone)
    assert budgets(place) == [HOLD, OWN]
    assert pool(place)["metadata"]["annotations"][HELD_BY] == "run-7/shop"


def test_it_refuses_a_pool_that_is_no_text() -> None:
    with pytest.raises(ParamError) as refused:
        Place().walk("hold-nodes", pools="general")
    assert "a list of texts" in refused.value.wrong["pools"]
