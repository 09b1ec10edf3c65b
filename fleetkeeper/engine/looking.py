"""What kinds of steps and gates share that only look at the world."""

from typing import ClassVar

from fleetkeeper.core.verdict import Memory, Moment, Undoing, Undone
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World


class OnlyLooks:
    """A kind that never decides to act: nothing is carried out, and nothing is there to be taken back."""

    repeatable: ClassVar[bool] = True
    cancellable: ClassVar[bool] = True

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:  # noqa: ARG002  # never
        raise AssertionError(f"{type(self).__name__} only looks; it was asked to act")

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # nothing was done
        return Undone()
