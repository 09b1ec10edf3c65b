"""The abort of a step that cannot be cancelled: it is followed, and what its waits keep is there at the next look."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from fleetkeeper.core.playbook import StepSpec
from fleetkeeper.core.run import Role, StepState, Task, TaskKey, TaskState
from fleetkeeper.core.stepping import Tick, first_look
from fleetkeeper.core.verdict import Moment, Verdict, Wait
from fleetkeeper.engine.undoing import Undoer

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Rolling:
    """A step that waits, and keeps how often it was looked at."""

    cancellable = False
    repeatable = True

    def look(self, *_: object) -> None:
        """There is nothing to see."""

    def decide(self, seen: None, moment: Moment) -> Verdict:
        return Wait("it rolls", keep={"looks": str(int(moment.memory.get("looks", "0")) + 1)})


def test_what_a_followed_step_keeps_is_there_at_the_next_look() -> None:
    spec = StepSpec("roll", "roll", timeout=timedelta(hours=1))
    task = Task(TaskKey("run-1", 0), Role.MEMBER, "shop", 0, "", TaskState.ABORTING, NOW, steps=1)
    row = replace(first_look(task, spec, NOW), state=StepState.WAITING, intent="roll")
    undoer = Undoer(cast(Any, None), cast(Any, None), (spec,), lambda _: cast(Any, Rolling()), lambda *_: True)
    for _ in range(2):
        _, ticked = undoer.undone(Tick(task, row, spec, NOW, timedelta(seconds=15)))
        assert ticked.step
        row = ticked.step
    assert (row.state, row.memory) == (StepState.WAITING, {"looks": "2"})
