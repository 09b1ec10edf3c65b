"""The simulator's API servers answer every write as the real one does: one table of cases, no difference."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.kube_sides import Reply, Side
from tests.contract.kube_write_custom import CUSTOM, DEPRECATED
from tests.contract.kube_write_evictions import EVICTIONS
from tests.contract.kube_write_kinds import KINDS
from tests.contract.kube_write_nodes import GUARDS, NODES
from tests.contract.kube_write_objects import OBJECTS, delete, make, put
from tests.contract.kube_write_patches import PATCHES
from tests.contract.kube_write_sides import JSON, Case, Sides, comparable, opened, played, writable
from tests.contract.kube_write_watches import WATCHES
from tests.control_plane.conftest import plane_minor

__all__ = ["plane_minor"]

CASES = [*EVICTIONS, *OBJECTS, *PATCHES, *NODES, *GUARDS, *KINDS, *CUSTOM, *DEPRECATED, *WATCHES]


@pytest.fixture(scope="module")
def sides(plane_minor: str) -> Iterator[Sides]:
    with writable(plane_minor) as found:
        yield found


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)), ids=[case.id for case in CASES])
def test_both_answer_alike(sides: Sides, number: int, case: Case) -> None:
    with ThreadPoolExecutor(2) as both:
        real, simulated = both.map(lambda side: played(side, case, f"case-{number}"), (sides.real, sides.simulated))

    assert [comparable(reply) for reply in simulated] == [comparable(reply) for reply in real]
    assert real[-1].status == case.status, real[-1].body.decode()
    assert case.says in real[-1].body.decode()


def test_a_watch_tells_at_once_of_what_is_written(sides: Sides) -> None:
    real, simulated = (_told_live(side) for side in (sides.real, sides.simulated))

    assert simulated == real
    assert [each["body"]["type"] for each in real] == ["ADDED", "MODIFIED", "DELETED"]


def _told_live(side: Side) -> list[dict[str, Any]]:
    """What a watch of an empty namespace sends while a config map comes, changes and goes."""
    played(side, Case("an empty namespace", ()), "live")
    with opened(side, "/api/v1/namespaces/live/configmaps?watch=true&timeoutSeconds=50") as answer:
        played(side, Case("a life", (make(), put(), delete())), "live")
        lines = [answer.readline() for _ in range(3)]
    return [comparable(Reply(200, {"content-type": JSON}, line)) for line in lines]


def test_no_two_cases_have_one_name() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
