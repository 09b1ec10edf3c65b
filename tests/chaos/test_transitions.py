"""Kill -9 at every transition of every step that is stored, one after another: the same end, and one effect of each.

The shipped steps of an upgrade and of a way back, and a proposal, each on a cluster of its own that gives every step
something to do. CI kills right after each transition, and right before each that follows an act: right before any other
the world is as it was right after the one before it, for between two looks a step changes nothing. It kills the engines
of one run several times, far from one another. `make chaos` kills right before all of them, and once in each run.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.chaos.courses import PROPOSAL, ROLLBACK, UPGRADE, Course
from tests.chaos.yard import Case, Death, Yard, yard

COURSES = (UPGRADE, ROLLBACK, PROPOSAL)
SIDE_BY_SIDE = 12
MOST = 110
"""Cases of one course: a cluster for each."""
APART = 5
"""Transitions between two deaths of one run in CI: some steps lie in between."""


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
    deaths = [Death(each) for each in transitions]
    before = [Death(each, before=True) for each in (transitions if whole else after_acts(calm.journal()))]
    runs = [*alone(deaths), *alone(before)] if whole else [*apart(deaths), *apart(before)]
    cases = [made.case(course, *each) for each in runs]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        ends = list(pool.map(Case.ended, cases))
    print(f"{course.name}: {len(transitions)} transitions, {len(deaths) + len(before)} kills in {len(cases)} runs")
    wrong = {case.told(): end for case, end in zip(cases, ends, strict=True) if end != expected}
    assert not wrong


def alone(deaths: Sequence[Death]) -> list[tuple[Death, ...]]:
    return [(each,) for each in deaths]


def apart(deaths: Sequence[Death]) -> list[tuple[Death, ...]]:
    """All of them, in as many runs as it takes to have each run's far from one another."""
    return [tuple(deaths[start::APART]) for start in range(min(APART, len(deaths)))]


def after_acts(journal: Sequence[str]) -> tuple[str, ...]:
    """What is stored next of a step after it was stored that it means to act: in between it acts."""
    return tuple(
        dict.fromkeys(
            later
            for number, each in enumerate(journal)
            if each.endswith(" intended")
            for later in [next(one for one in journal[number + 1 :] if step_of(one) == step_of(each))]
        )
    )


def step_of(transition: str) -> str:
    """`2 update-addon` of `2 update-addon waiting`."""
    return transition.rpartition(" ")[0]


def kind_of(transition: str) -> str:
    """Of `2 update-addon waiting`."""
    return transition.split()[1]
