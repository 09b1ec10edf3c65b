"""surge-nodes with a smoke test: no pod moves before the first new node has passed, and nothing is left of the test."""

from dataclasses import replace

import pytest

from fleetkeeper.core.smoke import TESTED, SmokeTest
from fleetkeeper.core.verdict import Blocked, Done
from tests.engine.steps.nodes import pods
from tests.engine.steps.test_surge import behind, old, running, surge
from tests.engine.steps.walking import Place
from tests.sim.controllers.behaving import NODES


def trying(says: str) -> Place:
    """says: after so many seconds it ends well, `runs-for`, or badly, `fails-after`."""
    place, _ = behind()
    test = SmokeTest("smoke:1", annotations={f"sim.fleetkeeper/{says}": "5"})
    place.world = replace(place.world, smoke=test)
    return place


def smoke_pods(place: Place) -> list[str]:
    names = [each["metadata"]["name"] for each in pods(place)]
    return [each for each in names if each.startswith("fleetkeeper-smoke")]


def test_the_first_new_instance_is_tried_and_the_rest_goes_on() -> None:
    place = trying("runs-for")
    assert isinstance(surge(place).until_it_rests(), Done)
    assert (len(running(place)), old(place), smoke_pods(place)) == (3, [], [])
    assert not [each for each in place.cluster.objects[NODES].values() if TESTED in each["metadata"]["labels"]]


def test_a_failed_test_holds_every_pod_where_it_is_and_is_told() -> None:
    place = trying("fails-after")
    before = {each["metadata"]["uid"] for each in pods(place)}
    run = surge(place)
    blocked = run.until_it_rests()
    assert isinstance(blocked, Blocked)
    assert "the smoke test failed on" in blocked.why
    assert before <= {each["metadata"]["uid"] for each in pods(place)}
    assert len(old(place)) == 3


@pytest.mark.parametrize("says", ["runs-for", "fails-after"])
def test_an_abort_leaves_nothing_of_the_test(says: str) -> None:
    place = trying(says)
    run = surge(place)
    run.until_it_rests()
    run.abort()
    place.later(minutes=5)
    assert not smoke_pods(place)
