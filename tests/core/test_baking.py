"""A bake must be able to end within its timeout."""

from datetime import timedelta

import pytest

from fleetkeeper.core.baking import never_end
from fleetkeeper.core.durations import steps_range
from fleetkeeper.core.plan import Range
from fleetkeeper.core.playbook import Changes, Playbook, StageSpec, StepSpec

HOUR = timedelta(hours=1)


def playbook(step: StepSpec) -> Playbook:
    return Playbook("p", "P", "", Changes.MINOR, (step,), (StageSpec("all"),))


@pytest.mark.parametrize("timeout", [HOUR, 2 * HOUR], ids=["shorter", "as long"])
def test_one_whose_timeout_is_not_longer_than_its_time_is_told(timeout: timedelta) -> None:
    made = playbook(StepSpec("bake", "bake", {"for": "2h"}, timeout=timeout))
    assert never_end(made) == ("step bake: timeout: must be longer than its `for`, 2h: an observation ends it",)


@pytest.mark.parametrize(
    "step",
    [
        StepSpec("bake", "bake", {"for": "2h"}, timeout=3 * HOUR),
        StepSpec("bake", "bake", {"for": "soon"}),
        StepSpec("quiet", "silence-alerts", {"source": "am", "for": "2h"}),
    ],
    ids=["a longer timeout", "a slip, which is told elsewhere", "another kind"],
)
def test_others_are_not(step: StepSpec) -> None:
    assert never_end(playbook(step)) == ()


def test_a_bake_is_expected_to_take_its_time_and_an_observation() -> None:
    found = steps_range([StepSpec("bake", "bake", {"for": "2h"})], {})
    assert found == Range(2 * HOUR, 2 * HOUR + timedelta(minutes=30), calibrated=False)
