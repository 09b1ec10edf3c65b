"""Holds on NodePools: put on and taken off again, whatever stands beside them, nobody else's budget is lost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetkeeper.core.node_holds import HELD_BY, HELD_WITH, Holding, budget_text, is_fixed, pool_of

HOLD = {"nodes": "0", "reasons": ["Drifted"]}
RUN = "run-1/shop"
_one = st.fixed_dictionaries(
    {"nodes": st.sampled_from(["0", "1", "10%", "100%"])},
    optional={"reasons": st.lists(st.sampled_from(["Drifted", "Empty", "Underutilized"]), min_size=1, unique=True)},
)
_lists = st.lists(_one, max_size=6)


def a_pool(budgets: list[dict[str, Any]] | None, **notes: str) -> dict[str, Any]:
    disruption = {} if budgets is None else {"budgets": budgets}
    metadata = {"name": "general", "resourceVersion": "7", "annotations": notes}
    return {"metadata": metadata, "spec": {"disruption": disruption}}


def _text(budget: dict[str, Any]) -> str:
    return json.dumps(budget, sort_keys=True)


def merged(before: Any, change: Any) -> Any:
    """RFC 7396, as the API server does it."""
    if not isinstance(change, dict):
        return change
    found = dict(before) if isinstance(before, dict) else {}
    for key, value in change.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


@given(st.none() | _lists)
def test_a_hold_that_is_taken_off_leaves_the_pool_as_it_was(budgets: list[dict[str, Any]] | None) -> None:
    before = a_pool(budgets, note="mine")
    held = merged(before, pool_of(before).held(RUN))
    assert pool_of(held).holding(RUN) is Holding.OURS
    assert held["spec"]["disruption"]["budgets"][0] == HOLD
    assert merged(held, pool_of(held).released()) == before


@given(_lists, _lists, st.randoms(use_true_random=False))
def test_what_others_put_beside_a_hold_stays(before: list[Any], added: list[Any], order: Any) -> None:
    first = a_pool(before)
    held = merged(first, pool_of(first).held(RUN))
    mixed = [*held["spec"]["disruption"]["budgets"], *added]
    order.shuffle(mixed)
    held["spec"]["disruption"]["budgets"] = mixed
    after = merged(held, pool_of(held).released())["spec"]["disruption"]["budgets"]
    assert sorted(map(_text, after)) == sorted(map(_text, [*before, *added]))


@pytest.mark.parametrize(
    ("notes", "holding"),
    [
        pytest.param({}, Holding.FREE, id="without a note it is free"),
        pytest.param({HELD_BY: "run-2/shop"}, Holding.FOREIGN, id="of another run"),
        pytest.param({HELD_BY: "run-1/shops"}, Holding.FOREIGN, id="of another member"),
        pytest.param({HELD_BY: RUN}, Holding.BROKEN, id="ours without a note of its budgets is broken"),
        pytest.param({HELD_BY: RUN, HELD_WITH: "[{]"}, Holding.BROKEN, id="ours with a note that cannot be read"),
        pytest.param({HELD_BY: RUN, HELD_WITH: "[]"}, Holding.BROKEN, id="ours with a note of nothing"),
        pytest.param({HELD_BY: RUN, HELD_WITH: '[{"nodes": "1"}]'}, Holding.BROKEN, id="ours, and its budget is gone"),
        pytest.param({HELD_BY: RUN, HELD_WITH: '[{"nodes": "10%"}]'}, Holding.OURS, id="ours, by what it notes"),
    ],
)
def test_whose_hold_it_is(notes: dict[str, str], holding: Holding) -> None:
    assert pool_of(a_pool([{"nodes": "10%"}], **notes)).holding(RUN) is holding


def test_a_broken_hold_is_taken_off_without_touching_the_budgets() -> None:
    found = pool_of(a_pool([{"nodes": "0"}], **{HELD_BY: RUN, HELD_WITH: "[{}]"}))
    assert found.released() == {"metadata": {"annotations": {HELD_BY: None, HELD_WITH: None}}}


@pytest.mark.parametrize(
    ("budgets", "closed"),
    [
        pytest.param([{"nodes": "10%"}], None, id="an open one"),
        pytest.param([{"nodes": "0", "reasons": ["Empty"]}], None, id="closed for another reason"),
        pytest.param([{"nodes": "0"}], {"nodes": "0"}, id="closed for all reasons"),
        pytest.param([{**HOLD, "nodes": "0%"}], {**HOLD, "nodes": "0%"}, id="closed for drift"),
    ],
)
def test_an_owners_budget_that_lets_nothing_go(budgets: list[dict[str, Any]], closed: Any) -> None:
    free = a_pool(budgets)
    assert pool_of(free).closed_by_owner() == closed
    held = merged(free, pool_of(free).held(RUN))
    assert pool_of(held).closed_by_owner() == closed, "our own hold is none of the owner's"


@pytest.mark.parametrize(
    ("group", "name", "built_in"),
    [
        ("eks.amazonaws.com", "system", True),
        ("eks.amazonaws.com", "general-purpose", True),
        ("eks.amazonaws.com", "own", False),
        ("karpenter.k8s.aws", "system", False),
    ],
    ids=[
        "Auto Mode's system",
        "Auto Mode's general-purpose",
        "an owner's of Auto Mode",
        "Karpenter's of that name",
    ],
)
def test_only_the_pools_that_eks_keeps_are_built_in(group: str, name: str, built_in: bool) -> None:
    found = a_pool([])
    found["metadata"]["name"] = name
    found["spec"]["template"] = {"spec": {"nodeClassRef": {"group": group, "kind": "NodeClass", "name": "default"}}}
    assert pool_of(found).is_built_in is built_in


def test_a_budget_in_words() -> None:
    assert budget_text({"nodes": "0", "reasons": ["Drifted"], "schedule": "@daily", "duration": "1h"}) == (
        'nodes 0 for Drifted, on "@daily" for 1h'
    )


@pytest.mark.parametrize(
    ("terms", "fixed"),
    [
        ([{"id": "ami-1"}], True),
        ([{"alias": "al2023@latest"}], False),
        ([{"id": "ami-1"}, {"name": "own-*"}], False),
        ([], False),
    ],
    ids=["by id", "by alias", "by id or name", "without terms"],
)
def test_images_that_never_change(terms: list[dict[str, str]], fixed: bool) -> None:
    assert is_fixed({"spec": {"amiSelectorTerms": terms}}) is fixed
