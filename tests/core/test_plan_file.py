"""plan.json: what is exported comes back as it was, and a file that says anything else is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetkeeper.core.plan import Member, Need, Plan, Range
from fleetkeeper.core.plan_file import plan_document, plan_text, read_plan
from fleetkeeper.core.planning import texts_of
from fleetkeeper.core.playbook import Param, StepSpec, Window
from fleetkeeper.errors import Tampered
from fleetkeeper.values import digest, from_json, to_json
from tests.contract.observed import NOON
from tests.core.plans import candidate, plan

Change = Callable[[dict[str, Any]], Any]

TEXTS = st.text(max_size=12)
LENGTHS = st.timedeltas(timedelta(), timedelta(days=400))
PARAMS: st.SearchStrategy[Param] = st.one_of(
    TEXTS,
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(TEXTS, max_size=3).map(tuple),
)
STEPS = st.builds(
    StepSpec,
    name=TEXTS,
    kind=TEXTS,
    params=st.dictionaries(TEXTS, PARAMS, max_size=3),
    timeout=LENGTHS,
    retries=st.integers(0, 20),
    backoff=LENGTHS,
    version=st.integers(1, 9),
)
(ONE,) = plan().members
MEMBERS = st.builds(
    replace,
    st.just(ONE),
    name=TEXTS,
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=3),
    steps=st.lists(STEPS, max_size=3).map(tuple),
    needs=st.lists(st.builds(Need, TEXTS, st.integers(0, 99), st.integers(0, 99)), max_size=2).map(tuple),
    hops=st.lists(TEXTS, max_size=2).map(tuple),
    expected=st.one_of(st.none(), st.builds(Range, LENGTHS, LENGTHS, st.booleans())),
    deadline=st.one_of(st.none(), st.just(NOON)),
    saved_per_month=st.floats(0, 1e6),
    scope=st.one_of(st.none(), st.just(ONE.scope)),
)


def with_members(members: list[Member]) -> Plan:
    made = plan()
    header = replace(made.header, members=tuple(digest(to_json(each)) for each in members))
    return Plan(header, tuple(members), digest(to_json(header)))


@given(st.lists(MEMBERS, max_size=3))
@settings(deadline=None)  # the machine is shared
def test_what_is_exported_comes_back_as_it_was(members: list[Member]) -> None:
    made = with_members(members)
    assert read_plan(plan_text(made)) == made


@given(MEMBERS)
@settings(deadline=None)  # the machine is shared
def test_the_stored_texts_give_the_values_and_the_same_texts_again(member: Member) -> None:
    body = to_json(member)
    assert from_json(body, Member) == member
    assert to_json(from_json(body, Member)) == body


def test_the_order_of_a_mapping_does_not_matter() -> None:
    backwards = replace(ONE, attributes=dict(reversed(list(ONE.attributes.items()))))
    assert to_json(backwards) == to_json(ONE)


def test_a_file_may_be_laid_out_anew() -> None:
    made = plan(candidate("a"), candidate("b"))
    assert read_plan(json.dumps(plan_document(made), sort_keys=True)) == made


def test_a_plan_with_windows_and_groups_comes_back_too() -> None:
    made = plan()
    stage = replace(made.header.stages[1], windows=(Window((5,), 0, 60, "UTC"),), group_concurrency={"eu": 2})
    header = replace(made.header, stages=(made.header.stages[0], stage), service_limits={"*": 1})
    again = Plan(header, made.members, digest(to_json(header)))
    assert read_plan(plan_text(again)) == again


def _step(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["members"][0]["steps"][1]["params"]
    return found


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            lambda d: _step(d).update(version="v9"), "member shop is not what the header's digest is of", id="a version"
        ),
        pytest.param(
            lambda d: d["header"].update(created_by="bo"), "its header is not what its digest is of", id="who asked"
        ),
        pytest.param(
            lambda d: d["header"]["stages"][1].update(max_concurrency=99), "its header is not what", id="a limit"
        ),
        pytest.param(lambda d: d["members"].clear(), "it has 0 members, its header names 1", id="a member less"),
        pytest.param(lambda d: d.update(digest="0" * 64), "its header is not what its digest is of", id="the digest"),
        pytest.param(lambda d: d["members"][0].update(more=1), "says what a plan does not have", id="a field more"),
        pytest.param(
            lambda d: d["members"][0].pop("notes"), "says what a plan does not have", id="a field that was left away"
        ),
    ],
)
def test_a_file_that_was_changed_is_refused(change: Change, told: str) -> None:
    document = plan_document(plan())
    change(document)
    with pytest.raises(Tampered, match=told):
        read_plan(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("{", "it is no JSON", id="no JSON"),
        pytest.param("[" * 100_000, "it is no JSON", id="JSON without end"),
        pytest.param("[]", "it is no plan", id="a list"),
        pytest.param('{"kind": "findings"}', "it is no plan", id="another document"),
        pytest.param('{"kind": "plan", "schema_version": 9}', "schema version 9, this release has 1", id="a newer one"),
        pytest.param('{"kind": "plan", "schema_version": 1}', "lacks its digest or its members", id="half a plan"),
        pytest.param(
            '{"kind": "plan", "schema_version": 1, "digest": "", "header": {}, "members": []}',
            "its header cannot be read",
            id="an empty header",
        ),
    ],
)
def test_a_file_that_is_no_plan_is_told_so(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_plan(text)


def test_the_texts_of_a_plan_are_what_its_digests_are_of() -> None:
    made = plan(candidate("a"), candidate("b"))
    header, bodies = texts_of(made)
    assert digest(header) == made.digest
    assert tuple(map(digest, bodies)) == made.header.members
