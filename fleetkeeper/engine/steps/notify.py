"""notify: says one thing in one of the fleet's own channels, once."""

from dataclasses import dataclass
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.verdict import Act, Done, Memory, Moment, Undoing, Undone, Verdict
from fleetkeeper.engine.attempts import leaving, remembered
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.told import filled, wrong_placeholders
from fleetkeeper.engine.world import World


@dataclass(frozen=True, slots=True)
class Notify:
    """channel is a name of the settings; text may hold the {placeholders} of told.NAMES, and nothing that computes."""

    kind: ClassVar[str] = "notify"
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {"channel": Where.CHANNELS}
    repeatable: ClassVar[bool] = True  # by the token
    cancellable: ClassVar[bool] = True

    channel: str
    text: str

    @classmethod
    def of(cls, params: Params) -> "Notify":
        given = Given(params)
        made = cls(given.text("channel"), given.text("text", check=wrong_placeholders))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> str:  # noqa: ARG002  # a message is not asked for
        return filled(self.text, subject)

    def decide(self, seen: str, moment: Moment) -> Verdict:
        address = remembered(moment).get("posted")
        if address is not None:
            return Done(f"said in {self.channel}{f': {address}' if address else ''}")
        return Act(f"say in {self.channel}: {seen}")

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        return leaving(
            memory, moment, posted=world.messenger.post(self.channel, filled(self.text, subject), moment.token)
        )

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:  # noqa: ARG002  # nothing to take back
        return Undone(f"what was said in {self.channel} stays")
