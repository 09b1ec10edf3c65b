"""end-silences: ends what silence-alerts of the same member began at this source; what has ended by itself is fine."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.run import StepState, TaskKey
from fleetkeeper.core.silencing import SILENCE
from fleetkeeper.core.verdict import Act, Done, Memory, Moment, Skip, Undoing, Undone, Verdict
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.silences import Quiet
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.steps.silence_alerts import SilenceAlerts
from fleetkeeper.engine.world import World


@dataclass(frozen=True, slots=True)
class EndSilences:
    """source is a name of the settings."""

    kind: ClassVar[str] = "end-silences"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {"source": Where.SILENCERS}
    repeatable: ClassVar[bool] = True
    cancellable: ClassVar[bool] = True

    source: str

    @classmethod
    def of(cls, params: Params) -> "EndSilences":
        given = Given(params)
        made = cls(given.text("source"))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> tuple[bool, ...]:  # noqa: ARG002  # by the rows
        """Of each silence of this member at the source: whether it still holds."""
        return tuple(
            world.silences.find(self.source, quiet, token) is not None for quiet, token in self._begun(world, subject)
        )

    def decide(self, seen: tuple[bool, ...], moment: Moment) -> Verdict:  # noqa: ARG002  # the world says it all
        if not seen:
            return Skip(f"nothing was silenced at {self.source}")
        if any(seen):
            return Act(f"end the silence at {self.source}")
        return Done(f"nothing is silenced at {self.source} any more")

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:  # noqa: ARG002  # likewise
        for quiet, token in self._begun(world, subject):
            world.silences.end(self.source, quiet, token)
        return memory

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # nothing comes back
        return Undone("what had ended stays ended")

    def _begun(self, world: World, subject: Subject) -> Iterator[tuple[Quiet, str]]:
        member = subject.member
        assert member is not None
        if subject.run is None:
            return
        for row in world.runs.steps(TaskKey(subject.run.id, member.idx)):
            if row.kind == SILENCE and row.state is StepState.SUCCEEDED and row.token:
                step = SilenceAlerts.of(member.steps[row.idx].params)
                if step.source == self.source:
                    yield step.quiet(subject), row.token
