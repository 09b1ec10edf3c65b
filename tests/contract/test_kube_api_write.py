"""The simulator's API servers answer every write as the real one does: one table of cases, no difference."""

from collections.abc import Iterator

import pytest

from tests.contract.kube_write_evictions import EVICTIONS
from tests.contract.kube_write_kinds import KINDS
from tests.contract.kube_write_objects import OBJECTS
from tests.contract.kube_write_patches import PATCHES
from tests.contract.kube_write_sides import Case, Sides, comparable, played, writable
from tests.contract.kube_write_watches import WATCHES
from tests.control_plane.conftest import plane_minor

__all__ = ["plane_minor"]

CASES = [*EVICTIONS, *OBJECTS, *PATCHES, *KINDS, *WATCHES]


@pytest.fixture(scope="module")
def sides(plane_minor: str) -> Iterator[Sides]:
    with writable(plane_minor) as found:
        yield found


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)), ids=[case.id for case in CASES])
def test_both_answer_alike(sides: Sides, number: int, case: Case) -> None:
    namespace = f"case-{number}"
    real, simulated = (played(side, case, namespace) for side in (sides.real, sides.simulated))

    assert [comparable(reply) for reply in simulated] == [comparable(reply) for reply in real]
    assert real[-1].status == case.status, real[-1].body.decode()
    assert case.says in real[-1].body.decode()


def test_no_two_cases_have_one_name() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
