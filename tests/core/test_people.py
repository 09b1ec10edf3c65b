"""Roles: which verb takes which, and that a person with several names is one."""

import pytest

from fleetkeeper.core.people import STOPS, People, Role, needed, unverified
from fleetkeeper.core.run import Verb

PEOPLE = People({"ann": Role.APPROVER, "olga": Role.OPERATOR, "vic": Role.VIEWER}, alike={"U42": "ann"})


def test_every_verb_takes_a_role_but_those_that_stop() -> None:
    assert {verb for verb in Verb if needed(verb) is None} == STOPS == {Verb.PAUSE, Verb.ABORT}
    assert {verb for verb in Verb if needed(verb) is Role.APPROVER} == {Verb.APPROVE, Verb.REJECT}
    assert needed(Verb.RESUME) is needed(Verb.START) is needed(Verb.UNFREEZE) is Role.OPERATOR


@pytest.mark.parametrize(
    ("name", "operates", "approves"),
    [
        pytest.param("ann", True, True, id="an approver operates, too"),
        pytest.param("U42", True, True, id="by another name"),
        pytest.param("olga", True, False, id="an operator does not approve"),
        pytest.param("vic", False, False, id="a viewer does neither"),
        pytest.param("eve", False, False, id="a stranger is a viewer"),
    ],
)
def test_a_role_includes_those_before_it(name: str, operates: bool, approves: bool) -> None:
    assert (PEOPLE.may(name, Role.OPERATOR), PEOPLE.may(name, Role.APPROVER)) == (operates, approves)


def test_who_may_is_told_by_name() -> None:
    assert PEOPLE.with_role(Role.OPERATOR) == ("ann", "olga")
    assert People(others=Role.OPERATOR).may("anybody", Role.OPERATOR)


def test_a_name_that_nobody_verified_says_so() -> None:
    assert unverified("ann") == "ann (not verified)"
