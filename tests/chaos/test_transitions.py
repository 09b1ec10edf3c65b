"""Kill -9 at every transition of every step that is stored, one after another: the same end, and one effect of each.

The shipped steps of an upgrade and of a way back, and a proposal, each on a cluster of its own that gives every step
something to do. CI kills right after each transition, and right before those of steps that act; `make chaos` right
before all of them.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.courses import PROPOSAL, ROLLBACK, UPGRADE, Course
from tests.chaos.yard import Case, Yard, yard

COURSES = (UPGRADE, ROLLBACK, PROPOSAL)
SIDE_BY_SIDE = 12
MOST = 110
"""Cases of one course: a cluster for each."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with yard(tmp_path_factory.mktemp("yard"), COURSES, MOST) as found:
        yield found


@pytest.mark.parametrize("course", COURSES, ids=lambda course: f"of {course.name}")
def test_an_engine_may_die_at_any_transition_of_any_step(made: Yard, course: Course, whole: bool) -> None:
    calm = made.case(course)
    expected = calm.ended()
    assert expected["state"] == "succeeded", expected
    assert {kind_of(each) for each in expected["steps"]} >= set(course.kinds)
    transitions = tuple(dict.fromkeys(calm.journal()))
    acting = {kind_of(each) for each in transitions if each.endswith(" intended")}
    cases = [made.case(course, each) for each in transitions]
    cases += [made.case(course, each, before=True) for each in transitions if whole or kind_of(each) in acting]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        ends = list(pool.map(Case.ended, cases))
    print(f"{course.name}: {len(transitions)} transitions, {len(cases)} kills")
    wrong = {case.told(): end for case, end in zip(cases, ends, strict=True) if end != expected}
    assert not wrong


def kind_of(transition: str) -> str:
    """Of `2 update-addon waiting`."""
    return transition.split()[1]
