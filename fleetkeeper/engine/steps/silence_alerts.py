"""silence-alerts: silences alerts of the member's cluster while it is at work, and never those that a gate reads."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from fleetkeeper.core.amount import duration_text
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.silencing import SILENCE, Matcher
from fleetkeeper.core.verdict import Act, Done, Failed, Memory, Moment, Skip, Undoing, Undone, Verdict
from fleetkeeper.engine.attempts import leaving, remembered
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.silences import Quiet, quiet_of
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World

_LENGTH = timedelta(hours=1)
_SHORTEST = timedelta(minutes=5)
"""Shorter ones would end between two renewals when the engine is busy."""


@dataclass(frozen=True, slots=True)
class SeenSilence:
    """covers: what would be silenced, in words. until None: there is none of this attempt."""

    covers: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class SilenceAlerts:
    """source is a name of the settings. length: it ends by itself after that, unless the engine renews it.

    matchers narrow it further; a matcher of the settings binds it to the cluster.
    """

    kind: ClassVar[str] = SILENCE
    version: ClassVar[int] = 1
    names: ClassVar[Names] = {"source": Where.SILENCERS}
    repeatable: ClassVar[bool] = True  # by the token, which its comment carries
    cancellable: ClassVar[bool] = True

    source: str
    length: timedelta = _LENGTH
    matchers: tuple[Matcher, ...] = ()

    @classmethod
    def of(cls, params: Params) -> "SilenceAlerts":
        given = Given(params)
        source, length, matchers = given.text("source"), given.duration("for", _LENGTH), []
        if length < _SHORTEST:
            given.wrong(
                "for", f"must be at least {duration_text(_SHORTEST)}: it is renewed while the member is at work"
            )
        for text in given.texts("matchers", ()):
            try:
                matchers.append(Matcher.parse(text))
            except ValueError as error:
                given.wrong("matchers", str(error))
        given.finish()
        return cls(source, length, tuple(matchers))

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenSilence:
        quiet = self.quiet(subject)
        covers = world.silences.covers(self.source, quiet)
        begun = bool(covers) and (moment.tried or bool(remembered(moment)))
        return SeenSilence(covers, world.silences.find(self.source, quiet, moment.token) if begun else None)

    def decide(self, seen: SeenSilence, moment: Moment) -> Verdict:
        if not seen.covers:
            return Skip(f"{self.source} knows nothing of this cluster that could be silenced")
        if seen.until is not None:
            until = f"until {seen.until:%H:%M} UTC, renewed while the member is at work"
            return Done(f"silenced at {self.source} {until}: {seen.covers}", keep=moment.memory)
        if remembered(moment):
            return Failed(f"the silence at {self.source} was ended by somebody else", "ask who, then retry or skip")
        lasts = f"{duration_text(self.length)}, renewed while the member is at work"
        return Act(f"silence at {self.source} for {lasts}: {seen.covers}")

    def act(self, world: World, subject: Subject, moment: Moment, memory: Memory) -> Memory:
        world.silences.hold(self.source, self.quiet(subject), moment.token, moment.now + self.length)
        return leaving(memory, moment)

    def undo(self, world: World, subject: Subject, moment: Moment) -> Undoing:
        world.silences.end(self.source, self.quiet(subject), moment.token)
        return Undone(f"nothing is silenced at {self.source} any more")

    def quiet(self, subject: Subject) -> Quiet:
        assert subject.member is not None
        return quiet_of(subject.header, subject.member, self.matchers, subject.run.id if subject.run else "")
