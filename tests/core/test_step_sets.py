"""Which steps hold together, and what of a step outlives its attempts."""

from datetime import UTC, datetime

import pytest

from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Step, StepState, TaskKey
from fleetkeeper.core.step_sets import is_touched, outliving, set_before


def addon(name: str, undo: str = "restore", hop: str = "") -> StepSpec:
    return StepSpec(name, "update-addon", {"addon": name, "undo": undo}, hop=hop)


OTHER = StepSpec("up", "upgrade-control-plane")


@pytest.mark.parametrize(
    ("specs", "steps"),
    [
        pytest.param((addon("a"), addon("b"), addon("c")), range(3), id="all before it"),
        pytest.param((addon("a"), OTHER, addon("b"), addon("c")), range(2, 4), id="not behind another kind"),
        pytest.param((addon("a", hop="1.35"), addon("b", hop="1.36")), range(1, 2), id="not of another hop"),
        pytest.param((addon("a", undo="keep"), addon("b")), range(1, 2), id="not one that keeps what it did"),
        pytest.param((addon("a"), addon("b", undo="keep")), range(2, 2), id="one that keeps what it did has none"),
        pytest.param((OTHER,), range(1, 1), id="another kind has none"),
        pytest.param(
            (StepSpec("a", "webhook", {"undo": "restore"}), StepSpec("b", "webhook", {"undo": "restore"})),
            range(2, 2),
            id="a webhook whose undo is called so has none",
        ),
    ],
)
def test_the_set_that_ends_with_a_step(specs: tuple[StepSpec, ...], steps: range) -> None:
    assert set_before(specs, len(specs) - 1) == steps


def test_only_what_was_before_outlives_an_attempt() -> None:
    assert outliving({"before.version": "v1", "token": "t", "from": "x"}) == {"before.version": "v1"}


@pytest.mark.parametrize(
    ("intent", "memory", "touched"),
    [("", {}, False), ("update it", {}, True), ("", {"before.version": "v1"}, True), ("", {"known": "u-1"}, False)],
    ids=["nothing", "meant to act", "an attempt before did", "it only looked"],
)
def test_what_the_world_may_hold_something_of(intent: str, memory: dict[str, str], touched: bool) -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    row = Step(TaskKey("r", 0), 0, "a", "update-addon", StepState.READY, since, intent=intent, memory=memory)
    assert is_touched(row) is touched
