"""run-command: runs a program of the executor's allow-list with the member's names in its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.verdict import Memory, Moment, Undoing, Verdict
from fleetkeeper.engine import commands
from fleetkeeper.engine.commands import SeenCommand
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World


@dataclass(frozen=True, slots=True)
class RunCommand:
    """entry and undo_entry are names of the settings; parameters become FLEETKEEPER_<NAME> beside what is always told.

    repeatable: the program itself says that a second run does no harm.
    """

    kind: ClassVar[str] = "run-command"
    version: ClassVar[int] = 1
    cancellable: ClassVar[bool] = True

    entry: str
    parameters: Mapping[str, str]
    undo_entry: str = ""
    repeatable: bool = False

    @classmethod
    def of(cls, params: Params) -> "RunCommand":
        given = Given(params)
        made = cls(
            entry=given.text("entry"),
            parameters=commands.read_parameters(given),
            undo_entry=given.text("undo", ""),
            repeatable=given.flag("repeatable", False),
        )
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenCommand:  # noqa: ARG002  # by its token
        return commands.look(world, moment)

    def decide(self, seen: SeenCommand, moment: Moment) -> Verdict:
        return commands.judged(self.entry, seen, moment, self.repeatable)

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        return commands.begin(world, self.entry, subject, self.parameters, moment, memory)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        return commands.taken_back(world, self.entry, self.undo_entry, subject, self.parameters, moment)
