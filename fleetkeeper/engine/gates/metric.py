"""metric: an expression of a Prometheus server compares as wanted, now and for a while before. Also a hold."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from fleetkeeper.core.playbook import Params
from fleetkeeper.core.verdict import Done, Moment, Verdict, Wait
from fleetkeeper.engine.looking import OnlyLooks
from fleetkeeper.engine.metric_rule import MetricRule, SeenMetric
from fleetkeeper.engine.params import Given
from fleetkeeper.engine.step import Subject
from fleetkeeper.engine.world import World

_EVERY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class MetricGate(OnlyLooks):
    """Opens when the rule holds; what is unknown never does."""

    kind: ClassVar[str] = "metric"
    version: ClassVar[int] = 1

    rule: MetricRule
    every: timedelta = _EVERY

    @classmethod
    def of(cls, params: Params) -> "MetricGate":
        given = Given(params)
        made = cls(MetricRule.read(given), given.duration("every", _EVERY))
        given.finish()
        return made

    def look(self, world: World, subject: Subject, moment: Moment) -> SeenMetric:  # noqa: ARG002  # the server knows
        return self.rule.look(world)

    def decide(self, seen: SeenMetric, moment: Moment) -> Verdict:  # noqa: ARG002  # it is now as it is
        judged = self.rule.judge(seen)
        if judged.holds:
            return Done(judged.why)
        return Wait(judged.why, self.every, f"who answers for {self.rule.name}")
