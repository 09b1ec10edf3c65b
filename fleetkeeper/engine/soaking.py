"""What the gate soak and the step bake share: time passes with clusters as sound as before, looked at all the while.

Time alone is no proof: what was seen last must be of the end of that time, or later.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, cast

from fleetkeeper.core import model, parts
from fleetkeeper.core.amount import Amount, duration_text
from fleetkeeper.core.plan import Member
from fleetkeeper.core.playbook import Params
from fleetkeeper.core.readiness import entries_of
from fleetkeeper.core.references import Names, Where
from fleetkeeper.core.run import Step, StepState
from fleetkeeper.core.soundness import Soundness, observed_at, unseen, unsound
from fleetkeeper.core.verdict import Done, Failed, Memory, Moment, Verdict, Wait
from fleetkeeper.core.wording import counted, some
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.metric_rule import MetricRule, SeenMetric
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.world import World
from fleetkeeper.errors import ReadError

_POLL = timedelta(minutes=1)
_FRESH = timedelta(minutes=30)
_PODS = Amount(2, percent=True)
_RULE = {"source", "query", "op", "value", "label"}
_ROUGH = ((timedelta(hours=3), timedelta(hours=1)), (timedelta(minutes=30), timedelta(minutes=10)))
_FINE = timedelta(minutes=5)
"""The time left is told in ever finer steps, for each new text is written and wakes the run."""


@dataclass(frozen=True, slots=True)
class SeenSoak:
    """The clusters that were worked on; the metric, None where none is asked for, with why it could not be asked."""

    clusters: tuple[Soundness, ...]
    metric: SeenMetric | None = None
    unasked: str = ""


@dataclass(frozen=True, slots=True)
class Soaking(OnlyLooks):
    """length: from the first look. max_age: older stored data says nothing. more_pods: how many more pods
    may be not ready than before. rule: a metric that must hold at every look."""

    names: ClassVar[Names] = {"source": Where.PROMETHEUS}

    length: timedelta
    max_age: timedelta = _FRESH
    more_pods: Amount = _PODS
    rule: MetricRule | None = None
    every: timedelta = _POLL

    @classmethod
    def of(cls, params: Params) -> Self:
        given = Given(params)
        length, max_age = given.duration("for"), given.duration("max_age", _FRESH)
        pods = _PODS
        try:
            pods = Amount.parse(given.text("more_pods", str(_PODS)))
        except ValueError as error:
            given.wrong("more_pods", str(error))
        rule = MetricRule.read(given, lasting="") if _RULE & params.keys() else None
        every = given.duration("every", _POLL)
        given.finish()
        return cls(length, max_age, pods, rule, every)

    @property
    def lasts(self) -> tuple[str, timedelta]:
        """core.playbook_file.Lasting. An observation of its end or later must come within the timeout, too."""
        return "for", self.length

    def seen(self, world: World, clusters: tuple[Soundness, ...]) -> SeenSoak:
        """The clusters, with the metric as it is now."""
        if self.rule is None:
            return SeenSoak(clusters)
        try:
            return SeenSoak(clusters, self.rule.look(world))
        except ReadError as error:  # the clusters are judged all the same
            return SeenSoak(clusters, unasked=str(error))

    def judged(self, seen: SeenSoak, moment: Moment, fix: str) -> Verdict:
        """fix: what is to be done where a cluster is not sound."""
        told = [
            f"{each.name}: {wrong}"
            for each in seen.clusters
            for wrong in unsound(each, moment.started_at, self.more_pods)
        ]
        unknown = self._unknown(seen, moment)
        if self.rule is not None and seen.metric is not None:
            judged = self.rule.judge(seen.metric)
            told += [judged.why] if judged.holds is False else []
            unknown = unknown or ("" if judged.holds is not None else judged.why)
        if told:
            return Failed(f"not sound: {some(told)}", fix)
        if unknown:
            return Wait(f"{self._left(moment)}, but it is not known whether all is sound: {unknown}", self.every)
        return self._passed(seen, moment)

    def _unknown(self, seen: SeenSoak, moment: Moment) -> str:
        """What cannot be judged now."""
        oldest = moment.now - self.max_age
        gaps = [text for each in seen.clusters if (text := unseen(each, oldest, moment.now))]
        return some([*gaps, *([seen.unasked] if seen.unasked else [])])

    def _passed(self, seen: SeenSoak, moment: Moment) -> Verdict:
        end = moment.started_at + self.length
        if moment.now < end:
            return Wait(f"{self._left(moment)}; sound so far: {_named(seen)}", min(self.every, end - moment.now))
        last = [at for each in seen.clusters if (at := observed_at(each)) is not None]
        if min(last) < end:
            behind = next(each.name for each in seen.clusters if observed_at(each) == min(last))
            text = (
                f"its time is over, and {behind} was last seen at {min(last):%H:%M} UTC, before its end at {end:%H:%M}"
            )
            return Wait(f"{text}: the next observation decides", self.every, "the observing daemon")
        return Done(f"{_named(seen)} sound for {duration_text(self.length)}")

    def _left(self, moment: Moment) -> str:
        end = moment.started_at + self.length
        left = end - moment.now
        if left <= timedelta():
            return f"soaked for {duration_text(self.length)}"
        grain = next((grain for above, grain in _ROUGH if left > above), _FINE)
        rounded = grain * -(-left // grain)
        return f"soaks until {end:%d %b %H:%M} UTC, {duration_text(min(rounded, self.length))} left at most"


def _named(seen: SeenSoak) -> str:
    if len(seen.clusters) == 1:
        return seen.clusters[0].name
    return counted(len(seen.clusters), "cluster")


def soundness_of(world: World, member: Member, before: Memory, began: datetime, now: datetime) -> Soundness:
    """A member as it is stored. before: what preflight counted; began: when the work on it began."""

    def part(name: str) -> model.Part[Any] | None:
        return cast("model.Part[Any] | None", world.store.cluster_part(member.cluster, name))

    tracking = world.store.tracking(member.cluster)
    counting = [each for each in tracking.findings.values() if each.counts] if tracking else []
    return Soundness(
        name=member.name,
        is_eks=member.scope is not None,
        control_plane=part(parts.CONTROL_PLANE),
        addons=part(parts.MANAGED_ADDONS),
        nodes=part(parts.NODES),
        workloads=part(parts.WORKLOADS),
        entries=entries_of(counting, world.decisions, member.attributes, now),
        assessed_at=tracking.at if tracking else None,
        before=before,
        began=began,
    )


def is_baseline(step: Step) -> bool:
    """preflight keeps what it saw of nodes and pods."""
    return step.kind == "preflight" and step.state is StepState.SUCCEEDED
